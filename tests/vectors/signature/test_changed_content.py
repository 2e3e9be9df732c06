"""Documents that were changed after signing, plainly or by wrapping what was signed."""

import copy
from collections.abc import Callable

import pytest
from lxml import etree

from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.crafted_signature import DS, XMLENC, Craft, craft
from tests.support.edxml import NAMESPACE, envelope
from tests.support.verdict import refusal

HASH, CRYPTO, FORMAT = "HASH_FAILURE", "SIG_CRYPTO_FAILURE", "SIGNATURE_FORMAT_FAILURE"
MISPLACED, UNCOVERED, REFERENCE = "SIGNATURE_MISPLACED", "CONTENT_NOT_COVERED", "FORBIDDEN_REFERENCE"


def signed() -> bytes:
    return sign_envelope(envelope(), agency_signing_key("H41.07"))


def tree() -> etree._Element:
    return etree.fromstring(signed())


def written(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def find(root: etree._Element, path: str) -> etree._Element:
    found = root.find(path)
    assert found is not None
    return found


def changed_recipient() -> bytes:
    """Another recipient than the sender wrote."""
    return signed().replace(b">G22<", b">G23<")


def changed_attachment() -> bytes:
    """Another file than the sender enclosed."""
    return signed().replace(b"VGhpcyBpcyBh", b"VGhhdCBpcyBh")


def added_recipient() -> bytes:
    """One recipient more."""
    root = tree()
    recipient = find(root, ".//{*}To")
    recipient.addnext(copy.deepcopy(recipient))
    return written(root)


def removed_element() -> bytes:
    """Something left out."""
    root = tree()
    subject = find(root, ".//{*}Subject")
    find(root, ".//{*}MessageHeader").remove(subject)
    return written(root)


def changed_attribute() -> bytes:
    """Attributes are content."""
    return signed().replace(b'xlink:href="cid:1"', b'xlink:href="cid:2"')


def changed_white_space() -> bytes:
    """White space between elements is content for canonicalisation: what re-serialises, breaks."""
    return signed().replace(b"\n        <edXML:DocumentId>", b"<edXML:DocumentId>")


def changed_namespace() -> bytes:
    """Another namespace is another vocabulary."""
    return signed().replace(b'xmlns:xlink="http://www.w3.org/1999/xlink"', b'xmlns:xlink="urn:x"')


def changed_digest() -> bytes:
    """With the digest made to fit, the signature over it no longer holds."""
    root = tree()
    find(root, f".//{{{DS}}}DigestValue").text = "A" * 43 + "="
    return written(root)


def changed_signature_value() -> bytes:
    """A value that nobody computed."""
    root = tree()
    value = find(root, f".//{{{DS}}}SignatureValue")
    value.text = ("A" if (value.text or "")[0] != "A" else "B") + (value.text or "")[1:]
    return written(root)


def shortened_signature_value() -> bytes:
    """Not even the length is right."""
    root = tree()
    find(root, f".//{{{DS}}}SignatureValue").text = "AAAA"
    return written(root)


def zero_signature_value() -> bytes:
    """r = s = 0: accepted by broken implementations of ECDSA (CVE-2022-21449)."""
    root = tree()
    find(root, f".//{{{DS}}}SignatureValue").text = "A" * 86 + "=="
    return written(root)


def changed_digest_method() -> bytes:
    """The algorithms are signed too."""
    root = tree()
    find(root, f".//{{{DS}}}DigestMethod").set("Algorithm", f"{XMLENC}sha512")
    return written(root)


def certificate_of_another_agency() -> bytes:
    """Another, equally trusted, certificate in KeyInfo: its key did not sign this."""
    root = tree()
    other = etree.fromstring(sign_envelope(envelope(), agency_signing_key("G22")))
    old, new = find(root, f".//{{{DS}}}X509Data"), find(other, f".//{{{DS}}}X509Data")
    old.getparent().replace(old, new)  # type: ignore[union-attr]
    return written(root)


def signature_of_another_document() -> bytes:
    """A real signature of the same sender, over something else."""
    root, other = (
        tree(),
        etree.fromstring(sign_envelope(envelope(subject="another"), agency_signing_key("H41.07"))),
    )
    old, new = find(root, f".//{{{DS}}}Signature"), find(other, f".//{{{DS}}}Signature")
    old.getparent().replace(old, new)  # type: ignore[union-attr]
    return written(root)


def wrapped_in_an_envelope() -> bytes:
    """Wrapping 1: a new envelope around, the signed document inside its body."""
    outer = etree.fromstring(envelope(subject="forged"))
    find(outer, ".//{*}edXMLBody").append(tree())
    return written(outer)


def wrapped_with_the_signature_moved() -> bytes:
    """Wrapping 2: the same, with the signature at the one place of the new envelope."""
    outer, inner = etree.fromstring(envelope(subject="forged")), tree()
    find(outer, ".//{*}edXMLHeader").append(find(inner, f".//{{{DS}}}Signature"))
    find(outer, ".//{*}edXMLBody").append(inner)
    return written(outer)


def second_header_before() -> bytes:
    """Wrapping 3: a forged header before the signed one; who takes the first reads the forgery."""
    root = tree()
    forged = copy.deepcopy(find(root, ".//{*}edXMLHeader"))
    forged.remove(find(forged, f"{{{DS}}}Signature"))
    find(root, ".//{*}edXMLHeader").addprevious(forged)
    return written(root)


def second_envelope_after() -> bytes:
    """Wrapping 4: a forged envelope after the signed one; who takes the last reads the forgery."""
    root = tree()
    forged = find(etree.fromstring(envelope(subject="forged")), "{*}edXMLEnvelope")
    find(root, "{*}edXMLEnvelope").addnext(forged)
    return written(root)


def original_inside_the_signature() -> bytes:
    """Wrapping 5: the original moves into an Object of the signature, the forgery takes its place."""
    root, original = etree.fromstring(envelope(subject="forged")), tree()
    signature = find(original, f".//{{{DS}}}Signature")
    find(root, ".//{*}edXMLHeader").append(signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(original)
    return written(root)


def original_by_id() -> bytes:
    """Wrapping 6: the reference is to an Id, the signed part stands in a corner, the forgery in its place."""
    body = envelope().replace(b"<edXML:MessageHeader>", b'<edXML:MessageHeader Id="part">')
    root = etree.fromstring(craft(body, agency_signing_key("H41.07"), Craft(uris=("#part",))))
    original = find(root, ".//{*}MessageHeader")
    forged = copy.deepcopy(original)
    forged.attrib.pop("Id")
    find(forged, "{*}Subject").text = "forged"
    original.addprevious(forged)
    find(root, ".//{*}edXMLManifest").append(original)
    return written(root)


def attachment_in_the_signature() -> bytes:
    """The enveloped transform takes the whole signature away: what hides in it is not covered."""
    root = tree()
    hidden = etree.fromstring(f'<AttachmentEncoded xmlns="{NAMESPACE}"/>')
    find(root, f".//{{{DS}}}KeyInfo").append(hidden)
    return written(root)


def text_after_the_signature() -> bytes:
    """Text behind the signature belongs to the header, not to the signature."""
    return signed().replace(b"</ds:Signature>", b"</ds:Signature>text")


VECTORS = [
    (changed_recipient, HASH),
    (changed_attachment, HASH),
    (added_recipient, HASH),
    (removed_element, HASH),
    (changed_attribute, HASH),
    (changed_white_space, HASH),
    (changed_namespace, HASH),
    (changed_digest, CRYPTO),
    (changed_signature_value, CRYPTO),
    (shortened_signature_value, CRYPTO),
    (zero_signature_value, CRYPTO),
    (changed_digest_method, CRYPTO),
    (certificate_of_another_agency, CRYPTO),
    (signature_of_another_document, HASH),
    (wrapped_in_an_envelope, MISPLACED),
    (wrapped_with_the_signature_moved, HASH),
    (second_header_before, HASH),
    (second_envelope_after, HASH),
    (original_inside_the_signature, UNCOVERED),
    (original_by_id, REFERENCE),
    (attachment_in_the_signature, FORMAT),
    (text_after_the_signature, MISPLACED),
]


@pytest.mark.parametrize(("vector", "code"), VECTORS)
def test_changed_content_is_refused(vector: Callable[[], bytes], code: str) -> None:
    assert refusal(vector()) == [code]


def test_the_unchanged_document_is_accepted() -> None:
    assert refusal(signed()) == []
