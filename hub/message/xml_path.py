"""Where an element stands, in the words a sender's developer can follow: names and positions, no prefixes."""

from functools import lru_cache
from typing import Final

from lxml import etree

_LONGEST_NAME: Final = 60
_LONGEST_KEPT: Final = 200


def name_of(element: etree._Element) -> str:
    """Return the name of *element* without its namespace, shortened where it is absurdly long."""
    return name_in(str(element.tag))


def name_in(tag: str) -> str:
    """Return the name in *tag*, likewise."""
    return _name_once(tag) if len(tag) <= _LONGEST_KEPT else _name(tag)


def _name(tag: str) -> str:
    return tag.rpartition("}")[2][:_LONGEST_NAME]


_name_once: Final = lru_cache(maxsize=512)(_name)
"""Strangers write the tags: few are kept, and only short ones."""


def path_of(element: etree._Element) -> str:
    """Return the path of *element* from the root: `/edXML/edXMLEnvelope/…/To[2]/OrganId`."""
    steps = [_step(element), *(_step(ancestor) for ancestor in element.iterancestors())]
    return "/" + "/".join(reversed(steps))


def _step(element: etree._Element) -> str:
    earlier = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
    is_alone = earlier == 0 and next(element.itersiblings(element.tag), None) is None
    return name_of(element) if is_alone else f"{name_of(element)}[{earlier + 1}]"
