"""What is asked back by the name of a file, and what comes about documents that the folder does not know."""

from datetime import UTC, datetime
from pathlib import Path

from hub.commands.local_axis import LocalAgency
from hub.message.edxml import StatusCode
from hub.message.identifiers import digest_of
from hub.message.mandate_role import MandateRole
from hub.message.receipt import ReceiptEvent
from hub.signature.role_claim import RoleClaim
from hub.signature.signing import sign_envelope
from tests.acceptance.speaking import a_letter, report
from tests.integration.folder.conftest import Adapters
from tests.support.envelopes import a_status
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

REGISTERED, AGREED = StatusCode.ACCEPTED, StatusCode.CHANGE_ACCEPTED


def read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


async def test_a_clerk_asks_a_document_back_and_reads_the_answer(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = await adapters(office).start()
    async with RawAgency.open(ministry) as raw:
        folder.drop_letter("gui-nham", ministry)
        (document,) = await raw.arrival("document")
        (place,) = await until(folder.sent, what=folder.story)
        await until(lambda: "Accepted by the axis" in read(place / "state.txt"), what=folder.story)

        (place / "13.txt").touch()
        await until((place / "13-loi-error.txt").exists, what=folder.story)
        (place / "13.txt").write_text("sai phụ lục", "utf-8")

        (recall,) = await raw.arrival("status")
        await report(raw, document, AGREED, by=ministry, sent_by=office, description="đồng ý trả lại")
        await until(lambda: "15 đồng ý trả lại" in read(place / "state.txt"), what=folder.story)

    assert "cần ghi lý do" in read(place / "13-loi-error.txt")
    assert "sai phụ lục" in recall.body.decode()
    assert "StatusCode>13<" in recall.body.decode()
    assert (place / "13-da-bao-reported.txt").exists()
    assert [each.name.split("-")[1] for each in place.glob("statuses/*.edxml")] == ["15"]


async def test_a_document_that_came_is_asked_back_and_a_clerk_refuses(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = await adapters(office).start()
    async with RawAgency.open(ministry) as raw:
        letter = a_letter(ministry, office)
        role = MandateRole(system="QLVB-1", digest=digest_of(b"as it was handed over"))
        claim = RoleClaim(role=role, at=datetime.now(UTC))
        submission = await raw.submit(sign_envelope(letter.unsigned(), raw.key, claim=claim))
        accepted = await raw.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        (place,) = await until(folder.arrived, what=folder.story)
        recall = a_status(StatusCode.RECALL_REQUESTED).from_(ministry.code)
        recall = recall.for_(letter.draft.document_id, sent_by=office.code)
        about = str(accepted.subjects[0].delivery_id)
        await raw.submit(sign_envelope(recall.unsigned(), raw.key), kind="status", about=about)
        await until(lambda: list(place.glob("statuses/*-13-*.edxml")), what=folder.story)

        (place / "16.txt").write_text("đã xử lý xong", "utf-8")

        answers = await raw.arrival("status", 2)
        told = b"".join(each.body for each in answers).decode()

    assert "StatusCode>16<" in told
    assert "đã xử lý xong" in told
    assert f"{ministry.code}: 13" in read(place / "state.txt")
    assert folder.info(place)["signed_under_mandate_for"] == role.system


async def test_a_status_about_a_document_that_did_not_go_by_the_folder_is_kept_aside(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    async with RawAgency.open(office) as before:  # its software until today
        await before.submit(sign_envelope(a_letter(office, ministry).unsigned(), before.key))
        async with RawAgency.open(ministry) as raw:
            (document,) = await raw.arrival("document")
    folder = await adapters(office).start()
    async with RawAgency.open(ministry) as raw:
        body = await report(raw, document, REGISTERED, by=ministry, sent_by=office)

        (stray,) = await until(lambda: list(folder.root.glob("strays/*/**/*.edxml")), what=folder.story)

    assert stray.read_bytes() == body
    assert "-03-" in stray.name
    assert folder.sent() == []
