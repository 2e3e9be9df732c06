"""What the axis stores about a document, exported, is evidence that holds without the axis."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.pool import Database
from hub.backends.postgres.primary import Primary
from hub.backends.postgres.sealing import sealing_session
from hub.backends.postgres.stamping import FIRST, KeptStamp, stamping_session
from hub.errors import OperationRefused
from hub.evidence import container
from hub.evidence.__main__ import read_trust
from hub.evidence.judge import Trust, judge
from hub.message.edxml import MessageKind, StatusCode
from hub.message.identifiers import MailboxName, digest_of
from hub.message.mandate_role import MandateRole
from hub.message.receipt import Receipt
from hub.message.receipt_sheet import ReceiptSheet, write_sheets
from hub.operations.cases import CaseDesk
from hub.operations.evidence import export
from hub.operations.replaying import Detour
from hub.operations.trace import Source, trace
from hub.signature.role_claim import RoleClaim
from hub.signature.signing import sign_envelope, sign_receipt
from hub.signature.stamp_asking import StampInquiry
from hub.signature.stamp_issuing import answer_stamp_request
from hub.workers.stamping import manifest
from tests.support.authority import agency_signing_key, session_authority
from tests.support.database import HUB, SEALER, PrivateDatabase
from tests.support.envelopes import a_document
from tests.support.loss import Agencies, Loss
from tests.support.memory_hub import a_register
from tests.support.status_authority import status_authority
from tests.support.store import PostgresUnderTest, documents, give_up, returned


async def signing_pen(receipts: Sequence[Receipt]) -> list[ReceiptSheet]:
    """Write receipts as the hub does, signed with its key."""
    key = agency_signing_key("TRUC")
    return [replace(sheet, body=sign_receipt(sheet.body, key)) for sheet in write_sheets(receipts)]


@pytest.fixture
async def axis(
    private_database: PrivateDatabase, hub_database: Database, operators: Database, tmp_path: Path
) -> AsyncIterator[Loss]:
    """Let agencies with certificates exchange documents, and a hub that signs."""
    store = PostgresUnderTest(private_database, hub_database)
    await store.register(*a_register())
    hub = replace(await store.process(), pen=signing_pen)
    yield Loss(store=store, hub=hub, operators=operators, agencies=Agencies(folder=tmp_path))
    await store.close()


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(session_authority().anchor_pem)
    known = read_trust([anchors], [])
    return replace(known, hub=frozenset({bytes(agency_signing_key("TRUC").fingerprint)}))


async def test_a_documents_life_is_proved_by_one_file(axis: Loss, trust: Trust) -> None:
    published = await axis.deliver(await axis.accept("H41", "H14"))
    entry = documents(published)[0]
    await axis.deliver(await axis.report(entry, StatusCode.ARRIVED))
    async with sealing_session(Primary(axis.store.private.dsn(SEALER))) as session:
        assert await session.lead()
        await session.seal()

    found = await export(axis.operators, str(entry.document_id))
    again = await export(axis.operators, str(entry.delivery_id))

    judgement = judge(found.octets, trust)
    assert judgement.faults == []
    said = " ".join(each.en for each in judgement.facts)
    assert "SubmissionAcceptance" in said
    assert "ContentConsignment" in said
    assert f"the recipient attests the status: 01, {entry.mailbox}" in said
    assert "events fit their seals" in said
    assert found.octets == again.octets, "the same record gives the same octets"


async def test_what_is_not_sealed_yet_is_exported_without_a_seal(axis: Loss, trust: Trust) -> None:
    entry = documents(await axis.deliver(await axis.accept("H41")))[0]

    judgement = judge((await export(axis.operators, str(entry.message_id))).octets, trust)

    assert judgement.faults == []
    assert "fit their seals" not in " ".join(each.en for each in judgement.facts)


async def test_trace_and_evidence_tell_that_a_gateway_signed_and_for_which_system(
    axis: Loss, trust: Trust
) -> None:
    role = MandateRole(system="VNPT.QLVB-1", digest=digest_of(b"as the system handed it over"))
    claim = RoleClaim(role=role, at=SystemClock().now())
    unsigned = a_document().identified_by(f"G22,{new_id().hex}").to("H41").unsigned()
    body = sign_envelope(unsigned, agency_signing_key("G22"), claim=claim)
    received = axis.agencies.submit("G22", body, MessageKind.DOCUMENT)
    accepted, _ = await axis.hub.accept(await axis.admit(received))

    (life,) = await trace(axis.operators, str(accepted.message_id))
    judgement = judge((await export(axis.operators, str(accepted.message_id))).octets, trust)

    (told,) = [each for each in life.moments if each.what == "signed under mandate"]
    assert f"for system {role.system}; SHA-256 {role.digest.hex()[:16]}" in told.detail
    assert not told.is_repetition
    assert judgement.faults == []
    assert [role.system in each.en for each in judgement.facts if "under mandate" in each.en] == [True]


async def test_a_name_that_means_nothing_is_refused(axis: Loss) -> None:
    with pytest.raises(OperationRefused, match="has to mean one message"):
        await export(axis.operators, "G22,2026/01/01,1/CV")


async def test_a_time_stamp_over_receipts_is_exported_with_what_it_was_given_for(
    axis: Loss, trust: Trust
) -> None:
    entry = documents(await axis.deliver(await axis.accept("H41")))[0]
    authority = status_authority()
    async with stamping_session(Primary(axis.store.private.dsn(HUB))) as session:
        assert await session.lead()
        sheets = await session.unstamped(FIRST, limit=10)
        listed, now = manifest(sheets), SystemClock().now()
        inquiry = StampInquiry.about(listed)
        answer = answer_stamp_request(inquiry.octets, authority.stamper, now, 1)
        token = inquiry.read(answer, [authority.root.certificate], now)
        stamp = KeptStamp(at=token.at, authority="http://tsa", manifest=listed, token=token.octets)
        await session.keep(stamp, [each.sheet_id for each in sheets])

    found = await export(axis.operators, str(entry.message_id))
    (life,) = await trace(axis.operators, str(entry.message_id))

    judgement = judge(found.octets, replace(trust, stamps=(authority.root.certificate,)))
    assert judgement.faults == []
    assert f"existed at {token.at.isoformat()}, by a time stamp" in {each.en for each in judgement.facts}
    told = [each.detail for each in life.moments if each.source is Source.RECEIPT]
    assert told
    assert all(", stamped " in each for each in told)


async def test_a_changed_route_is_proved_and_one_that_was_altered_is_not(axis: Loss, trust: Trust) -> None:
    (dying,) = documents(await axis.accept("H41"))
    await axis.hub.deliver([dying])
    await axis.deliver(await axis.hub.come_back(returned(dying.delivery_id), recover=give_up))
    await axis.store.fetch("update mandates set valid_to = now() where root = 'H41'")
    await axis.store.fetch("insert into mandates (mailbox, root) values ('H14', 'H41')")
    desk = CaseDesk(axis.operators, operator="Lan", clock=SystemClock(), new_id=new_id)
    (case,) = await desk.find(CaseFilter())

    await desk.reroute([case.case_id], await _detour(axis, "H14"), reason="H14 receives for it")

    found = await export(axis.operators, str(dying.delivery_id))
    (name,) = [each for each in found.members if each.startswith("overlays/")]
    members, _ = container.read(found.octets)
    altered = {**members, name: members[name].replace(b"<ToMailbox>H14", b"<ToMailbox>H29")}
    assert judge(found.octets, trust).faults == []
    assert any(each.where == name and "H41 → H14" in each.en for each in judge(found.octets, trust).facts)
    assert [each.where for each in judge(container.write(altered), trust).faults] == [name]


async def _detour(axis: Loss, mailbox: str) -> Detour:
    async def seal(written: Sequence[bytes]) -> list[bytes]:
        return [sign_receipt(each, agency_signing_key("TRUC")) for each in written]

    return Detour(
        mailbox=MailboxName(mailbox),
        directory=await axis.store.registry().directory(),
        seal=seal,
        clock=SystemClock(),
        new_id=new_id,
    )
