"""Evidence says whether the hub's own certificate was revoked when it signed, or that it cannot tell."""

from datetime import timedelta

from hub.evidence.container import Remark
from hub.signature.status_authority import Revoked
from tests.support.evidence import (
    AT,
    SHEET,
    EvidenceBuilder,
    authority,
    crl,
    evidence,
    key_of,
    response,
)
from tests.unit.evidence.test_judge import broken, judged


def without_revocation() -> EvidenceBuilder:
    return evidence().without(*(name for name in evidence().members if name.startswith("revocation/")))


def about_the_sheet(remarks: list[Remark]) -> str:
    return " ".join(each.en for each in remarks if each.where == SHEET)


def test_a_certificate_that_was_good_passes_by_a_list_of_the_time() -> None:
    judgement = judged(evidence())

    assert "was not revoked at 2026-05-30T09:15:05+07:00: PASSED" in about_the_sheet(judgement.facts)


def test_a_certificate_that_was_good_passes_by_a_response_of_the_time() -> None:
    built = without_revocation().with_revocation(response("TRUC"), "ocsp")
    judgement = judged(built.with_revocation(crl(of_root=True), "crl"))

    assert "PASSED" in about_the_sheet(judgement.facts)


def test_without_data_it_is_left_open() -> None:
    judgement = judged(without_revocation())

    assert judgement.holds
    assert "no revocation data" in about_the_sheet(judgement.open)
    assert "INDETERMINATE/TRY_LATER" in about_the_sheet(judgement.open)
    assert "PASSED" not in about_the_sheet(judgement.facts)


def test_data_of_another_time_leave_it_open() -> None:
    late = authority().crl({}, AT + timedelta(days=3), number=9)
    judgement = judged(without_revocation().with_revocation(late, "crl"))

    assert "that are there say nothing" in about_the_sheet(judgement.open)


def test_a_receipt_of_a_revoked_hub_is_broken() -> None:
    judgement = judged(evidence().with_revocation(crl("TRUC"), "crl"))

    assert broken(judgement)[SHEET].endswith("was revoked: FAILED/REVOKED")


def test_a_hub_below_a_revoked_authority_is_broken_too() -> None:
    serial = authority().issuing.certificate.serial_number
    lost = authority().crl({serial: Revoked(at=AT)}, AT - timedelta(hours=1), number=2, of_root=True)
    judgement = judged(evidence().with_revocation(lost, "crl"))

    assert broken(judgement)[SHEET].endswith("was revoked: INDETERMINATE/REVOKED_CA_NO_POE")


def test_what_was_revoked_after_it_signed_signed_well() -> None:
    serial = key_of("TRUC").certificate.serial_number
    later = authority().crl({serial: Revoked(at=AT + timedelta(days=2))}, AT + timedelta(days=2), number=3)
    judgement = judged(evidence().with_revocation(later, "crl"))

    assert judgement.holds
    assert "PASSED" in about_the_sheet(judgement.facts)
