"""Labelled columns of made-up tables: some to fit the column classifier, others to hold it against."""
