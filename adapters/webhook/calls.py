"""What programs ask of the server, a function each."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Request, Response, Security, status
from fastapi.responses import FileResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.kit.outgoing import OutgoingState
from adapters.kit.reporting import LONGEST_REASON
from adapters.webhook import books
from adapters.webhook.desk import Desk
from adapters.webhook.metadata import DocumentMetadata
from adapters.webhook.problems import MEDIA_TYPE, Asked, Problem, ProblemDetails
from adapters.webhook.shapes import (
    AttachmentShape,
    DeliveryShape,
    ReceiptShape,
)
from adapters.webhook.shaping import receipt_shape
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId, SubmissionId

_KEY: Final = r"^[\x21-\x7e]{1,255}$"
_NEEDS_REASON: Final = frozenset({StatusCode.REFUSED, StatusCode.CHANGE_REFUSED})
_Words = Annotated[str, StringConstraints(max_length=LONGEST_REASON)]
_Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_REASON)]


def _problems(*problems: Problem) -> dict[int | str, dict[str, object]]:
    numbers = sorted({each.value.status for each in problems})
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {
        number: {
            "description": "; ".join(each.value.en for each in problems if each.value.status == number),
            "content": content,
            "model": ProblemDetails,
        }
        for number in numbers
    }


_ALWAYS: Final = (Problem.NOT_UNDERSTOOD, Problem.NOT_KNOWN, Problem.MALFORMED)
_POSTED: Final = (*_ALWAYS, Problem.TOO_LARGE, Problem.NO_ROOM)
ROUTER: Final = APIRouter(
    prefix="/v1", dependencies=[Security(HTTPBearer(auto_error=False))], responses=_problems(*_ALWAYS)
)


class Submitted(BaseModel):
    """What was asked for is signed and safe, and goes to the axis by itself."""

    model_config = ConfigDict(frozen=True)

    submission: str = Field(description="Its name from now on.")


class Recalled(BaseModel):
    """Requests to give a document back are on their way."""

    model_config = ConfigDict(frozen=True)

    submissions: list[str]


class Report(BaseModel):
    """A status that the sender of a document is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: StatusCode = Field(description="02 to 06, 15 or 16; 02 and 16 need a description.")
    description: _Words = ""


class Recall(BaseModel):
    """Why a document is wanted back, and from whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: _Reason
    recipients: Annotated[list[str], Field(max_length=1_000)] = Field(
        default=[], description="All that the axis accepted it for, where nothing is said."
    )


class ToldShape(BaseModel):
    """What a recipient reported."""

    model_config = ConfigDict(frozen=True)

    sender: str
    status: str
    description: str
    received_at: datetime


class SentShape(BaseModel):
    """Where a document stands that was sent."""

    model_config = ConfigDict(frozen=True)

    submission: str
    state: OutgoingState = Field(
        description="journalled: safe here; confirmed: at the axis; accepted or refused by the axis."
    )
    receipts: list[ReceiptShape]
    statuses: list[ToldShape]


def desk_of(request: Request) -> Desk:
    """Return what works behind the server."""
    desk: Desk = request.app.state.desk
    return desk


def client_of(request: Request) -> str:
    """Return who asks; the gate has looked."""
    client: str = request.state.client
    return client


_Desk = Annotated[Desk, Depends(desk_of)]
_Client = Annotated[str, Depends(client_of)]
_Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=_KEY,
        description="A name of your own for this request: asked again under it, it has no second effect.",
    ),
]
_Delivery = Annotated[UUID, Path(description="As in the delivery that was POSTed.")]
_Submission = Annotated[str, Path(max_length=100, description="As `POST /v1/documents` answered.")]


@ROUTER.post(
    "/documents",
    status_code=status.HTTP_202_ACCEPTED,
    responses=_problems(
        *_POSTED,
        Problem.NO_KEY,
        Problem.OTHER_KEY,
        Problem.UNFIT,
        Problem.WRONG_TYPE,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/xml": {"schema": {"type": "string", "description": "edXML, signed or not."}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["metadata", "file"],
                        "properties": {
                            "metadata": DocumentMetadata.model_json_schema(),
                            "file": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "string", "format": "binary"},
                            },
                        },
                    },
                    "encoding": {"metadata": {"contentType": "application/json"}},
                },
            },
        }
    },
)
async def send_document(
    request: Request,
    response: Response,
    desk: _Desk,
    client: _Client,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=_KEY,
            description="Needed: a name of your own for this document, the same when you send it again.",
        ),
    ] = None,
) -> Submitted:
    """Send a document: an edXML envelope, or files with metadata; safe when it is answered."""
    if key is None:
        raise Asked(Problem.NO_KEY)
    async with desk.tray.take(request) as sent:
        submission = await desk.departures.send(client, key, sent)
    response.headers["Location"] = f"/v1/documents/{submission}"
    return Submitted(submission=submission)


@ROUTER.get("/documents/{submission}", responses=_problems(*_ALWAYS, Problem.NOT_FOUND))
async def look_at_document(submission: _Submission, desk: _Desk) -> SentShape:
    """Return where a document stands: what the axis attests and what the recipients report."""
    name, journal = SubmissionId(submission), desk.mailbox.journal
    state = await desk.mailbox.state(name)
    if state is None or not await journal.write(lambda connection: books.is_submission(connection, name)):
        raise Asked(Problem.NOT_FOUND)
    told = await journal.write(lambda connection: books.statuses_of(connection, name))
    return SentShape(
        submission=submission,
        state=state,
        receipts=[receipt_shape(each) for each in await desk.mailbox.receipts(name)],
        statuses=[
            ToldShape(
                sender=each.sender,
                status=each.status,
                description=each.description,
                received_at=each.received_at,
            )
            for each in told
        ],
    )


@ROUTER.post(
    "/documents/{submission}/recall",
    status_code=status.HTTP_202_ACCEPTED,
    responses=_problems(*_POSTED, Problem.NOT_FOUND, Problem.UNFIT),
)
async def recall_document(submission: _Submission, recall: Recall, desk: _Desk) -> Recalled:
    """Ask the recipients to give a document back (13); each answers with 15 or 16."""
    recalls = await desk.departures.recall(SubmissionId(submission), recall.reason, recall.recipients)
    return Recalled(submissions=list(recalls))


@ROUTER.get("/deliveries/{delivery_id}", responses=_problems(*_ALWAYS, Problem.NOT_FOUND))
async def look_at_delivery(delivery_id: _Delivery, desk: _Desk) -> DeliveryShape:
    """Return what was POSTed about a document, without its bytes."""
    return _kept(desk, delivery_id)


@ROUTER.get(
    "/deliveries/{delivery_id}/body",
    response_class=FileResponse,
    responses={
        **_problems(*_ALWAYS, Problem.NOT_FOUND),
        200: {"content": {"application/xml": {"schema": {"type": "string"}}}},
    },
)
async def fetch_body(delivery_id: _Delivery, desk: _Desk) -> FileResponse:
    """Return the exact bytes that were signed; ranges are served."""
    _kept(desk, delivery_id)
    return _file(desk.spool.body(delivery_id), "application/xml", f"{delivery_id}.edxml")


@ROUTER.get(
    "/deliveries/{delivery_id}/attachments/{number}",
    response_class=FileResponse,
    responses={
        **_problems(*_ALWAYS, Problem.NOT_FOUND),
        200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    },
)
async def fetch_attachment(
    delivery_id: _Delivery, number: Annotated[int, Path(ge=1, le=10_000)], desk: _Desk
) -> FileResponse:
    """Return a file of the document; ranges are served."""
    found = _numbered(_kept(desk, delivery_id).attachments, number)
    return _file(desk.spool.attachment(delivery_id, number), found.content_type, found.name)


@ROUTER.post(
    "/deliveries/{delivery_id}/statuses",
    status_code=status.HTTP_202_ACCEPTED,
    responses=_problems(*_POSTED, Problem.NOT_FOUND, Problem.OTHER_KEY),
)
async def report_status(
    delivery_id: _Delivery, report: Report, desk: _Desk, client: _Client, key: _Key = ""
) -> Submitted:
    """Tell the sender what became of a document; the same words are told once."""
    if report.status is StatusCode.RECALL_REQUESTED:
        raise Asked(
            Problem.NOT_UNDERSTOOD, "status: 13 is the sender's, at /v1/documents/{submission}/recall"
        )
    if report.status in _NEEDS_REASON and not report.description.strip():
        raise Asked(Problem.NOT_UNDERSTOOD, f"description: status {report.status.value} needs a reason")
    submission = await desk.departures.report(
        client, key, DeliveryId(delivery_id), report.status, report.description
    )
    return Submitted(submission=submission)


def _kept(desk: Desk, delivery_id: UUID) -> DeliveryShape:
    found = desk.spool.find(delivery_id)
    if found is None:
        raise Asked(Problem.NOT_FOUND)
    return found


def _numbered(attachments: Sequence[AttachmentShape], number: int) -> AttachmentShape:
    if number > len(attachments):
        raise Asked(Problem.NOT_FOUND)
    return attachments[number - 1]


def _file(path: FilePath, media_type: str, name: str) -> FileResponse:
    # Never shown by a browser as what it claims to be: it is a stranger's file.
    headers = {"X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=media_type, filename=name, headers=headers)
