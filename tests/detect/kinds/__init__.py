"""A table of examples for each kind: what must be found, and what must not be taken for it."""
