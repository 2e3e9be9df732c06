"""Which octets of a body are asked for (RFC 9110 §14)."""

import re
from dataclasses import dataclass
from typing import Final

_ONE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class NoSuchRange(Exception):
    """The range lies outside of the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """From *start* to before *end*."""

    start: int
    end: int


def read_range(header: str | None, octets: int) -> ByteRange | None:
    """Return the one range that *header* asks for of *octets*; None where the whole is meant.

    Several ranges, and what is none, may be answered with the whole. Raises `NoSuchRange`.
    """
    asked = _ONE.fullmatch(header.strip()) if header is not None else None
    if asked is None or asked.groups() == ("", ""):
        return None
    first, last = asked.groups()
    if not first:
        start, end = max(octets - int(last), 0), octets
    else:
        start, end = int(first), octets if not last else min(int(last) + 1, octets)
        if last and int(last) < start:
            return None
    if start >= end:
        raise NoSuchRange
    return ByteRange(start=start, end=end)
