"""What the lines may expect of the registry, of the twin as of the real one."""

from datetime import UTC, datetime, timedelta

from hub.message.directory import Agency, Mandate, RegisteredCertificate
from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, MailboxName
from tests.support.store import StoreUnderTest

NOW = datetime.now(UTC)
MINISTRY, UNIT, BOX = AgencyKey("B20"), AgencyKey("B20.03"), MailboxName("B20")


def an_agency(key: AgencyKey, parent: AgencyKey | None = None) -> Agency:
    return Agency(key=key, code=AgencyCode(f"000.00.00.{key}"), name=f"Cơ quan {key}", parent=parent)


def a_mandate(root: AgencyKey) -> Mandate:
    return Mandate(mailbox=BOX, root=root, valid_from=NOW - timedelta(days=1))


async def test_who_is_registered_is_known_with_who_speaks_for_it(store: StoreUnderTest) -> None:
    registry = store.registry()
    await store.register([an_agency(MINISTRY), an_agency(UNIT, MINISTRY)], [a_mandate(MINISTRY)])

    directory = await registry.directory()

    assert directory.agency(UNIT) == an_agency(UNIT, MINISTRY)
    assert directory.mailbox_for(UNIT, NOW) == BOX
    assert directory.roots_of(BOX, NOW) == {MINISTRY}
    assert directory.is_open(BOX)


async def test_what_changes_is_seen_without_a_restart(store: StoreUnderTest) -> None:
    registry = store.registry()
    before = await registry.directory()

    await store.register([an_agency(MINISTRY)], [a_mandate(MINISTRY)])
    after = await registry.directory()
    await store.close_mailbox(BOX)
    closed = await registry.directory()

    assert before.agency(MINISTRY) is None
    assert after.mailbox_for(MINISTRY, NOW) == BOX
    assert closed.mailbox_for(MINISTRY, NOW) is None


async def test_certificates_come_with_whose_they_are(store: StoreUnderTest) -> None:
    certificate = RegisteredCertificate(
        fingerprint=Fingerprint(b"\x07" * 32),
        agency=MINISTRY,
        subject="CN=B20",
        not_before=NOW - timedelta(days=1),
        not_after=NOW + timedelta(days=1),
    )
    await store.register([an_agency(MINISTRY)], [], [certificate])

    directory = await store.registry().directory()

    assert directory.certificate(certificate.fingerprint) == certificate
    assert directory.certificate(Fingerprint(b"\x08" * 32)) is None
