"""Signature wrapping in its published shapes, against a signature over a part and against the axis's own.

McIntosh and Austel, XML signature element wrapping attacks and countermeasures (2005); Jensen, Liao and
Schwenk, The curse of namespaces in the domain of XML signature (2009); Somorovsky et al., On breaking SAML:
be whoever you want to be (2012), whose eight shapes XSW1 to XSW8 move signature, original and forgery around.
"""

import copy
from collections.abc import Callable

from lxml import etree

from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.crafted_signature import DS, EXCLUSIVE, Craft, craft
from tests.support.edxml import NAMESPACE, envelope

XPATH2 = "http://www.w3.org/2002/06/xmldsig-filter2"
WRAPPER = "{urn:example:wrapper}Wrapper"


def by_id(name: str = "edXMLEnvelope", **craft_: object) -> etree._Element:
    """Return a document whose signature is over the part called *name* only, by its Id."""
    start = f"<edXML:{name}".encode()
    body = envelope().replace(start, start + b' Id="part"', 1)
    return etree.fromstring(craft(body, agency_signing_key("H41.07"), Craft(uris=("#part",), **craft_)))


def whole() -> etree._Element:
    """Return a document that is signed as the axis wants it."""
    return etree.fromstring(sign_envelope(envelope(), agency_signing_key("H41.07")))


def find(root: etree._Element, name: str) -> etree._Element:
    found = root.find(f".//{{*}}{name}")
    assert found is not None
    return found


def forged(part: etree._Element, *, identified: str | None = None) -> etree._Element:
    """Return a copy of *part* that says something else, without signature."""
    copied = copy.deepcopy(part)
    for signature in list(copied.iter(f"{{{DS}}}Signature")):
        signature.getparent().remove(signature)
    find(copied, "Subject").text = "forged"
    copied.attrib.pop("Id", None)
    if identified is not None:
        copied.set("Id", identified)
    return copied


def written(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def xsw1_original_in_the_signature_of_a_forged_message() -> bytes:
    """XSW1: the whole original inside the signature, which stands in a forged message with another Id."""
    root = by_id()
    original, signature = find(root, "edXMLEnvelope"), find(root, "Signature")
    evil = forged(original, identified="evil")
    original.addprevious(evil)
    find(evil, "edXMLHeader").append(signature)
    signature.append(original)
    return written(root)


def xsw2_signature_detached_before_the_original() -> bytes:
    """XSW2: as XSW1, but the signature is detached and the original stands after it."""
    root = by_id()
    original, signature = find(root, "edXMLEnvelope"), find(root, "Signature")
    evil = forged(original, identified="evil")
    original.addprevious(evil)
    find(evil, "edXMLHeader").append(signature)
    signature.addnext(original)
    return written(root)


def xsw3_forgery_as_the_first_sibling() -> bytes:
    """XSW3: the forgery is a sibling before the original."""
    root = by_id()
    original = find(root, "edXMLEnvelope")
    original.addprevious(forged(original, identified="evil"))
    return written(root)


def xsw4_original_inside_the_forgery() -> bytes:
    """XSW4: the original becomes a child of the forgery."""
    root = by_id()
    original = find(root, "edXMLEnvelope")
    evil = forged(original, identified="evil")
    original.addprevious(evil)
    evil.append(original)
    return written(root)


def xsw5_forgery_under_the_signed_id() -> bytes:
    """XSW5: the signature stays in a changed part, the original without signature follows at the end."""
    root = by_id()
    original = find(root, "edXMLEnvelope")
    copied = copy.deepcopy(original)
    find(copied, "Signature").getparent().remove(find(copied, "Signature"))  # type: ignore[union-attr]
    find(original, "Subject").text = "forged"
    original.set("Id", "evil")
    root.append(copied)
    return written(root)


def xsw6_original_inside_the_signature_of_the_changed_part() -> bytes:
    """XSW6: as XSW5, with the original hidden inside the signature."""
    root = by_id()
    original = find(root, "edXMLEnvelope")
    copied = copy.deepcopy(original)
    find(copied, "Signature").getparent().remove(find(copied, "Signature"))  # type: ignore[union-attr]
    find(original, "Subject").text = "forged"
    original.set("Id", "evil")
    find(root, "Signature").append(copied)
    return written(root)


def xsw7_forgery_with_the_same_id_in_an_extension() -> bytes:
    """XSW7: a forgery with the same Id in an element of a loose schema; who finds it first decides."""
    root = by_id()
    original = find(root, "edXMLEnvelope")
    extension = etree.Element(WRAPPER)
    extension.append(forged(original, identified="part"))
    original.addprevious(extension)
    return written(root)


def xsw8_original_in_an_object_of_the_signature() -> bytes:
    """XSW8: the original in an Object of the signature, the forgery with the same Id around it."""
    root = by_id()
    original, signature = find(root, "edXMLEnvelope"), find(root, "Signature")
    evil = forged(original, identified="part")
    original.addprevious(evil)
    find(evil, "edXMLHeader").append(signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(original)
    return written(root)


def simple_ancestry() -> bytes:
    """McIntosh and Austel, simple ancestry context: the signed part moves below a wrapper nobody reads."""
    root = by_id("MessageHeader")
    original = find(root, "MessageHeader")
    original.addprevious(forged(original))
    wrapper = etree.SubElement(find(root, "edXMLHeader"), WRAPPER)
    wrapper.append(original)
    return written(root)


def optional_element() -> bytes:
    """McIntosh and Austel, optional element context: a signed element that may be absent is moved away."""
    root = by_id("TraceHeaderList")
    original = find(root, "TraceHeaderList")
    wrapper = etree.SubElement(find(root, "edXMLBody"), WRAPPER)
    wrapper.append(original)
    return written(root)


def sibling_value() -> bytes:
    """McIntosh and Austel, sibling value context: the sibling that gives the signed element its meaning."""
    root = by_id("Subject")
    find(root, "From").find("{*}OrganId").text = "G22"  # type: ignore[union-attr]
    return written(root)


def sibling_order() -> bytes:
    """McIntosh and Austel, sibling order: signed elements change places."""
    root = whole()
    sender, recipient = find(root, "From"), find(root, "To")
    recipient.addnext(sender)
    return written(root)


def namespace_injection() -> bytes:
    """Jensen et al.: a prefix of an XPath in the signature is bound anew and means another part."""
    path = "/p:edXML/p:edXMLEnvelope"
    expression = f'<f:XPath xmlns:f="{XPATH2}" xmlns:p="{NAMESPACE}" Filter="intersect">{path}</f:XPath>'
    how = Craft(transforms=(f"{DS}enveloped-signature", EXCLUSIVE, XPATH2), in_transform=expression)
    body = craft(envelope(), agency_signing_key("H41.07"), how)
    return body.replace(f'xmlns:p="{NAMESPACE}"'.encode(), b'xmlns:p="urn:evil"')


def signed_header_moved_to_another_message() -> bytes:
    """Signed and then moved: header with signature of one message above the body of another."""
    root, other = whole(), etree.fromstring(envelope(content="Zm9yZ2Vk"))
    old = find(other, "edXMLHeader")
    old.getparent().replace(old, find(root, "edXMLHeader"))  # type: ignore[union-attr]
    return written(other)


def signature_in_another_header() -> bytes:
    """The signature in a second header, where a reader that takes the last one looks."""
    root = whole()
    header = find(root, "edXMLHeader")
    second = etree.Element(header.tag)
    header.addnext(second)
    second.append(find(root, "Signature"))
    return written(root)


def root_inside_a_root() -> bytes:
    """The signed document as an attachment of a forged one of the same shape."""
    evil = etree.fromstring(envelope(subject="forged"))
    evil.append(whole())
    return written(evil)


def duplicate_ids() -> bytes:
    """Two elements with the signed Id."""
    root = by_id("MessageHeader")
    find(root, "TraceHeaderList").set("Id", "part")
    return written(root)


VECTORS: list[tuple[Callable[[], bytes], str]] = [
    (xsw1_original_in_the_signature_of_a_forged_message, "SIGNATURE_FORMAT_FAILURE"),
    (xsw2_signature_detached_before_the_original, "SIGNATURE_MISPLACED"),
    (xsw3_forgery_as_the_first_sibling, "FORBIDDEN_REFERENCE"),
    (xsw4_original_inside_the_forgery, "SIGNATURE_MISPLACED"),
    (xsw5_forgery_under_the_signed_id, "FORBIDDEN_REFERENCE"),
    (xsw6_original_inside_the_signature_of_the_changed_part, "SIGNATURE_FORMAT_FAILURE"),
    (xsw7_forgery_with_the_same_id_in_an_extension, "FORBIDDEN_REFERENCE"),
    (xsw8_original_in_an_object_of_the_signature, "CONTENT_NOT_COVERED"),
    (simple_ancestry, "SIGNATURE_MISPLACED"),
    (optional_element, "FORBIDDEN_REFERENCE"),
    (sibling_value, "FORBIDDEN_REFERENCE"),
    (sibling_order, "HASH_FAILURE"),
    (namespace_injection, "FORBIDDEN_TRANSFORM"),
    (signed_header_moved_to_another_message, "HASH_FAILURE"),
    (signature_in_another_header, "HASH_FAILURE"),
    (root_inside_a_root, "SIGNATURE_MISPLACED"),
    (duplicate_ids, "FORBIDDEN_REFERENCE"),
]
