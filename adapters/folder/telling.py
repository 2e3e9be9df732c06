"""The sentences beside a document: what a receipt, a status and the kit's state say to a clerk."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final

from adapters.folder.books import News
from adapters.kit.delivery import ArrivedReceipt, ArrivedStatus
from adapters.kit.outgoing import OutgoingState
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.refusal import Sentence, presentable

VIETNAM: Final = timezone(timedelta(hours=7))
STATE_FILE: Final = "state.txt"
REASON_FILE: Final = "reason.txt"
ENVELOPE_FILE: Final = "document.edxml"
_LONGEST: Final = 500

STATES: Final = MappingProxyType(
    {
        None: Sentence("Chưa gửi", "Not sent"),
        OutgoingState.UPLOADING: Sentence("Đã ký, đang tải lên trục", "Signed, on its way up to the axis"),
        OutgoingState.JOURNALLED: Sentence("Đã ký, đang chờ gửi", "Signed, waiting to go out"),
        OutgoingState.CONFIRMED: Sentence("Đã gửi lên trục, chờ trả lời", "The axis has it, no answer yet"),
        OutgoingState.ACCEPTED: Sentence("Trục đã tiếp nhận", "Accepted by the axis"),
        OutgoingState.REFUSED: Sentence("Trục từ chối", "Refused by the axis"),
    }
)
HOW_TO_REPORT: Final = Sentence(
    "Để báo trạng thái, tạo trong thư mục này một tệp tên là mã trạng thái: "
    "03.txt đã tiếp nhận, 04.txt đã phân công, 05.txt đang xử lý, 06.txt hoàn thành, "
    "02.txt từ chối (ghi lý do trong tệp), 15.txt / 16.txt đồng ý / không đồng ý lấy lại, cập nhật.",
    "To report a status, make a file in this folder that is named after it: "
    "03.txt registered, 04.txt assigned, 05.txt in progress, 06.txt finished, "
    "02.txt refused (write the reason into it), 15.txt / 16.txt agree or not to a recall or an update.",
)


def day_of(at: datetime) -> str:
    """Return the day of *at* in Vietnam, as folders are named."""
    return at.astimezone(VIETNAM).date().isoformat()


def state_text(title: str, now: Sentence, news: Iterable[News], *, hint: Sentence | None = None) -> str:
    """Return what `state.txt` says, Vietnamese first in every line."""
    lines = [title, f"Trạng thái / State: {now.vi} / {now.en}", ""]
    lines += [f"{each.at.astimezone(VIETNAM):%d.%m.%Y %H:%M:%S}  {each.vi} / {each.en}" for each in news]
    if hint is not None:
        lines += ["", hint.vi, hint.en]
    return "\n".join([*lines, ""])


def news_of_receipt(arrived: ArrivedReceipt, holder: str) -> News:
    """Return what a receipt says."""
    receipt = arrived.receipt
    sentence = receipt_sentence(receipt)
    return News(
        key=f"receipt {receipt.receipt_id}",
        holder=holder,
        name=f"receipts/{receipt.issued_at:%Y%m%dT%H%M%S}-{arrived.sheet_id}.xml",
        body=arrived.body,
        vi=_line(sentence.vi),
        en=_line(sentence.en),
        at=receipt.issued_at,
    )


def news_of_status(arrived: ArrivedStatus, holder: str, at: datetime) -> News:
    """Return what a status from another agency says."""
    header = arrived.header
    told = f"{header.sender}: {header.status.value} {header.description}"
    return News(
        key=f"status {arrived.delivery_id}",
        holder=holder,
        name=f"statuses/{at:%Y%m%dT%H%M%S}-{header.status.value}-{arrived.delivery_id}.edxml",
        body=arrived.body,
        vi=_line(told),
        en=f"status {header.status.value} from {_line(header.sender)}",
        at=at,
    )


def refusal_of(receipt: Receipt) -> tuple[Sentence, ...]:
    """Return why the axis refused."""
    return tuple(Sentence(f"{each.code}: {each.vi}", each.en) for each in receipt.violations) or (
        Sentence("Trục từ chối.", "The axis refused it."),
    )


def receipt_sentence(receipt: Receipt) -> Sentence:
    """Return what *receipt* says in one sentence."""
    who = ", ".join(subject.recipient for subject in receipt.subjects)
    match receipt.event:
        case ReceiptEvent.SUBMISSION_ACCEPTANCE:
            return Sentence("Trục đã tiếp nhận", "accepted by the axis")
        case ReceiptEvent.SUBMISSION_REJECTION:
            first = refusal_of(receipt)[0]
            return Sentence(f"Trục từ chối: {first.vi}", f"refused by the axis: {first.en}")
        case ReceiptEvent.CONTENT_CONSIGNMENT:
            return Sentence(f"Đã đến hộp thư của {who}", f"in the mailbox of {who}")
        case ReceiptEvent.CONTENT_HANDOVER:
            return Sentence(f"{who} đã nhận", f"taken by {who}")
        case ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE:
            cause = receipt.cause or ""
            return Sentence(
                f"Không chuyển được đến {who}: {cause}", f"could not be delivered to {who}: {cause}"
            )


def _line(text: str) -> str:
    return presentable(text, longest=_LONGEST)
