"""Signatures of another shape than the profile's; most of them hold, for somebody who looks less closely."""

from collections.abc import Callable

import pytest
from lxml import etree

from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.crafted_signature import DS, ENVELOPED, EXCLUSIVE, MORE, Craft, craft
from tests.support.edxml import DUMMY_SIGNATURE, envelope
from tests.support.verdict import refusal

KEY_VALUE = f'<ds:KeyValue xmlns:ds="{DS}"><ds:RSAKeyValue/></ds:KeyValue>'
OBJECT = f'<ds:Object xmlns:ds="{DS}" Id="o"><Subject>unsigned</Subject></ds:Object>'
INCLUSIVE_PREFIXES = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="edXML"/>'


def signed(how: Craft | None = None, document: bytes | None = None) -> bytes:
    return craft(document or envelope(), agency_signing_key("H41.07"), how)


def unsigned() -> bytes:
    """No signature: what most senders of 2025 sent."""
    return envelope()


def dummy_placeholder() -> bytes:
    """A dummy in the envelope's own namespace only looks like a signature."""
    return envelope(in_header=DUMMY_SIGNATURE)


def empty_placeholder() -> bytes:
    """What .NET writes where it does not sign."""
    return envelope(in_header="<edXML:DigitalSignature/>")


def empty_signature() -> bytes:
    """The right name with nothing in it."""
    return envelope(in_header=f'<ds:Signature xmlns:ds="{DS}"/>')


def two_signatures() -> bytes:
    """Both hold; which one counts would be a matter of taste."""
    return craft(signed(Craft(index=0)), agency_signing_key("G22"), Craft())


def signature_in_body() -> bytes:
    """A signature elsewhere holds as well, but one place is enough to look at."""
    return signed(Craft(parent=".//{*}edXMLBody"))


def signature_under_root() -> bytes:
    """The usual place of an enveloped signature is not ours."""
    return signed(Craft(parent="."))


def signature_first_in_header() -> bytes:
    """Last child means last child."""
    return signed(Craft(index=0))


def two_references() -> bytes:
    """The first of two references would be checked, and the other believed."""
    return signed(Craft(uris=("", "")))


def no_reference() -> bytes:
    """Signs nothing at all."""
    return signed(Craft(uris=()))


def reference_to_an_id() -> bytes:
    """Signs a part; the rest is free."""
    return signed(
        Craft(uris=("#part",)),
        envelope().replace(b"<edXML:MessageHeader>", b'<edXML:MessageHeader Id="part">'),
    )


def reference_elsewhere() -> bytes:
    """Would make the hub fetch something."""
    return signed(Craft(uris=("https://example.org/document.xml",)))


def reference_by_xpointer() -> bytes:
    """Means the root too, but in another way than the profile's."""
    return signed(Craft(uris=("#xpointer(/)",)))


def reference_without_uri() -> bytes:
    """What an absent URI means is up to the application: nothing."""
    return signed(Craft(change=lambda signature: _reference(signature).attrib.pop("URI")))


def transforms_in_another_order() -> bytes:
    """Canonicalised first, there is no signature left to remove."""
    return signed(Craft(transforms=(EXCLUSIVE, ENVELOPED)))


def transform_twice() -> bytes:
    """Repeated transforms cost time and mean nothing."""
    return signed(Craft(transforms=(ENVELOPED, EXCLUSIVE, EXCLUSIVE)))


def only_enveloped() -> bytes:
    """Canonicalisation would be the verifier's choice."""
    return signed(Craft(transforms=(ENVELOPED,)))


def inclusive_prefixes() -> bytes:
    """A prefix list changes what is signed."""
    return signed(Craft(in_transform=INCLUSIVE_PREFIXES))


def object_inside() -> bytes:
    """An Object is content that the signature carries and does not cover."""
    return signed(Craft(in_signature=OBJECT))


def key_value_beside() -> bytes:
    """A second key beside the certificate invites somebody to use the wrong one."""
    return signed(Craft(in_key_info=KEY_VALUE))


def method_for_another_key() -> bytes:
    """RSA is announced, the certificate has an EC key."""
    return signed(Craft(method=f"{MORE}rsa-sha256"))


def signature_value_not_base64() -> bytes:
    """Readers differ in what they make of wrong base64."""
    return signed(Craft(change=lambda signature: _set(signature, "SignatureValue", "===")))


def certificate_not_base64() -> bytes:
    """The same in X509Certificate."""
    return signed(
        Craft(change=lambda signature: _set(signature, "KeyInfo/{*}X509Data/{*}X509Certificate", "é"))
    )


def certificate_unreadable() -> bytes:
    """The truncated certificate of the vendors' samples."""
    return signed(
        Craft(change=lambda signature: _set(signature, "KeyInfo/{*}X509Data/{*}X509Certificate", "MIIFqTCC"))
    )


def no_certificate() -> bytes:
    """An empty X509Data."""
    return signed(Craft(change=lambda signature: _key_data(signature).clear()))


def too_many_certificates() -> bytes:
    """Building a path costs time; nobody needs more than five."""
    certificate = agency_signing_key("H41.07").certificate
    return signed(Craft(certificates=[certificate] * 6))


def comment_in_organ_id() -> bytes:
    """Comments are not signed: `G2<!-- -->2` reads as `G2` in careless software, and the signature holds."""
    return sign_envelope(envelope(), agency_signing_key("H41.07")).replace(b">G22<", b">G2<!-- -->2<")


def comment_between_elements() -> bytes:
    """Nothing in the document is outside the signature."""
    return sign_envelope(envelope(), agency_signing_key("H41.07")).replace(
        b"<edXML:edXMLBody>", b"<edXML:edXMLBody><!-- x -->"
    )


def instruction_before_the_root() -> bytes:
    """A processing instruction before the root is part of the document by XMLDSIG, not by most libraries."""
    return sign_envelope(envelope(), agency_signing_key("H41.07")).replace(b"<edXML ", b"<?x y?><edXML ", 1)


def long_namespace() -> bytes:
    """Canonicalisation repeats a long namespace on every element: ten megabytes become a gigabyte."""
    return signed(None, envelope(in_header=f'<x:a xmlns:x="urn:{"x" * 200}"/>'))


def many_attributes() -> bytes:
    """Canonicalisation sorts attributes in quadratic time."""
    return signed(None, envelope(in_header="<a " + " ".join(f'a{n}=""' for n in range(100)) + "/>"))


def _reference(signature: etree._Element) -> etree._Element:
    found = signature.find(".//{*}Reference")
    assert found is not None
    return found


def _key_data(signature: etree._Element) -> etree._Element:
    found = signature.find(".//{*}X509Data")
    assert found is not None
    return found


def _set(signature: etree._Element, path: str, text: str) -> None:
    found = signature.find(f"{{*}}{path}")
    assert found is not None
    found.text = text


VECTORS = [
    (unsigned, "NO_SIGNATURE"),
    (dummy_placeholder, "NO_SIGNATURE"),
    (empty_placeholder, "NO_SIGNATURE"),
    (empty_signature, "NO_SIGNATURE"),
    (two_signatures, "SIGNATURE_MISPLACED"),
    (signature_in_body, "SIGNATURE_MISPLACED"),
    (signature_under_root, "SIGNATURE_MISPLACED"),
    (signature_first_in_header, "SIGNATURE_MISPLACED"),
    (two_references, "SIGNATURE_FORMAT_FAILURE"),
    (no_reference, "SIGNATURE_FORMAT_FAILURE"),
    (reference_to_an_id, "FORBIDDEN_REFERENCE"),
    (reference_elsewhere, "FORBIDDEN_REFERENCE"),
    (reference_by_xpointer, "FORBIDDEN_REFERENCE"),
    (reference_without_uri, "FORBIDDEN_REFERENCE"),
    (transforms_in_another_order, "SIGNATURE_FORMAT_FAILURE"),
    (transform_twice, "SIGNATURE_FORMAT_FAILURE"),
    (only_enveloped, "SIGNATURE_FORMAT_FAILURE"),
    (inclusive_prefixes, "SIGNATURE_FORMAT_FAILURE"),
    (object_inside, "CONTENT_NOT_COVERED"),
    (key_value_beside, "SIGNATURE_FORMAT_FAILURE"),
    (method_for_another_key, "SIGNATURE_FORMAT_FAILURE"),
    (signature_value_not_base64, "SIGNATURE_FORMAT_FAILURE"),
    (certificate_not_base64, "SIGNATURE_FORMAT_FAILURE"),
    (certificate_unreadable, "NO_SIGNING_CERTIFICATE"),
    (no_certificate, "NO_SIGNING_CERTIFICATE"),
    (too_many_certificates, "SIGNATURE_FORMAT_FAILURE"),
    (comment_in_organ_id, "CONTENT_NOT_COVERED"),
    (comment_between_elements, "CONTENT_NOT_COVERED"),
    (instruction_before_the_root, "CONTENT_NOT_COVERED"),
    (long_namespace, "SIGNATURE_FORMAT_FAILURE"),
    (many_attributes, "SIGNATURE_FORMAT_FAILURE"),
]


@pytest.mark.parametrize(("vector", "code"), VECTORS)
def test_another_shape_is_refused(vector: Callable[[], bytes], code: str) -> None:
    assert refusal(vector()) == [code]


def test_an_ampersand_in_the_name_of_a_namespace_is_refused() -> None:
    """libxml2 writes it unescaped: what is hashed is then no XML, and no other library hashes the same."""
    assert refusal(signed(None, envelope(in_header='<x:a xmlns:x="urn:x?a&amp;b"/>'))) == [
        "SIGNATURE_FORMAT_FAILURE"
    ]
