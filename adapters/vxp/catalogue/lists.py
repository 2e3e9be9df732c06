"""How the X-Road style face tells of agencies.

Numbers are written as texts of digits: SDKs of one vendor read them into texts, of another into numbers, and
both take these.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from adapters.vxp.catalogue.answers import ListKind
from adapters.vxp.catalogue.copy import Row
from adapters.vxp.catalogue.entry import has_decree_20_form
from hub.message.receipt_xml import VIETNAM_TIME

HEAD: Final = b'{"status":"OK","ErrorCode":"0","ErrorDesc":"Thanh cong","data":['
AGENCIES: Final = "agencies"
DECREE_20: Final = "agencies-qd20"
UNITS: Final = "units"
NOBODY: Final = "0"


def told_at(at: datetime) -> str:
    """Write *at* in Vietnam time, as edXML writes instants."""
    return f"{at.astimezone(VIETNAM_TIME):%Y/%m/%d %H:%M:%S}"


def agency(row: Row) -> Mapping[str, object] | None:
    """Tell of an agency that is open."""
    if not row.entry.is_open:
        return None
    return {
        "id": str(row.entry.number),
        "pid": NOBODY if row.parent_number is None else str(row.parent_number),
        "code": row.entry.code,
        "name": row.entry.name,
        "mail": "",
    }


def agency_of_decree_20(row: Row) -> Mapping[str, object] | None:
    """Tell of an open agency that the registry knows by a code of QĐ 20/2020; none is turned into one."""
    return agency(row) if has_decree_20_form(row.entry.code) else None


def unit(row: Row) -> Mapping[str, object]:
    """Tell of an agency, open or closed, to whoever keeps a catalogue of its own."""
    entry = row.entry
    return {
        "id": str(entry.number),
        "pid": NOBODY if row.parent_number is None else str(row.parent_number),
        "code": entry.code,
        "name": entry.name,
        "mail": "",
        "version": str(entry.version),
        "centerCode": "",
        "deleted": not entry.is_open,
        "modifyDate": told_at(entry.changed_at),
        "isAgency": True,
        "link": "REGISTERED" if entry.is_open else "NOT_EXIST",
        "valid": "VALID",
    }


AGENCIES_LIST: Final = ListKind(name=AGENCIES, head=HEAD, shape=agency)
DECREE_20_LIST: Final = ListKind(name=DECREE_20, head=HEAD, shape=agency_of_decree_20)
UNITS_LIST: Final = ListKind(name=UNITS, head=HEAD, shape=unit)
KINDS: Final = (AGENCIES_LIST, DECREE_20_LIST, UNITS_LIST)
