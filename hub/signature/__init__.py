"""Signatures without I/O: bytes, keys and instants come in as arguments, verdicts go out as values."""
