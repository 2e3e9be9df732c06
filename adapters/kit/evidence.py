"""What the journal of a mailbox can prove to others: exact bytes in files, and one list of what they are.

The axis asks for it after it has lost data; an auditor may ask for it at any time. The folder:

    evidence.jsonl        a JSON object in each line; `what` is mailbox (the first), sent, received, receipt
    sent/‹sha256›.edxml   what this mailbox signed and submitted, byte for byte
    sheets/‹sha256›.xml   the hub's signed receipts, byte for byte
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from adapters.kit.schema import bring_up_to_date
from adapters.kit.spool import Spool
from hub.errors import ConfigurationError
from hub.message.claim import read_claim
from hub.message.identifiers import MailboxName
from hub.message.properties import looks_like_claim

LIST: Final = "evidence.jsonl"
VERSION: Final = 1

_SENT: Final = """
    SELECT submission_id, kind, hex(digest) AS digest, about_delivery, state, journalled_at, confirmed_at,
        body
    FROM outgoing JOIN outgoing_bodies USING (sequence)
    WHERE journalled_at >= ?1 OR confirmed_at >= ?1 OR decided_at >= ?1 ORDER BY sequence
"""
_RECEIVED: Final = """
    SELECT delivery_id, kind, attempt, state, hex(digest) AS digest, message_id, sender, recipient, lane,
        lane_number, document_id, received_at
    FROM incoming WHERE received_at >= ?1 OR handled_at >= ?1 ORDER BY received_at
"""
_RECEIPTS: Final = """
    SELECT receipt_id, delivery_id, received_at, hex(sheet) AS sheet, body
    FROM receipts JOIN receipt_sheets ON digest = sheet
    WHERE received_at >= ?1 ORDER BY received_at, issued_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """How much was exported."""

    folder: Path
    sent: int
    received: int
    receipts: int


def export(
    journal: Path, mailbox: MailboxName, folder: Path, *, at: datetime, since: datetime | None = None
) -> Exported:
    """Write everything that *journal* holds into *folder*, as it stood at one instant.

    The mailbox may be at work meanwhile. With *since* only what was sent, received or decided from then on.
    The list is written last: a folder without it is not whole.
    """
    if not journal.exists():
        raise ConfigurationError(f"there is no journal {journal}")
    if (folder / LIST).exists():
        raise ConfigurationError(f"{folder} holds evidence already: name another folder")
    head: dict[str, object] = {"mailbox": mailbox, "version": VERSION, "exported_at": at.isoformat()}
    with closing(_snapshot(journal)) as connection:
        first = since.isoformat() if since is not None else ""
        lines = [_line("mailbox", head | {"since": first or None})]
        sent = list(_sent(connection, first, folder / "sent", Spool(journal)))
        received = [_line("received", row) for row in _rows(connection, _RECEIVED, first)]
        receipts = list(_receipts(connection, first, folder / "sheets"))
    _write(folder / LIST, "".join([*lines, *sent, *received, *receipts]).encode())
    return Exported(folder=folder, sent=len(sent), received=len(received), receipts=len(receipts))


def _snapshot(journal: Path) -> sqlite3.Connection:
    """Open the journal, bring it up to date, and look at one state of it from then on."""
    connection = sqlite3.connect(journal, isolation_level=None, timeout=30)
    connection.row_factory = sqlite3.Row
    connection.execute("BEGIN IMMEDIATE")
    bring_up_to_date(connection)
    connection.execute("COMMIT")
    connection.execute("BEGIN")
    return connection


def _rows(connection: sqlite3.Connection, query: str, since: str) -> Iterator[dict[str, object]]:
    for row in connection.execute(query, (since,)):
        values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over its values
        yield {
            name: value.lower() if name in {"digest", "sheet"} else value for name, value in values.items()
        }


def _sent(connection: sqlite3.Connection, since: str, folder: Path, spool: Spool) -> Iterator[str]:
    for row in _rows(connection, _SENT, since):
        body, kept = row.pop("body"), folder / f"{row['digest']}.edxml"
        if isinstance(body, bytes) and looks_like_claim(body):
            _copy(spool.sent(read_claim(body).digest), kept)
        else:
            _keep(kept, body)
        yield _line("sent", row)


def _receipts(connection: sqlite3.Connection, since: str, folder: Path) -> Iterator[str]:
    for row in _rows(connection, _RECEIPTS, since):
        _keep(folder / f"{row['sheet']}.xml", row.pop("body"))
        yield _line("receipt", row)


def _line(what: str, values: Mapping[str, object]) -> str:
    return json.dumps({"what": what, **values}, ensure_ascii=False) + "\n"


def _keep(path: Path, body: object) -> None:
    if isinstance(body, bytes) and not path.exists():
        _write(path, body)


def _copy(lies: Path, path: Path) -> None:
    """Copy a large envelope from the spool; one that somebody has removed there stands in the list alone."""
    if lies.exists() and not path.exists():
        fresh = _fresh(path)
        shutil.copyfile(lies, fresh)
        fresh.replace(path)


def _write(path: Path, content: bytes) -> None:
    fresh = _fresh(path)
    fresh.write_bytes(content)
    fresh.replace(path)


def _fresh(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.new")
