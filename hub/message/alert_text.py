"""What an alert says to a person, in Vietnamese and English: what happened, since when, what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from hub.message.alert import AlertKind, Moment
from hub.message.receipt_xml import VIETNAM_TIME

MOST_TOLD: Final = 100
"""Paragraphs of one letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell on one channel."""

    notice_id: int
    alert_id: int
    moment: Moment
    kind: AlertKind
    subject: str
    detail: dict[str, object]
    opened_at: datetime
    closed_at: datetime | None
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A notice, or several that came together, as they are read."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wording:
    vi: str
    en: str
    next_vi: str
    next_en: str


_WORDINGS: Final = MappingProxyType(
    {
        AlertKind.RECIPIENT_FAILING: _Wording(
            vi="Hộp thư {subject} không nhận được văn bản",
            en="Mailbox {subject} takes nothing",
            next_vi="Liên hệ đơn vị; văn bản được giữ lại và tự gửi tiếp khi hệ thống của họ hoạt động."
            " Xem: truc queues",
            next_en="Call the agency; its documents are kept and go out by themselves once its system works."
            " See: truc queues",
        ),
        AlertKind.QUEUE_LOST: _Wording(
            vi="Hàng đợi của {subject} đã bị xoá, tạo lại hoặc làm rỗng; văn bản trong đó có thể đã mất",
            en="The queue of {subject} was deleted, made anew or emptied; what lay in it may be lost",
            next_vi="Mọi văn bản vẫn còn trong cơ sở dữ liệu. Xem: truc losses list."
            " Gửi lại: truc losses mend MÃ_HỘP_THƯ",
            next_en="The database still has all of it. See: truc losses list."
            " Send it again: truc losses mend MAILBOX",
        ),
        AlertKind.QUEUE_GROWING: _Wording(
            vi="Văn bản gửi tới {subject} đang chờ quá lâu",
            en="Deliveries for {subject} wait too long",
            next_vi="Kiểm tra trục và hộp thư này. Xem: truc queues",
            next_en="Look at the hub processes and at this mailbox. See: truc queues",
        ),
        AlertKind.CERTIFICATE_ENDING: _Wording(
            vi="Chứng thư số {subject} sắp hết hạn",
            en="Certificate {subject} ends soon",
            next_vi="Đề nghị đơn vị gửi chứng thư mới rồi đăng ký song song. Xem: truc certificates list",
            next_en="Ask the agency for its next one and register it beside. See: truc certificates list",
        ),
        AlertKind.DEADLINE_AT_RISK: _Wording(
            vi="Văn bản sắp đến hạn mà {subject} chưa xác nhận",
            en="Documents fall due that {subject} has not acknowledged",
            next_vi="Liên hệ đơn vị nhận; danh sách ở trang Trễ hạn.",
            next_en="Call the recipient; the page Late lists them.",
        ),
        AlertKind.INVALID_RISING: _Wording(
            vi="Nhiều thông điệp không hợp lệ bất thường",
            en="Unusually many invalid messages",
            next_vi="Xem ai gửi và lý do: truc invalid list",
            next_en="See who sends them and why: truc invalid list",
        ),
        AlertKind.CASES_RISING: _Wording(
            vi="Nhiều văn bản gửi không thành công bất thường",
            en="Unusually many dead letters",
            next_vi="Xem theo nguyên nhân: truc deadletter groups",
            next_en="See them by cause: truc deadletter groups",
        ),
        AlertKind.AUDIT_UNSEALED: _Wording(
            vi="Nhật ký kiểm toán chưa được niêm phong",
            en="The audit log is not being sealed",
            next_vi="Ít nhất một tiến trình phải có sealer_dsn. Xem: truc audit verify",
            next_en="At least one hub process needs sealer_dsn. See: truc audit verify",
        ),
        AlertKind.TEST: _Wording(
            vi="Thử kênh cảnh báo, theo yêu cầu của {subject}",
            en="A test of the alerts, asked for by {subject}",
            next_vi="Không cần làm gì.",
            next_en="Nothing is to be done.",
        ),
    }
)
_MOMENTS: Final = MappingProxyType(
    {
        Moment.START: ("BẮT ĐẦU", "START"),
        Moment.END: ("KẾT THÚC", "END"),
        Moment.TEST: ("THỬ", "TEST"),
    }
)


def letter(notices: Sequence[Notice]) -> Letter:
    """Write *notices*, one or more, as one letter; details are the hub's own figures and names.

    Of many the first `MOST_TOLD` are told, and how many there are: nobody reads thousands.
    """
    first = notices[0]
    if len(notices) == 1:
        vi, _ = _MOMENTS[first.moment]
        return Letter(subject=f"[Trục] {vi}: {_said(first)[0]}", text=_paragraph(first))
    title = f"[Trục] {len(notices)} cảnh báo / alerts"
    paragraphs = [_paragraph(each) for each in notices[:MOST_TOLD]]
    if (left := len(notices) - MOST_TOLD) > 0:
        paragraphs.append(f"… còn {left} / {left} more. Xem / see: truc alerts list")
    return Letter(subject=title, text="\n\n".join(paragraphs))


def _said(notice: Notice) -> tuple[str, str]:
    wording = _WORDINGS[notice.kind]
    return wording.vi.format(subject=notice.subject), wording.en.format(subject=notice.subject)


def _paragraph(notice: Notice) -> str:
    wording, (vi, en) = _WORDINGS[notice.kind], _said(notice)
    moment_vi, moment_en = _MOMENTS[notice.moment]
    lines = [f"{moment_vi}: {vi}.", f"{moment_en}: {en}.", f"Từ / since: {_local(notice.opened_at)}"]
    if notice.closed_at is not None:
        lines.append(f"Đến / until: {_local(notice.closed_at)}")
    lines += [f"  {name}: {value}" for name, value in notice.detail.items()]
    if notice.moment is Moment.START:
        lines += [wording.next_vi, wording.next_en]
    return "\n".join(lines)


def _local(at: datetime) -> str:
    return at.astimezone(VIETNAM_TIME).isoformat(" ", "seconds")
