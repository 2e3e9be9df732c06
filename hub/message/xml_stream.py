"""XML from strangers, read a piece at a time: expat, with nothing to fetch, to expand or to be drowned in.

Whoever handles the events sees each element with its prefix, its namespace and what it declares, so that the
document can be written again, or brought into canonical form, from these events alone.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, NoReturn, Protocol
from xml.parsers import expat

from hub.errors import MalformedMessage, RejectionCode
from hub.message.refusal import violation

PIECE: Final = 256 * 1024
"""Octets that expat is given at once, and characters that it gives back at once."""
_SEPARATOR: Final = "\x1f"
"""Stands in no XML document, so in no name either."""
_PARTS_WITH_PREFIX: Final = 3
_LONGEST_KEPT: Final = 200
_FORBIDDEN: Final = (b"<!DOCTYPE", b"<!ENTITY")
_OVERLAP: Final = max(map(len, _FORBIDDEN)) - 1
_LONGEST_TOKEN: Final = 1024 * 1024
"""A tag, a comment: expat begins each anew with every piece (CVE-2023-52425), so it must not be long."""
_FOREIGN_MARKS: Final = (b"\xfe\xff", b"\xff\xfe", b"\x00<", b"<\x00", b"\x00\x00\xfe\xff", b"\x00\x00\x00<")
_ENCODINGS: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_VERSION: Final = re.compile(r"1\.[0-9]+")
_DECODER: Final = codecs.getincrementaldecoder("utf-8")


class Name(NamedTuple):
    """The name of an element or an attribute, as it was written and as it is meant."""

    namespace: str
    local: str
    prefix: str

    @property
    def written(self) -> str:
        """The name with its prefix."""
        return f"{self.prefix}:{self.local}" if self.prefix else self.local

    @property
    def tag(self) -> str:
        """The name in Clark notation, as lxml has it."""
        return f"{{{self.namespace}}}{self.local}" if self.namespace else self.local


class StartTag(NamedTuple):
    """An element begins."""

    name: Name
    declared: tuple[tuple[str, str], ...]
    """Prefixes, empty for the default, with their namespaces, as far as this tag declares them."""
    attributes: tuple[tuple[Name, str], ...]


class XmlHandler(Protocol):
    """Takes the events of a document in their order; text comes in as many pieces as it likes."""

    def start(self, tag: StartTag, position: int) -> None:
        """Begin an element with *tag*, at *position* in the file."""
        ...

    def end(self, position: int) -> None:
        """End the element that began last; its end tag begins at *position*."""
        ...

    def text(self, written: str) -> None:
        """Take text inside the element that began last."""
        ...

    def comment(self, written: str) -> None:
        """Take a comment."""
        ...

    def instruction(self, target: str, written: str) -> None:
        """Take a processing instruction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """How much XML is looked at, beside the text in it; numbers as for what is read at once."""

    octets: int = 400 * 1024 * 1024
    elements: int = 10_000
    depth: int = 32
    attributes: int = 50_000
    namespaces: int = 5_000
    attribute_characters: int = 4_096


class XmlStream:
    """Reads a document piece by piece and tells *handler* what is in it; raises only `MalformedMessage`."""

    def __init__(self, handler: XmlHandler, limits: StreamLimits) -> None:
        """Read for *handler* within *limits*."""
        self._handler = handler
        self._limits = limits
        self._room = {"elements": limits.elements, "attributes": limits.attributes}
        self._declared: list[tuple[str, str]] = []
        self._namespaces = limits.namespaces
        self._depth = 0
        self._octets = 0
        self._waiting = bytearray()
        self._end = b""
        self._decoder = _DECODER()
        self._parser = self._hardened()

    def feed(self, octets: bytes) -> None:
        """Read on; small pieces are gathered, large ones cut."""
        self._waiting += octets
        if len(self._waiting) < PIECE:
            return
        waiting, self._waiting = bytes(self._waiting), bytearray()
        whole = len(waiting) - len(waiting) % PIECE
        for at in range(0, whole, PIECE):
            self._read(waiting[at : at + PIECE], is_last=False)
        self._waiting += waiting[whole:]

    def close(self) -> None:
        """Read what is left; here the document has to be at its end."""
        self._read(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _read(self, octets: bytes, *, is_last: bool) -> None:
        if not self._octets and octets.startswith(_FOREIGN_MARKS):
            refuse(RejectionCode.WRONG_ENCODING, "QCVN 102:2016: UTF-8")
        self._octets += len(octets)
        if self._octets > self._limits.octets:
            refuse(RejectionCode.MESSAGE_TOO_LARGE, "1.size", size=self._octets, limit=self._limits.octets)
        self._look_at(octets, is_last=is_last)
        try:
            self._parser.Parse(octets, is_last)
        except expat.ExpatError as error:
            self._not_well_formed(error)
        if not is_last and self._octets - self._parser.CurrentByteIndex > _LONGEST_TOKEN:
            too_complex(vi="thẻ hoặc chú thích quá dài", en="a tag or a comment is too long")

    def _look_at(self, octets: bytes, *, is_last: bool) -> None:
        """Refuse octets that are no UTF-8, or that could be taken for a document type anywhere."""
        try:
            self._decoder.decode(octets, final=is_last)
        except UnicodeDecodeError:
            refuse(RejectionCode.WRONG_ENCODING, "QCVN 102:2016: UTF-8")
        if b"\x00" in octets:
            forbidden(vi="byte NUL", en="a NUL byte")
        if b"!" in octets or self._end:
            seen = self._end + octets
            if any(each in seen for each in _FORBIDDEN):
                forbidden(vi="khai báo DOCTYPE hoặc ENTITY", en="a DOCTYPE or ENTITY declaration")
        self._end = octets[-_OVERLAP:] if b"<" in octets[-_OVERLAP:] else b""

    def _hardened(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("UTF-8", _SEPARATOR)
        parser.namespace_prefixes = True
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.buffer_size = PIECE
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = _document_type
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._ended
        parser.CharacterDataHandler = self._handler.text
        parser.CommentHandler = self._handler.comment
        parser.ProcessingInstructionHandler = self._handler.instruction
        return parser

    def _declaration(self, version: str, encoding: str | None, _: int) -> None:
        if not _VERSION.fullmatch(version):
            refuse(RejectionCode.NOT_WELL_FORMED, "XML 1.0", line=1, column=1)
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            refuse(RejectionCode.WRONG_ENCODING, "QCVN 102:2016: UTF-8")

    def _namespace(self, prefix: str | None, name: str | None) -> None:
        self._namespaces -= 1
        if self._namespaces < 0:
            too_complex(vi="quá nhiều khai báo xmlns", en="too many xmlns declarations")
        self._refuse_long(name or "")
        if "&" in (name or ""):  # which libxml2 writes as it is, against C14N 1.0 §2.3
            forbidden(vi="ký tự & trong tên không gian tên", en="an & in the name of a namespace")
        self._declared.append((prefix or "", name or ""))

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._depth > self._limits.depth:
            limit = self._limits.depth
            too_complex(vi=f"lồng sâu hơn {limit} cấp", en=f"nested deeper than {limit}")
        self._use("elements", 1, "phần tử")
        self._use("attributes", len(attributes) // 2, "thuộc tính")
        for value in attributes[1::2]:
            self._refuse_long(value)
        declared, self._declared = tuple(self._declared), []
        pairs = tuple((_name(attributes[at]), attributes[at + 1]) for at in range(0, len(attributes), 2))
        self._handler.start(StartTag(_name(name), declared, pairs), self._parser.CurrentByteIndex)

    def _ended(self, _: str) -> None:
        self._depth -= 1
        self._handler.end(self._parser.CurrentByteIndex)

    def _use(self, what: str, number: int, what_vi: str) -> None:
        self._room[what] -= number
        if self._room[what] < 0:
            too_complex(vi=f"quá nhiều {what_vi}", en=f"too many {what}")

    def _refuse_long(self, value: str) -> None:
        limit = self._limits.attribute_characters
        if len(value) > limit:
            vi, en = f"thuộc tính dài hơn {limit} ký tự", f"an attribute of more than {limit} characters"
            too_complex(vi=vi, en=en)

    def _not_well_formed(self, error: expat.ExpatError) -> NoReturn:
        try:
            refuse(RejectionCode.NOT_WELL_FORMED, "XML 1.0", line=error.lineno, column=error.offset + 1)
        except MalformedMessage as refusal:
            raise refusal from error


class TextInside:
    """Reads the text that stands directly in one element, of which a file has the octets.

    The octets begin with its start tag and end before its end tag.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        """Hand the text to *take*, piece by piece."""
        self._take = take
        self._depth = 0
        parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.buffer_size = PIECE
        parser.StartDoctypeDeclHandler = _document_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def feed(self, octets: bytes) -> None:
        """Read on in a document that has been read before."""
        try:
            self._parser.Parse(octets, False)  # noqa: FBT003 - the end tag never comes
        except expat.ExpatError as error:
            raise MalformedMessage(
                [violation(RejectionCode.NOT_WELL_FORMED, path="/", rule="XML 1.0", line=1, column=1)]
            ) from error

    def _start(self, _: str, __: dict[str, str]) -> None:
        self._depth += 1

    def _end(self, _: str) -> None:
        self._depth -= 1

    def _text(self, written: str) -> None:
        if self._depth == 1:
            self._take(written)


def forbidden(*, vi: str, en: str) -> NoReturn:
    """Refuse what no message may hold."""
    refuse(RejectionCode.FORBIDDEN_XML, "1.forbidden", what_vi=vi, what_en=en)


def too_complex(*, vi: str, en: str) -> NoReturn:
    """Refuse what is beyond a limit."""
    refuse(RejectionCode.TOO_COMPLEX, "1.complexity", what_vi=vi, what_en=en)


def refuse(code: RejectionCode, rule: str, **values: object) -> NoReturn:
    """Refuse the document with *code*."""
    raise MalformedMessage([violation(code, path="/", rule=rule, **values)])


def _document_type(*_: object) -> None:
    forbidden(vi="khai báo DOCTYPE hoặc ENTITY", en="a DOCTYPE or ENTITY declaration")


def _name(written: str) -> Name:
    return _name_once(written) if len(written) <= _LONGEST_KEPT else _split(written)


def _split(written: str) -> Name:
    parts = written.split(_SEPARATOR)
    if len(parts) == 1:
        return Name("", parts[0], "")
    return Name(parts[0], parts[1], parts[2] if len(parts) == _PARTS_WITH_PREFIX else "")


_name_once: Final = lru_cache(maxsize=4_096)(_split)
"""Strangers write the names: only short ones are kept."""
