"""The applications as they are kept in the kit's journal: one for each system and agency, the newest."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from hub.message.identifiers import AgencyCode, AgencyKey, agency_key

TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS vxp_applications (
        systemid   TEXT NOT NULL,
        key        TEXT NOT NULL,
        action     TEXT NOT NULL,
        code       TEXT NOT NULL,
        name       TEXT NOT NULL,
        parent     TEXT,
        contacts   TEXT NOT NULL,
        applied_at TEXT NOT NULL,
        PRIMARY KEY (systemid, key)
    ) STRICT, WITHOUT ROWID
    """,
)
"""For `Mailbox.open(tables=…)`."""
_Row: TypeAlias = tuple[str, str, str, str, str, str | None, str, str]


class Wish(StrEnum):
    """What is applied for."""

    ENTER = "enter"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What one system applies for, about one agency."""

    systemid: str
    wish: Wish
    code: AgencyCode
    name: str = ""
    parent: AgencyCode | None = None
    """None where it is to be closed."""
    contacts: tuple[tuple[str, str], ...] = ()
    """Mail, mobile and fax, where they were given."""
    applied_at: datetime

    @property
    def key(self) -> AgencyKey:
        """The canonical form of its code."""
        return agency_key(self.code)


def note(connection: sqlite3.Connection, application: Application) -> None:
    """Keep *application*; it takes the place of an earlier one about the same agency."""
    connection.execute(
        "INSERT OR REPLACE INTO vxp_applications VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            application.systemid,
            application.key,
            application.wish.value,
            application.code,
            application.name,
            application.parent,
            json.dumps(dict(application.contacts), ensure_ascii=False),
            application.applied_at.isoformat(),
        ),
    )


def forget(connection: sqlite3.Connection, systemid: str, key: AgencyKey) -> None:
    """Take back what *systemid* applied for about the agency *key*."""
    connection.execute("DELETE FROM vxp_applications WHERE systemid = ? AND key = ?", (systemid, key))


def of_system(connection: sqlite3.Connection, systemid: str) -> Sequence[Application]:
    """Return what one system applied for, in the order of codes."""
    found = connection.execute("SELECT * FROM vxp_applications WHERE systemid = ? ORDER BY key", (systemid,))
    return [_application(row) for row in found]


def about(connection: sqlite3.Connection, keys: Sequence[AgencyKey]) -> Sequence[Application]:
    """Return what all systems applied for about the agencies *keys*."""
    found = connection.execute(
        "SELECT * FROM vxp_applications WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key, systemid",
        (json.dumps(keys),),
    )
    return [_application(row) for row in found]


def everything(connection: sqlite3.Connection) -> Sequence[Application]:
    """Return what all systems applied for, in the order of codes."""
    found = connection.execute("SELECT * FROM vxp_applications ORDER BY key, systemid")
    return [_application(row) for row in found]


def _application(row: _Row) -> Application:
    systemid, _, wish, code, name, parent, contacts, applied_at = row
    return Application(
        systemid=systemid,
        wish=Wish(wish),
        code=AgencyCode(code),
        name=name,
        parent=AgencyCode(parent) if parent is not None else None,
        contacts=tuple(json.loads(contacts).items()),
        applied_at=datetime.fromisoformat(applied_at),
    )
