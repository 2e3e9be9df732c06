"""What `truc audit` does."""

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import typer

from hub.backends.postgres.audit_log import LogState, read_log_state
from hub.commands.place import load_settings, operators_database
from hub.operations.audit import Verdict, verify_log

_HEAD: Final = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")
_TELL_EVERY: Final = 2.0


class Progress:
    """Tells a person from time to time how far a long check has come."""

    def __init__(self) -> None:
        """Begin now."""
        self._told_at = time.monotonic()

    def __call__(self, checked: int, every: int) -> None:
        """Write that *checked* of *every* are done, unless that was just written."""
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            typer.echo(f"{checked:,} of {every:,} checked / đã kiểm tra", err=True)


def read_heads(written: Sequence[str]) -> Mapping[int, bytes]:
    """Return the heads *written* as POSITION:LINK; raises `typer.BadParameter` where one is not."""
    heads = {}
    for each in written:
        found = _HEAD.fullmatch(each.strip().lower())
        if found is None:
            raise typer.BadParameter(f"{each!r} is not POSITION:LINK, as `truc audit head` writes it")
        heads[int(found[1])] = bytes.fromhex(found[2])
    return heads


async def verify_axis(
    home: Path | None, settings: Path | None, heads: Mapping[int, bytes], progress: Progress
) -> Verdict:
    """Verify the log of the axis."""
    async with operators_database(load_settings(home, settings)) as database:
        return await verify_log(database, heads=heads, progress=progress)


async def read_head(home: Path | None, settings: Path | None) -> LogState:
    """Return how far the log of the axis is sealed."""
    async with operators_database(load_settings(home, settings)) as database:
        return await read_log_state(database)
