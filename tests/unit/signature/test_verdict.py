from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import RejectionCode
from hub.message.trust import (
    NOTHING_KNOWN,
    Indication,
    RevocationPolicy,
    TrustMaterial,
    TrustObject,
    TrustObjectKind,
)
from hub.signature.finding import SubIndication
from hub.signature.presented import presented
from hub.signature.signing import SigningKey
from hub.signature.source import fingerprint_of
from hub.signature.status_authority import ISSUING_CRL, Revoked, StatusAuthority
from hub.signature.verdict import Judge, Judgement, judge_again
from tests.support.authority import AT, SINCE, session_anchors, session_authority
from tests.support.status_authority import (
    ADDRESS,
    HOUR,
    Published,
    anchors,
    status_authority,
    status_key,
)

HARD, SOFT, NONE = RevocationPolicy.HARD, RevocationPolicy.SOFT, RevocationPolicy.NONE
DAY = timedelta(days=1)


def judged(
    material: TrustMaterial = NOTHING_KNOWN,
    *,
    policy: RevocationPolicy = HARD,
    at: datetime = AT,
    key: SigningKey | None = None,
    judge: Judge | None = None,
) -> Judgement:
    key = key or status_key()
    return (judge or Judge(anchors(policy))).judge(presented(key.certificate, key.chain), at, material)


def code(judgement: Judgement) -> RejectionCode | None:
    return judgement.finding.violation.code if judgement.finding.violation is not None else None


def words(judgement: Judgement) -> tuple[str, str | None]:
    assert judgement.validation is not None
    return judgement.validation.indication, judgement.validation.sub_indication


def serial(key: SigningKey) -> int:
    return key.certificate.serial_number


def revoked_on(at: datetime, key: SigningKey | None = None) -> dict[int, Revoked]:
    return {serial(key or status_key()): Revoked(at=at, reason=x509.ReasonFlags.key_compromise)}


def test_a_certificate_that_no_list_names_passes() -> None:
    found = judged(Published().material())

    assert (code(found), words(found)) == (None, ("PASSED", None))


def test_a_certificate_that_the_list_names_is_refused_as_revoked() -> None:
    found = judged(Published(revoked=revoked_on(AT - HOUR)).material())

    assert code(found) is RejectionCode.CERTIFICATE_REVOKED
    assert words(found) == ("FAILED", "REVOKED")


def test_a_revoked_authority_takes_everybody_below_with_it() -> None:
    issuing = {status_authority().issuing.certificate.serial_number: Revoked(at=AT - DAY)}

    found = judged(Published(revoked_by_root=issuing).material())

    assert code(found) is RejectionCode.CERTIFICATE_REVOKED
    assert words(found) == ("INDETERMINATE", "REVOKED_CA_NO_POE")


@pytest.mark.parametrize(
    ("policy", "expected"), [(HARD, RejectionCode.REVOCATION_UNKNOWN), (SOFT, None), (NONE, None)]
)
def test_the_anchors_policy_decides_about_what_is_not_known(
    policy: RevocationPolicy, expected: RejectionCode | None
) -> None:
    found = judged(policy=policy)

    assert code(found) is expected
    assert found.validation is not None
    assert found.validation.policy is policy


def test_what_a_lenient_anchor_lets_pass_is_said_in_the_verdict() -> None:
    assert words(judged(policy=SOFT)) == ("INDETERMINATE", "TRY_LATER")


def test_a_lenient_anchor_refuses_what_is_known_to_be_revoked() -> None:
    found = judged(Published(revoked=revoked_on(AT - DAY)).material(), policy=SOFT)

    assert code(found) is RejectionCode.CERTIFICATE_REVOKED


def test_a_list_whose_time_is_over_says_nothing() -> None:
    found = judged(Published(at=AT - 3 * DAY).material())

    assert code(found) is RejectionCode.REVOCATION_UNKNOWN


def test_a_list_made_a_moment_after_the_receipt_counts() -> None:
    found = judged(Published(at=AT + timedelta(seconds=5)).material())

    assert words(found) == ("PASSED", None)


def test_a_list_of_a_stranger_with_the_same_name_says_nothing() -> None:
    stranger = StatusAuthority.create("Trục status CA", ADDRESS, SINCE)
    forged = TrustObject.of(TrustObjectKind.CRL, stranger.crl({}, AT - HOUR, number=9))
    lists = {**Published().lists(), ADDRESS + ISSUING_CRL: forged}

    found = judged(TrustMaterial(crls=lists))

    assert code(found) is RejectionCode.REVOCATION_UNKNOWN


def test_a_list_with_one_entry_taken_out_is_no_list() -> None:
    other = {1234: Revoked(at=AT - DAY), **revoked_on(AT - DAY)}
    whole = Published(revoked=other).crl().body
    entry = x509.load_der_x509_crl(whole).get_revoked_certificate_by_serial_number(serial(status_key()))
    assert entry is not None
    altered = whole.replace(serial(status_key()).to_bytes(20, "big"), bytes.fromhex("11" * 20))
    assert altered != whole

    lists = {
        **Published().lists(),
        ADDRESS + ISSUING_CRL: TrustObject.of(TrustObjectKind.CRL, altered),
    }

    assert code(judged(TrustMaterial(crls=lists))) is RejectionCode.REVOCATION_UNKNOWN


@pytest.mark.parametrize("body", [b"", b"\x30\x03\x02\x01\x05", b"not a list at all"])
def test_rubbish_instead_of_a_list_says_nothing(body: bytes) -> None:
    lists = {**Published().lists(), ADDRESS + ISSUING_CRL: TrustObject.of(TrustObjectKind.CRL, body)}

    assert code(judged(TrustMaterial(crls=lists))) is RejectionCode.REVOCATION_UNKNOWN


@pytest.mark.parametrize("body", [b"", b"\x30\x03\x0a\x01\x01", b"not a response at all"])
def test_rubbish_instead_of_a_response_does_not_hide_the_list(body: bytes) -> None:
    rubbish = {fingerprint_of(status_key().certificate): TrustObject.of(TrustObjectKind.OCSP, body)}
    revoked = Published(revoked=revoked_on(AT - DAY)).lists()

    assert words(judged(TrustMaterial(crls=Published().lists(), responses=rubbish)))[0] != "FAILED"
    assert code(judged(TrustMaterial(crls=revoked, responses=rubbish))) is RejectionCode.CERTIFICATE_REVOKED


def test_a_good_response_is_enough_where_there_is_no_list_of_the_issuer() -> None:
    published = Published(at=AT - timedelta(minutes=10))
    lists = {address: each for address, each in published.lists().items() if address != ADDRESS + ISSUING_CRL}

    found = judged(TrustMaterial(crls=lists, responses=published.response(status_key())))

    assert words(found) == ("PASSED", None)


def test_a_response_that_says_revoked_is_believed() -> None:
    published = Published(at=AT - timedelta(minutes=10), revoked=revoked_on(AT - DAY))
    lists = Published().lists()

    found = judged(TrustMaterial(crls=lists, responses=published.response(status_key())))

    assert words(found) == ("FAILED", "REVOKED")


def test_where_list_and_response_contradict_one_another_revoked_counts() -> None:
    good = Published(at=AT - timedelta(minutes=10)).response(status_key())
    lists = Published(revoked=revoked_on(AT - DAY)).lists()

    assert words(judged(TrustMaterial(crls=lists, responses=good))) == ("FAILED", "REVOKED")


def test_a_response_about_a_certificate_that_was_never_issued_is_no_good_one() -> None:
    published = Published(at=AT - timedelta(minutes=10))
    lists = {address: each for address, each in published.lists().items() if address != ADDRESS + ISSUING_CRL}

    found = judged(TrustMaterial(crls=lists, responses=published.response(status_key(), is_known=False)))

    assert code(found) is RejectionCode.REVOCATION_UNKNOWN


def test_a_response_about_another_certificate_is_no_good_one() -> None:
    published = Published(at=AT - timedelta(minutes=10))
    (other,) = published.response(status_key("H42")).values()
    lists = {address: each for address, each in published.lists().items() if address != ADDRESS + ISSUING_CRL}

    found = judged(TrustMaterial(crls=lists, responses={fingerprint_of(status_key().certificate): other}))

    assert code(found) is RejectionCode.REVOCATION_UNKNOWN


def test_what_was_received_before_the_revocation_was_signed_in_time() -> None:
    material = Published(at=AT, revoked=revoked_on(AT)).material()
    judge = Judge(anchors(HARD))

    before = judged(material, judge=judge, at=AT - timedelta(seconds=1))
    after = judged(material, judge=judge, at=AT + timedelta(seconds=1))

    assert (words(before)[0], words(after)[0]) == ("PASSED", "FAILED")


def test_a_verdict_is_remembered_only_while_its_data_are_in_force() -> None:
    material, judge = Published().material(), Judge(anchors(HARD))
    first = judged(material, judge=judge)

    again, later = judged(material, judge=judge), judged(material, judge=judge, at=AT + 2 * DAY)

    assert again is first
    assert code(later) is RejectionCode.REVOCATION_UNKNOWN


def test_newer_data_are_looked_at_at_once() -> None:
    judge = Judge(anchors(HARD))
    before = judged(Published().material(), judge=judge)

    after = judged(Published(revoked=revoked_on(AT - HOUR)).material(), judge=judge)

    assert (words(before)[0], words(after)[0]) == ("PASSED", "FAILED")


def test_news_about_others_cost_nothing() -> None:
    judge, material = Judge(anchors(HARD)), Published().material()
    before = judged(material, judge=judge)
    others = replace(material, responses=Published().response(status_key("H42")))

    assert judged(others, judge=judge) is before


def test_an_issuer_that_the_hub_knows_need_not_come_with_the_signature() -> None:
    issuing = status_authority().issuing.certificate.public_bytes(Encoding.DER)
    known = TrustObject.of(TrustObjectKind.CERTIFICATE, issuing)
    bare = replace(status_key(), chain=())

    without = judged(Published().material(), key=bare)
    found = judged(replace(Published().material(), issuers=(known,)), key=bare)

    assert code(without) is RejectionCode.NO_CERTIFICATE_CHAIN
    assert words(found) == ("PASSED", None)


def test_what_was_kept_gives_the_same_verdict_again() -> None:
    for policy in RevocationPolicy:
        for published in (Published(), Published(revoked=revoked_on(AT - HOUR))):
            verdict = judged(published.material(), policy=policy).validation
            assert verdict is not None

            assert judge_again(verdict, AT) == verdict


def test_evidence_that_was_altered_gives_another_verdict() -> None:
    verdict = judged(Published().material()).validation
    assert verdict is not None
    altered = replace(verdict, revocation=verdict.revocation[:1])

    assert judge_again(altered, AT) != altered


def test_a_ca_that_publishes_nothing_passes_where_nobody_asks() -> None:
    key = session_authority().issue(agency_code="H41", name="a", at=SINCE, key_type="ec")

    found = Judge(session_anchors()).judge(presented(key.certificate, key.chain), AT)

    assert found.validation is not None
    assert (found.validation.indication, found.validation.policy) == (Indication.PASSED, NONE)


def test_the_sub_indication_stands_in_the_refusal() -> None:
    found = judged()

    assert found.finding.sub_indication is SubIndication.TRY_LATER
    assert found.finding.violation is not None
    assert "TRY_LATER" in found.finding.violation.rule
