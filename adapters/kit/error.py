"""What can go wrong on the agency's side, beside what the hub's taxonomy already names."""

from collections.abc import Iterator
from contextlib import contextmanager

from hub.errors import HubError, TemporaryFailure


class UnfitDraft(HubError):
    """The adapter acts: what it wants to send cannot be sent; nothing was journalled."""


class DeliveryRejected(HubError):
    """Something in the queue is not what the axis says it is; it goes back, the journal says why."""


class JournalFailed(TemporaryFailure):
    """The journal's file cannot be written: the mailbox stops, and what it had in hand comes again."""


class JournalFull(JournalFailed):
    """The operator acts: the journal's disk is full; nothing more is accepted, nothing accepted given up."""


@contextmanager
def single_error() -> Iterator[None]:
    """Let one error out of a task group as what it is, so that an adapter can catch it by its name."""
    try:
        yield
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from group
        raise
