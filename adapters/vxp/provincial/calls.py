"""The calls of the provincial face."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeAlias

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from adapters.vxp.applications.desk import read_asked
from adapters.vxp.catalogue.answers import ListKind
from adapters.vxp.catalogue.calls import accepts_gzip, sent
from adapters.vxp.catalogue.lists import agency, told_at
from adapters.vxp.gateway import DocId, PacketKind, Period, TransportStatus
from adapters.vxp.provincial.callers import Calling
from adapters.vxp.provincial.face import face_of
from adapters.vxp.provincial.packets import packet_of, require_recipients, unpack
from adapters.vxp.provincial.shapes import (
    AgencyList,
    Edoc,
    Kind,
    LoggedIn,
    Login,
    NewAgency,
    ReceivedList,
    ReceivedRow,
    Sent,
    StatusReport,
    Success,
    Token,
)
from adapters.vxp.refusals import Reason, Refused
from hub.message.receipt_xml import VIETNAM_TIME
from hub.transport.address import is_loopback

AGENCIES: Final = ListKind(
    name="provincial", head=b'{"success":true,"code":0,"message":"Thanh cong","data":[', shape=agency
)
"""Of the catalogue's lists, the one that this face answers with."""
Day: TypeAlias = Annotated[
    str | None, Query(pattern=r"^\d{4}/\d{2}/\d{2}$", examples=["2026/11/22"], description="YYYY/MM/DD")
]
_FORM: Final[Mapping[str, object]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["edocFile", "messageType"],
                    "properties": {
                        "edocFile": {
                            "type": "string",
                            "format": "binary",
                            "description": "The edXML file; it says itself who sends it, and to whom.",
                        },
                        "messageType": {"type": "string", "enum": [each.value for each in PacketKind]},
                    },
                }
            }
        },
    }
}
router = APIRouter()


@router.post("/auth/login", tags=["login"])
async def log_in(login: Login, request: Request) -> LoggedIn:
    """Return a token; it is shown with every further call, beside the system's own name and secret."""
    entrance = face_of(request).entrance
    token, life = await entrance.log_in(login.username, login.password, address=_address(request))
    return LoggedIn(data=Token(token=token, expires_in=int(life.total_seconds())))


@router.post("/sendEdoc", tags=["packets"], openapi_extra=dict(_FORM))
async def send(caller: Calling, request: Request) -> Sent:
    """Take a document or status; on return it is safe, and goes out in the background."""
    kind, body = await _form(request)
    packet = await asyncio.to_thread(packet_of, kind, body)
    if kind is PacketKind.EDOC:
        require_recipients(packet, caller.face.catalogue)
    return Sent(doc_id=await caller.face.gateway.send(caller.system, packet))


@router.get("/syncReceivedEdocList", tags=["packets"])
async def list_received(
    caller: Calling,
    message_type: Annotated[Kind, Query(alias="messageType")],
    from_date: Annotated[Day, Query(alias="fromDate")] = None,
    to_date: Annotated[Day, Query(alias="toDate")] = None,
) -> ReceivedList:
    """Return what came in these days, both included, and is not reported as `done` or `fail` yet."""
    period = Period(since=_day(from_date, "fromDate"), until=_day_after(to_date, "toDate"))
    found = await caller.face.gateway.list_received(
        caller.system, PacketKind(message_type), period=period, limit=caller.face.list_at_most
    )
    rows = [
        ReceivedRow(
            created_time=told_at(each.created_at),
            updated_time=told_at(each.updated_at),
            message_type=each.kind.value,
            doc_id=each.doc_id,
            sender=each.sender,
            recipient=each.recipient,
            status=each.status.value,
            status_desc=each.description,
        )
        for each in found
    ]
    return ReceivedList(count=len(rows), data=rows)


@router.get("/getEdoc", tags=["packets"])
async def fetch(
    caller: Calling, doc_id: Annotated[str, Query(alias="docId", min_length=1, max_length=100)]
) -> Edoc:
    """Return a packet exactly as it was signed, and its attachments unpacked."""
    found = await caller.face.gateway.received(caller.system, DocId(doc_id))
    path = await caller.face.gateway.body_of(caller.system, found.doc_id)
    return await asyncio.to_thread(unpack, found, path)


@router.post("/updateStatus", tags=["packets"])
async def report(caller: Calling, report: StatusReport) -> Success:
    """Note how far the system is with a packet; `done` tells its sender that it has arrived."""
    await caller.face.gateway.update_status(
        caller.system, DocId(report.doc_id), TransportStatus(report.status), report.description
    )
    return Success()


@router.get("/getAgenciesList", tags=["agencies"], response_model=AgencyList)
async def list_agencies(caller: Calling, request: Request) -> Response:
    """Return every agency that is open."""
    if caller.face.catalogue is None:
        raise Refused(Reason.NOT_READY)
    end = b'],"count":%d}' % caller.face.catalogue.count(AGENCIES.name)
    answer = caller.face.catalogue.answer(AGENCIES.name, end, packed=accepts_gzip(request.headers))
    if answer is None:
        raise Refused(Reason.NOT_READY)
    return sent(answer)


@router.post("/registerAgency", tags=["agencies"])
async def register(caller: Calling, new: NewAgency) -> Success:
    """Apply for an agency below the system's own; the user has to be an administrator."""
    if not caller.user.is_admin:
        raise Refused(Reason.NOT_ALLOWED)
    if caller.face.applications is None:
        raise Refused(Reason.NOT_READY)
    await caller.face.applications.enter(caller.system, read_asked(new.model_dump()))
    return Success()


def _address(request: Request) -> str:
    """Return where a call comes from; a proxy on this machine says for whom it speaks."""
    host = request.client.host if request.client is not None else ""
    told = request.headers.get("x-forwarded-for", "")
    return told.rpartition(",")[2].strip() if told and is_loopback(host) else host


async def _form(request: Request) -> tuple[PacketKind, bytes]:
    """Read the form, once who calls is known; raises `Refused` where it is none."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused(Reason.MALFORMED_REQUEST, detail="multipart/form-data")
    try:
        async with request.form(max_files=1, max_fields=20, max_part_size=10_000) as form:
            file, said = form.get("edocFile"), form.get("messageType")
            if not isinstance(file, UploadFile):
                raise Refused(Reason.MISSING_PARAMETER, name="edocFile")
            body = await file.read()
    except (HTTPException, MultiPartException) as error:
        raise Refused(Reason.MALFORMED_REQUEST, detail="multipart/form-data") from error
    try:
        return PacketKind(said if isinstance(said, str) else ""), body
    except ValueError as error:
        raise Refused(Reason.WRONG_PARAMETER, name="messageType", value=said) from error


def _day(written: str | None, name: str) -> datetime | None:
    if written is None:
        return None
    try:
        return datetime.strptime(written, "%Y/%m/%d").replace(tzinfo=VIETNAM_TIME)
    except ValueError as error:
        raise Refused(Reason.WRONG_PARAMETER, name=name, value=written) from error


def _day_after(written: str | None, name: str) -> datetime | None:
    try:
        found = _day(written, name)
        return found + timedelta(days=1) if found is not None else None
    except OverflowError as error:
        raise Refused(Reason.WRONG_PARAMETER, name=name, value=written) from error
