"""One adapter for each thing outside: it speaks that thing's language and translates its errors."""
