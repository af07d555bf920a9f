"""The gateway's own records: people, consent, audit; in one database of its own."""
