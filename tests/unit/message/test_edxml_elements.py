"""The outline of a message says what its tree says."""

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.message.edxml import EDXML_NAMESPACE
from hub.message.edxml_elements import Field, child, children, outline, text
from hub.message.hardened_xml import parse_hardened
from tests.support.envelopes import a_document

NAMES = ("OrganId", "Code", "To", "Subject")
NAMESPACES = (EDXML_NAMESPACE, "urn:other", None)
TEXTS = st.text("ab \n\tđ", max_size=5)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> etree._Element:
    namespace, name = draw(st.sampled_from(NAMESPACES)), draw(st.sampled_from(NAMES))
    element = etree.Element(name if namespace is None else f"{{{namespace}}}{name}")
    element.text = draw(TEXTS)
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        inner = etree.Comment(draw(st.just("x"))) if draw(st.booleans()) else draw(trees(depth - 1))
        inner.tail = draw(TEXTS)
        element.append(inner)
    return element


def elements_in(field: Field) -> list[etree._Element]:
    return [field.element, *(element for inner in field for element in elements_in(inner))]


@given(trees())
def test_an_outline_holds_every_element_in_the_order_of_the_document_and_nothing_else(
    tree: etree._Element,
) -> None:
    assert elements_in(outline(tree)) == list(tree.iter("*"))


@given(trees(), st.sampled_from(NAMES))
def test_children_and_their_text_are_those_that_xpath_finds(tree: etree._Element, name: str) -> None:
    found = tree.xpath(f"e:{name}", namespaces={"e": EDXML_NAMESPACE})
    first = "".join(found[0].xpath("text()")) if found else ""

    field = outline(tree)
    assert [each.element for each in children(field, name)] == found
    assert text(field, name) == " ".join(first.split())


def test_an_element_with_nothing_inside_is_there_all_the_same() -> None:
    (empty,) = outline(parse_hardened(b"<a><b/></a>"))

    assert empty
    assert list(empty) == []


def test_names_lead_to_the_first_of_each_and_no_further() -> None:
    message = outline(parse_hardened(a_document().to("H41", "H17").unsigned()))

    header = child(message, "edXMLEnvelope", "edXMLHeader", "MessageHeader")
    assert text(header, "To", "OrganId") == "H41"
    assert child(header, "To", "Nothing", "OrganId") is None
    assert text(None, "To") == ""
