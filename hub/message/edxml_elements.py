"""Walking in an edXML tree: by name, in any order, without stumbling over what is missing."""

from collections.abc import Iterator

from lxml import etree

from hub.message.edxml import EDXML_NAMESPACE


def qualified(name: str) -> str:
    """Return *name* in the namespace of QCVN 102:2016."""
    return f"{{{EDXML_NAMESPACE}}}{name}"


def children(parent: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """Yield the children of *parent* with *name*, in their order."""
    if parent is not None:
        yield from parent.iterchildren(qualified(name))


def child(parent: etree._Element | None, *names: str) -> etree._Element | None:
    """Return the first element that *names* lead to, downwards from *parent*."""
    for name in names:
        parent = next(children(parent, name), None)
    return parent


def text(parent: etree._Element | None, *names: str) -> str:
    """Return the text of the first element that *names* lead to, on one line; empty where there is none."""
    element = child(parent, *names)
    return " ".join(whole_text(element).split()) if element is not None else ""


def whole_text(element: etree._Element) -> str:
    """Return the text of *element* as it stands, also where comments interrupt it."""
    return "".join((element.text or "", *(inner.tail or "" for inner in element)))


def message_header(tree: etree._Element) -> etree._Element | None:
    """Return the `MessageHeader` of *tree*."""
    return child(tree, "edXMLEnvelope", "edXMLHeader", "MessageHeader")


def business(tree: etree._Element) -> etree._Element | None:
    """Return the `Bussiness` of *tree* (the standard spells it so)."""
    return child(tree, "edXMLEnvelope", "edXMLHeader", "TraceHeaderList", "Bussiness")


def manifest_references(tree: etree._Element) -> Iterator[etree._Element]:
    """Yield the entries of the manifest of *tree*."""
    return children(child(tree, "edXMLEnvelope", "edXMLBody", "edXMLManifest"), "Reference")


def attachment_elements(tree: etree._Element) -> Iterator[etree._Element]:
    """Yield the attachments enclosed in *tree*."""
    return children(child(tree, "AttachmentEncoded"), "Attachment")


def is_status(tree: etree._Element) -> bool:
    """Whether *tree* is a status message: it has a `StatusCode`."""
    return child(message_header(tree), "StatusCode") is not None
