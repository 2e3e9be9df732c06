"""What a command shows: tables for people, JSON for programs; instants in Vietnam time."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Final

VIETNAM: Final = timezone(timedelta(hours=7))


def instant(at: datetime | None, *, with_date: bool = True) -> str:
    """Write *at* for people, in Vietnam time; without its date to the millisecond."""
    if at is None:
        return ""
    local = at.astimezone(VIETNAM)
    return f"{local:%d.%m.%Y %H:%M:%S}" if with_date else local.time().isoformat("milliseconds")


def plain(value: object) -> object:
    """Return *value* made of what JSON knows: bytes in hexadecimal, instants in ISO 8601 with +07:00."""
    match value:
        case Mapping():
            return {str(key): plain(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(part) for part in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {item.name: plain(getattr(value, item.name)) for item in fields(value) if item.repr}
        case _:
            return _plain_leaf(value)


def emit(value: object) -> None:
    """Write *value* as JSON, for a program."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def say(sentence: str) -> None:
    """Write a sentence for a person."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, nothing: str = "") -> None:
    """Write a table for a person, or the sentence *nothing* where it has no rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    written = [[_cell(value) for value in row] for row in rows]
    if not written and nothing:
        say(nothing)
        return
    drawn = Table(
        title=title or None, title_justify="left", header_style="bold", show_edge=False, pad_edge=False
    )
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in written:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(drawn)


def pairs(title: str, values: Mapping[str, object]) -> None:
    """Write names and values for a person; what is None is left out."""
    shown = [(name, _cell(value)) for name, value in values.items() if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    say(title)
    for name, value in shown:
        say(f"  {name:<{width}}  {value}")


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return instant(value)
        case bytes():
            return value.hex()[:16]
        case Enum():
            return str(value.value)
        case _:
            return str(value)


def _plain_leaf(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.hex()
        case datetime():
            return value.astimezone(VIETNAM).isoformat()
        case _:
            return str(value)
