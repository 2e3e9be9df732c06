"""The story itself, act by act."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.kit.delivery import Delivery
from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.desk import Case, CaseFilter
from hub.commands import shown
from hub.commands.demonstration import papers
from hub.commands.demonstration.cast import (
    CAO_BANG,
    GOVERNMENT_OFFICE,
    NGHE_AN,
    NGHE_AN_DEPARTMENT,
    NGHE_AN_OFFICE,
    NOBODY,
)
from hub.commands.demonstration.checks import Checks, StoryBroken
from hub.commands.demonstration.office import Office
from hub.commands.demonstration.stage import Stage, set_up
from hub.commands.local_axis import NewAgency
from hub.commands.shown import VIETNAM
from hub.commands.trace import show as show_trace
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode, AgencyKey, DocumentId, SubmissionId, agency_key, digest_of
from hub.message.receipt import ReceiptEvent
from hub.operations.cases import CaseDesk
from hub.operations.trace import Trace, trace

SETTLING_SECONDS: Final = 5.0
_OPERATOR: Final = "trực ban (demo)"


async def play(home: Path | None, *, as_json: bool) -> bool:
    """Play the whole story; returns whether everything came as expected."""
    checks = Checks(is_quiet=as_json)
    async with set_up(home, checks) as stage:
        number = f"{datetime.now(VIETNAM):%y%m%d%H%M%S}"
        submissions = [
            await _many_recipients(stage, number + "1"),
            await _refused(stage, number + "2"),
            await _failed_and_repaired(stage, number + "3"),
        ]
        traces = await _settled(stage, submissions)
    _conclude(checks, traces, as_json=as_json)
    return not checks.failed


async def _settled(stage: Stage, submissions: Sequence[SubmissionId]) -> list[Trace]:
    """Return the lives of the documents once the hub has recorded all that it has sent, or time is up."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + SETTLING_SECONDS
    while True:
        traces = [each for name in submissions for each in await trace(stage.database, name)]
        waiting = [
            one.delivery_id for each in traces for one in each.dossier.deliveries if one.state == "waiting"
        ]
        if not waiting or loop.time() > limit:
            stage.checks.tell("\n5. What the axis has on record")
            stage.checks.expect("nothing is left to send", found=waiting, wanted=[])
            return traces
        await asyncio.sleep(0.1)


async def _many_recipients(stage: Stage, number: str) -> SubmissionId:
    """Send one document to four recipients on three levels; receipts, arrival, processing."""
    checks, sender = stage.checks, stage.offices[GOVERNMENT_OFFICE.code]
    recipients = (CAO_BANG, NGHE_AN, NGHE_AN_DEPARTMENT, NGHE_AN_OFFICE)
    keys = {_key(each) for each in recipients}
    subject = "V/v báo cáo tình hình gửi, nhận văn bản điện tử"
    draft = papers.letter(number=number, subject=subject, recipients=recipients, at=datetime.now(UTC))
    checks.tell(
        "\n1. The Government Office sends one document to two provinces and two units behind the LGSP"
    )

    submission = await sender.mailbox.send(draft)
    decision = await sender.mailbox.outcome(submission)
    checks.expect(
        "the axis accepts it with a signed receipt",
        found=decision.event,
        wanted=ReceiptEvent.SUBMISSION_ACCEPTANCE,
    )
    for event in (ReceiptEvent.CONTENT_CONSIGNMENT, ReceiptEvent.CONTENT_HANDOVER):
        await sender.until(f"{event} for {len(keys)} recipients", _attested(sender, submission, event, keys))
        checks.expect(f"{event} for every recipient", found=sender.attested(submission, event), wanted=keys)

    arrived = [delivery for _, delivery in _arrived(stage, draft.document_id)]
    found = sorted(delivery.recipient for delivery in arrived)
    checks.expect("every recipient's software has it once", found=found, wanted=sorted(keys))
    digests = {digest_of(delivery.body) for delivery in arrived}
    checks.expect("what arrived is what was signed, byte for byte", found=digests, wanted={decision.digest})
    files = {attachment.content for delivery in arrived for attachment in delivery.attachments}
    checks.expect("with the PDF in it", found=files == {papers.scan(number)}, wanted=True)
    await _report(stage, sender, draft.document_id, keys)
    return submission


async def _report(stage: Stage, sender: Office, document: DocumentId, keys: set[AgencyKey]) -> None:
    """Let the recipients work on the document, and the sender watch."""
    texts = {
        StatusCode.ARRIVED: "",
        StatusCode.ACCEPTED: "Tiếp nhận văn bản điện tử, vào sổ văn bản đến",
        StatusCode.PROCESSING: "Đang xử lý văn bản đến",
        StatusCode.FINISHED: "Hoàn thành xử lý văn bản đến",
    }
    for status, text in texts.items():
        if text:
            for office, delivery in _arrived(stage, document):
                await office.mailbox.report(delivery.delivery_id, status, text)
        wanted = {(key, status.value) for key in keys}
        await sender.until(f"status {status.value}", _reported(sender, document, wanted))
        stage.checks.expect(
            f"status {status.value} of every recipient reaches the sender",
            found={each for each in sender.reports_about(document) if each[1] == status.value},
            wanted=wanted,
        )


async def _refused(stage: Stage, number: str) -> SubmissionId:
    """Send a document with several faults: it is refused as a whole, every fault told at once."""
    checks, sender = stage.checks, stage.offices[GOVERNMENT_OFFICE.code]
    checks.tell("\n2. A document with an unknown recipient, a doubled one, and a file that is not enclosed")
    draft = papers.letter(
        number=number,
        subject="V/v cử đầu mối phối hợp",
        recipients=(CAO_BANG, CAO_BANG, NOBODY),
        annexes=("phu-luc.pdf",),
        at=datetime.now(UTC),
    )

    submission = await sender.mailbox.send(papers.faulty(draft))
    decision = await sender.mailbox.outcome(submission)

    checks.expect(
        "the axis refuses it with a signed receipt",
        found=decision.event,
        wanted=ReceiptEvent.SUBMISSION_REJECTION,
    )
    for each in decision.violations:
        checks.tell(f"     {each.code}  {each.vi}\n               {each.en}")
    codes = {each.code.value for each in decision.violations}
    checks.expect("all faults at once", found=codes, wanted={"HUB-3003", "HUB-3005", "HUB-6001"})
    checks.expect("nobody gets any of it", found=len(_arrived(stage, draft.document_id)), wanted=0)
    return submission


async def _failed_and_repaired(stage: Stage, number: str) -> SubmissionId:
    """Let a recipient fail on every attempt: a dead letter, which the operator replays."""
    checks, sender, recipient = (
        stage.checks,
        stage.offices[GOVERNMENT_OFFICE.code],
        stage.offices[CAO_BANG.code],
    )
    checks.tell("\n3. Cao Bằng's software fails: retries, then a dead letter")
    recipient.broken_because, recipient.refused_attempts = "phần mềm quản lý văn bản đang bảo trì", []
    draft = papers.letter(
        number=number,
        subject="V/v lịch họp trực tuyến",
        recipients=(CAO_BANG,),
        at=datetime.now(UTC),
        priority=1,
    )
    submission = await sender.mailbox.send(draft)
    failure = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE
    await sender.until("the signed failure", lambda: bool(sender.receipts_of(submission, failure)))
    checks.expect("three attempts were made", found=recipient.refused_attempts, wanted=[1, 2, 3])
    checks.expect(
        "the sender has a signed failure", found=sender.attested(submission, failure), wanted={_key(CAO_BANG)}
    )

    case = await _open_case(stage, draft.document_id)
    checks.tell(f"     dead letter: case {case.case_id}, {case.cause}")
    recipient.broken_because = None
    await _replay(stage, case)
    await _delivered_after_all(stage, draft.document_id, submission)
    return submission


async def _replay(stage: Stage, case: Case) -> None:
    stage.checks.tell("\n4. Their software works again; an operator replays the dead letter")
    desk = CaseDesk(stage.database, operator=_OPERATOR, clock=SystemClock(), new_id=new_id)
    handled = await desk.replay([case.case_id], reason="phần mềm của đơn vị nhận đã hoạt động lại")
    stage.checks.expect("the case is replayed", found=handled.done, wanted=(case.case_id,))
    again = await desk.replay([case.case_id])
    stage.checks.expect("and only once", found=(again.done, len(again.refused)), wanted=((), 1))


async def _delivered_after_all(stage: Stage, document: DocumentId, submission: SubmissionId) -> None:
    checks, sender, recipient = (
        stage.checks,
        stage.offices[GOVERNMENT_OFFICE.code],
        stage.offices[CAO_BANG.code],
    )
    handover = ReceiptEvent.CONTENT_HANDOVER
    await sender.until("the handover", lambda: bool(sender.receipts_of(submission, handover)))
    ((_, delivery),) = _arrived(stage, document)
    checks.expect("it arrives on the fourth attempt", found=delivery.consignment.attempt, wanted=4)
    named = {
        each.delivery_id for receipt in sender.receipts_of(submission, handover) for each in receipt.subjects
    }
    checks.expect(
        "under the delivery id it had from the beginning", found=named, wanted={delivery.delivery_id}
    )
    failures = {
        each.receipt_id for each in sender.receipts_of(submission, ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)
    }
    superseding = {
        each.supersedes for each in sender.receipts_of(submission, ReceiptEvent.CONTENT_CONSIGNMENT)
    }
    checks.expect("the new consignment supersedes the failure", found=failures <= superseding, wanted=True)
    await recipient.mailbox.report(delivery.delivery_id, StatusCode.ACCEPTED, "Tiếp nhận văn bản điện tử")
    wanted = {(_key(CAO_BANG), "01"), (_key(CAO_BANG), "03")}
    await sender.until("01 and 03", _reported(sender, document, wanted))
    checks.expect("01 and 03 reach the sender", found=sender.reports_about(document), wanted=wanted)


def _arrived(stage: Stage, document: DocumentId) -> list[tuple[Office, Delivery]]:
    """Return what every office has received of *document*."""
    return [
        (office, delivery)
        for office in stage.offices.values()
        for delivery in office.documents
        if delivery.header.document_id == document
    ]


def _attested(
    sender: Office, submission: SubmissionId, event: ReceiptEvent, keys: set[AgencyKey]
) -> Callable[[], bool]:
    return lambda: sender.attested(submission, event) == keys


def _reported(sender: Office, document: DocumentId, wanted: set[tuple[AgencyKey, str]]) -> Callable[[], bool]:
    return lambda: wanted <= sender.reports_about(document)


def _key(agency: NewAgency) -> AgencyKey:
    return agency_key(AgencyCode(agency.code))


async def _open_case(stage: Stage, document: DocumentId) -> Case:
    desk = CaseDesk(stage.database, operator=_OPERATOR, clock=SystemClock(), new_id=new_id)
    found = [each for each in await desk.find(CaseFilter(), limit=10_000) if each.document_id == document]
    stage.checks.expect("one case waits for an operator", found=len(found), wanted=1)
    if not found:
        raise StoryBroken(f"no case was opened for {document}")
    return found[0]


def _conclude(checks: Checks, traces: list[Trace], *, as_json: bool) -> None:
    states = [
        sorted(each.state for each in life.dossier.deliveries if each.kind == "document") for life in traces
    ]
    wanted = [["finished"] * 4, [], ["accepted"]]
    checks.expect("the states of all deliveries", found=states, wanted=wanted)
    if as_json:
        shown.emit({"went_well": not checks.failed, "checks": checks.all, "traces": traces})
        return
    for each in traces:
        shown.say("")
        show_trace(each)
    shown.say("")
    shown.say(f"{len(checks.all) - len(checks.failed)} of {len(checks.all)} expectations were met")
    for check in checks.failed:
        shown.say(f"  ✗ {check.what}: expected {check.wanted}, found {check.found}")
    shown.say("the stack is still up: `truc trace ID` looks closer, `truc down` stops it if it is our own")
