"""The calls of the X-Road style face about agencies."""

import json
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response, StreamingResponse

from adapters.vxp.applications.desk import ApplicationDesk, read_asked
from adapters.vxp.applications.standing import Standing
from adapters.vxp.catalogue import lists
from adapters.vxp.catalogue.answers import Answer, ListKind, written
from adapters.vxp.catalogue.catalogue import Catalogue
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.xroad.asked import Asked, Calls
from adapters.vxp.xroad.replies import success
from hub.message.identifiers import agency_key

LARGEST_PAGE: Final = 5000
_END: Final = b"]}"
_LONGEST_NUMBER: Final = 15


def catalogue_calls(catalogue: Catalogue, applications: ApplicationDesk) -> Calls:
    """Return the calls, by their names."""
    calls = _Calls(catalogue, applications)
    return {
        "getAgenciesList": calls.agencies,
        "getAgenciesListQD20": calls.agencies_of_decree_20,
        "getSynchronizeUnit": calls.units,
        "registerAgency": calls.register,
        "deleteAgency": calls.delete,
    }


class _Calls:
    def __init__(self, catalogue: Catalogue, applications: ApplicationDesk) -> None:
        self._catalogue = catalogue
        self._applications = applications

    async def agencies(self, asked: Asked) -> Response:
        """Return every agency that is open, or a page of them."""
        return self._listed(asked, lists.AGENCIES_LIST)

    async def agencies_of_decree_20(self, asked: Asked) -> Response:
        """Return those that the registry knows by a code of QĐ 20/2020."""
        return self._listed(asked, lists.DECREE_20_LIST)

    async def units(self, asked: Asked) -> Response:
        """Return every agency, open and closed, and what the system has applied for and is not done yet."""
        if _is_paged(asked):
            return self._paged(asked, lists.UNITS_LIST)
        pending = await self._applications.pending(asked.system)
        rows = [written(self._applied_for(each)) for each in pending]
        separator = b"," if rows and self._catalogue.count(lists.UNITS) else b""
        return self._whole(asked, lists.UNITS, separator + b",".join(rows) + _END)

    async def register(self, asked: Asked) -> Response:
        """Keep an application for a new agency, or for a new name."""
        await self._applications.enter(asked.system, read_asked(_fields(asked)))
        return success()

    async def delete(self, asked: Asked) -> Response:
        """Keep an application for closing an agency."""
        await self._applications.close(asked.system, asked.parameter("AgencyCode"))
        return success()

    def _listed(self, asked: Asked, kind: ListKind) -> Response:
        if _is_paged(asked):
            return self._paged(asked, kind)
        return self._whole(asked, kind.name, _END)

    def _whole(self, asked: Asked, kind: str, end: bytes) -> Response:
        packed = accepts_gzip(asked.headers)
        answer = self._catalogue.answer(kind, end, packed=packed)
        if answer is None:
            raise Refused(Reason.NOT_READY)
        return sent(answer)

    def _paged(self, asked: Asked, kind: ListKind) -> Response:
        """Return a page: `limit` agencies behind the code `after`, that have changed since `sinceVersion`.

        Where `next` is in the reply, it is the `after` of the next page.
        """
        if self._catalogue.version is None:
            raise Refused(Reason.NOT_READY)
        limit = _number(asked, "limit", LARGEST_PAGE)
        if not 1 <= limit <= LARGEST_PAGE:
            raise Refused(Reason.WRONG_PARAMETER, name="limit", value=limit)
        after = asked.parameters.get("after", "").strip()
        since = _number(asked, "sinceversion", 0)
        page = self._catalogue.page(after=agency_key(after) if after else None, since=since, limit=limit)
        fields: dict[str, object] = {"version": str(self._catalogue.version)}
        if len(page) == limit:
            fields["next"] = page[-1].entry.key
        return success(data=[told for row in page if (told := kind.shape(row)) is not None], **fields)

    def _applied_for(self, standing: Standing) -> dict[str, object]:
        application = standing.application
        known = self._catalogue.find(application.code)
        above = self._catalogue.find(application.parent) if application.parent is not None else None
        return {
            "id": str(known.number) if known is not None else lists.NOBODY,
            "pid": str(above.number) if above is not None else lists.NOBODY,
            "code": application.code,
            "name": application.name,
            "mail": dict(application.contacts).get("mail", ""),
            "version": "0",
            "centerCode": "",
            "deleted": False,
            "modifyDate": lists.told_at(application.applied_at),
            "isAgency": True,
            "link": "PENDING",
            "pAction": standing.act.value,
            "valid": "CONFLICT" if standing.has_conflict else "VALID",
        }


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether whoever asks can unpack, by its `accept-encoding`."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in {"gzip", "x-gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def sent(answer: Answer) -> Response:
    """Return *answer* as it goes out: in chunks, its length known."""
    headers = {"Content-Length": str(answer.octets), "Vary": "Accept-Encoding"}
    if answer.encoding is not None:
        headers["Content-Encoding"] = answer.encoding
    return StreamingResponse(answer.chunks, media_type="application/json", headers=headers)


def _is_paged(asked: Asked) -> bool:
    return any(asked.parameters.get(name, "").strip() for name in ("after", "limit", "sinceversion"))


def _number(asked: Asked, name: str, absent: int) -> int:
    text = asked.parameters.get(name, "").strip()
    if not text:
        return absent
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise Refused(Reason.WRONG_PARAMETER, name=name, value=text)
    return int(text)


def _fields(asked: Asked) -> Mapping[str, object]:
    try:
        fields = json.loads(asked.body)
    except (ValueError, RecursionError) as error:
        raise Refused(Reason.MALFORMED_REQUEST, detail="JSON") from error
    if not isinstance(fields, dict):
        raise Refused(Reason.MALFORMED_REQUEST, detail="JSON")
    return fields
