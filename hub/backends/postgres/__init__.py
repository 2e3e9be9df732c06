"""The seam in PostgreSQL: what was accepted, what must still leave, and everything that happened."""
