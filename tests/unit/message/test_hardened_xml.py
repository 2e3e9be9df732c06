"""Nothing of what strangers wrote stays in a thread beyond its trees, and the trees stay as they are."""

import copy
import ctypes
import gc
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.message import hardened_xml
from hub.message.hardened_xml import forget_names, parse_hardened

OCTETS = hardened_xml._OCTETS_OF_A_DICTIONARY
INDENTED = b'<a:r xmlns:a="urn:a" q="1">\n    <a:e w="x">t</a:e>\n    <n/>\n</a:r>'


def in_a_thread(act: Callable[[], object]) -> None:
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def dictionary() -> object:
    """Return what lxml keeps for this thread; the address is only lent, the cast makes it ours."""
    address = hardened_xml._of_the_thread()
    return ctypes.cast(address, ctypes.py_object).value.get(hardened_xml._DICTIONARY)


@pytest.mark.parametrize("run", [lambda act: act(), in_a_thread], ids=["main thread", "another thread"])
def test_a_thread_has_another_dictionary_after_a_mebibyte(
    run: Callable[[Callable[[], object]], None],
) -> None:
    def read_and_look() -> None:
        forget_names()
        parse_hardened(b"<r/>")
        first = dictionary()
        assert type(first).__name__ == hardened_xml._DICTIONARY

        for _ in range(3):
            parse_hardened(b"<r>" + b"x" * (OCTETS // 2) + b"</r>")

        assert dictionary() is not None
        assert dictionary() is not first

    run(read_and_look)


@given(st.lists(st.integers(0, 3 * OCTETS), max_size=30))
def test_no_dictionary_is_made_of_more_than_a_mebibyte_or_one_document(sizes: list[int]) -> None:
    reader = hardened_xml._Reader()
    read: list[tuple[etree.XMLParser, list[int]]] = []

    for size in sizes:
        parser = reader.parser_for(size)
        if not read or read[-1][0] is not parser:
            read.append((parser, []))
        read[-1][1].append(size)

    assert all(len(each) == 1 or sum(each) <= OCTETS for _, each in read)


def test_trees_outlive_the_dictionary_that_they_were_read_into() -> None:
    trees = []
    for _ in range(50):
        trees.append(parse_hardened(INDENTED))
        forget_names()
    gc.collect()

    assert {etree.tostring(tree, method="c14n") for tree in trees} == {INDENTED.replace(b"<n/>", b"<n></n>")}


def test_what_moves_into_a_younger_tree_outlives_its_own() -> None:
    target = parse_hardened(b"<all/>")
    for _ in range(50):
        parse_hardened(b"<r>" + b"x" * OCTETS + b"</r>")
        source = parse_hardened(INDENTED)
        target.append(copy.deepcopy(source))
        target.append(source)
        del source
    gc.collect()

    assert etree.tostring(target, method="c14n") == (
        b"<all>" + 100 * INDENTED.replace(b"<n/>", b"<n></n>") + b"</all>"
    )


def test_a_thread_leaves_the_dictionaries_of_the_others_alone() -> None:
    tree = parse_hardened(INDENTED)
    before = dictionary()

    in_a_thread(lambda: [parse_hardened(b"<r>" + b"x" * OCTETS + b"</r>") for _ in range(3)])

    assert dictionary() is before
    assert tree[0].get("w") == "x"
