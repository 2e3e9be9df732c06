"""Walking in an edXML tree: by name, in any order, without stumbling over what is missing."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from lxml import etree
from lxml.etree import _Element

from hub.message.edxml import EDXML_NAMESPACE

_MESSAGE_HEADER: Final = ("edXMLEnvelope", "edXMLHeader", "MessageHeader")


def qualified(name: str) -> str:
    """Return *name* in the namespace of QCVN 102:2016."""
    return f"{{{EDXML_NAMESPACE}}}{name}"


def children(parent: _Element | None, name: str) -> Iterator[_Element]:
    """Return the children of *parent* with *name*, in their order."""
    return parent.iterchildren(qualified(name)) if parent is not None else iter(())


def child(parent: _Element | None, *names: str) -> _Element | None:
    """Return the first element that *names* lead to, downwards from *parent*."""
    found = _path(*names)(parent) if parent is not None else None
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, _Element) else None


def text(parent: _Element | None, *names: str) -> str:
    """Return the text of the first element that *names* lead to, on one line; empty where there is none."""
    found = _path(*names, text=True)(parent) if parent is not None else None
    return " ".join("".join(map(str, found)).split()) if isinstance(found, list) else ""


@cache
def _path(*names: str, text: bool = False) -> etree.XPath:
    """Return the compiled path, by the first child of each name, to an element or its own text.

    One evaluation costs about as much as one step in Python, and most paths have several.
    """
    steps = [f"e:{name}[1]" for name in names] or ["."]
    path = "/".join([*steps, "text()"] if text else steps)
    return etree.XPath(path, namespaces={"e": EDXML_NAMESPACE}, regexp=False, smart_strings=False)


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
