"""Exclusive Canonical XML 1.0 without comments, of a document whose events come one after the other.

The same events can be written as they are (`written_start`): what is read back from that has the same
canonical form.
"""

from typing import Final

from hub.message.xml_stream import Name, StartTag

_XML: Final = "xml"
_TEXT: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#xD;"))
_VALUE: Final = (
    ("&", "&amp;"),
    ("<", "&lt;"),
    ('"', "&quot;"),
    ("\t", "&#x9;"),
    ("\n", "&#xA;"),
    ("\r", "&#xD;"),
)


class ExclusiveForm:
    """Writes the canonical form of a document, piece by piece (W3C xml-exc-c14n, §3; C14N 1.0, §2.3)."""

    def __init__(self) -> None:
        """Begin before the root."""
        self._open: list[Name] = []
        self._rendered: list[dict[str, str]] = [{"": ""}]
        self._is_over = False

    def start(self, tag: StartTag) -> bytes:
        """Return the start tag: with the namespaces that it uses and that are not yet declared above."""
        above = self._rendered[-1]
        used = _visibly_used(tag)
        new = {prefix: name for prefix, name in used.items() if above.get(prefix) != name}
        self._open.append(tag.name)
        self._rendered.append(above | new if new else above)
        attributes = sorted(tag.attributes, key=lambda each: each[0][:2])
        return _start_tag(tag.name, sorted(new.items()), attributes)

    def end(self) -> bytes:
        """Return the end tag of the element that began last."""
        self._rendered.pop()
        name = self._open.pop()
        self._is_over = not self._open
        return end_tag(name)

    def instruction(self, target: str, written: str) -> bytes:
        """Return a processing instruction, which outside the root stands on a line of its own."""
        octets = written_instruction(target, written)
        if self._open:
            return octets
        return b"\n" + octets if self._is_over else octets + b"\n"


def escaped_text(written: str) -> bytes:
    """Return *written* as canonical XML writes text."""
    return _escaped(written, _TEXT).encode()


def written_start(tag: StartTag) -> bytes:
    """Return *tag* with what it declares and says, as its sender wrote it."""
    return _start_tag(tag.name, tag.declared, tag.attributes)


def written_instruction(target: str, written: str) -> bytes:
    """Return a processing instruction."""
    return f"<?{target} {written}?>".encode() if written else f"<?{target}?>".encode()


def end_tag(name: Name) -> bytes:
    """Return the end tag of an element called *name*."""
    return f"</{name.written}>".encode()


def _visibly_used(tag: StartTag) -> dict[str, str]:
    """Return the prefixes that *tag* itself uses; attributes without one are in no namespace."""
    used = {tag.name.prefix: tag.name.namespace}
    used |= {name.prefix: name.namespace for name, _ in tag.attributes if name.prefix}
    used.pop(_XML, None)
    return used


def _start_tag(
    name: Name,
    declared: "tuple[tuple[str, str], ...] | list[tuple[str, str]]",
    attributes: "tuple[tuple[Name, str], ...] | list[tuple[Name, str]]",
) -> bytes:
    parts = [f"<{name.written}"]
    for prefix, namespace in declared:
        if prefix != _XML:
            parts.append(f' {f"xmlns:{prefix}" if prefix else "xmlns"}="{_escaped(namespace, _VALUE)}"')
    parts += [f' {each.written}="{_escaped(value, _VALUE)}"' for each, value in attributes]
    return "".join([*parts, ">"]).encode()


def _escaped(written: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for character, escape in escapes:
        if character in written:  # to look is much faster than to replace
            written = written.replace(character, escape)
    return written
