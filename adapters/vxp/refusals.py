"""Why the gateway refuses a call: one table; each face has its own numbers for it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.message.refusal import Sentence, presentable

_LONGEST: Final = 300


class Reason(StrEnum):
    """What is wrong with a call."""

    UNKNOWN_CALL = "unknown-call"
    MISSING_PARAMETER = "missing-parameter"
    WRONG_PARAMETER = "wrong-parameter"
    WRONG_CREDENTIALS = "wrong-credentials"
    """Unknown system, wrong secret, broken signature of the headers: a stranger is not told which."""
    CLOCK_SKEW = "clock-skew"
    NOT_ALLOWED = "not-allowed"
    """The system may not use this face, or not do this."""
    FOREIGN_AGENCY = "foreign-agency"
    """The system does not speak for the agency that it names."""
    TOO_MANY_REQUESTS = "too-many-requests"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    MALFORMED_REQUEST = "malformed-request"
    WRONG_HASH = "wrong-hash"
    NOT_EDXML = "not-edxml"
    DISAGREEING_HEADERS = "disagreeing-headers"
    """What the envelope says and what the call says are not the same."""
    BROKEN_SIGNATURE = "broken-signature"
    UNKNOWN_DOCUMENT = "unknown-document"
    UNKNOWN_AGENCY = "unknown-agency"
    CLOSED_AGENCY = "closed-agency"
    NOT_READY = "not-ready"
    """Something that the gateway needs is away: try again."""
    FAILED = "failed"


SENTENCES: Final[Mapping[Reason, Sentence]] = MappingProxyType(
    {
        Reason.UNKNOWN_CALL: Sentence("Khong co dich vu nay", "There is no such call"),
        Reason.MISSING_PARAMETER: Sentence("Thieu tham so {name}", "The parameter {name} is missing"),
        Reason.WRONG_PARAMETER: Sentence(
            "Tham so {name} khong hop le: {value}", "The parameter {name} is not valid: {value}"
        ),
        Reason.WRONG_CREDENTIALS: Sentence(
            "Xac thuc khong thanh cong: kiem tra systemid va secret",
            "Authentication failed: check systemid and secret",
        ),
        Reason.CLOCK_SKEW: Sentence(
            "Thoi gian gui (timestamp) lech qua {minutes} phut so voi may chu",
            "The timestamp is more than {minutes} minutes away from the server's clock",
        ),
        Reason.NOT_ALLOWED: Sentence(
            "He thong khong duoc phep dung dich vu nay", "The system may not use this call"
        ),
        Reason.FOREIGN_AGENCY: Sentence(
            "Don vi gui {sender} khong dung voi ma da dang ky: {registered}",
            "The sender {sender} is not what the system is registered for: {registered}",
        ),
        Reason.TOO_MANY_REQUESTS: Sentence(
            "Vuot qua so luot goi cho phep, thu lai sau {seconds} giay",
            "Too many calls, try again in {seconds} seconds",
        ),
        Reason.TOO_LARGE: Sentence(
            "Goi tin vuot qua kich thuoc cho phep", "The message is larger than allowed"
        ),
        Reason.TOO_SLOW: Sentence("Goi tin gui qua cham", "The request came too slowly"),
        Reason.MALFORMED_REQUEST: Sentence(
            "Yeu cau khong dung dinh dang: {detail}", "The request is not well-formed: {detail}"
        ),
        Reason.WRONG_HASH: Sentence(
            "Ma bam hash-file khong khop voi noi dung goi tin", "hash-file does not match the content"
        ),
        Reason.NOT_EDXML: Sentence(
            "Goi tin khong dung dinh dang edXML: {detail}", "The message is no edXML: {detail}"
        ),
        Reason.DISAGREEING_HEADERS: Sentence(
            "Tham so {name} ({said}) khac voi goi tin edXML ({written})",
            "The parameter {name} ({said}) is not what the edXML says ({written})",
        ),
        Reason.BROKEN_SIGNATURE: Sentence(
            "Chu ky so cua goi tin khong hop le: {detail}",
            "The signature of the message does not hold: {detail}",
        ),
        Reason.UNKNOWN_DOCUMENT: Sentence("Khong tim thay van ban {doc_id}", "There is no document {doc_id}"),
        Reason.UNKNOWN_AGENCY: Sentence("Khong tim thay don vi {code}", "There is no agency {code}"),
        Reason.CLOSED_AGENCY: Sentence(
            "Don vi {code} da dong, khong con nhan van ban",
            "The agency {code} is closed and receives nothing",
        ),
        Reason.NOT_READY: Sentence(
            "He thong tam thoi chua san sang, thu lai sau", "Not ready at present, try again later"
        ),
        Reason.FAILED: Sentence("Loi he thong", "The gateway failed"),
    }
)
"""Vietnamese without marks, as the original interface writes it, and English."""


class Refused(Exception):
    """The calling system acts: what it asks for is not done, and it is told why."""

    def __init__(self, reason: Reason, **values: object) -> None:
        """Refuse for *reason*; *values* fill its sentences, shortened: strangers may have written them."""
        self.reason = reason
        filled = {name: presentable(str(value), longest=_LONGEST) for name, value in values.items()}
        sentence = SENTENCES[reason]
        self.vi = sentence.vi.format(**filled)
        self.en = sentence.en.format(**filled)
        super().__init__(self.en)
