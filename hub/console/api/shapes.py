"""What the resources of the REST API are made of."""

from datetime import datetime
from typing import Annotated, Final, TypeAlias
from uuid import UUID

from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from hub.console.asked import LARGEST_NUMBER, Text, attachment

Hex: TypeAlias = Annotated[bytes, PlainSerializer(bytes.hex, return_type=str)]
"""Octets, written in hexadecimal."""


def _no_truth(value: object) -> object:
    """Refuse what JSON does not call a number, though Python would make one of it."""
    if isinstance(value, bool | str):
        msg = "a number is meant"
        raise ValueError(msg)  # noqa: TRY004 - pydantic tells of this one
    return value


Serial: TypeAlias = Annotated[int, Field(ge=1, le=LARGEST_NUMBER), BeforeValidator(_no_truth)]
"""The number of something in an order."""
OCTETS: Final = "application/octet-stream"
FILE: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": "The exact octets.",
        "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Resource(BaseModel):
    """Something that is read; made of what the operations return."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Order(BaseModel):
    """Something that is asked for; what is not known is refused, so that a slip of the pen does nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Moment(Resource):
    """One line of a document's life."""

    at: datetime
    source: str
    what: str
    recipient: str | None
    delivery_id: UUID | None
    detail: str
    is_repetition: bool = Field(description="Whether another line says the same.")


class Cases(Order):
    """Which cases are meant."""

    cases: Annotated[list[Serial], Field(min_length=1, max_length=5000)]


class CasesWithReason(Cases):
    """Which cases, and why: the reason stands in the evidence."""

    reason: Annotated[Text, Field(min_length=1, max_length=2000)]


def file(octets: bytes, name: str) -> Response:
    """Return *octets* as a file."""
    return Response(octets, media_type=OCTETS, headers=attachment(name))
