"""What an operator does in a campaign: sends the dead letters again."""

from uuid import uuid4

from hub.backends.clock import SystemClock
from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.pool import Database
from hub.operations.cases import CaseDesk


async def replay_all(operator_dsn: str) -> None:
    """Replay every open case; raises `TemporaryFailure` where the database is away."""
    database = await Database.open(operator_dsn, name="truc campaign operator", size=1)
    try:
        desk = CaseDesk(database, operator="campaign", clock=SystemClock(), new_id=uuid4)
        await desk.replay([case.case_id for case in await desk.find(CaseFilter())], reason="thử lại")
    finally:
        await database.close()
