from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub.errors import ConfigurationError
from hub.message.identifiers import AgencyCode
from hub.signature.authority import DevelopmentAuthority, agency_code_of
from hub.signature.certificates import TrustAnchors, check_certificate
from tests.support.authority import AT, SINCE, agency_signing_key, session_authority

PASSWORD = b"only for this test"


def test_a_key_that_it_issues_leads_to_its_root() -> None:
    authority = DevelopmentAuthority.create("Another CA", SINCE)
    key = authority.issue(agency_code=AgencyCode("H41"), name="UBND tỉnh", at=AT, key_type="ec")

    found = check_certificate(key.certificate, key.chain, TrustAnchors.from_bytes(authority.anchor_pem), AT)

    assert found.violation is None


def test_the_certificate_names_the_agency_and_its_code() -> None:
    certificate = agency_signing_key("000.00.00.H41").certificate

    assert agency_code_of(certificate) == "000.00.00.H41"
    assert "CN=Agency 000.00.00.H41" in certificate.subject.rfc4514_string()


def test_a_certificate_of_another_kind_names_no_agency() -> None:
    assert agency_code_of(session_authority().anchor) is None


def test_a_long_name_is_cut_to_what_certificates_can_hold() -> None:
    name = "Văn phòng Ủy ban nhân dân xã Thử Nghiệm, huyện Mẫu, tỉnh Ví Dụ, nước Cộng hòa"
    key = session_authority().issue(agency_code=AgencyCode("H1"), name=name, at=AT, key_type="ec")

    assert "Văn phòng" in key.certificate.subject.rfc4514_string()


def test_keys_are_rsa_2048_unless_ec_is_asked_for() -> None:
    rsa_key = session_authority().issue(agency_code=AgencyCode("H1"), name="a", at=AT)
    ec_key = session_authority().issue(agency_code=AgencyCode("H1"), name="a", at=AT, key_type="ec")

    assert isinstance(rsa_key.private_key, rsa.RSAPrivateKey)
    assert rsa_key.private_key.key_size == 2048
    assert isinstance(ec_key.private_key, ec.EllipticCurvePrivateKey)


def test_a_certificate_lives_as_long_as_asked() -> None:
    day = timedelta(days=1)
    key = session_authority().issue(
        agency_code=AgencyCode("H1"), name="a", at=AT, key_type="ec", lifetime=day
    )

    assert key.certificate.not_valid_after_utc == AT + day


def test_it_survives_pem_and_issues_on() -> None:
    authority = DevelopmentAuthority.from_pem(session_authority().to_pem(PASSWORD), PASSWORD)
    key = authority.issue(agency_code=AgencyCode("H2"), name="b", at=AT, key_type="ec")

    found = check_certificate(key.certificate, key.chain, TrustAnchors([session_authority().anchor]), AT)

    assert authority.anchor == session_authority().anchor
    assert found.violation is None


def test_an_agency_key_is_no_authority() -> None:
    plain = agency_signing_key("H41")
    alone = type(plain)(private_key=plain.private_key, certificate=plain.certificate)

    with pytest.raises(ConfigurationError, match="authority"):
        DevelopmentAuthority.from_pem(alone.to_pem(PASSWORD), PASSWORD)
