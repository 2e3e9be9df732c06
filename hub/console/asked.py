"""Parts of a question that several pages and the REST API share."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from fastapi.responses import Response, StreamingResponse
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from hub.console.languages import VIETNAM
from hub.operations.large_reading import Original

LARGEST_NUMBER: Final = 2**53 - 1
"""What JSON's readers tell apart."""
LONGEST_TEXT: Final = 2000
_EARLIEST: Final = datetime(1, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 29, tzinfo=UTC)
_DATE_AND_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")


def or_nothing(value: object) -> object:
    """Take an empty field of a form for one that was left out."""
    return None if isinstance(value, str) and not value.strip() else value


def _written_out(value: object) -> object:
    """Refuse what is no date and time to begin with: a bare number says nothing of its unit."""
    if isinstance(value, str) and not _DATE_AND_TIME.match(value):
        msg = "an instant is written YYYY-MM-DDThh:mm:ss with its zone"
        raise ValueError(msg)
    return value


def _within_time(at: datetime) -> datetime:
    """Bring *at* to where every zone can tell it: what is asked about lies far within."""
    return min(max(at, _EARLIEST), _LATEST)


def _in_vietnam(at: datetime) -> datetime:
    """Take an instant without its zone for one of Vietnam's clocks."""
    return at.replace(tzinfo=VIETNAM) if at.tzinfo is None else at


Text: TypeAlias = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text that the database takes: without NUL."""
MaybeText: TypeAlias = Annotated[
    Annotated[Text, Field(max_length=LONGEST_TEXT)] | None, BeforeValidator(or_nothing)
]
"""The limit stands at the text: a field that was left empty has no length."""
MaybeInstant: TypeAlias = Annotated[
    Annotated[datetime, AfterValidator(_in_vietnam), AfterValidator(_within_time)] | None,
    BeforeValidator(or_nothing),
]
Instant: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_within_time)]
"""As programs write it: RFC 3339, with its zone."""
Number: TypeAlias = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
MaybeNumber: TypeAlias = Annotated[Number | None, BeforeValidator(or_nothing)]
PageSize: TypeAlias = Annotated[int, Field(ge=1, le=200)]


def as_entered(at: datetime | None) -> str:
    """Write *at* as a form's field takes it."""
    return at.astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M") if at is not None else ""


def attachment(name: str) -> dict[str, str]:
    """Return the headers of a file that is kept, never shown: it may be hostile."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": "sandbox"}


def streamed(original: Original, name: str) -> Response:
    """Return *original* as a file, a piece at a time."""
    headers = attachment(name) | {"Content-Length": str(original.octets)}
    return StreamingResponse(original.pieces, media_type="application/octet-stream", headers=headers)
