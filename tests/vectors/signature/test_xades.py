"""XAdES-BES and XAdES-T: made by signxml, changed in one thing, and told apart from plain XML-DSig."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from lxml import etree
from signxml.xades import XAdESSignatureConfiguration, XAdESVerifier

from hub.message.decision import Admit
from hub.message.signature_facts import PLAIN, SignatureProfile, StampVerdict
from hub.signature.profile import ENVELOPE
from hub.signature.signing import sign_envelope
from hub.signature.verification import SignedContent, verify_signature
from tests.support.authority import AT, SINCE, agency_signing_key
from tests.support.crafted_time_stamp import StampAuthority, stamp_authority
from tests.support.edxml import NAMESPACE, envelope
from tests.support.envelopes import a_document
from tests.support.memory_hub import a_line, a_registry
from tests.support.verdict import parsed, refusal, verified
from tests.support.xades import DS, EXCLUSIVE, XADES, sign_xades, with_stamp

INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


@cache
def authority(name: str = "TSA") -> StampAuthority:
    return stamp_authority(name, SINCE)


def signed(change: Callable[[etree._Element], None] = lambda properties: None) -> bytes:
    return sign_xades(envelope(), agency_signing_key("H41.07"), change=change)


def stamped(subject: bytes | None = None) -> bytes:
    return with_stamp(signed(), lambda value: authority().stamp(subject or value, AT))


def changed(body: bytes, change: Callable[[etree._Element], None]) -> bytes:
    root = etree.fromstring(body)
    change(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def find(root: etree._Element, name: str) -> etree._Element:
    found = root.find(f".//{{*}}{name}")
    assert found is not None
    return found


def content(body: bytes, *anchors: StampAuthority) -> SignedContent:
    roots = [each.certificate for each in anchors]
    return verify_signature(etree.fromstring(body), location=ENVELOPE, stamp_anchors=roots)


def test_the_three_profiles_are_told_apart() -> None:
    plain = sign_envelope(envelope(), agency_signing_key("H41.07"))

    found = [verified(body).signature.profile for body in (plain, signed(), stamped())]

    assert found == [SignatureProfile.XMLDSIG, SignatureProfile.XADES_BES, SignatureProfile.XADES_T]


def test_a_plain_signature_says_nothing_of_time() -> None:
    assert verified(sign_envelope(envelope(), agency_signing_key("H41.07"))).signature == PLAIN


def test_what_is_accepted_holds_for_an_independent_judge() -> None:
    location = f"./{{{NAMESPACE}}}edXMLEnvelope/{{{NAMESPACE}}}edXMLHeader/"
    expected = XAdESSignatureConfiguration(location=location, verification_time=AT, expect_references=3)
    certificate = agency_signing_key("H41.07").certificate

    results = XAdESVerifier().verify(signed(), x509_cert=certificate, expect_config=expected)

    assert any(b"OrganId" in each.signed_data for each in results)
    assert refusal(signed()) == []


def test_what_is_read_has_no_signature_and_no_properties_in_it() -> None:
    tree = content(stamped()).signed_tree

    assert [tree.find(f".//{{*}}{name}") for name in ("Signature", "Object", "SigningTime")] == [None] * 3


def test_the_claimed_time_is_read() -> None:
    assert verified(signed()).signature.claimed_at == AT


def test_a_time_stamp_of_a_known_authority_passes() -> None:
    stamp = content(stamped(), authority()).facts.stamp

    assert stamp is not None
    assert (stamp.at, stamp.verdict) == (AT, StampVerdict.PASSED)


@pytest.mark.parametrize("known", [(), ("another",)])
def test_a_time_stamp_of_an_unknown_authority_is_noted_and_refuses_nothing(known: tuple[str, ...]) -> None:
    stamp = content(stamped(), *(authority(name) for name in known)).facts.stamp

    assert stamp is not None
    assert stamp.verdict is StampVerdict.NO_ANCHOR


def test_a_time_stamp_without_canonicalisation_is_over_the_inclusive_form() -> None:
    body = with_stamp(signed(), lambda value: authority().stamp(value, AT), method=None)

    stamp = content(body, authority()).facts.stamp

    assert stamp is not None
    assert stamp.verdict is StampVerdict.PASSED


def test_the_event_tells_profile_and_times() -> None:
    detail = content(stamped(), authority()).facts.as_detail()

    assert detail == {
        "signature": "XAdES-T",
        "signing_time": AT.isoformat(),
        "time_stamp": AT.isoformat(),
        "time_stamp_finding": "PASSED",
    }


async def test_intake_knows_the_profile_of_what_it_admits_and_judges_the_stamp() -> None:
    body = sign_xades(a_document().unsigned(), agency_signing_key("G22"))
    body = with_stamp(body, lambda value: authority().stamp(value, AT))
    line = replace(a_line(), stamp_anchors=(authority().certificate,))

    result = line.examine(parsed(body, mailbox="G22").received, await a_registry().directory())

    assert isinstance(result, Admit), result
    facts = result.authorized.valid.verified.signature
    assert (facts.profile, facts.stamp and facts.stamp.verdict) == (
        SignatureProfile.XADES_T,
        StampVerdict.PASSED,
    )


def altered_signing_time() -> bytes:
    """The properties are signed too."""
    return changed(signed(), lambda root: _set(find(root, "SigningTime"), "2026-05-01T00:00:00Z"))


def digest_of_another_certificate() -> bytes:
    """Key substitution: the properties name another certificate than the one that signed."""
    return signed(
        lambda properties: _set(_certificate_digest(properties), base64.b64encode(b"x" * 32).decode())
    )


def signer_named_second() -> bytes:
    """The first certificate named is the signer's; further ones are its issuers."""

    def swap(properties: etree._Element) -> None:
        named = find(properties, "SigningCertificateV2")
        named.insert(0, named[1])

    return signed(swap)


def signer_named_by_sha1() -> bytes:
    """A certificate with the same SHA-1 can be made."""
    return signed(lambda properties: find(properties, "DigestMethod").set("Algorithm", f"{DS}sha1"))


def no_signing_certificate() -> bytes:
    """Without it the signature is not tied to a certificate: it is no XAdES-BES."""
    return signed(lambda properties: _remove(find(properties, "SigningCertificateV2")))


def signature_policy() -> bytes:
    """Valid only under rules that the hub does not know."""

    def add(properties: etree._Element) -> None:
        etree.SubElement(
            find(properties, "SignedSignatureProperties"), f"{{{XADES}}}SignaturePolicyIdentifier"
        )

    return signed(add)


def reference_without_its_type() -> bytes:
    """Without the Type, software that knows no XAdES and software that does see different things."""

    def strip(root: etree._Element) -> None:
        for reference in root.iter(f"{{{DS}}}Reference"):
            reference.attrib.pop("Type", None)

    return changed(signed(), strip)


def properties_that_nobody_signed() -> bytes:
    """A plain signature to which properties were added afterwards."""
    root = etree.fromstring(sign_envelope(envelope(), agency_signing_key("H41.07")))
    signature = find(root, "Signature")
    other = etree.fromstring(signed())
    signature.set("Id", find(other, "Signature").get("Id", ""))
    signature.append(find(other, "Object"))
    return etree.tostring(root)


def two_objects() -> bytes:
    """The second Object is covered by nothing."""
    return changed(
        signed(), lambda root: etree.SubElement(find(root, "Signature"), f"{{{DS}}}Object").clear()
    )


def content_beside_the_properties() -> bytes:
    """Wrapping: content in the Object, beside the properties."""
    return changed(signed(), lambda root: etree.SubElement(find(root, "Object"), "Subject").clear())


def properties_of_another_signature() -> bytes:
    """Target names another signature."""
    return changed(signed(), lambda root: find(root, "QualifyingProperties").set("Target", "#other"))


def id_of_the_properties_elsewhere() -> bytes:
    """Duplicate ids: who looks for the Id in the document finds the attacker's element first."""

    def add(root: etree._Element) -> None:
        name = find(root, "SignedProperties").get("Id", "")
        find(root, "MessageHeader").set("Id", name)

    return changed(signed(), add)


def archive_properties() -> bytes:
    """More than XAdES-T: validation data that the hub would have to judge."""

    def add(root: etree._Element) -> None:
        etree.SubElement(find(root, "UnsignedSignatureProperties"), f"{{{XADES}}}CertificateValues")

    return changed(stamped(), add)


def stamp_of_something_else() -> bytes:
    """A real time stamp, of another signature."""
    return stamped(b"something else")


def stamp_with_sha1() -> bytes:
    """The digest in the time stamp is weak."""
    return with_stamp(signed(), lambda value: authority().stamp(value, AT, digest="sha1"))


def stamp_unreadable() -> bytes:
    """No time stamp at all."""
    return with_stamp(signed(), lambda value: b"\x30\x03\x02\x01\x00")


def signing_time_unreadable() -> bytes:
    """A date that no calendar has."""
    return signed(lambda properties: _set(find(properties, "SigningTime"), "2026-02-30T00:00:00Z"))


def clock_ahead() -> bytes:
    """Signed tomorrow."""
    return sign_xades(envelope(), agency_signing_key("H41.07"), at=AT + timedelta(days=1))


def clock_behind() -> bytes:
    """Signed before the certificate existed."""
    return sign_xades(envelope(), agency_signing_key("H41.07"), at=SINCE - timedelta(days=1))


def _set(element: etree._Element, text: str) -> None:
    element.text = text


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def _certificate_digest(properties: etree._Element) -> etree._Element:
    return find(find(properties, "CertDigest"), "DigestValue")


FORMAT = "SIGNATURE_FORMAT_FAILURE"


VECTORS = [
    (altered_signing_time, "HASH_FAILURE"),
    (digest_of_another_certificate, "SIGNING_CERTIFICATE_MISMATCH"),
    (signer_named_second, "SIGNING_CERTIFICATE_MISMATCH"),
    (signer_named_by_sha1, "FORBIDDEN_ALGORITHM"),
    (no_signing_certificate, FORMAT),
    (signature_policy, FORMAT),
    (reference_without_its_type, FORMAT),
    (properties_that_nobody_signed, FORMAT),
    (two_objects, FORMAT),
    (content_beside_the_properties, "CONTENT_NOT_COVERED"),
    (properties_of_another_signature, FORMAT),
    (id_of_the_properties_elsewhere, "DUPLICATE_ID"),
    (archive_properties, FORMAT),
    (stamp_of_something_else, "TIMESTAMP_INVALID"),
    (stamp_with_sha1, "TIMESTAMP_INVALID"),
    (stamp_unreadable, "TIMESTAMP_INVALID"),
    (signing_time_unreadable, FORMAT),
    (clock_ahead, "SIGNING_TIME_IMPLAUSIBLE"),
    (clock_behind, "SIGNING_TIME_IMPLAUSIBLE"),
]


@pytest.mark.parametrize(("vector", "code"), VECTORS)
def test_other_xades_is_refused(vector: Callable[[], bytes], code: str) -> None:
    assert refusal(vector()) == [code]


@pytest.mark.parametrize("transform", [EXCLUSIVE.value, INCLUSIVE])
def test_a_changed_property_is_noticed_under_each_canonicalisation(transform: str) -> None:
    """Fail closed: a reference in another canonical form than was hashed does not hold."""

    def rewrite(root: etree._Element) -> None:
        for each in root.findall(f".//{{{DS}}}Reference[@Type]//{{{DS}}}Transform"):
            each.set("Algorithm", transform)

    expected = [] if transform == EXCLUSIVE.value else ["SIG_CRYPTO_FAILURE"]
    assert refusal(changed(signed(), rewrite)) == expected
