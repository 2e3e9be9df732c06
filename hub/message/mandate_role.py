"""What a gateway says where it signs under mandate for a system that cannot sign (XAdES `ClaimedRole`).

The phrase stands among the signed properties, so the statement is as strong as the signature itself: nobody
but the gateway can have made it, and it cannot be taken away without breaking the signature.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final, Self

from hub.message.identifiers import Digest

MAX_ROLES: Final = 3
"""How many claimed roles of one signature are remembered."""
MAX_CHARACTERS: Final = 200
"""Of one claimed role that are remembered: a trail is no place for a stranger's prose."""
_SYSTEM: Final = re.compile(r"[!-:<-~]{1,80}")
"""A system's name: ASCII without spaces, and without what ends a part of the phrase."""
_PHRASE: Final = re.compile(
    rf"truc:signed-under-mandate; system=(?P<system>{_SYSTEM.pattern});"
    r" received-sha256=(?P<digest>[0-9a-f]{64})"
)
_CUT: Final = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRole:
    """The signer is not the author: it signs, under mandate, what a system has handed to it."""

    system: str
    """Name of the system that cannot sign, as the gateway knows it: ASCII, no space, no semicolon."""
    digest: Digest
    """SHA-256 of the exact bytes that the system handed over."""

    def __post_init__(self) -> None:
        """Refuse a name that could not be read back, or that is no name of a system."""
        if not _SYSTEM.fullmatch(self.system):
            raise ValueError(f"not a system's name of at most 80 ASCII characters: {self.system[:80]!r}")

    @property
    def phrase(self) -> str:
        """What stands in `ClaimedRole`."""
        return f"truc:signed-under-mandate; system={self.system}; received-sha256={self.digest.hex()}"

    @classmethod
    def read(cls, phrase: str) -> Self | None:
        """Return what a claimed role says; None where it is another role than this one."""
        found = _PHRASE.fullmatch(phrase)
        if found is None:
            return None
        return cls(system=found["system"], digest=Digest(bytes.fromhex(found["digest"])))


def bounded_role(pieces: Iterable[str]) -> str:
    """Return the text of a role as one short line: printable, and cut where it is long."""
    written = islice(chain.from_iterable(pieces), 2 * MAX_CHARACTERS)
    line = " ".join("".join(each if each.isprintable() else " " for each in written).split())
    return line if len(line) <= MAX_CHARACTERS else f"{line[: MAX_CHARACTERS - 1]}{_CUT}"
