from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.catalogue import Catalogue
from hub.errors import MessageRejected, NotAuthorized, RejectionCode, SignatureRejected, UnknownRecipient
from hub.intake.authorize import authority_violations, authorize
from hub.intake.validate import ContentLimits, validate
from hub.message.directory import Agency, Directory, Mandate, RegisteredCertificate
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, MailboxName
from hub.message.stages import Route, ValidMessage
from tests.support.envelopes import a_document, a_status
from tests.support.stages import NOW, SIGNER, verified

CATALOGUE = Catalogue()
CODE = RejectionCode
PAST = datetime(2020, 1, 1, tzinfo=UTC)
LGSP, OTHER = Fingerprint(b"\x02" * 32), Fingerprint(b"\x03" * 32)


def agency(key: str, parent: str | None = None, **fields: object) -> Agency:
    made = Agency(
        key=AgencyKey(key),
        code=AgencyCode(key),
        name=f"Cơ quan {key}",
        parent=AgencyKey(parent) if parent else None,
    )
    return replace(made, **fields)


def mandate(mailbox: str, root: str, **fields: object) -> Mandate:
    made = Mandate(mailbox=MailboxName(mailbox), root=AgencyKey(root), valid_from=PAST)
    return replace(made, **fields)


def certificate(fingerprint: Fingerprint, key: str, **fields: object) -> RegisteredCertificate:
    made = RegisteredCertificate(
        fingerprint=fingerprint,
        agency=AgencyKey(key),
        subject=f"CN={key}",
        not_before=PAST,
        not_after=NOW + timedelta(days=365),
    )
    return replace(made, **fields)


AGENCIES = (
    agency("G22"),
    agency("H41"),
    agency("H41.07", "H41"),
    agency("H41.07.02", "H41.07"),
    agency("H17"),
    agency("H99"),
    agency("H50", closed_at=PAST, successor=AgencyKey("H41")),
    agency("H51", closed_at=PAST),
)
MANDATES = (mandate("G22", "G22"), mandate("H41-lgsp", "H41"), mandate("H17", "H17"))
MAILBOXES = tuple(MailboxName(name) for name in ("G22", "H41-lgsp", "H17"))
CERTIFICATES = (certificate(SIGNER, "G22"), certificate(LGSP, "H41"), certificate(OTHER, "H17"))


def directory(
    *,
    agencies: tuple[Agency, ...] = AGENCIES,
    mandates: tuple[Mandate, ...] = MANDATES,
    mailboxes: tuple[MailboxName, ...] = MAILBOXES,
    certificates: tuple[RegisteredCertificate, ...] = CERTIFICATES,
) -> Directory:
    return Directory(
        agencies=agencies, mandates=mandates, open_mailboxes=mailboxes, certificates=certificates
    )


def valid(body: bytes, *, mailbox: str = "G22", signed_by: Fingerprint = SIGNER) -> ValidMessage:
    return validate(verified(body, mailbox=mailbox, signed_by=signed_by), CATALOGUE, ContentLimits())


def codes_of(message: ValidMessage, registry: Directory) -> list[RejectionCode]:
    received = message.verified.received
    found = authority_violations(
        message.header, received, message.verified.signed_by, registry, received.received_at
    )
    return [each.code for each in found]


def test_a_document_is_routed_to_the_mailbox_nearest_above_each_recipient() -> None:
    message = valid(a_document().to("H17", "000.02.07.H41", "H41").unsigned())

    authorized = authorize(message, directory())

    assert authorized.sender == "G22"
    assert authorized.routes == (
        Route(recipient=AgencyKey("H17"), mailbox=MailboxName("H17")),
        Route(recipient=AgencyKey("H41.07.02"), mailbox=MailboxName("H41-lgsp")),
        Route(recipient=AgencyKey("H41"), mailbox=MailboxName("H41-lgsp")),
    )


def test_a_sender_may_write_its_code_in_any_form() -> None:
    assert codes_of(valid(a_document().from_("000.00.00.G22").unsigned()), directory()) == []


def test_a_status_is_routed_to_the_sender_of_the_document() -> None:
    message = valid(a_status(StatusCode.ARRIVED).unsigned(), mailbox="H41-lgsp", signed_by=LGSP)

    assert authorize(message, directory()).routes == (
        Route(recipient=AgencyKey("G22"), mailbox=MailboxName("G22")),
    )


def test_a_status_to_nobody_known_is_refused_where_it_says_so() -> None:
    body = a_status().for_("d-1", sent_by="H77").unsigned()
    message = valid(body, mailbox="H41-lgsp", signed_by=LGSP)

    with pytest.raises(UnknownRecipient) as refused:
        authorize(message, directory())

    assert refused.value.violations[0].path.endswith("/ResponseFor/OrganId")


def test_an_unknown_sender_is_refused() -> None:
    message = valid(a_document().from_("H77").unsigned())

    with pytest.raises(NotAuthorized) as refused:
        authorize(message, directory())

    assert refused.value.code is CODE.UNKNOWN_SENDER


def test_a_closed_sender_is_told_its_successor() -> None:
    registry = directory(mandates=(*MANDATES, mandate("G22", "H50")))
    message = valid(a_document().from_("H50").unsigned())

    with pytest.raises(MessageRejected) as refused:
        authorize(message, registry)

    (closed, *_rest) = refused.value.violations
    assert closed.code is CODE.SENDER_CLOSED
    assert "hãy dùng mã H41" in closed.vi
    assert "use H41" in closed.en


def test_a_mailbox_speaks_for_nobody_elses_units() -> None:
    message = valid(a_document().from_("H41.07").unsigned(), signed_by=LGSP)

    assert codes_of(message, directory()) == [CODE.NO_MANDATE, CODE.CERTIFICATE_OF_ANOTHER_AGENCY]


def test_the_nearest_mailbox_speaks_and_the_one_above_it_does_not() -> None:
    registry = directory(
        mandates=(*MANDATES, mandate("H41.07", "H41.07")), mailboxes=(*MAILBOXES, MailboxName("H41.07"))
    )
    message = valid(a_document().from_("H41.07").unsigned(), mailbox="H41-lgsp", signed_by=LGSP)

    assert codes_of(message, registry) == [CODE.NO_MANDATE]


def test_an_lgsp_signs_for_the_units_below_it() -> None:
    message = valid(a_document().from_("H41.07.02").unsigned(), mailbox="H41-lgsp", signed_by=LGSP)

    assert codes_of(message, directory()) == []


def test_a_unit_behind_an_lgsp_may_sign_itself() -> None:
    registry = directory(certificates=(*CERTIFICATES, certificate(Fingerprint(b"\x04" * 32), "H41.07")))
    message = valid(
        a_document().from_("H41.07").unsigned(), mailbox="H41-lgsp", signed_by=Fingerprint(b"\x04" * 32)
    )

    assert codes_of(message, registry) == []


def test_a_unit_does_not_sign_for_its_neighbour() -> None:
    registry = directory(certificates=(*CERTIFICATES, certificate(Fingerprint(b"\x04" * 32), "H41.07.02")))
    message = valid(
        a_document().from_("H41.07").unsigned(), mailbox="H41-lgsp", signed_by=Fingerprint(b"\x04" * 32)
    )

    assert codes_of(message, registry) == [CODE.CERTIFICATE_OF_ANOTHER_AGENCY]


def test_a_certificate_of_an_agency_above_signs_nothing_where_the_mailbox_holds_no_mandate_from_it() -> None:
    registry = directory(
        mandates=(*MANDATES, mandate("H41.07", "H41.07")), mailboxes=(*MAILBOXES, MailboxName("H41.07"))
    )
    message = valid(a_document().from_("H41.07").unsigned(), mailbox="H41.07", signed_by=LGSP)

    assert codes_of(message, registry) == [CODE.CERTIFICATE_OF_ANOTHER_AGENCY]


def test_a_certificate_of_another_agency_is_refused_as_a_signature() -> None:
    message = valid(a_document().unsigned(), signed_by=OTHER)

    with pytest.raises(SignatureRejected) as refused:
        authorize(message, directory())

    assert refused.value.code is CODE.CERTIFICATE_OF_ANOTHER_AGENCY


def test_a_certificate_that_is_not_registered_is_named_by_its_fingerprint() -> None:
    message = valid(a_document().unsigned(), signed_by=Fingerprint(b"\xab" * 32))

    with pytest.raises(SignatureRejected) as refused:
        authorize(message, directory())

    assert refused.value.code is CODE.CERTIFICATE_NOT_REGISTERED
    assert "abababab" in refused.value.violations[0].en


@pytest.mark.parametrize(
    ("minutes", "expected"), [(-1, [CODE.CERTIFICATE_REVOKED]), (0, [CODE.CERTIFICATE_REVOKED]), (1, [])]
)
def test_a_certificate_signs_until_it_is_revoked(minutes: int, expected: list[RejectionCode]) -> None:
    revoked = certificate(SIGNER, "G22", revoked_at=NOW + timedelta(minutes=minutes))

    assert (
        codes_of(valid(a_document().unsigned()), directory(certificates=(revoked, *CERTIFICATES[1:])))
        == expected
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"valid_to": NOW}, [CODE.NO_MANDATE]),
        ({"valid_to": NOW + timedelta(seconds=1)}, []),
        ({"valid_from": NOW}, []),
        ({"valid_from": NOW + timedelta(seconds=1)}, [CODE.NO_MANDATE]),
    ],
    ids=["ended now", "ends soon", "begins now", "begins soon"],
)
def test_a_mandate_holds_in_its_time(fields: dict[str, datetime], expected: list[RejectionCode]) -> None:
    registry = directory(mandates=(mandate("G22", "G22", **fields), *MANDATES[1:]))

    assert codes_of(valid(a_document().unsigned()), registry) == expected


def test_a_closed_mailbox_speaks_for_nobody() -> None:
    assert codes_of(valid(a_document().unsigned()), directory(mailboxes=MAILBOXES[1:])) == [CODE.NO_MANDATE]


def test_every_recipient_that_cannot_be_reached_is_named_with_its_place() -> None:
    message = valid(a_document().to("H41", "H77", "H50", "H99", "H51").unsigned())

    with pytest.raises(UnknownRecipient) as refused:
        authorize(message, directory())

    assert [(each.code, each.path.rpartition("/To")[2]) for each in refused.value.violations] == [
        (CODE.UNKNOWN_RECIPIENT, "[2]/OrganId"),
        (CODE.RECIPIENT_CLOSED, "[3]/OrganId"),
        (CODE.RECIPIENT_NOT_CONNECTED, "[4]/OrganId"),
        (CODE.RECIPIENT_CLOSED, "[5]/OrganId"),
    ]
    assert "use H41" in refused.value.violations[1].en
    assert refused.value.violations[3].en.endswith("closed.")


def test_problems_of_sender_certificate_and_recipients_are_told_together() -> None:
    message = valid(a_document().from_("H17").to("H77").unsigned(), signed_by=SIGNER)

    assert codes_of(message, directory()) == [
        CODE.NO_MANDATE,
        CODE.CERTIFICATE_OF_ANOTHER_AGENCY,
        CODE.UNKNOWN_RECIPIENT,
    ]
