"""Whole programs over the kit, one per use, to start from; each is run by a test against a real hub."""
