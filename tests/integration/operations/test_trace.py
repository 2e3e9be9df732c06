import pytest

from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.pool import Database
from hub.message.edxml import StatusCode
from hub.message.identifiers import MailboxName, digest_of
from hub.message.reject_reason import RejectReason
from hub.operations.trace import Source, trace
from tests.integration.operations.conftest import Office
from tests.support.decisions import a_submission


@pytest.mark.parametrize("name", ["message", "delivery", "receipt", "submission", "document", "digest"])
async def test_a_document_is_found_by_every_name_that_it_has(
    office: Office, operators: Database, name: str
) -> None:
    document = a_submission()
    accepted, _ = await office.hub.accept(document.admitted())
    await office.hub.accept(a_submission().admitted())
    ((receipt,),) = await office.store.fetch(
        "select receipt_id from receipts where message_id = $1", accepted.message_id
    )
    names = {
        "message": str(accepted.message_id),
        "delivery": str(accepted.deliveries[0]),
        "receipt": str(receipt),
        "submission": document.submission_id,
        "document": document.document_id,
        "digest": digest_of(document.body).hex()[:11],
    }

    found = await trace(operators, names[name])

    assert [each.dossier.message.message_id for each in found] == [accepted.message_id]


async def test_a_status_leads_to_the_document_it_is_about(office: Office, operators: Database) -> None:
    document = a_submission()
    accepted, entries = await office.hub.accept(document.admitted())
    await office.hub.deliver(entries)
    reported, _ = await office.hub.accept(document.status(StatusCode.ARRIVED, by="H41"))

    (found,) = await trace(operators, str(reported.message_id))

    assert found.dossier.message.message_id == accepted.message_id


async def test_a_whole_life_stands_in_one_line_of_time(office: Office, operators: Database) -> None:
    document = a_submission()
    await office.dead_letters(document)
    await office.desk().replay(await office.cases(), reason="their server is back")
    await office.published()
    _, entries = await office.hub.accept(document.status(StatusCode.ACCEPTED, by="H41"))
    await office.hub.deliver(entries)

    (found,) = await trace(operators, document.document_id)

    told = [
        (each.source, each.what)
        for each in found.moments
        if not each.is_repetition and each.source is not Source.EVENT
    ]
    assert [what for source, what in told if source is not Source.RECEIPT] == [
        "received",
        "attempt 1: consigned",
        "attempt 1: rejected",
        "replay by Lan",
        "attempt 2: consigned",
        "status 03",
        "status 03 attempt 1: consigned",
    ]
    assert [what for source, what in told if source is Source.RECEIPT] == [
        "SubmissionAcceptance",
        "ContentConsignment",
        "ContentConsignmentFailure",
        "ContentConsignment",
        "ContentHandover",
    ]
    assert [each.at for each in found.moments] == sorted(each.at for each in found.moments)


async def test_the_recipients_words_stand_beside_what_it_rejected(
    office: Office, operators: Database
) -> None:
    document = a_submission()
    await office.dead_letters(document)
    (case,) = await office.desk().find(CaseFilter())
    assert case.delivery_id is not None
    reason = RejectReason.of(case.delivery_id, 1, "chưa có đơn vị H41.07 <b>")

    await office.store.reject_reasons().keep([(MailboxName("H41"), reason)])

    shown = await office.desk().show(case.case_id)
    (group,) = await office.desk().groups()
    (life,) = await trace(operators, document.document_id)
    assert (shown.case.told, group.told) == (reason.reason, reason.reason)
    assert {each.outcome: each.told for each in shown.attempts} == {
        "consigned": None,
        "rejected": reason.reason,
    }
    (rejected,) = [each for each in life.moments if each.what == "attempt 1: rejected"]
    assert f"the recipient says: “{reason.reason}”" in rejected.detail


async def test_a_name_that_means_nothing_finds_nothing(office: Office, operators: Database) -> None:
    await office.hub.accept(a_submission().admitted())

    assert await trace(operators, "H41,2026/01/01,1/CV") == ()
