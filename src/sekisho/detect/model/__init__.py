"""The model of names, a file with a licence of its own (see ``LICENSE`` and ``README.md`` beside it)."""
