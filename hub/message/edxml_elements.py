"""Walking in an edXML tree: by name, in any order, without stumbling over what is missing."""

from collections.abc import Iterator
from typing import Final

from lxml.etree import _Element

from hub.message.edxml import EDXML_NAMESPACE

_NAMESPACE: Final = f"{{{EDXML_NAMESPACE}}}"
_MESSAGE_HEADER: Final = ("edXMLEnvelope", "edXMLHeader", "MessageHeader")


def children(parent: _Element | None, name: str) -> Iterator[_Element]:
    """Return the children of *parent* with *name*, in their order."""
    return parent.iterchildren(_NAMESPACE + name) if parent is not None else iter(())


def child(parent: _Element | None, *names: str) -> _Element | None:
    """Return the first element that *names* lead to, downwards from *parent*."""
    # No XPath, though faster alone: every evaluation lets go of the interpreter lock and waits for it.
    for name in names:
        if parent is None:
            return None
        parent = next(parent.iterchildren(_NAMESPACE + name), None)
    return parent


def text(parent: _Element | None, *names: str) -> str:
    """Return the text of the first element that *names* lead to, on one line; empty where there is none."""
    element = child(parent, *names)
    return " ".join(whole_text(element).split()) if element is not None else ""


def whole_text(element: _Element) -> str:
    """Return the text of *element* as it stands, also where comments interrupt it."""
    written = element.text or ""
    return "".join((written, *(inner.tail or "" for inner in element))) if len(element) else written


def message_header(tree: _Element) -> _Element | None:
    """Return the `MessageHeader` of *tree*."""
    return child(tree, *_MESSAGE_HEADER)


def business(tree: _Element) -> _Element | None:
    """Return the `Bussiness` of *tree* (the standard spells it so)."""
    return child(tree, "edXMLEnvelope", "edXMLHeader", "TraceHeaderList", "Bussiness")


def manifest_references(tree: _Element) -> Iterator[_Element]:
    """Return the entries of the manifest of *tree*."""
    return children(child(tree, "edXMLEnvelope", "edXMLBody", "edXMLManifest"), "Reference")


def attachment_elements(tree: _Element) -> Iterator[_Element]:
    """Return the attachments enclosed in *tree*."""
    return children(child(tree, "AttachmentEncoded"), "Attachment")


def is_status(tree: _Element) -> bool:
    """Whether *tree* is a status message: it has a `StatusCode`."""
    return child(tree, *_MESSAGE_HEADER, "StatusCode") is not None
