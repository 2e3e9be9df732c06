"""Shapes of plain signatures that were taken apart before: what is the same in each of them is judged once.

A sender's software writes one signature like the other: the same elements, algorithms and references around
other values. To compare that whole shape with one that was admitted takes a fifth of the time of judging it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from lxml import etree

LONGEST_SHAPE: Final = 32
"""Elements in a signature that is worth remembering; the profile's largest plain one has fewer."""
_LONGEST_TEXT: Final = 4_096
"""Characters in all its names and attributes, so that nobody fills the memory with strange ones."""
_MOST: Final = 1_000

Shape: TypeAlias = tuple[tuple[object, int, tuple[tuple[str | bytes, str | bytes], ...]], ...]
"""The name of each element, how many it holds, and its attributes: in their order, that is the whole tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a plain signature of one shape says, and which of its elements hold its values."""

    signature_method: str
    digest_method: str
    signed_info: int
    value: int
    digest: int
    certificates: tuple[int, ...]


class KnownShapes:
    """Remembers shapes that the profile admits; the memory is bounded."""

    def __init__(self, most: int = _MOST) -> None:
        """Begin without any, and never remember more than *most*."""
        self._most = most
        self._places: dict[Shape, Places] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._places)

    def get(self, shape: Shape) -> Places | None:
        """Return where the values stand in a signature of *shape*; None where it was never admitted."""
        return self._places.get(shape)

    def put(self, shape: Shape, places: Places) -> None:
        """Remember that *shape* was admitted."""
        if _characters(shape) > _LONGEST_TEXT:
            return
        if len(self._places) >= self._most:
            self._places.clear()
        self._places[shape] = places


def shape_of(elements: Sequence[etree._Element]) -> Shape:
    """Return the shape of *elements*: all of one signature, in their order."""
    return tuple([(each.tag, len(each), tuple(each.items())) for each in elements])


def _characters(shape: Shape) -> int:
    names = sum(len(name) for name, _, _ in shape if isinstance(name, str))
    return names + sum(len(name) + len(value) for _, _, attributes in shape for name, value in attributes)


KNOWN_SHAPES: Final = KnownShapes()
