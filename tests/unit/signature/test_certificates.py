from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import ConfigurationError, RejectionCode
from hub.signature.certificates import TrustAnchors, check_certificate
from hub.signature.finding import Finding, Indication, SubIndication, rejected
from hub.signature.signing import SigningKey
from tests.support.authority import (
    AT,
    LIFETIME,
    SINCE,
    agency_signing_key,
    session_anchors,
    session_authority,
)
from tests.support.crafted_certificate import Certification, certified

END = SINCE + LIFETIME
SECOND = timedelta(seconds=1)


def finding(key: SigningKey, at: datetime = AT, anchors: TrustAnchors | None = None) -> Finding:
    return check_certificate(key.certificate, key.chain, anchors or session_anchors(), at)


def code(found: Finding) -> RejectionCode | None:
    return found.violation.code if found.violation is not None else None


def test_a_good_certificate_passes() -> None:
    assert finding(agency_signing_key("H41")).indication is Indication.PASSED


def test_an_unknown_issuer_leaves_it_open_in_the_words_of_etsi() -> None:
    found = finding(certified(Certification(self_signed=True)))

    assert found.indication is Indication.INDETERMINATE
    assert found.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    assert found.violation is not None
    assert "NO_CERTIFICATE_CHAIN_FOUND" in found.violation.rule
    assert "CN=H41.07" in found.violation.en


@pytest.mark.parametrize("at", [SINCE, AT, END])
def test_a_certificate_is_valid_to_the_very_ends_of_its_time(at: datetime) -> None:
    assert (
        finding(agency_signing_key("H41"), at, TrustAnchors([session_authority().anchor])).violation is None
    )


def test_a_remembered_path_is_not_believed_outside_its_time() -> None:
    key, anchors = agency_signing_key("H41"), TrustAnchors([session_authority().anchor])
    assert finding(key, AT, anchors).violation is None

    before, after = finding(key, SINCE - SECOND, anchors), finding(key, END + SECOND, anchors)

    assert code(before) is RejectionCode.CERTIFICATE_NOT_YET_VALID
    assert code(after) is RejectionCode.CERTIFICATE_EXPIRED
    assert after.indication is Indication.FAILED


def test_a_path_is_remembered_for_the_certificates_that_came_with_it() -> None:
    key, anchors = agency_signing_key("H41"), TrustAnchors([session_authority().anchor])
    assert check_certificate(key.certificate, key.chain, anchors, AT).violation is None

    alone = check_certificate(key.certificate, (), anchors, AT)

    assert code(alone) is RejectionCode.NO_CERTIFICATE_CHAIN


def test_the_expired_one_is_named_with_its_time_in_vietnam() -> None:
    found = finding(agency_signing_key("H41"), END + SECOND)

    assert found.violation is not None
    assert "CN=Agency H41" in found.violation.en
    assert "+07:00" in found.violation.vi


def test_an_expired_anchor_proves_nothing() -> None:
    brief = Certification(
        subject="Brief root",
        self_signed=True,
        is_ca=True,
        usages=("key_cert_sign",),
        lifetime=timedelta(days=90),
    )
    root = certified(brief)
    key, anchors = certified(Certification(issuer=root)), TrustAnchors([root.certificate])

    assert finding(key, SINCE + timedelta(days=1), anchors).violation is None
    assert code(finding(key, AT, anchors)) is RejectionCode.CERTIFICATE_EXPIRED


def test_several_anchors_are_read_from_pem_and_der() -> None:
    other = certified(Certification(subject="Other", self_signed=True, is_ca=True, usages=("key_cert_sign",)))
    bundle = session_authority().anchor_pem + other.certificate.public_bytes(Encoding.PEM)

    assert len(TrustAnchors.from_bytes(bundle).certificates) == 2
    assert len(TrustAnchors.from_bytes(other.certificate.public_bytes(Encoding.DER)).certificates) == 1


@pytest.mark.parametrize(
    "encoded", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_anchor_keeps_the_process_from_starting(encoded: bytes) -> None:
    with pytest.raises(ConfigurationError):
        TrustAnchors.from_bytes(encoded)


def test_no_anchor_at_all_keeps_the_process_from_starting() -> None:
    with pytest.raises(ConfigurationError, match="no trust anchor"):
        TrustAnchors.from_bytes()


def test_a_finding_that_passed_refuses_nothing() -> None:
    with pytest.raises(ValueError, match="PASSED"):
        rejected(finding(agency_signing_key("H41")))
