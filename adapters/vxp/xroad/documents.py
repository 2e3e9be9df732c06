"""The calls about documents and statuses: send, list, fetch, report, count."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pybase64
from starlette.responses import FileResponse, Response, StreamingResponse

from adapters.vxp.catalogue.lists import told_at
from adapters.vxp.gateway import DocId, Gateway, Packet, PacketKind, Period, Received, Sent, TransportStatus
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.uploads import Upload
from adapters.vxp.xroad.asked import Asked, Calls
from adapters.vxp.xroad.content import file_in, meant
from adapters.vxp.xroad.replies import succeeded_with, success
from hub.message.identifiers import AgencyCode
from hub.message.receipt_xml import VIETNAM_TIME

SERVICE: Final = "eDoc"
_PIECE: Final = 3 * 64 * 1024
"""Base64 writes three octets as four characters: pieces of whole threes can be put together."""
_REPORTED: Final = (TransportStatus.DONE, TransportStatus.FAIL, TransportStatus.PROCESSING)
_DAY_FORMS: Final = ("%Y/%m/%d", "%Y-%m-%d", "%d/%m/%Y", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S")
_MOST_RECIPIENTS: Final = 5_000


def document_calls(gateway: Gateway, *, list_at_most: int) -> Calls:
    """Return the calls that *gateway* answers."""
    desk = _DocumentCalls(gateway, list_at_most)
    return {
        "sendEdoc": desk.send,
        "getReceivedEdocList": desk.list_received,
        "getSentEdocList": desk.list_sent,
        "getEdoc": desk.fetch,
        "downloadEdoc": desk.download,
        "updateStatus": desk.report,
        "countReceiveEdoc": desk.count_documents,
        "countReceiveStatus": desk.count_statuses,
    }


class _DocumentCalls:
    def __init__(self, gateway: Gateway, list_at_most: int) -> None:
        self._gateway = gateway
        self._most = list_at_most

    async def send(self, asked: Asked) -> Response:
        kind = _kind(asked.parameter("messagetype"))
        sender = AgencyCode(asked.parameter("from"))
        recipients = _recipients(asked.parameter("to"))
        hash_file = asked.parameter("hash-file")
        upload = Upload(body=asked.body, file=asked.file)
        async with AsyncExitStack() as stack:
            part = file_in(upload, asked.content_type)
            sent = await asyncio.to_thread(stack.enter_context, part)
            file = await asyncio.to_thread(meant, sent, hash_file)
            packet = Packet(kind=kind, sender=sender, recipients=recipients, body=file.body, file=file.file)
            return success(DocId=await self._gateway.send(asked.system, packet))

    async def list_received(self, asked: Asked) -> Response:
        said = asked.parameters.get("messagetype", "").strip()
        found = await self._gateway.list_received(
            asked.system, _kind(said) if said else None, period=_period(asked), limit=self._most
        )
        return succeeded_with([_received_row(each) for each in found])

    async def list_sent(self, asked: Asked) -> Response:
        said = asked.parameters.get("docid", "").strip()
        found = await self._gateway.list_sent(
            asked.system,
            DocId(said) if said else None,
            period=_period(asked),
            limit=_MOST_RECIPIENTS if said else self._most,  # of one packet all of its recipients
        )
        return succeeded_with([_sent_row(each) for each in found])

    async def fetch(self, asked: Asked) -> Response:
        path = await self._gateway.body_of(asked.system, DocId(asked.parameter("docId")))
        return StreamingResponse(_as_data(path), media_type="application/json")

    async def download(self, asked: Asked) -> Response:
        path = await self._gateway.body_of(asked.system, DocId(asked.parameter("docId")))
        return FileResponse(path, media_type="application/octet-stream")

    async def report(self, asked: Asked) -> Response:
        doc_id, said = DocId(asked.parameter("docId")), asked.parameter("status").lower()
        if said not in _REPORTED:
            raise Refused(Reason.WRONG_PARAMETER, name="status", value=said)
        description = asked.parameters.get("description", "")
        await self._gateway.update_status(asked.system, doc_id, TransportStatus(said), description)
        return success()

    async def count_documents(self, asked: Asked) -> Response:
        return success(count=await self._gateway.count(asked.system, PacketKind.EDOC))

    async def count_statuses(self, asked: Asked) -> Response:
        return success(count=await self._gateway.count(asked.system, PacketKind.STATUS))


def _kind(said: str) -> PacketKind:
    try:
        return PacketKind(said.strip().lower())
    except ValueError as error:
        raise Refused(Reason.WRONG_PARAMETER, name="messagetype", value=said) from error


def _recipients(said: str) -> tuple[AgencyCode, ...]:
    """Read `to`: a JSON array, or one code, or several with commas between them."""
    try:
        listed = json.loads(said)
    except (ValueError, RecursionError):
        listed = [each.strip() for each in said.strip("[] ").split(",")]
    if not isinstance(listed, list):
        listed = [listed]
    codes = [str(each).strip() for each in listed if str(each).strip()]
    if not codes or len(codes) > _MOST_RECIPIENTS:
        raise Refused(Reason.WRONG_PARAMETER, name="to", value=said)
    return tuple(map(AgencyCode, codes))


def _period(asked: Asked) -> Period:
    """Read `fromDate` and `toDate`, which belong to the period both."""
    since, until = (_day(asked, name) for name in ("fromDate", "toDate"))
    if until is not None and (until.hour, until.minute, until.second) == (0, 0, 0):
        try:
            until += timedelta(days=1)
        except OverflowError:
            until = None  # the last day of all is as good as no end
    return Period(since=since, until=until)


def _day(asked: Asked, name: str) -> datetime | None:
    said = asked.parameters.get(name.lower(), "").strip()
    if not said:
        return None
    for form in _DAY_FORMS:
        try:
            return datetime.strptime(said, form).replace(tzinfo=VIETNAM_TIME)
        except ValueError:
            continue
    raise Refused(Reason.WRONG_PARAMETER, name=name, value=said)


def _received_row(found: Received) -> dict[str, object]:
    return {
        "docId": found.doc_id,
        "serviceType": SERVICE,
        "messageType": found.kind,
        "created_time": _instant(found.created_at),
        "updated_time": _instant(found.updated_at),
        "from": found.sender,
        "to": found.recipient,
        "status": found.status,
        "status_desc": found.description,
        "contentSha256": found.digest.hex(),
        "contentLength": found.octets,
    }


def _sent_row(found: Sent) -> dict[str, object]:
    return {
        "senderDocId": found.doc_id,
        "receiverDocId": found.receiver_doc_id or "",
        "fromCode": found.sender,
        "toCode": found.recipient,
        "title": found.title,
        "notation": found.notation,
        "sentTime": _instant(found.sent_at),
        "receivedTime": _instant(found.received_at),
        "sendStatus": found.send_status,
        "sendStatusDesc": found.send_description,
        "receiveStatus": found.receive_status,
        "receiveStatusDesc": found.receive_description,
        "serviceType": SERVICE,
        "messageType": found.kind,
    }


def _instant(at: datetime | None) -> str:
    return told_at(at) if at is not None else ""


async def _as_data(path: Path) -> AsyncIterator[bytes]:
    """Write the reply piece by piece: a document may be large."""
    yield b'{"status":"OK","ErrorCode":"0","ErrorDesc":"Thanh cong","data":"'
    pieces = _pieces(path)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield pybase64.b64encode(piece)
    yield b'"}'


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
