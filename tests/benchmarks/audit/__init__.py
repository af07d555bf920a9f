"""The audit log's figures on PostgreSQL, beside other designs."""
