"""What the agency's endpoint is told, as the server's OpenAPI describes it; nothing here is called."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from adapters.webhook.shapes import DocumentEvent, ReceiptEvent, StatusEvent
from hub.message.edxml import StatusCode

TOLD: Final = APIRouter()

_Id = Annotated[
    str, Header(description="The same at every attempt: have one effect for each, and answer the same again.")
]
_Timestamp = Annotated[int, Header(description="Of this attempt, in seconds; refuse what is minutes old.")]
_Signature = Annotated[
    str,
    Header(
        description="`v1,` and the HMAC-SHA256 over id.timestamp.body, for each secret in force; "
        "`v1a,` and the ed25519 signature over the same, for each private key."
    ),
]


class Answer(BaseModel):
    """What an endpoint may answer; an empty answer of 200 means 01."""

    model_config = ConfigDict(frozen=True)

    status: StatusCode | None = Field(default=None, description="What the sender is told instead of 01.")
    description: str = ""


class Refusal(BaseModel):
    """Why the document is not taken, for good; the sender is told with 02."""

    model_config = ConfigDict(frozen=True)

    reason: str


_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    number: {"model": Refusal, "description": "Not taken, for good."} for number in (409, 410, 422)
}


@TOLD.post("document.delivered", responses=_REFUSED)
def document_delivered(
    event: DocumentEvent, webhook_id: _Id, webhook_timestamp: _Timestamp, webhook_signature: _Signature
) -> Answer:
    """Take a document. Other answers than the described ones are tried again, then go back to the axis."""
    raise NotImplementedError


@TOLD.post("status.received")
def status_received(
    event: StatusEvent, webhook_id: _Id, webhook_timestamp: _Timestamp, webhook_signature: _Signature
) -> Literal[""]:
    """Note what another agency reports; tried until the answer is one of the 200s."""
    raise NotImplementedError


@TOLD.post("receipt.issued")
def receipt_issued(
    event: ReceiptEvent, webhook_id: _Id, webhook_timestamp: _Timestamp, webhook_signature: _Signature
) -> Literal[""]:
    """Note what the axis attests; tried until the answer is one of the 200s."""
    raise NotImplementedError
