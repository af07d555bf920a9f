"""Figures of finding and masking personal data."""
