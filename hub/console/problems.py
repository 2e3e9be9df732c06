"""What a person or a program reads where the console does not do what was asked (RFC 9457)."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from hub.console.languages import msgid

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of problem: published, never reused, never renumbered."""

    code: str
    status: int
    title: str


class Problem(Enum):
    """Every problem that the console tells."""

    NOT_UNDERSTOOD = Kind(code="CONSOLE-4000", status=422, title=msgid("What was sent cannot be understood"))
    NOT_LOGGED_IN = Kind(code="CONSOLE-4001", status=401, title=msgid("Please log in first"))
    LOGIN_REFUSED = Kind(
        code="CONSOLE-4002", status=401, title=msgid("Login or password are wrong, or the account is closed")
    )
    NOT_ALLOWED = Kind(
        code="CONSOLE-4003", status=403, title=msgid("Your role does not go so far: ask who may")
    )
    NOTHING_FOUND = Kind(code="CONSOLE-4004", status=404, title=msgid("There is nothing of that name here"))
    WRONG_METHOD = Kind(code="CONSOLE-4005", status=405, title=msgid("This address does not take that"))
    FOREIGN_FORM = Kind(
        code="CONSOLE-4006",
        status=403,
        title=msgid("This did not come from a page of your session: open the page again and repeat it"),
    )
    TOO_LARGE = Kind(code="CONSOLE-4007", status=413, title=msgid("What was sent is too large"))
    OTHER_REQUEST = Kind(code="CONSOLE-4008", status=400, title=msgid("This request cannot be answered"))
    REFUSED = Kind(
        code="CONSOLE-4009", status=409, title=msgid("That was not done, since it would break a guarantee")
    )
    TOO_MANY = Kind(
        code="CONSOLE-4010", status=429, title=msgid("Too many logins have failed: try again later")
    )
    FAILED = Kind(code="CONSOLE-5000", status=500, title=msgid("The console has a fault; its log says which"))
    AWAY = Kind(
        code="CONSOLE-5003",
        status=503,
        title=msgid("Something that the console needs does not answer: the same may succeed later"),
    )


class Asked(Exception):
    """Somebody asks for what they do not get."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        """Answer with *problem*; *detail* is for who asked."""
        super().__init__(problem.value.title)
        self.problem = problem
        self.detail = detail


class ProblemDetails(BaseModel):
    """A problem as the REST API tells it."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Names the kind of problem; stays the same.")
    title: str = Field(description="What is wrong, in the language that was asked for.")
    status: int
    code: str = Field(description="The kind of problem, for programs.")
    vi: str = Field(description="What is wrong, in Vietnamese.")
    en: str = Field(description="What is wrong, in English.")
    detail: str = Field(default="", description="What exactly, where there is more to say.")
    errors: list[str] = Field(default=[], description="Every part that was not understood.")
