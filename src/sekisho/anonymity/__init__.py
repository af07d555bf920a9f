"""Set level: what a whole answer may say about a group (統計, k-anonymity)."""
