"""Histories that real writers made, changed in every way that somebody with a file in hand can change them."""
