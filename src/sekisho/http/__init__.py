"""The HTTP face: FastAPI routes, problem+json, release formats, server. See ``app.create_app``."""
