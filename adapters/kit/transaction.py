"""What a handler wants written in the very commit that records the hand-over: its exactly-once effects."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from adapters.kit.journal import Act

Parameters: TypeAlias = Sequence[object] | Mapping[str, object]


class Transaction:
    """Collects writes; they run in order once the handler has returned, all with the hand-over or none.

    They run later, in the journal's thread, since a transaction held open across an `await` would stop every
    other writer of the mailbox.
    """

    def __init__(self) -> None:
        """Start with nothing to write."""
        self._acts: list[Act[object]] = []

    def execute(self, statement: str, parameters: Parameters = ()) -> None:
        """Run one SQL statement, on tables that were given to `Mailbox.open`."""
        self._acts.append(lambda connection: connection.execute(statement, parameters))

    def write(self, act: Act[object]) -> None:
        """Run *act* with the journal's connection; if it raises, nothing is written, the axis retries."""
        self._acts.append(act)

    def run(self, connection: sqlite3.Connection) -> None:
        """Do everything that was asked for."""
        for act in self._acts:
            act(connection)
