import gc
import re
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.catalogue import SCHEMAS, Catalogue
from hub.errors import RejectionCode
from hub.message.edxml import EDXML_NAMESPACE
from hub.message.hardened_xml import parse_hardened
from tests.support.envelopes import a_document, a_status

EXAMPLES = SCHEMAS / "edxml" / "2016" / "examples"
VALID = sorted((EXAMPLES / "valid").glob("*.edxml"))
INVALID = sorted((EXAMPLES / "invalid").glob("*.edxml"))
JUDGED_ONLY = {"document-unusual-order", "document-vendor-fields"}
CATALOGUE = Catalogue()


def fast_lane_accepts(tree: etree._Element) -> bool:
    return bool(CATALOGUE._fast_lane.validate(tree))


def test_there_are_examples_of_both_kinds() -> None:
    assert len(VALID) >= 20
    assert len(INVALID) >= 20


@pytest.mark.parametrize("example", VALID, ids=lambda path: path.stem)
def test_the_judge_accepts_every_valid_example(example: Path) -> None:
    assert CATALOGUE.judge(parse_hardened(example.read_bytes())) == ()


@pytest.mark.parametrize("example", VALID, ids=lambda path: path.stem)
def test_the_fast_lane_accepts_the_usual_orders_and_leaves_the_rest_to_the_judge(example: Path) -> None:
    tree = parse_hardened(example.read_bytes())

    assert fast_lane_accepts(tree) is (example.stem not in JUDGED_ONLY)


@pytest.mark.parametrize("example", INVALID, ids=lambda path: path.stem)
def test_every_violation_of_an_invalid_example_is_found_where_it_is(example: Path) -> None:
    body = example.read_bytes()
    stated = re.search(rb"<!-- (.*?) -->", body)
    assert stated is not None

    violations = CATALOGUE.violations(parse_hardened(body))

    assert sorted(each.path for each in violations) == sorted(stated[1].decode().split())


@pytest.mark.parametrize("example", INVALID, ids=lambda path: path.stem)
def test_the_fast_lane_accepts_no_invalid_example(example: Path) -> None:
    assert not fast_lane_accepts(parse_hardened(example.read_bytes()))


@pytest.mark.parametrize("example", INVALID, ids=lambda path: path.stem)
def test_every_violation_says_in_both_languages_what_is_wrong(example: Path) -> None:
    for each in CATALOGUE.violations(parse_hardened(example.read_bytes())):
        assert each.code is RejectionCode.SCHEMA_VIOLATION
        assert re.search(r": \S.{5,}", each.vi), each.vi
        assert re.search(r": \S.{5,}", each.en), each.en
        assert each.vi != each.en


def test_a_wrong_value_is_named_together_with_what_is_expected() -> None:
    tree = parse_hardened(a_document().with_priority(7).unsigned())

    (only,) = CATALOGUE.violations(tree)

    assert "“7”" in only.en
    assert "from 0 to 4" in only.en
    assert "từ 0 đến 4" in only.vi


def test_text_that_is_too_long_is_not_repeated_in_the_sentence() -> None:
    tree = parse_hardened(a_document().about("bí mật gia đình " * 1_000).unsigned())

    (only,) = CATALOGUE.violations(tree)

    assert "gia đình" not in only.vi + only.en


def test_a_long_code_is_shortened_in_the_sentence() -> None:
    tree = parse_hardened(a_document().from_("x" * 5_000).unsigned())

    assert all(len(each.en) < 400 for each in CATALOGUE.violations(tree))


def test_the_list_of_violations_is_one_that_a_person_can_work_through() -> None:
    codes = [f"not a code {number}" for number in range(500)]

    assert len(CATALOGUE.violations(parse_hardened(a_document().to(*codes).unsigned()))) == 100


def test_the_judge_keeps_nothing_of_a_message() -> None:
    def judge(name: str) -> None:
        strange = "".join(f"<n{name}-{each}-{'x' * 50_000}/>" for each in range(20))
        body = a_document().unsigned().replace(b"<edXML:Subject>", f"{strange}<edXML:Subject>".encode(), 1)
        assert CATALOGUE.judge(parse_hardened(body)) != ()

    gc.disable()  # what needs it would take thirty messages to go
    tracemalloc.start()
    held = []
    try:
        for turn in range(12):
            judge(str(turn))
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        gc.enable()

    assert min(held[-4:]) - min(held[:4]) < 100_000


def test_the_content_of_an_attachment_is_not_looked_at() -> None:
    body = a_document().unsigned().replace(b"JVBERi0", b"certainly not base64")

    assert CATALOGUE.violations(parse_hardened(body)) == ()


def test_threads_may_share_a_catalogue() -> None:
    shared = Catalogue()
    good, bad = a_document().unsigned(), a_document().with_priority(9).unsigned()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda body: len(shared.violations(parse_hardened(body))), [good, bad] * 60))

    assert found == [0, 1] * 60


def test_a_warm_catalogue_has_compiled_the_judge() -> None:
    catalogue = Catalogue()

    catalogue.warm()

    assert "_judge" in vars(catalogue)


def _documents() -> list[bytes]:
    built = [a_document(), a_document().in_dotnet_order(), a_status()]
    return [path.read_bytes() for path in VALID] + [each.unsigned() for each in built]


_BODIES = _documents()
_NAMES = sorted(
    {etree.QName(each).localname for body in _BODIES for each in parse_hardened(body).iter(etree.Element)}
)
_VALUES = st.one_of(
    st.sampled_from(
        ["", " ", "0", "1", "9", "01", "99", "2026/02/30", "2026/13/01", "null", "true", "x" * 300]
    ),
    st.sampled_from(
        ["\u00a0", " 1 ", "1\n", "\t", "٣", "2026/01/01 10:00:00", "A.B", "y" * 10_001, "Đ", "é" * 250]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30),
)


@st.composite
def _mutated(draw: st.DrawFn) -> etree._Element:
    """Return a valid message after one to three mutations."""
    tree = parse_hardened(draw(st.sampled_from(_BODIES)))
    for _ in range(draw(st.integers(1, 3))):
        elements = [each for each in tree.iter(etree.Element) if each is not tree]
        if elements:
            _mutate(draw, draw(st.sampled_from(elements)))
    return tree


def _mutate(draw: st.DrawFn, element: etree._Element) -> None:  # noqa: C901 - one case for each mutation
    parent = element.getparent()
    assert parent is not None
    kind = draw(
        st.sampled_from(["drop", "repeat", "move", "swap", "rename", "text", "attribute", "namespace"])
    )
    match kind:
        case "drop":
            parent.remove(element)
        case "repeat":
            parent.append(parse_hardened(etree.tostring(element, with_tail=False)))
        case "move":
            parent.insert(draw(st.integers(0, len(parent))), element)
        case "swap":
            others = list(parent)
            draw(st.randoms(use_true_random=False)).shuffle(others)
            for other in others:
                parent.append(other)
        case "rename":
            element.tag = f"{{{EDXML_NAMESPACE}}}{draw(st.sampled_from(_NAMES))}"
        case "text":
            element.text = draw(_VALUES)
        case "attribute":
            element.set(draw(st.sampled_from(["id", "version", "role", "actor", "xml"])), draw(_VALUES))
        case _:
            name = etree.QName(element).localname
            element.tag = draw(st.sampled_from([name, f"{{http://www.w3.org/2000/09/xmldsig#}}{name}"]))


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(_mutated())
def test_nothing_passes_the_fast_lane_that_the_judge_refuses(tree: etree._Element) -> None:
    if fast_lane_accepts(tree):
        assert CATALOGUE.judge(tree) == ()
