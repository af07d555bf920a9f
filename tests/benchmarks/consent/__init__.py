"""The consent engine's figures on PostgreSQL, beside other designs; see ``__main__``."""
