"""Step 1 of intake: the bytes are well-formed XML of the right root, with nothing dangerous in them."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from lxml import etree

from hub.errors import MalformedMessage, RejectionCode, Violation
from hub.message.edxml import EDXML_NAMESPACE
from hub.message.hardened_xml import parse_hardened
from hub.message.refusal import violation
from hub.message.stages import ParsedMessage, ReceivedMessage

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_FOREIGN_MARKS: Final = (b"\xfe\xff", b"\xff\xfe", b"\x00<", b"<\x00", b"\x00\x00\xfe\xff", b"\x00\x00\x00<")
_DECLARED_ENCODING: Final = re.compile(rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([^"']{0,40})["']""")
_ADMITTED_ENCODINGS: Final = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_ROOT: Final = f"{{{EDXML_NAMESPACE}}}edXML"
_OLD_NAMESPACE: Final = "http://www.e-doc.vn/Schema/"
_INSTANCE_NAMESPACE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_INCLUSION_NAMESPACE: Final = "http://www.w3.org/2001/XInclude"
_RARE: Final = 500
# Not `//`, which steps to every node first and then to its children: three times as long.
_INSTRUCTION: Final = "boolean(/descendant::processing-instruction())"
_INSTANCE_ATTRIBUTE: Final = "boolean(/descendant::*/@xsi:*)"
_INCLUSION: Final = "boolean(/descendant::xi:*)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseLimits:
    """How much XML the hub looks at; below the broker's 16 MiB, so that the refusal is ours and signed."""

    octets: int = 12 * 1024 * 1024
    elements: int = 10_000
    """Twice what the most recipients need; the judge takes a tenth of a millisecond for each."""
    depth: int = 32
    attributes: int = 50_000
    namespaces: int = 5_000
    """Declarations; canonicalisation looks through them in quadratic time."""
    attribute_characters: int = 4_096


def parse(received: ReceivedMessage, limits: ParseLimits) -> ParsedMessage:
    """Admit well-formed UTF-8 XML with an edXML root within *limits*.

    Document types, processing instructions and schema hints are refused before anything could act on them.
    Raises nothing but `MalformedMessage`, whatever the bytes are.
    """
    refusal = _before_parsing(received.body, limits)
    if refusal is not None:
        raise MalformedMessage([refusal])
    try:
        root = parse_hardened(received.body.removeprefix(_BYTE_ORDER_MARK))
    except etree.XMLSyntaxError as error:
        raise MalformedMessage([_not_well_formed(error)]) from error
    refusal = _after_parsing(root, limits)
    if refusal is not None:
        raise MalformedMessage([refusal])
    return ParsedMessage(received=received, tree=root)


def _before_parsing(body: bytes, limits: ParseLimits) -> Violation | None:
    if not body.strip():
        return _refuse(RejectionCode.EMPTY_MESSAGE, "1.size")
    if len(body) > limits.octets:
        return _refuse(RejectionCode.MESSAGE_TOO_LARGE, "1.size", size=len(body), limit=limits.octets)
    if not _is_utf8(body):
        return _refuse(RejectionCode.WRONG_ENCODING, "QCVN 102:2016: UTF-8")
    return _forbidden_bytes(body) or _too_much_markup(body, limits)


def _is_utf8(body: bytes) -> bool:
    if body.startswith(_FOREIGN_MARKS):
        return False
    declared = _DECLARED_ENCODING.match(body.removeprefix(_BYTE_ORDER_MARK))
    if declared is not None and declared[1].lower() not in _ADMITTED_ENCODINGS:
        return False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _forbidden_bytes(body: bytes) -> Violation | None:
    if b"\x00" in body:
        return _forbidden(vi="byte NUL", en="a NUL byte")
    # Also inside a comment or CDATA: nobody writes that there in good faith, and a search cannot be deceived.
    # Most bodies hold no exclamation mark, which a search for the one byte finds out twenty times as fast.
    if b"!" in body and (b"<!DOCTYPE" in body or b"<!ENTITY" in body):
        return _forbidden(vi="khai báo DOCTYPE hoặc ENTITY", en="a DOCTYPE or ENTITY declaration")
    return None


def _too_much_markup(body: bytes, limits: ParseLimits) -> Violation | None:
    if _holds_more(body, b"<", 2 * limits.elements):
        return _too_complex(vi=f"hơn {limits.elements} phần tử", en=f"more than {limits.elements} elements")
    if _holds_more(body, b"=", limits.attributes):
        return _too_complex(vi="quá nhiều thuộc tính", en="too many attributes")
    # Each has its equals sign, for which a search is much faster.
    if _holds_more(body, b"=", limits.namespaces) and body.count(b"xmlns") > limits.namespaces:
        return _too_complex(vi="quá nhiều khai báo xmlns", en="too many xmlns declarations")
    return None


def _holds_more(body: bytes, mark: bytes, limit: int) -> bool:
    """Whether the octet *mark* stands in *body* more than *limit* times.

    A search leaps from one to the next where they are rare, as in base64; `count` looks at every octet.
    """
    if len(body) <= limit:
        return False
    found = 0
    position = body.find(mark)
    while position >= 0 and found < _RARE:
        found += 1
        position = body.find(mark, position + 1)
    return position >= 0 and body.count(mark) > limit


def _after_parsing(root: etree._Element, limits: ParseLimits) -> Violation | None:
    refusal = _wrong_root(root)
    if refusal is not None or not _is_suspicious(limits)(root):
        return refusal
    return _forbidden_nodes(root) or _too_deep_or_long(root, limits)


def _wrong_root(root: etree._Element) -> Violation | None:
    if root.tag == _ROOT:
        return None
    name = etree.QName(root)
    shown = str(name.text)
    if name.namespace == _OLD_NAMESPACE:
        shown += " (e-doc.vn)"
    return _refuse(RejectionCode.NOT_AN_ENVELOPE, "QCVN 102:2016: edXML", root=shown)


def _forbidden_nodes(root: etree._Element) -> Violation | None:
    if _condition(_INSTRUCTION)(root):
        return _forbidden(vi="chỉ thị xử lý (<?…?>)", en="a processing instruction (<?…?>)")
    # libxml2 follows xsi:schemaLocation when it validates; xsi:type would choose other types than ours.
    if _condition(_INSTANCE_ATTRIBUTE)(root):
        return _forbidden(vi="thuộc tính xsi:…", en="an xsi:… attribute")
    # Nothing here follows it; a recipient's software may.
    if _condition(_INCLUSION)(root):
        return _forbidden(vi="phần tử XInclude", en="an XInclude element")
    return None


def _too_deep_or_long(root: etree._Element, limits: ParseLimits) -> Violation | None:
    if _condition(_deeper_than(limits))(root):
        return _too_complex(vi=f"lồng sâu hơn {limits.depth} cấp", en=f"nested deeper than {limits.depth}")
    if _condition(_longer_than(limits))(root):
        return _too_complex(
            vi=f"thuộc tính dài hơn {limits.attribute_characters} ký tự",
            en=f"an attribute of more than {limits.attribute_characters} characters",
        )
    return None


@cache
def _is_suspicious(limits: ParseLimits) -> etree.XPath:
    """Return one question for all five: each evaluation lets go of the interpreter lock, and waits for it."""
    return _condition(
        _INSTRUCTION, _INSTANCE_ATTRIBUTE, _INCLUSION, _deeper_than(limits), _longer_than(limits)
    )


def _deeper_than(limits: ParseLimits) -> str:
    return "boolean(" + "/*" * (limits.depth + 1) + ")"


def _longer_than(limits: ParseLimits) -> str:
    return f"boolean(/descendant::*/@*[string-length() > {limits.attribute_characters}])"


@cache
def _condition(*alternatives: str) -> etree.XPath:
    namespaces = {"xsi": _INSTANCE_NAMESPACE, "xi": _INCLUSION_NAMESPACE}
    return etree.XPath(" or ".join(alternatives), namespaces=namespaces, regexp=False)


def _not_well_formed(error: etree.XMLSyntaxError) -> Violation:
    line, column = error.position
    if "Excessive depth" in (error.msg or ""):
        return _too_complex(vi="lồng quá sâu", en="nested too deeply")
    return _refuse(RejectionCode.NOT_WELL_FORMED, "XML 1.0", line=line, column=column)


def _forbidden(*, vi: str, en: str) -> Violation:
    return _refuse(RejectionCode.FORBIDDEN_XML, "1.forbidden", what_vi=vi, what_en=en)


def _too_complex(*, vi: str, en: str) -> Violation:
    return _refuse(RejectionCode.TOO_COMPLEX, "1.complexity", what_vi=vi, what_en=en)


def _refuse(code: RejectionCode, rule: str, **values: object) -> Violation:
    return violation(code, path="/", rule=rule, **values)
