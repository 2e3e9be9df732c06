"""What a program reads where the server does not do what was asked (RFC 9457), in both languages."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from hub.transport.http_serving import Refusal, RefusalAnswer

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of problem: published, never reused, never renumbered."""

    code: str
    status: int
    vi: str
    en: str


class Problem(Enum):
    """Every problem that the server tells."""

    NOT_UNDERSTOOD = Kind(
        code="HOOK-4000",
        status=422,
        vi="Nội dung gửi không hiểu được; hãy sửa các mục nêu trong errors",
        en="What was sent cannot be understood: correct what errors names",
    )
    NOT_KNOWN = Kind(
        code="HOOK-4001",
        status=401,
        vi="Thiếu hoặc sai Authorization: Bearer; hãy dùng mã trong [[tokens]]",
        en="Authorization: Bearer is missing or wrong: use a token of [[tokens]]",
    )
    NOT_FOUND = Kind(code="HOOK-4004", status=404, vi="Không có mục này", en="There is nothing of that name")
    WRONG_METHOD = Kind(
        code="HOOK-4005",
        status=405,
        vi="Địa chỉ này không nhận lệnh đó",
        en="This address does not take that",
    )
    MALFORMED = Kind(
        code="HOOK-4006",
        status=400,
        vi="Yêu cầu không đúng dạng HTTP hoặc multipart",
        en="The request is not well-formed HTTP or multipart",
    )
    TOO_LARGE = Kind(
        code="HOOK-4007",
        status=413,
        vi="Nội dung gửi vượt giới hạn; hãy giảm dung lượng tệp",
        en="What was sent is too large: send smaller files",
    )
    TOO_SLOW = Kind(
        code="HOOK-4008", status=408, vi="Yêu cầu gửi đến quá chậm", en="The request came too slowly"
    )
    NO_KEY = Kind(
        code="HOOK-4009",
        status=400,
        vi="Thiếu Idempotency-Key; hãy đặt một mã riêng cho mỗi văn bản và giữ nguyên khi gửi lại",
        en="Idempotency-Key is missing: give each document a key of its own, the same when you send it again",
    )
    OTHER_KEY = Kind(
        code="HOOK-4010",
        status=422,
        vi="Idempotency-Key này đã dùng cho nội dung khác; hãy dùng mã mới",
        en="This Idempotency-Key was used for other content: use a new one",
    )
    UNFIT = Kind(
        code="HOOK-4011",
        status=422,
        vi="Không thành văn bản edXML gửi được; xem errors",
        en="This makes no edXML document that can be sent: see errors",
    )
    WRONG_TYPE = Kind(
        code="HOOK-4015",
        status=415,
        vi="Hãy gửi application/xml hoặc multipart/form-data",
        en="Send application/xml or multipart/form-data",
    )
    TOO_MANY = Kind(
        code="HOOK-4029",
        status=503,
        vi="Quá nhiều kết nối; hãy thử lại sau",
        en="Too many connections: try again later",
    )
    FAILED = Kind(
        code="HOOK-5000",
        status=500,
        vi="Bộ nối gặp lỗi; nhật ký của nó ghi rõ",
        en="The adapter has a fault; its log says which",
    )
    NO_ROOM = Kind(
        code="HOOK-5007",
        status=507,
        vi="Đĩa của bộ nối đã đầy; chưa có gì được nhận, hãy gửi lại sau",
        en="The adapter's disk is full: nothing was accepted, send it again later",
    )


class Asked(Exception):
    """A program asks for what it does not get."""

    def __init__(self, problem: Problem, *errors: str) -> None:
        """Answer with *problem*; *errors* say what exactly."""
        super().__init__(problem.value.en)
        self.problem = problem
        self.errors = errors


class ProblemDetails(BaseModel):
    """A problem as it is told."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Names the kind of problem; stays the same.")
    title: str
    status: int
    code: str = Field(description="The kind of problem, for programs.")
    vi: str = Field(description="What is wrong and the way out, in Vietnamese.")
    en: str = Field(description="The same in English.")
    errors: list[str] = Field(default=[], description="What exactly, where there is more to say.")


_REFUSALS: Final = {
    Refusal.TOO_LARGE: Problem.TOO_LARGE,
    Refusal.TOO_SLOW: Problem.TOO_SLOW,
    Refusal.TOO_MANY: Problem.TOO_MANY,
    Refusal.MALFORMED: Problem.MALFORMED,
    Refusal.FAILED: Problem.FAILED,
}


def told(problem: Problem, errors: tuple[str, ...] = ()) -> bytes:
    """Return *problem* as it goes out."""
    kind = problem.value
    details = ProblemDetails(
        type=f"urn:truc:webhook:{kind.code}",
        title=kind.en,
        status=kind.status,
        code=kind.code,
        vi=kind.vi,
        en=kind.en,
        errors=list(errors),
    )
    return details.model_dump_json().encode()


def refuse(refusal: Refusal) -> RefusalAnswer:
    """Return what a client is told that does not get to the application."""
    problem = _REFUSALS[refusal]
    return RefusalAnswer(status=problem.value.status, content_type=MEDIA_TYPE, body=told(problem))
