"""What this face answers where something is not done: its own numbers, and HTTP's where HTTP has a word."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from pydantic import BaseModel, Field

from adapters.vxp.refusals import Reason, Refused


class Number(NamedTuple):
    """The code of a reason, and the HTTP status that it goes out with."""

    code: int
    status: int


NOT_LOGGED_IN: Final = Number(101, 401)
LOGIN_REFUSED: Final = Number(102, 401)
NUMBERS: Final[Mapping[Reason, Number]] = MappingProxyType(
    {
        Reason.WRONG_HASH: Number(10, 200),
        Reason.TOO_LARGE: Number(10, 413),
        Reason.WRONG_CREDENTIALS: Number(15, 200),
        Reason.UNKNOWN_AGENCY: Number(18, 200),
        Reason.FOREIGN_AGENCY: Number(19, 200),
        Reason.FAILED: Number(20, 500),
        Reason.NOT_READY: Number(20, 503),
        Reason.BROKEN_SIGNATURE: Number(21, 200),
        Reason.NOT_EDXML: Number(22, 200),
        Reason.DISAGREEING_HEADERS: Number(22, 200),
        Reason.CLOSED_AGENCY: Number(23, 200),
        Reason.TOO_MANY_REQUESTS: Number(103, 429),
        Reason.NOT_ALLOWED: Number(104, 403),
        Reason.MISSING_PARAMETER: Number(105, 400),
        Reason.WRONG_PARAMETER: Number(105, 400),
        Reason.MALFORMED_REQUEST: Number(105, 400),
        Reason.CLOCK_SKEW: Number(105, 400),
        Reason.UNKNOWN_DOCUMENT: Number(106, 404),
        Reason.UNKNOWN_CALL: Number(107, 404),
        Reason.TOO_SLOW: Number(108, 408),
    }
)
"""0 and 10 to 23 are the interface's, 100 and above our own; published, never given another meaning."""


class Failure(BaseModel):
    """The answer where something was not done."""

    success: bool = Field(default=False, json_schema_extra={"const": False})
    code: int = Field(description="Why: see the table of codes.")
    message: str = Field(description="The same for people, in Vietnamese without marks and in English.")


class NotLoggedIn(Exception):
    """The caller shows no token that is in force."""


class LoginRefused(Exception):
    """Username or password are wrong: which of them, nobody is told."""


def failure_of(refused: Refused, *, invalid_file: bool = False) -> tuple[int, Failure]:
    """Return the HTTP status and the answer; with *invalid_file* what is malformed is the file."""
    number = NUMBERS[refused.reason]
    if invalid_file and refused.reason in {Reason.MALFORMED_REQUEST, Reason.MISSING_PARAMETER}:
        number = NUMBERS[Reason.WRONG_HASH]
    return number.status, Failure(code=number.code, message=f"{refused.vi} / {refused.en}")
