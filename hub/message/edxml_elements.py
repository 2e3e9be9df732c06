"""Walking in an edXML tree: by name, in any order, without stumbling over what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lxml.etree import _Element

from hub.message.edxml import EDXML_NAMESPACE
from hub.message.xml_path import name_in

_NAMESPACE: Final = f"{{{EDXML_NAMESPACE}}}"
_MESSAGE_HEADER: Final = ("edXMLEnvelope", "edXMLHeader", "MessageHeader")


@dataclass(slots=True, eq=False)  # not frozen: a document has fifty, and freezing would double their cost
class Field:
    """An element and the elements inside it, as they stand."""

    tag: str
    element: _Element
    fields: Sequence["Field"]
    _line: str | None = None

    @property
    def line(self) -> str:
        """Its text on one line: read once, though header and content digest both ask for it."""
        if self._line is None:
            self._line = " ".join(whole_text(self.element).split())
        return self._line

    @property
    def name(self) -> str:
        """Its name without the namespace, shortened where it is absurdly long."""
        return name_in(self.tag)


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
    inside: list[Field] = []
    for each in islice(following, len(element)):
        if len(each):
            inside.append(_outline(each, following))
        elif isinstance(tag := each.tag, str):
            inside.append(Field(tag, each, ()))
    return Field(element.tag, element, inside)


def children(parent: Field | None, name: str) -> Sequence[Field]:
    """Return the children of *parent* with *name*, in their order."""
    tag = _NAMESPACE + name
    return [field for field in parent.fields if field.tag == tag] if parent is not None else ()


def child(parent: Field | None, *names: str) -> Field | None:
    """Return the first element that *names* lead to, downwards from *parent*."""
    for name in names:
        if parent is None:
            return None
        parent = _first(parent.fields, _NAMESPACE + name)
    return parent


def text(parent: Field | None, *names: str) -> str:
    """Return the text of the first element that *names* lead to, on one line; empty where there is none."""
    field = child(parent, *names)
    return field.line if field is not None else ""


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


def _first(fields: Sequence[Field], tag: str) -> Field | None:
    for field in fields:
        if field.tag == tag:
            return field
    return None
