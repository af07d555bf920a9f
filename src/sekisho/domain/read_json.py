"""Reading JSON of others strictly: what is not what it should be is a ``ValueError``, never a default."""

from __future__ import annotations


def as_mapping(value: object, what: str) -> dict[str, object]:
    """Return *value* when it is an object."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    raise ValueError(f"{what} is not an object")


def as_list(value: object, what: str) -> list[object]:
    """Return *value* when it is a list."""
    if isinstance(value, list):
        return value
    raise ValueError(f"{what} is not a list")


def as_string(value: object, what: str) -> str:
    """Return *value* when it is a text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{what} is not a non-empty string")


def as_flag(value: object, what: str) -> bool:
    """Return *value* when it is true or false."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"{what} is not a boolean")


def as_whole(value: object, what: str, least: int = 1, most: int = 2**53 - 1) -> int:
    """Return *value* when it is a whole number from *least* to *most*."""
    if type(value) is int and least <= value <= most:
        return value
    raise ValueError(f"{what} is not a whole number in its range")
