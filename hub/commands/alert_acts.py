"""What `truc alerts` does."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from hub.backends.clock import SystemClock
from hub.backends.postgres.alerting import KnownAlert
from hub.bootstrap import alert_channels
from hub.commands.place import load_hub_settings, load_settings, operators_database
from hub.operations.alerts import AlertDesk

PATIENCE: Final = timedelta(seconds=60)


async def list_alerts(
    home: Path | None, settings: Path | None, *, is_open: bool, limit: int
) -> tuple[KnownAlert, ...]:
    """Return alerts, the newest first."""
    async with operators_database(load_settings(home, settings)) as database:
        desk = AlertDesk(database, operator="", clock=SystemClock())
        return await desk.alerts(is_open=is_open, limit=limit)


async def try_channels(home: Path | None, settings: Path | None, operator: str) -> KnownAlert:
    """Have a hub process tell a test on every channel that its settings name; wait for what comes of it."""
    told_by = load_settings(home, settings) if settings is not None else load_hub_settings(home, None)
    names = [each.name for each in alert_channels(told_by, SystemClock())]
    async with operators_database(load_settings(home, settings)) as database:
        desk = AlertDesk(database, operator=operator, clock=SystemClock())
        return await desk.told(await desk.test(names), within=PATIENCE)
