"""A shape that is remembered answers as if it were judged anew, and nothing else is taken for it."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
from lxml import etree

from hub.errors import SignatureRejected, Violation
from hub.message.hardened_xml import parse_hardened
from hub.signature.known_shapes import KnownShapes, shape_of
from hub.signature.profile import ENVELOPE, SIGNATURE, ds
from hub.signature.signing import sign_envelope
from hub.signature.structure import SignatureParts, take_apart
from tests.support.authority import agency_signing_key
from tests.support.edxml import envelope

Change = Callable[[etree._Element], None]


def signed(subject: str = "V/v họp") -> bytes:
    return sign_envelope(envelope(subject=subject), agency_signing_key("H41.07"))


def elements(root: etree._Element) -> list[etree._Element]:
    return list(next(root.iter(SIGNATURE)).iter())


def said(parts: SignatureParts) -> tuple[object, ...]:
    """Return all that *parts* says that is not an element of this very tree."""
    places = [each.getroottree().getpath(each) for each in (parts.signed_info, parts.value)]
    return (
        *places, parts.signature_method, parts.signature_value, parts.document, parts.own,
        parts.certificates, parts.qualification,
    )  # fmt: skip


def outcome(root: etree._Element, shapes: KnownShapes) -> tuple[object, ...] | tuple[Violation, ...]:
    try:
        return said(take_apart(root, ENVELOPE, shapes))
    except SignatureRejected as refusal:
        return refusal.violations


def renamed(element: etree._Element) -> None:
    element.tag = ds("Other")


def in_no_namespace(element: etree._Element) -> None:
    element.tag = etree.QName(element).localname


def with_an_attribute(element: etree._Element) -> None:
    element.set("Id", "x")


def with_a_child(element: etree._Element) -> None:
    etree.SubElement(element, ds("Transform"))


def with_text(element: etree._Element) -> None:
    element.text = "===" if not len(element) else "x"


def without_text(element: etree._Element) -> None:
    element.text = None


def twice(element: etree._Element) -> None:
    element.addnext(deepcopy(element))


def gone(element: etree._Element) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def in_its_sister(element: etree._Element) -> None:
    sister = element.getprevious()
    if sister is not None:
        sister.append(element)


def of_other_attributes(element: etree._Element) -> None:
    for name in element.attrib:
        element.set(name, f"{element.get(name)}x")


CHANGES: tuple[Change, ...] = (
    renamed, in_no_namespace, with_an_attribute, with_a_child, with_text, without_text, twice, gone,
    in_its_sister, of_other_attributes,
)  # fmt: skip


def changed(change: Change) -> Iterator[etree._Element]:
    """Return the signed envelope with *change* made to each element of its signature in turn."""
    for place in range(len(elements(parse_hardened(signed())))):
        root = parse_hardened(signed())
        change(elements(root)[place])
        yield root


def test_another_signature_of_a_known_shape_is_taken_apart_alike() -> None:
    shapes = KnownShapes()
    take_apart(parse_hardened(signed("thứ nhất")), ENVELOPE, shapes)
    second = parse_hardened(signed("thứ hai"))

    is_known = shapes.get(shape_of(elements(second))) is not None

    assert is_known
    assert outcome(deepcopy(second), shapes) == outcome(second, KnownShapes())


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_is_remembered_changes_no_answer(change: Change) -> None:
    shapes = KnownShapes()
    take_apart(parse_hardened(signed()), ENVELOPE, shapes)

    for root in changed(change):
        alone = outcome(deepcopy(root), KnownShapes())
        again = [outcome(deepcopy(root), shapes) for _ in range(2)]

        assert again == [alone, alone]


def test_a_refused_shape_is_not_remembered() -> None:
    shapes = KnownShapes()
    root = parse_hardened(signed())
    renamed(elements(root)[2])

    with pytest.raises(SignatureRejected):
        take_apart(root, ENVELOPE, shapes)

    assert shapes.get(shape_of(elements(root))) is None


def test_strange_attributes_do_not_fill_the_memory() -> None:
    shapes = KnownShapes()
    root = parse_hardened(signed())
    next(root.iter(SIGNATURE)).set("Id", "x" * 5_000)

    take_apart(root, ENVELOPE, shapes)

    assert shapes.get(shape_of(elements(root))) is None


def test_long_names_in_a_hint_do_not_fill_the_memory() -> None:
    shapes, root = KnownShapes(), parse_hardened(signed())
    hint = etree.SubElement(next(root.iter(ds("X509Data"))), ds("X509SubjectName"))
    etree.SubElement(hint, "x" * 5_000)

    take_apart(root, ENVELOPE, shapes)

    assert len(shapes) == 0


def test_the_memory_is_bounded() -> None:
    shapes, root = KnownShapes(most=10), parse_hardened(signed())

    for number in range(25):
        next(root.iter(SIGNATURE)).set("Id", f"id-{number}")
        take_apart(root, ENVELOPE, shapes)

    assert len(shapes) <= 10
