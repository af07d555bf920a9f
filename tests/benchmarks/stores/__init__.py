"""What governance costs over real stores, PostgreSQL and Parquet files; see ``__main__``."""
