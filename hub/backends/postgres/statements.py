"""SQL lives in files named after the act; this reads them, once each."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

_FOLDER: Final = files("hub.backends.postgres").joinpath("sql")


PLANNED_ANEW: Final = "set local plan_cache_mode = force_custom_plan"
"""For the rest of a transaction statements are planned for their values: what is not asked for falls away."""


@cache
def statement(act: str) -> str:
    """Return the SQL of *act*."""
    return _FOLDER.joinpath(f"{act}.sql").read_text(encoding="utf-8")


def columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    """Turn *rows* of *width* values into the column arrays that `unnest` takes; no rows, empty columns."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
