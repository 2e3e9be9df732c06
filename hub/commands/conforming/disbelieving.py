"""Scenarios of what must not be believed: forged documents and forged receipts."""

from dataclasses import replace
from functools import partial
from typing import Final

from hub.commands.conforming import papers
from hub.commands.conforming.axis import Consigned, Reply, a_receipt
from hub.commands.conforming.hostile import FORGERIES, Forge
from hub.commands.conforming.place import PARTNER
from hub.commands.conforming.scenario import Need, Play, RuleBroken, Scenario
from hub.commands.conforming.stage import Stage
from hub.commands.conforming.tap import Settled
from hub.message.edxml import StatusCode
from hub.message.identifiers import DocumentId, MailboxName, digest_of
from hub.message.receipt import ReceiptEvent
from hub.message.refusal import Sentence

_GIVEN_BACK: Final = Sentence(
    "reject với requeue=false (hoặc 02 có lý do); không 01, không ack lặng lẽ",
    "reject with requeue=false (or 02 with a reason); no 01, and no silent acknowledgement",
)


async def _gives_back(forge: Forge, stage: Stage) -> None:
    forgery = forge(stage.place)
    consigned = await stage.deliver_forged(forgery)
    await _is_given_back(consigned, forgery.document_id, stage)
    await stage.taken(await stage.deliver(papers.plain(stage.place)))  # it is still alive


async def _is_given_back(consigned: Consigned, document: DocumentId | None, stage: Stage) -> None:
    how = (await stage.settled(consigned)).how
    if how is Settled.REQUEUED:
        raise RuleBroken(
            "lượt chuyển bị đưa lại vào hàng (requeue): nó sẽ đến mãi",
            "it was put back into the queue (requeue): it comes again and again",
        )
    if how is Settled.REJECTED:
        await stage.calm(0.3)
    elif document is None or not await _is_refused(document, stage):
        raise RuleBroken(
            "bộ kết nối ack thứ không thể tin", "the adapter acknowledged what must not be believed"
        )
    if document is not None and (said := _statuses(document, stage) - {StatusCode.REFUSED}):
        told = ", ".join(sorted(said))
        raise RuleBroken(f"bộ kết nối trả lời {told}", f"the adapter answered {told}")


async def _is_refused(document: DocumentId, stage: Stage) -> bool:
    await stage.calm()
    return any(
        each.header.status is StatusCode.REFUSED and each.header.description.strip()
        for each in stage.answers(document)
    )


def _statuses(document: DocumentId, stage: Stage) -> set[StatusCode]:
    return {each.header.status for each in stage.answers(document)}


async def _receipt_by_stranger(stage: Stage) -> None:
    receipt = a_receipt(ReceiptEvent.CONTENT_HANDOVER)
    consigned = await stage.axis.send_receipts(receipt, key=stage.place.stranger)
    await _is_given_back(consigned, None, stage)


async def _receipt_by_agency(stage: Stage) -> None:
    receipt = a_receipt(ReceiptEvent.CONTENT_HANDOVER)
    consigned = await stage.axis.send_receipts(receipt, key=stage.place.key_of(PARTNER))
    await _is_given_back(consigned, None, stage)


async def _altered_receipt(stage: Stage) -> None:
    spoilt = (b"ContentConsignment<", b"ContentHandover<")
    receipt = a_receipt(ReceiptEvent.CONTENT_CONSIGNMENT)
    await _is_given_back(await stage.axis.send_receipts(receipt, spoilt=spoilt), None, stage)


async def _receipt_for_another(stage: Stage) -> None:
    receipt = replace(a_receipt(ReceiptEvent.CONTENT_HANDOVER), mailbox=MailboxName("H99"))
    await _is_given_back(await stage.axis.send_receipts(receipt), None, stage)


async def _receipt_about_other_content(stage: Stage) -> None:
    stage.axis.reply = Reply.SAY_NOTHING
    before = len(stage.axis.submissions)
    await stage.adapter.send()
    submission = await stage.until(
        lambda: next(iter(stage.documents(since=before)), None),
        "không có văn bản nào được gửi",
        "no document was submitted",
    )
    other = replace(a_receipt(ReceiptEvent.SUBMISSION_ACCEPTANCE, submission), digest=digest_of(b"other"))
    await _is_given_back(await stage.axis.send_receipts(other), None, stage)
    await stage.axis.decide(submission, Reply.ACCEPT)


def _forged(name: str, forge: Forge, what: Sentence) -> Scenario:
    return Scenario(
        name=f"hostile.{name}",
        rule="decision 0003; nothing is read before it is verified",
        sent=Sentence(f"văn bản {what.vi}", f"a document {what.en}"),
        expected=_GIVEN_BACK,
        way_out=Sentence(
            "kiểm tra toàn bộ phong bì, chứng thư tới gốc tin cậy, và so với x-sender, x-recipient, type",
            "verify the whole envelope, the certificate up to an anchor, and compare with x-sender, "
            "x-recipient and type",
        ),
        play=partial(_gives_back, forge),
    )


def _forged_receipt(name: str, play: Play, what: Sentence, *needs: Need) -> Scenario:
    return Scenario(
        name=f"receipt.{name}",
        rule="receipt.xsd; decision 0007; a receipt is evidence",
        sent=Sentence(f"biên nhận {what.vi}", f"a receipt {what.en}"),
        expected=Sentence("reject với requeue=false", "reject with requeue=false"),
        way_out=Sentence(
            "chỉ tin chính chứng thư trong hub-certificate.pem; so hộp thư và SHA-256 với điều đã gửi",
            "believe the very certificate in hub-certificate.pem alone; compare mailbox and SHA-256 with "
            "what was submitted",
        ),
        play=play,
        needs=needs,
    )


DISBELIEVING: Final = (
    *(_forged(name, forge, what) for name, (forge, what) in FORGERIES.items()),
    _forged_receipt(
        "stranger",
        _receipt_by_stranger,
        Sentence("ký bởi người lạ", "signed by a stranger"),
    ),
    _forged_receipt(
        "agency",
        _receipt_by_agency,
        Sentence("ký bởi một cơ quan, cùng gốc tin cậy", "signed by an agency, under the same anchor"),
    ),
    _forged_receipt(
        "altered", _altered_receipt, Sentence("bị sửa sau khi ký", "changed after it was signed")
    ),
    _forged_receipt(
        "other-mailbox", _receipt_for_another, Sentence("của hộp thư khác", "for another mailbox")
    ),
    _forged_receipt(
        "other-content",
        _receipt_about_other_content,
        Sentence("về nội dung khác với nội dung đã gửi", "about other content than was submitted"),
        Need.SEND,
    ),
)
