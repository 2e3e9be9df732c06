"""Scenarios of what arrives and is good: documents, statuses, receipts."""

from collections.abc import Callable
from functools import partial
from typing import Final

from hub.commands.conforming import papers
from hub.commands.conforming.axis import a_receipt
from hub.commands.conforming.papers import Paper
from hub.commands.conforming.place import OWN, PARTNER, Place
from hub.commands.conforming.scenario import RuleBroken, Scenario
from hub.commands.conforming.stage import Stage
from hub.message.edxml import MessageKind
from hub.message.identifiers import agency_key
from hub.message.receipt import ReceiptEvent
from hub.message.refusal import Sentence

_TAKEN: Final = Sentence("bộ kết nối ack lượt chuyển", "the adapter acknowledges the delivery")
_LOOK_AT_READING: Final = Sentence(
    "xem vì sao phần mềm không đọc được phong bì này; so với docs/how-to/use-the-kit.md",
    "see why the software cannot read this envelope; compare with docs/how-to/use-the-kit.md",
)


async def _takes(make: Callable[[Place], Paper], stage: Stage) -> None:
    await stage.taken(await stage.deliver(make(stage.place)))


async def _answers_arrived(stage: Stage) -> None:
    paper = papers.plain(stage.place)
    consigned = await stage.deliver(paper)
    answer = await stage.answered(paper.document_id)
    if answer.header.original_sender != PARTNER or agency_key(answer.header.sender) != agency_key(OWN):
        raise RuleBroken(
            "trạng thái 01 sai bên gửi hoặc bên nhận: From là đơn vị nhận, ResponseFor là đơn vị gửi",
            "status 01 names the wrong parties: From is the recipient, ResponseFor the document's sender",
        )
    if answer.submission.about not in {None, str(consigned.delivery_id)}:
        raise RuleBroken("x-delivery-id của trạng thái sai", "the status names another delivery")


async def _answers_for_unit(stage: Stage) -> None:
    paper = papers.to_several(stage.place)
    await stage.deliver(paper)
    answer = await stage.answered(paper.document_id)
    if agency_key(answer.header.sender) != agency_key(paper.recipient):
        raise RuleBroken(
            f"trạng thái 01 mang tên {answer.header.sender} thay vì đơn vị nhận {paper.recipient}",
            f"status 01 is from {answer.header.sender}, not from the unit meant, {paper.recipient}",
        )


async def _takes_status(stage: Stage) -> None:
    status = papers.a_status(stage.place)
    await stage.taken(await stage.axis.deliver(status.body, recipient=OWN, kind=MessageKind.STATUS))
    await stage.calm()
    if stage.answers(status.document_id):
        raise RuleBroken("một trạng thái được trả lời bằng trạng thái", "a status was answered with a status")


async def _takes_receipt(stage: Stage) -> None:
    await stage.taken(await stage.axis.send_receipts(a_receipt(ReceiptEvent.CONTENT_CONSIGNMENT)))


async def _takes_sheet(stage: Stage) -> None:
    receipts = [a_receipt(ReceiptEvent.CONTENT_HANDOVER) for _ in range(3)]
    await stage.taken(await stage.axis.send_receipts(*receipts))


def _golden(name: str, make: Callable[[Place], Paper], vi: str, en: str) -> Scenario:
    return Scenario(
        name=f"receive.{name}",
        rule="QCVN 102:2016; kit: receiving",
        sent=Sentence(vi, en),
        expected=_TAKEN,
        way_out=_LOOK_AT_READING,
        play=partial(_takes, make),
    )


RECEIVING: Final = (
    _golden(
        "java",
        papers.plain,
        "văn bản theo thứ tự phần tử của SDK Java",
        "a document in the order of the vendors' Java software",
    ),
    _golden(
        "dotnet",
        papers.from_dotnet,
        "văn bản theo thứ tự phần tử của SDK .NET",
        "a document in the order of the vendors' .NET software",
    ),
    _golden(
        "several",
        papers.to_several,
        "văn bản gửi ba nơi, đơn vị phía sau hộp thư là nơi cuối",
        "a document to three, of whom a unit behind the mailbox is the last",
    ),
    _golden(
        "attachments",
        papers.with_attachments,
        "văn bản có bốn tệp, một tệp nén, một tệp 3 MB",
        "a document with four files, one wrapped, one of 3 MB",
    ),
    _golden("urgent", papers.urgent, "văn bản hỏa tốc", "an urgent document (hỏa tốc)"),
    Scenario(
        name="receive.status",
        rule="QĐ 28/2018, Phụ lục; journey: statuses",
        sent=Sentence("trạng thái 03 của đơn vị khác", "status 03 from another agency"),
        expected=Sentence(
            "bộ kết nối ack và không gửi trạng thái nào về nó",
            "the adapter acknowledges it and sends no status about it",
        ),
        way_out=Sentence("không trả lời trạng thái bằng trạng thái", "never answer a status with a status"),
        play=_takes_status,
    ),
    Scenario(
        name="receive.receipt",
        rule="ETSI EN 319 522; receipt.xsd",
        sent=Sentence("biên nhận ký bởi trục", "a receipt signed by the hub"),
        expected=_TAKEN,
        way_out=Sentence(
            "kiểm tra chữ ký với hub-certificate.pem rồi lưu nguyên văn",
            "verify it with hub-certificate.pem and keep its exact bytes",
        ),
        play=_takes_receipt,
    ),
    Scenario(
        name="receive.sheet",
        rule="decision 0007: receipt sheets",
        sent=Sentence("một tờ ba biên nhận, một chữ ký", "three receipts on one sheet, under one signature"),
        expected=_TAKEN,
        way_out=Sentence(
            "đọc phần tử gốc Receipts cũng như Receipt", "read the root element Receipts as well as Receipt"
        ),
        play=_takes_sheet,
    ),
    Scenario(
        name="answer.arrived",
        rule="QĐ 28/2018: 01 đã đến; journey, step 13",
        sent=Sentence("một văn bản", "a document"),
        expected=Sentence(
            "trạng thái 01 từ đơn vị nhận về đơn vị gửi, trong thời hạn",
            "status 01 from the recipient to the sender, in time",
        ),
        way_out=Sentence(
            "gửi 01 ngay khi văn bản đã nằm trong phần mềm của đơn vị",
            "send 01 as soon as the document is in the agency's software",
        ),
        play=_answers_arrived,
    ),
    Scenario(
        name="answer.for-unit",
        rule="journey: several recipients",
        sent=Sentence("văn bản cho đơn vị phía sau hộp thư", "a document for a unit behind the mailbox"),
        expected=Sentence("trạng thái 01 mang tên đơn vị đó", "status 01 in that unit's own name"),
        way_out=Sentence(
            "đơn vị nhận đứng trong x-recipient, không phải trong To đầu tiên",
            "the recipient meant stands in x-recipient, not in the first To",
        ),
        play=_answers_for_unit,
    ),
)
