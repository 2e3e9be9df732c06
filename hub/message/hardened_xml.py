"""XML from strangers: read without fetching, expanding or including anything, or keeping what they call it.

libxml2 notes every name, prefix, namespace and indentation that it reads in a dictionary, also those of what
is refused, and lxml has one dictionary for each thread, whatever the parser. The event loop's thread lives as
long as the process: names that are new in every document would fill the memory. So a thread begins another
dictionary after some octets; the one before goes with the last tree that was read into it.
"""

import ctypes
import threading
from typing import Final

from lxml import etree

_OCTETS_OF_A_DICTIONARY: Final = 1024 * 1024
"""It grows by five times as much at most, where all is short names; to begin another one takes 3 µs."""
_DICTIONARY: Final = "_ParserDictionaryContext"
"""Where lxml has a thread's dictionary, in what Python keeps for the thread: no function of lxml's tells.

Under another name we would forget nothing; `tests/unit/message/test_hardened_xml.py` says so before that.
"""
_of_the_thread = ctypes.pythonapi.PyThreadState_GetDict
_of_the_thread.argtypes = ()
_of_the_thread.restype = ctypes.c_void_p  # py_object would give back a reference that was only lent


class _Reader:
    """A parser, and how many octets it may still read into the dictionary that it began."""

    __slots__ = ("_room", "parser")

    def __init__(self) -> None:
        self._begin()

    def parser_for(self, octets: int) -> etree.XMLParser:
        """Return what is to read a document of so many *octets*; one may be larger than a dictionary."""
        if octets > self._room:
            self._begin()
        self._room -= octets
        return self.parser

    def _begin(self) -> None:
        # A new parser comes with a dictionary, which lxml makes the thread's if the thread has none.
        forget_names()
        self.parser = hardened_parser()
        self._room = _OCTETS_OF_A_DICTIONARY


class _Own(threading.local):
    """A reader for each thread: lxml lets one at a time use a parser, and to make one takes a while."""

    def __init__(self) -> None:
        self.reader = _Reader()


def parse_hardened(body: bytes) -> etree._Element:
    """Return the root of *body*, read as UTF-8 whatever its declaration says.

    Nothing outside *body* is read, no entity is expanded in text, no default attribute is added, nothing
    is included, and what *body* calls things is not kept for long. A document type must have been refused
    before: libxml2 expands entities in attributes.
    Raises `etree.XMLSyntaxError` where *body* is not well-formed.
    """
    return etree.fromstring(body, _OWN.reader.parser_for(len(body)))


def hardened_parser() -> etree.XMLParser:
    """Return a fresh parser that does what `parse_hardened` promises."""
    # huge_tree, since libxml2 otherwise stops at text of 10 MB, which one attachment may have; the caller's
    # limits on size, elements, attributes and depth stand in for what it switches off.
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        collect_ids=False,
        huge_tree=True,
        remove_comments=False,
        remove_pis=False,
        strip_cdata=True,
        recover=False,
    )


def forget_names() -> None:
    """Let this thread begin another dictionary; trees that were read before keep theirs.

    A default parser that was set for this thread is forgotten with it.
    """
    kept: dict[str, object] = ctypes.cast(_of_the_thread(), ctypes.py_object).value
    kept.pop(_DICTIONARY, None)


_OWN: Final = _Own()
