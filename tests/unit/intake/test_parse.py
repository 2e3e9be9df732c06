import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from hub.errors import MalformedMessage, RejectionCode
from hub.intake.parse import ParseLimits, parse
from hub.message.edxml import EDXML_NAMESPACE
from tests.support.envelopes import a_document
from tests.support.stages import received

VECTORS = Path(__file__).parents[2] / "vectors" / "edxml"
INDEX = tomllib.loads((VECTORS / "vectors.toml").read_text(encoding="utf-8"))["vector"]
REFUSED = [vector for vector in INDEX if vector["code"]]
ADMITTED = [vector for vector in INDEX if not vector["code"]]
LIMITS = ParseLimits()


def envelope(inside: str, attributes: str = "") -> bytes:
    return f'<edXML xmlns="{EDXML_NAMESPACE}"{attributes}>{inside}</edXML>'.encode()


def refusal_of(body: bytes, limits: ParseLimits = LIMITS) -> RejectionCode:
    with pytest.raises(MalformedMessage) as refused:
        parse(received(body), limits)
    return refused.value.code


def test_every_vector_is_in_the_index() -> None:
    files = {path.name for path in VECTORS.iterdir()} - {"vectors.toml"}

    assert files == {vector["file"] for vector in INDEX}


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["file"])
def test_hostile_and_broken_input_is_refused_for_its_reason(vector: dict[str, str]) -> None:
    assert refusal_of((VECTORS / vector["file"]).read_bytes()).value == vector["code"], vector["why"]


@pytest.mark.parametrize("vector", ADMITTED, ids=lambda vector: vector["file"])
def test_harmless_variety_is_admitted(vector: dict[str, str]) -> None:
    parsed = parse(received((VECTORS / vector["file"]).read_bytes()), LIMITS)

    assert etree.QName(parsed.tree).localname == "edXML"


def test_a_real_document_keeps_its_received_bytes() -> None:
    submitted = received(a_document().unsigned())

    assert parse(submitted, LIMITS).received is submitted


def test_a_message_above_the_limit_is_refused_and_told_both_sizes() -> None:
    body = a_document().unsigned()

    with pytest.raises(MalformedMessage) as refused:
        parse(received(body), ParseLimits(octets=1_000))

    assert refused.value.code is RejectionCode.MESSAGE_TOO_LARGE
    assert str(len(body)) in refused.value.violations[0].en


def test_a_message_just_at_the_limit_is_admitted() -> None:
    body = a_document().unsigned()

    assert parse(received(body), ParseLimits(octets=len(body))).tree is not None


def test_one_text_of_more_than_ten_million_characters_is_read() -> None:
    body = a_document().of_size(12_000_000).unsigned()
    assert len(body) < LIMITS.octets

    tree = parse(received(body), LIMITS).tree

    content = tree.find(".//{*}ContentTransferEncoded")
    assert content is not None
    assert len(content.text or "") > 11_000_000


@pytest.mark.parametrize("depth", [33, 300, 3_000, 300_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    limits = ParseLimits(elements=10_000_000)

    assert refusal_of(envelope("<a>" * depth + "</a>" * depth), limits) is RejectionCode.TOO_COMPLEX


def test_nesting_up_to_the_limit_is_admitted() -> None:
    depth = LIMITS.depth - 1

    assert parse(received(envelope("<a>" * depth + "</a>" * depth)), LIMITS).tree is not None


def test_too_many_elements_are_refused_before_they_are_built() -> None:
    assert refusal_of(envelope("<a></a>" * (LIMITS.elements + 1))) is RejectionCode.TOO_COMPLEX


def test_too_many_attributes_are_refused() -> None:
    attributes = "".join(f' a{number}="1"' for number in range(LIMITS.attributes + 1))

    assert refusal_of(envelope("", attributes)) is RejectionCode.TOO_COMPLEX


def test_too_many_namespace_declarations_are_refused() -> None:
    declarations = "".join(f' xmlns:a{number}="u:a"' for number in range(LIMITS.namespaces + 1))

    assert refusal_of(envelope("", declarations)) is RejectionCode.TOO_COMPLEX


def test_a_giant_attribute_is_refused() -> None:
    assert refusal_of(envelope("", f' a="{"x" * 2_000_000}"')) is RejectionCode.TOO_COMPLEX


def test_the_old_namespace_is_named_in_the_refusal() -> None:
    with pytest.raises(MalformedMessage) as refused:
        parse(received((VECTORS / "old-namespace.xml").read_bytes()), LIMITS)

    assert "http://www.e-doc.vn/Schema/" in refused.value.violations[0].vi


def test_the_place_of_a_syntax_error_is_named() -> None:
    with pytest.raises(MalformedMessage) as refused:
        parse(received(b"<edXML>\n  <a></b>\n</edXML>"), LIMITS)

    assert "line 2" in refused.value.violations[0].en


@given(st.binary(max_size=400))
@example(b"<?xml")
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe<\x00")
@example(b"<a" + b" " * 300)
def test_arbitrary_bytes_are_refused_and_nothing_else_happens(body: bytes) -> None:
    refusal_of(body)


@given(st.data())
def test_a_damaged_document_is_parsed_or_refused(data: st.DataObject) -> None:
    body = bytearray(a_document().unsigned())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))

    try:
        parse(received(bytes(body)), LIMITS)
    except MalformedMessage as refused:
        assert refused.violations[0].vi  # noqa: PT017 - either outcome is right


@given(st.text(alphabet="<>/&;!?[]-=\"' abcD:xmlns#%\n", max_size=60))
def test_whatever_stands_inside_an_envelope_is_parsed_or_refused(inside: str) -> None:
    try:
        parse(received(envelope(inside)), LIMITS)
    except MalformedMessage as refused:
        assert refused.code.value.startswith("HUB-1")  # noqa: PT017 - either outcome is right
