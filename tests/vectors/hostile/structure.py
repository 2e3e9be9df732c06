"""XML that would cost memory or time, too large to be kept as files: made when it is needed."""

from collections.abc import Callable

from hub.message.edxml import EDXML_NAMESPACE

MEGABYTE = 1024 * 1024


def document(inside: str = "", attributes: str = "") -> bytes:
    return f'<edXML xmlns="{EDXML_NAMESPACE}"{attributes}>{inside}</edXML>'.encode()


def quadratic_bomb() -> bytes:
    """One entity of half a megabyte, used a thousand times: no recursion that a depth limit would see."""
    kinds = f'<!DOCTYPE edXML [<!ENTITY a "{"a" * (MEGABYTE // 2)}">]>'
    return kinds.encode() + document("&a;" * 1_000)


def deep_nesting() -> bytes:
    """Recursion until the stack of whoever walks it ends."""
    return document("<a>" * 9_000 + "</a>" * 9_000)


def bottomless_nesting() -> bytes:
    """The same beyond what a parser takes."""
    return document("<a>" * 1_000_000)


def giant_attribute() -> bytes:
    """An attribute of eight megabytes."""
    return document("", f' a="{"x" * (8 * MEGABYTE)}"')


def giant_name() -> bytes:
    """An element name of eight megabytes."""
    return document(f"<{'n' * (8 * MEGABYTE)}/>")


def many_attributes() -> bytes:
    """Attributes are compared with one another."""
    return document("", "".join(f' a{n}="1"' for n in range(60_000)))


def many_namespaces() -> bytes:
    """Canonicalisation looks through declarations in quadratic time."""
    return document("", "".join(f' xmlns:a{n}="u:a"' for n in range(20_000)))


def many_elements() -> bytes:
    """A million elements in four megabytes become a hundred megabytes of tree."""
    return document("<a/>" * 1_000_000)


def hash_collisions() -> bytes:
    """Names made to fall into one bucket of a table; libxml2 salts its hashes."""
    return document("".join(f"<a{n:x}/>" for n in range(200_000)))


def many_character_references() -> bytes:
    """References instead of letters: six bytes for one."""
    return document("<Subject>" + "&#120;" * 1_900_000 + "</Subject>")


def unclosed_comment() -> bytes:
    """A comment that begins a million times and never ends."""
    return document("<!--" * 1_000_000)


def oversize() -> bytes:
    """More than a message may have."""
    return document("<a>" + "x" * (13 * MEGABYTE) + "</a>")


VECTORS: list[tuple[Callable[[], bytes], str]] = [
    (quadratic_bomb, "FORBIDDEN_XML"),
    (deep_nesting, "TOO_COMPLEX"),
    (bottomless_nesting, "TOO_COMPLEX"),
    (giant_attribute, "TOO_COMPLEX"),
    (giant_name, "NO_SIGNATURE"),
    (many_attributes, "TOO_COMPLEX"),
    (many_namespaces, "TOO_COMPLEX"),
    (many_elements, "TOO_COMPLEX"),
    (hash_collisions, "TOO_COMPLEX"),
    (many_character_references, "NO_SIGNATURE"),
    (unclosed_comment, "TOO_COMPLEX"),
    (oversize, "MESSAGE_TOO_LARGE"),
]
