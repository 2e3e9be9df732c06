"""Signed under mandate: the signature itself says for which system, and a stranger's words stay short."""

from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.xades import XAdESSignatureConfiguration, XAdESVerifier

from hub.evidence.signed_xml import verify as judge
from hub.message.identifiers import digest_of
from hub.message.mandate_role import MandateRole
from hub.message.signature_facts import SignatureProfile
from hub.signature.role_claim import RoleClaim
from hub.signature.signing import SigningKey, sign_envelope
from tests.support.authority import AT, agency_signing_key
from tests.support.crafted_certificate import Certification, certified
from tests.support.crafted_signature import DS
from tests.support.edxml import NAMESPACE, envelope
from tests.support.verdict import refusal, verified
from tests.support.xades import XADES, sign_xades

ROLE = MandateRole(system="VNPT.<QLVB>&1", digest=digest_of(b"<edXML/>"))
CLAIM = RoleClaim(role=ROLE, at=AT)
LOCATION = f"./{{{NAMESPACE}}}edXMLEnvelope/{{{NAMESPACE}}}edXMLHeader/"


@cache
def key_of(kind: str) -> SigningKey:
    keys = {
        "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
        "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    }
    return certified(Certification(private_key=keys[kind]()))


def claimed(*roles: str, holder: str = "SignerRoleV2") -> bytes:
    """Return an envelope signed by signxml whose signer claims *roles*, each of them XML."""

    def claim(properties: etree._Element) -> None:
        (own,) = properties.iter(f"{{{XADES}}}SignedSignatureProperties")
        signer = etree.SubElement(own, f"{{{XADES}}}{holder}")
        listed = etree.SubElement(signer, f"{{{XADES}}}ClaimedRoles")
        for role in roles:
            text = f'<xades:ClaimedRole xmlns:xades="{XADES}">{role}</xades:ClaimedRole>'
            listed.append(etree.fromstring(text))

    return sign_xades(envelope(), agency_signing_key("H41.07"), change=claim)


@pytest.mark.parametrize("kind", ["RSA-2048", "P-256", "P-384"])
def test_a_signature_under_mandate_is_accepted_and_says_so(kind: str) -> None:
    body = sign_envelope(envelope(), key_of(kind), claim=CLAIM)

    facts = verified(body).signature

    assert refusal(body) == []
    assert (facts.profile, facts.mandate, facts.claimed_at) == (SignatureProfile.XADES_BES, ROLE, AT)


@pytest.mark.parametrize("kind", ["RSA-2048", "P-256", "P-384"])
def test_it_holds_for_independent_judges(kind: str) -> None:
    body, certificate = sign_envelope(envelope(), key_of(kind), claim=CLAIM), key_of(kind).certificate
    expected = XAdESSignatureConfiguration(location=LOCATION, verification_time=AT, expect_references=2)

    results = XAdESVerifier().verify(body, x509_cert=certificate, expect_config=expected)

    assert any(b"OrganId" in each.signed_data for each in results)
    assert judge(body).certificate == certificate


def test_a_foreign_prefix_for_the_signature_namespace_does_no_harm() -> None:
    names = f'<edXML xmlns:sig="{DS}" xmlns:x="{XADES}" xmlns'.encode()

    body = sign_envelope(envelope().replace(b"<edXML xmlns", names, 1), key_of("P-256"), claim=CLAIM)

    assert refusal(body) == []
    assert verified(body).signature.mandate == ROLE


def test_another_system_cannot_be_put_in_its_place() -> None:
    body = sign_envelope(envelope(), key_of("P-256"), claim=CLAIM)

    altered = body.replace(b"system=VNPT", b"system=BKAV")

    assert altered != body
    assert refusal(altered) == ["HASH_FAILURE"]


def test_the_event_tells_for_which_system_and_what_was_handed_over() -> None:
    detail = verified(sign_envelope(envelope(), key_of("P-256"), claim=CLAIM)).signature.as_detail()

    assert detail == {
        "signature": "XAdES-BES",
        "signing_time": AT.isoformat(),
        "signed_under_mandate_for": ROLE.system,
        "handed_over": ROLE.digest.hex(),
    }


@pytest.mark.parametrize("holder", ["SignerRole", "SignerRoleV2"])
def test_another_role_is_told_in_the_signers_words(holder: str) -> None:
    facts = verified(claimed("Văn thư", "Chánh Văn phòng", holder=holder)).signature

    assert facts.mandate is None
    assert facts.as_detail()["claimed_roles"] == ["Văn thư", "Chánh Văn phòng"]


@pytest.mark.parametrize(
    ("roles", "remembered"),
    [
        (("a&#10;\u202eb&#9;c",), ("a b c",)),
        (("<x:script xmlns:x='urn:x'>alert(1)</x:script> &lt;b&gt;",), ("alert(1) <b>",)),
        (("x" * 100_000,), ("x" * 199 + "…",)),
        (("1", "2", "3", "4", "5"), ("1", "2", "3")),
        (("", "  "), ()),
    ],
    ids=["lines and directions", "markup", "long", "many", "empty"],
)
def test_a_strangers_words_stay_short_and_plain(roles: tuple[str, ...], remembered: tuple[str, ...]) -> None:
    assert verified(claimed(*roles)).signature.claimed_roles == remembered
