"""Routes, one file per part of the contract."""
