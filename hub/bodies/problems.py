"""What a mailbox reads where the service of large bodies does not do what was asked (RFC 9457)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from hub.message.refusal import Sentence
from hub.transport.http_serving import Refusal, RefusalAnswer

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of problem: published, never reused, never renumbered."""

    code: str
    status: int
    title: Sentence


class Problem(Enum):
    """Every problem that the service tells."""

    NOT_UNDERSTOOD = Kind(
        code="BODIES-4000",
        status=400,
        title=Sentence("Không hiểu được yêu cầu", "What was sent cannot be understood"),
    )
    NOT_PROVED = Kind(
        code="BODIES-4001",
        status=401,
        title=Sentence(
            "Yêu cầu không chứng minh được là của hộp thư nào",
            "The request does not prove whose mailbox it comes from",
        ),
    )
    NOT_ALLOWED = Kind(
        code="BODIES-4003",
        status=403,
        title=Sentence(
            "Chứng thư này không phải của hộp thư đã nêu", "This certificate is not that of the mailbox"
        ),
    )
    NOTHING_FOUND = Kind(
        code="BODIES-4004",
        status=404,
        title=Sentence("Không có nội dung nào như vậy cho hộp thư này", "There is no such body for you"),
    )
    WRONG_METHOD = Kind(
        code="BODIES-4005",
        status=405,
        title=Sentence("Địa chỉ này không nhận phương thức đó", "This address does not take that"),
    )
    WRONG_PART = Kind(
        code="BODIES-4009",
        status=409,
        title=Sentence(
            "Phần gửi lên không nối tiếp phần đã có; hãy gửi từ Upload-Offset",
            "The part is not the next one: go on from Upload-Offset",
        ),
    )
    EXPIRED = Kind(
        code="BODIES-4010",
        status=410,
        title=Sentence("Nội dung đã hết thời hạn lưu giữ", "The body is kept no longer"),
    )
    TOO_LARGE = Kind(
        code="BODIES-4013",
        status=413,
        title=Sentence("Nội dung quá lớn", "That is too large"),
    )
    NO_SUCH_RANGE = Kind(
        code="BODIES-4016",
        status=416,
        title=Sentence("Khoảng byte yêu cầu nằm ngoài nội dung", "The range lies outside of the body"),
    )
    WRONG_DIGEST = Kind(
        code="BODIES-4022",
        status=422,
        title=Sentence(
            "Nội dung gửi lên không khớp SHA-256 đã nêu; hãy gửi lại từ đầu",
            "What was sent does not have the SHA-256 that was announced: begin anew",
        ),
    )
    QUOTA = Kind(
        code="BODIES-4029",
        status=429,
        title=Sentence(
            "Hộp thư đã gửi lên quá nhiều nội dung chưa có văn bản nào dùng",
            "The mailbox has too much checked in that no message claims",
        ),
    )
    FAILED = Kind(
        code="BODIES-5000",
        status=500,
        title=Sentence(
            "Dịch vụ gặp lỗi; nhật ký cho biết lỗi nào", "The service has a fault; its log says which"
        ),
    )
    AWAY = Kind(
        code="BODIES-5003",
        status=503,
        title=Sentence(
            "Kho lưu trữ chưa sẵn sàng; hãy thử lại sau",
            "Something that the service needs does not answer: try again later",
        ),
    )


class Refused(Exception):
    """Somebody asks for what they do not get."""

    def __init__(self, problem: Problem, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Answer with *problem*; *detail* is for who asked."""
        super().__init__(problem.value.title.en)
        self.problem = problem
        self.detail = detail
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    problem: Problem
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        kind = self.problem.value
        told = {
            "type": f"urn:truc:{kind.code.lower()}",
            "title": kind.title.en,
            "status": kind.status,
            "code": kind.code,
            "vi": kind.title.vi,
            "en": kind.title.en,
            "detail": self.detail,
        }
        return json.dumps(told, ensure_ascii=False).encode()


def answer(refused: Refused) -> Response:
    """Return what whoever asked is told."""
    told = _Told(problem=refused.problem, detail=refused.detail)
    return Response(
        told.body,
        status_code=refused.problem.value.status,
        media_type=MEDIA_TYPE,
        headers=refused.headers,
    )


_OF_THE_SERVER: Final = MappingProxyType(
    {
        Refusal.TOO_LARGE: Problem.TOO_LARGE,
        Refusal.TOO_SLOW: Problem.NOT_UNDERSTOOD,
        Refusal.TOO_MANY: Problem.AWAY,
        Refusal.MALFORMED: Problem.NOT_UNDERSTOOD,
        Refusal.FAILED: Problem.FAILED,
    }
)


def refuse(refusal: Refusal) -> RefusalAnswer:
    """Write what never gets to the application, in the words of this service."""
    problem = _OF_THE_SERVER[refusal]
    told = _Told(problem=problem, detail=refusal.value)
    return RefusalAnswer(status=problem.value.status, content_type=MEDIA_TYPE, body=told.body)
