"""What is pending, for the keeper of the registry: read beside a gateway that runs."""

import json
import shlex
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from adapters.vxp.applications import book
from adapters.vxp.applications.standing import Act, Standing, stand
from adapters.vxp.catalogue.copy import CatalogueCopy
from hub.errors import ConfigurationError


def read_pending(journal: Path, copy: CatalogueCopy) -> Sequence[Standing]:
    """Return every application in *journal* that *copy* does not show yet, in the order of codes.

    Raises `ConfigurationError` where the journal cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            applications = book.everything(connection)
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"không đọc được {journal} / {journal} cannot be read: {error}; `truc-vxp run` makes it"
        ) from error
    found = [
        stand(
            each,
            copy.find(each.code),
            others=tuple(other for other in applications if other.key == each.key and other is not each),
        )
        for each in applications
    ]
    return [each for each in found if each.is_pending]


def for_import(pending: Iterable[Standing]) -> str:
    """Return the lines that `truc agency import` takes: agencies to enter, without those in conflict."""
    lines = [
        json.dumps(
            {
                "code": each.application.code,
                "name": each.application.name,
                "parent": each.application.parent,
                "systemid": each.application.systemid,
                "applied_at": each.application.applied_at.isoformat(),
                **dict(each.application.contacts),
            },
            ensure_ascii=False,
        )
        + "\n"
        for each in pending
        if each.act is Act.CREATE and not each.has_conflict
    ]
    return "".join(lines)


def for_people(pending: Sequence[Standing]) -> str:
    """Return a line for each, with what the keeper of the registry would type."""
    if not pending:
        return "Không có đề nghị nào đang chờ / nothing is pending\n"
    return "".join(f"{_line(each)}\n" for each in pending)


def _line(standing: Standing) -> str:
    application = standing.application
    conflict = "XUNG ĐỘT / CONFLICT" if standing.has_conflict else ""
    way = {
        Act.CREATE: "truc-vxp applications --for-import | truc agency import -",
        Act.MODIFY: f"truc agency rename {application.code} {shlex.quote(application.name)}",
        Act.DELETE: f"truc agency close {application.code}",
    }[standing.act]
    parts = (
        standing.act.value,
        application.code,
        application.name,
        f"< {application.parent}" if application.parent is not None else "",
        f"({application.systemid}, {application.applied_at:%d.%m.%Y})",
        conflict,
        f"→ {way}",
    )
    return "  ".join(part for part in parts if part)
