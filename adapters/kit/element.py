"""XML as the vendors write it: the envelope under the prefix `edXML`, the attachments under none."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape, quoteattr  # writes only; nothing is parsed here

_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XLINK: Final = "http://www.w3.org/1999/xlink"
_PREFIX: Final = "edXML:"
_KEPT: Final = {"\r": "&#13;"}
"""A parser would turn it into a line feed."""
_ENCODED: Final = "ContentTransferEncoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element with text or children."""

    name: str
    text: str = ""
    children: tuple["Element", ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)


def element(name: str, text: str) -> Element:
    """Return an element with *text*; raises `ValueError` for characters that XML cannot carry."""
    if _UNWRITABLE.search(text):
        raise ValueError(f"the text of {name} has a character that XML cannot carry")
    return Element(name=name, text=text)


def group(name: str, children: Iterable[Element], **attributes: str) -> Element:
    """Return an element with *children*."""
    return Element(name=name, children=tuple(children), attributes=attributes)


def rendered(envelope: Element, enclosed: Sequence[Element], *, namespace: str) -> bytes:
    """Return the whole message: root, *envelope* under its prefix, *enclosed* in the default namespace."""
    declared = f" xmlns:edXML={quoteattr(namespace)}"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<edXML xmlns={quoteattr(namespace)}>",
        *_lines(envelope, _PREFIX, declared, 1),
        *(line for each in enclosed for line in _enclosed(each, declared, 1)),
        "</edXML>",
        "",
    ]
    return "\n".join(lines).encode()


def _lines(node: Element, prefix: str, declared: str, depth: int) -> Iterator[str]:
    indent, name = "  " * depth, f"{prefix}{node.name}"
    start = f"{indent}<{name}{declared}{_attributes(node)}>"
    if not node.children:
        yield f"{start}{escape(node.text, _KEPT)}</{name}>"
        return
    yield start
    for child in node.children:
        yield from _lines(child, prefix, "", depth + 1)
    yield f"{indent}</{name}>"


def _enclosed(node: Element, declared: str, depth: int) -> Iterator[str]:
    """Write attachments as the vendors do: only the content has the prefix, and declares it once more."""
    if not node.children:
        is_content = node.name == _ENCODED
        yield from _lines(node, _PREFIX if is_content else "", declared if is_content else "", depth)
        return
    yield f"{'  ' * depth}<{node.name}>"
    for child in node.children:
        yield from _enclosed(child, declared, depth + 1)
    yield f"{'  ' * depth}</{node.name}>"


def _attributes(node: Element) -> str:
    written = "".join(f" {name}={quoteattr(value)}" for name, value in node.attributes.items())
    has_link = any(name.startswith("xlink:") for name in node.attributes)
    return f" xmlns:xlink={quoteattr(_XLINK)}{written}" if has_link else written
