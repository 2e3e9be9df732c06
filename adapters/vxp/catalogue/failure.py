"""What can go wrong with the copy of the catalogue."""

from hub.errors import TemporaryFailure


class CatalogueFailed(TemporaryFailure):
    """The catalogue could not be had or written down: the copy stays as it was, and it is tried again."""
