"""Whole valid documents, and one thing that is done to them."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st
from lxml import etree

from hub.message.edxml import BusinessType, StatusCode
from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.crafted_signature import DS
from tests.support.envelopes import A_PDF, a_document, a_status

_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=40
).filter(lambda text: text.strip() != "" and "mật" not in text.lower() and "\ufffe" not in text)
_FILES = st.sampled_from([A_PDF, b"plain text", b"PK\x05\x06" + bytes(18), b"\x89PNG\r\n\x1a\n"])
_NAMES = st.sampled_from(["cong-van.pdf", "tờ trình.docx", "ho-so.zip", "ghi-chu.txt"])


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Return an unsigned document that keeps every rule."""
    document = a_document().identified_by(f"G22,{draw(st.uuids())}").about(draw(_WORDS))
    document = document.to(*draw(st.sampled_from([("H41",), ("H14",), ("H41", "H14")])))
    document = document.with_priority(draw(st.integers(0, 4))).without_attachments()
    for _ in range(draw(st.integers(1, 3))):
        document = document.with_attachment(draw(_NAMES), draw(_FILES), zipped=draw(st.booleans()))
    match draw(st.sampled_from(BusinessType)):
        case BusinessType.NEW:
            pass
        case BusinessType.RECALL:
            document = document.recalling("G22,d-1")
        case BusinessType.UPDATE:
            document = document.updating("G22,d-1")
        case BusinessType.REPLACEMENT:
            document = document.replacing("G22,d-1", "G22,d-2")
    return (document.in_dotnet_order() if draw(st.booleans()) else document).unsigned()


@st.composite
def statuses(draw: st.DrawFn) -> bytes:
    """Return an unsigned status that keeps every rule."""
    code = draw(st.sampled_from(StatusCode))
    return a_status(code).with_(description=draw(_WORDS)).unsigned()


def signed(body: bytes, sender: str = "G22") -> bytes:
    return sign_envelope(body, agency_signing_key(sender))


@dataclass(frozen=True, kw_only=True)
class Break:
    """One thing to do to a signed document."""

    name: str
    apply: Callable[[etree._Element, int], None]
    """On the tree, with a number that chooses where."""


def _elements(root: etree._Element) -> list[etree._Element]:
    """Return what the signature covers: all but the signature itself."""
    hidden = {each for signature in root.iter(f"{{{DS}}}Signature") for each in signature.iter()}
    return [each for each in root.iter("*") if each not in hidden]


def _chosen(root: etree._Element, place: int) -> etree._Element:
    elements = _elements(root)
    return elements[place % len(elements)]


def _remove(root: etree._Element, place: int) -> None:
    element = _chosen(root, 1 + place % (len(_elements(root)) - 1))
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _double(root: etree._Element, place: int) -> None:
    element = _chosen(root, 1 + place % (len(_elements(root)) - 1))
    element.addnext(etree.fromstring(etree.tostring(element)))


def _say_more(root: etree._Element, place: int) -> None:
    element = _chosen(root, place)
    element.text = (element.text or "") + "x"


def _rename(root: etree._Element, place: int) -> None:
    _chosen(root, place).tag = "{urn:x}other"


def _comment(root: etree._Element, place: int) -> None:
    _chosen(root, place).append(etree.Comment("x"))


def _attribute(root: etree._Element, place: int) -> None:
    _chosen(root, place).set("Id", "x")


def _spoil_signature(root: etree._Element, place: int) -> None:
    parts = [each for each in root.iter(f"{{{DS}}}*") if (each.text or "").strip()]
    element = parts[place % len(parts)]
    text = element.text or ""
    element.text = ("B" if text[:1] == "A" else "A") + text[1:]


def _second_signature(root: etree._Element, place: int) -> None:
    (signature,) = root.iter(f"{{{DS}}}Signature")
    _chosen(root, place).append(etree.fromstring(etree.tostring(signature)))


BREAKS = (
    Break(name="remove an element", apply=_remove),
    Break(name="double an element", apply=_double),
    Break(name="say more", apply=_say_more),
    Break(name="rename an element", apply=_rename),
    Break(name="comment", apply=_comment),
    Break(name="add an attribute", apply=_attribute),
    Break(name="spoil the signature", apply=_spoil_signature),
    Break(name="sign twice", apply=_second_signature),
)


def broken(body: bytes, what: Break, place: int) -> bytes:
    """Return *body* with *what* done to it."""
    root = etree.fromstring(body)
    what.apply(root, place)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)
