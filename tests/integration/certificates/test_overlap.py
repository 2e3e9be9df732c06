from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import structlog
from cryptography import x509

from hub.backends.clock import SystemClock
from hub.backends.postgres.register import CertificateKind
from hub.backends.postgres.revocation import remember_warnings
from hub.errors import OperationRefused, RejectionCode
from hub.intake.line import Failed, IntakeLine
from hub.message.decision import Accepted, Decision, Refuse
from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import AgencyCode, MailboxName, MessageId, SubmissionId, digest_of
from hub.message.outbox import OutboxEntry
from hub.message.stages import ReceivedMessage
from hub.message.trust import RevocationPolicy
from hub.operations.impact import weigh
from hub.signature.certificate_file import CertificateFile
from hub.signature.signing import SigningKey, sign_envelope
from hub.workers.certificate_watch import CertificateWatch
from tests.integration.certificates.conftest import Keeper, ServedAuthority, Watching
from tests.support.envelopes import a_document
from tests.support.memory_hub import a_line
from tests.support.store import HubProcess, PostgresUnderTest, documents

SOFT = RevocationPolicy.SOFT


def letter(key: SigningKey, number: int, at: datetime) -> ReceivedMessage:
    document = a_document().identified_by(f"G22,{uuid4().hex}").about(f"Công văn {number}").to("H41")
    body = sign_envelope(document.unsigned(), key)
    return ReceivedMessage(
        body=body,
        digest=digest_of(body),
        mailbox=MailboxName("G22"),
        submission_id=SubmissionId(uuid4().hex),
        transport_id=uuid4().hex,
        reported_delivery=None,
        received_at=at,
    )


def line(ca: ServedAuthority, policy: RevocationPolicy = SOFT) -> IntakeLine:
    return replace(a_line(), anchors=ca.anchors(policy))


async def decide(store: PostgresUnderTest, intake: IntakeLine, received: ReceivedMessage) -> Decision:
    result = intake.examine(received, await store.registry().directory())
    assert not isinstance(result, Failed), result
    return result


def codes(decision: Decision) -> list[RejectionCode]:
    return [each.code for each in decision.violations] if isinstance(decision, Refuse) else []


async def accepted(hub: HubProcess, decision: Decision) -> tuple[MessageId, list[OutboxEntry]]:
    outcome, entries = await hub.accept(decision)
    assert isinstance(outcome, Accepted)
    return outcome.message_id, documents(entries)


async def test_no_message_is_lost_while_one_certificate_takes_over_from_another(
    ca: ServedAuthority, keeper: Keeper, postgres_store: PostgresUnderTest
) -> None:
    old, new, hub, intake = ca.key(days=10), ca.key(), await postgres_store.process(), line(ca)
    await keeper.register("G22", old)

    for number in range(12):
        if number == 4:
            await keeper.register("G22", new)
        if number == 8:
            await keeper.desk.retire(old.fingerprint.hex(), at=None, reason="replaced")
        key = old if number < 4 or (number < 8 and number % 2) else new
        decision = await decide(postgres_store, intake, letter(key, number, datetime.now(UTC)))
        await accepted(hub, decision)

    (kept,) = await postgres_store.fetch("select count(*) from deliveries where kind = 'document'")
    assert kept[0] == 12


async def test_a_retired_certificate_is_refused_and_what_was_queued_goes_out(
    ca: ServedAuthority, keeper: Keeper, postgres_store: PostgresUnderTest
) -> None:
    key, hub, intake = ca.key(), await postgres_store.process(), line(ca)
    await keeper.register("G22", key)
    _, waiting = await accepted(hub, await decide(postgres_store, intake, letter(key, 1, datetime.now(UTC))))

    await keeper.desk.retire(key.fingerprint.hex(), at=None, reason="replaced")
    later = await decide(postgres_store, intake, letter(key, 2, datetime.now(UTC)))

    assert codes(later) == [RejectionCode.CERTIFICATE_RETIRED]
    await hub.deliver(waiting)
    assert await postgres_store.state_of(waiting[0].delivery_id) is DeliveryState.CONSIGNED


async def test_a_certificate_that_will_retire_is_good_until_then(
    ca: ServedAuthority, keeper: Keeper, postgres_store: PostgresUnderTest
) -> None:
    key, intake, now = ca.key(), line(ca), datetime.now(UTC)
    await keeper.register("G22", key)

    await keeper.desk.retire(key.fingerprint.hex(), at=now + timedelta(days=30), reason="planned")

    before = await decide(postgres_store, intake, letter(key, 1, now))
    after = await decide(postgres_store, intake, letter(key, 2, now + timedelta(days=31)))
    assert (codes(before), codes(after)) == ([], [RejectionCode.CERTIFICATE_RETIRED])


async def test_the_verdict_is_kept_with_the_message_and_can_be_reached_again(
    ca: ServedAuthority, keeper: Keeper, watching: Watching, postgres_store: PostgresUnderTest
) -> None:
    key, intake = ca.key(), line(ca, RevocationPolicy.HARD)
    hub = await postgres_store.process()
    await keeper.register("G22", key)
    await watching().refresh()
    decided = [await decide(postgres_store, intake, letter(key, each, datetime.now(UTC))) for each in (1, 2)]

    kept = [await accepted(hub, each) for each in decided]
    ca.revoke(key)
    await watching().refresh(again=True)
    again = [await keeper.desk.judge_again(message_id) for message_id, _ in kept]

    assert [each.kept.validation.indication.value for each in again] == ["PASSED", "PASSED"]
    assert all(each.is_the_same for each in again)
    assert {each.kind.value for each in again[0].kept.validation.revocation} == {"crl", "ocsp"}
    assert len(again[0].kept.validation.path) == 3
    assert [row[0] for row in await postgres_store.fetch("select count(*) from validations")] == [1]


async def test_the_verdict_of_a_refusal_is_kept_too(
    ca: ServedAuthority, keeper: Keeper, watching: Watching, postgres_store: PostgresUnderTest
) -> None:
    key, intake, hub = ca.key(), line(ca), await postgres_store.process()
    await keeper.register("G22", key)
    ca.revoke(key)
    await watching().refresh()

    refused = await decide(postgres_store, intake, letter(key, 1, datetime.now(UTC)))
    await hub.commit(refused)

    rows = await postgres_store.fetch(
        "select indication, sub_indication from validations join messages using (validation_id)"
    )
    assert codes(refused) == [RejectionCode.CERTIFICATE_REVOKED]
    assert [tuple(row) for row in rows] == [("FAILED", "REVOKED")]


async def test_the_hub_cannot_alter_the_evidence(
    keeper: Keeper, ca: ServedAuthority, postgres_store: PostgresUnderTest
) -> None:
    for table, column in (("validations", "note"), ("trust_objects", "body")):
        rows = await postgres_store.fetch(
            "select has_table_privilege('truc_hub', $1, 'delete'),"
            " has_column_privilege('truc_hub', $1, $2, 'update')",
            table,
            column,
        )
        assert [tuple(row) for row in rows] == [(False, False)]


async def test_a_certificate_of_nobody_the_axis_trusts_is_not_registered(keeper: Keeper) -> None:
    from tests.support.authority import agency_signing_key

    with pytest.raises(OperationRefused, match="leads to no anchor"):
        await keeper.register("G22", agency_signing_key("G22"))


async def test_a_certificate_belongs_to_one_agency(ca: ServedAuthority, keeper: Keeper) -> None:
    key = ca.key()
    await keeper.register("G22", key)

    with pytest.raises(OperationRefused, match="registered for G22"):
        await keeper.register("H41", key)


async def test_certificates_of_every_kind_stand_side_by_side(ca: ServedAuthority, keeper: Keeper) -> None:
    for kind in CertificateKind:
        key = ca.key()
        file = CertificateFile(certificate=key.certificate, chain=key.chain)
        await keeper.desk.import_certificate(AgencyCode("000.00.00.G22"), file, kind)

    found = await keeper.desk.certificates(AgencyCode("G22"))

    assert [each.kind for each in found] == list(CertificateKind)


async def test_a_warning_is_given_once_for_each_threshold(
    ca: ServedAuthority, keeper: Keeper, postgres_store: PostgresUnderTest
) -> None:
    await keeper.register("G22", ca.key(days=29))
    await keeper.register("H41", ca.key("H41", days=400))
    clock = _Later()

    def watch() -> CertificateWatch:
        async def remember(warnings):  # noqa: ANN001, ANN202
            return await remember_warnings(postgres_store.database, warnings)

        return CertificateWatch(registry=postgres_store.registry(), remember=remember, clock=clock)

    with structlog.testing.capture_logs() as logs:
        await watch().look()
        await watch().look()
        clock.by = timedelta(days=25)
        await watch().look()

    assert [(each["agency"], each["within_days"]) for each in logs] == [("G22", 30), ("G22", 7)]
    assert len(await keeper.desk.expiring(timedelta(days=30))) == 1


async def test_without_its_only_certificate_an_agency_and_its_units_fall_silent(
    ca: ServedAuthority, keeper: Keeper, postgres_store: PostgresUnderTest
) -> None:
    first, second = ca.key(), ca.key("H41")
    await keeper.register("G22", first)
    await keeper.register("H41", second)
    hub, intake = await postgres_store.process(), line(ca)
    await hub.commit(await decide(postgres_store, intake, letter(first, 1, datetime.now(UTC))))

    async def silenced(name: str) -> list[str]:
        found = await weigh(keeper.database, ca.anchors(SOFT), SystemClock(), name)
        return [each.agency for each in found.silenced]

    alone = await weigh(keeper.database, ca.anchors(SOFT), SystemClock(), _serial(first.certificate))
    assert [each.agency for each in alone.silenced] == ["G22"]
    assert (alone.waiting_from, alone.messages) == (1, 1)
    assert alone.last_used_at is not None
    assert await silenced(_serial(ca.folder.authority().issuing.certificate)) == ["G22", "H41"]
    await keeper.register("G22", ca.key())
    assert await silenced(_serial(first.certificate)) == []


class _Later(SystemClock):
    """The time, some days ahead."""

    by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"
