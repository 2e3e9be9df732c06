"""How long a status may wait for the delivery that it is about: it takes room from others' messages."""

from datetime import timedelta
from typing import Final

FEW: Final = 16
"""Statuses of one mailbox that may wait for their whole time."""
_WITH_MANY: Final = timedelta(seconds=1)
"""However many wait, each is tried again: its document can be in the very same batch."""


def may_wait(age: timedelta, *, patience: timedelta, waiting: int) -> bool:
    """Whether a status of *age* may wait on, with *waiting* others of its mailbox before it."""
    return age < patience and (waiting < FEW or age < _WITH_MANY)
