"""Sekisho (関所): a privacy and consent gateway in front of customer data stores.

No customer data leaves a store without a purpose, a decision, a consent and a record.
"""

__version__ = "0.1.0"
