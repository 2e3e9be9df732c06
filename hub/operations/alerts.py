"""Alerts as an operator sees them, and the test of whether they arrive."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from hub.backends.postgres import alerting, desk
from hub.backends.postgres.alerting import KnownAlert
from hub.backends.postgres.desk import Action
from hub.backends.postgres.pool import Database
from hub.errors import OperationRefused
from hub.ports import Clock

_LOOK_AGAIN: Final = timedelta(milliseconds=500)


class AlertDesk:
    """Looks at alerts and tries their channels, in the name of an operator."""

    def __init__(self, database: Database, *, operator: str, clock: Clock) -> None:
        """Work on *database* in the name of *operator*."""
        self._database = database
        self._operator = operator
        self._clock = clock

    async def alerts(self, *, is_open: bool = True, limit: int = 100) -> tuple[KnownAlert, ...]:
        """Return up to *limit* alerts with what was told of each, the newest first."""
        return await alerting.read_alerts(self._database, is_open=is_open, limit=limit)

    async def test(self, channels: Sequence[str]) -> int:
        """Have a hub process tell a test on *channels*, the way alerts go; returns the alert's number.

        Raises `OperationRefused` while an earlier test of the same operator has not been told yet.
        """
        async with self._database.transaction() as transaction:
            number = await alerting.enter_test(transaction, self._operator, channels)
            if number is None:
                raise OperationRefused(
                    "a test is under way; `truc alerts list` shows it, and where it stays no hub process runs"
                )
            action = Action(operator=self._operator, action="alert.test", detail={"channels": list(channels)})
            await desk.record(transaction, [action])
        return number

    async def told(self, alert_id: int, *, within: timedelta) -> KnownAlert:
        """Return the alert once all its notices are sent or refused, at the latest after *within*."""
        until = self._clock.now() + within
        while True:
            (alert,) = await alerting.read_alerts(self._database, alert_id=alert_id)
            if all(each["attempts"] for each in alert.notices) or self._clock.now() >= until:
                return alert
            await asyncio.sleep(_LOOK_AGAIN.total_seconds())
