"""Pure values: what travels, who is meant, and what became of it."""
