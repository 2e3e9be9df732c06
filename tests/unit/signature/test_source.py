import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from hub.message.trust import RevocationPolicy
from hub.signature.authority import certificate_builder, name_of
from hub.signature.certificates import AnchorPolicy, TrustAnchors
from hub.signature.inquiry import plan
from hub.signature.source import MOST_ADDRESSES, crl_addresses, host_of, ocsp_addresses
from hub.signature.status_authority import ISSUING_CRL, OCSP, ROOT_CRL
from tests.support.authority import AT, LIFETIME, SINCE
from tests.support.status_authority import ADDRESS, status_authority, status_key


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://ca.gov.vn/pki/pub/crl/cp.crl", "ca.gov.vn"),
        ("http://CA.gov.vn:80/x", "ca.gov.vn"),
        ("https://ca.gov.vn:443/x", "ca.gov.vn"),
        ("http://ca.gov.vn:8080/x", "ca.gov.vn:8080"),
        ("https://ca.gov.vn:80/x", "ca.gov.vn:80"),
        ("http://ca.gov.vn@10.0.0.1/x", None),
        ("http://user:secret@ca.gov.vn/x", None),
        ("ldap://ca.gov.vn/cn=cp", None),
        ("file:///etc/passwd", None),
        ("http:///x", None),
        ("http://ca.gov.vn:99999/x", None),
        ("http://[::1", None),
        ("", None),
    ],
)
def test_an_address_names_a_host_that_may_be_compared(address: str, host: str | None) -> None:
    assert host_of(address) == host


def named(*addresses: str, reasons: frozenset[x509.ReasonFlags] | None = None) -> x509.Certificate:
    """Return a certificate that names *addresses* for its CRL."""
    key, name = ec.generate_private_key(ec.SECP256R1()), name_of("a", "a")
    points = [
        x509.DistributionPoint([x509.UniformResourceIdentifier(each)], None, reasons, None)
        for each in addresses
    ]
    builder = certificate_builder(name, name, key, SINCE, LIFETIME)
    return builder.add_extension(x509.CRLDistributionPoints(points), critical=False).sign(key, SHA256())


def test_only_the_web_is_asked() -> None:
    certificate = named("ldap://ca.gov.vn/cn=cp", "http://ca.gov.vn/cp.crl", "file:///etc/passwd")

    assert crl_addresses(certificate) == ("http://ca.gov.vn/cp.crl",)


def test_a_certificate_that_names_a_thousand_addresses_is_asked_for_a_few() -> None:
    certificate = named(*(f"http://ca.gov.vn/{number}.crl" for number in range(1000)))

    assert len(crl_addresses(certificate)) == MOST_ADDRESSES


def test_a_list_for_some_reasons_only_is_left_out() -> None:
    certificate = named("http://ca.gov.vn/cp.crl", reasons=frozenset({x509.ReasonFlags.key_compromise}))

    assert crl_addresses(certificate) == ()


def test_the_whole_path_is_asked_about() -> None:
    anchors = TrustAnchors(
        [status_authority().root.certificate],
        otherwise=AnchorPolicy(revocation=RevocationPolicy.HARD, hosts=frozenset({"127.0.0.1:8301"})),
    )
    issuers = [status_authority().issuing.certificate]

    found = plan([status_key().certificate, status_key("H42").certificate], issuers, anchors, AT)

    assert ocsp_addresses(status_key().certificate) == (ADDRESS + OCSP,)
    assert sorted(each.url.removeprefix(ADDRESS) for each in found.values()) == sorted(
        [ROOT_CRL, ISSUING_CRL, OCSP, OCSP]
    )
    assert all(each.is_allowed for each in found.values())


def test_below_an_anchor_that_does_not_look_nobody_is_asked() -> None:
    anchors = TrustAnchors([status_authority().root.certificate])

    assert plan([status_key().certificate], [status_authority().issuing.certificate], anchors, AT) == {}
