"""Walking in an edXML tree: by name, in any order, without stumbling over what is missing."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from lxml.etree import _Element

from hub.message.edxml import EDXML_NAMESPACE

_NAMESPACE: Final = f"{{{EDXML_NAMESPACE}}}"
_MESSAGE_HEADER: Final = ("edXMLEnvelope", "edXMLHeader", "MessageHeader")


class Field(list["Field"]):
    """An element, with its tag, and as a list the elements inside it.

    A document has fifty, and Python makes a list in half the time that any other object of ours takes.
    """

    __slots__ = ("element", "line", "tag")

    element: _Element
    line: str | None
    """Its text, once `line_of` has been asked for it."""
    tag: str

    def __bool__(self) -> bool:
        """Say that it is there, also where nothing is inside it."""
        return True


def outline(element: _Element) -> Field:
    """Return *element* and all inside it, read once: whoever asks lxml for each pays for each anew.

    Comments and instructions, whose tags are functions, are left out: having lxml do that takes longer.
    """
    following = element.iter()
    return _outline(next(following), following)


def _outline(element: _Element, following: Iterator[_Element]) -> Field:
    """Return *element* with what is inside it, which *following* yields next.

    One walk through the tree, of which each element takes as many as it holds: an iterator of its own for
    each element takes longer than the elements do.
    """
    field = Field()
    field.tag, field.element, field.line = element.tag, element, None
    for each in islice(following, len(element)):
        if len(each):
            field.append(_outline(each, following))
        elif isinstance(tag := each.tag, str):
            leaf = Field()
            leaf.tag, leaf.element, leaf.line = tag, each, None
            field.append(leaf)
    return field


def children(parent: Field | None, name: str) -> Sequence[Field]:
    """Return the children of *parent* with *name*, in their order."""
    tag = _NAMESPACE + name
    return [field for field in parent if field.tag == tag] if parent is not None else ()


def child(parent: Field | None, *names: str) -> Field | None:
    """Return the first element that *names* lead to, downwards from *parent*."""
    if parent is None:
        return None
    for name in names:
        tag = _NAMESPACE + name
        for field in parent:
            if field.tag == tag:
                parent = field
                break
        else:
            return None
    return parent


def text(parent: Field | None, *names: str) -> str:
    """Return the text of the first element that *names* lead to, on one line; empty where there is none."""
    field = child(parent, *names)
    return line_of(field) if field is not None else ""


def line_of(field: Field) -> str:
    """Return the text of *field* on one line: read once, though header and content digest both want it."""
    if field.line is None:
        field.line = " ".join(whole_text(field.element).split())
    return field.line


def whole_text(element: _Element) -> str:
    """Return the text of *element* as it stands, also where comments interrupt it."""
    written = element.text or ""
    return "".join((written, *(inner.tail or "" for inner in element))) if len(element) else written


def message_header(message: Field) -> Field | None:
    """Return the `MessageHeader` of *message*."""
    return child(message, *_MESSAGE_HEADER)


def business(message: Field) -> Field | None:
    """Return the `Bussiness` of *message* (the standard spells it so)."""
    return child(message, "edXMLEnvelope", "edXMLHeader", "TraceHeaderList", "Bussiness")


def manifest_references(message: Field) -> Sequence[Field]:
    """Return the entries of the manifest of *message*."""
    return children(child(message, "edXMLEnvelope", "edXMLBody", "edXMLManifest"), "Reference")


def attachment_elements(message: Field) -> Sequence[Field]:
    """Return the attachments enclosed in *message*."""
    return children(child(message, "AttachmentEncoded"), "Attachment")


def is_status(message: Field) -> bool:
    """Whether *message* is a status message: it has a `StatusCode`."""
    return child(message, *_MESSAGE_HEADER, "StatusCode") is not None
