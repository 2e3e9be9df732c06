"""The parameters of a call: headers with a prefix, and which of them were signed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "xroadvnpt-"
_SIGNED: Final = "sign-header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a call says in its headers, nothing of it believed yet."""

    said: Mapping[str, str]
    """Headers with the prefix, in lower case, without it."""
    signed_octets: bytes
    """The exact bytes of `sign-header`, which the signature is over."""
    plain: Mapping[str, str]
    """HTTP's own headers, in lower case."""

    def signed(self) -> Mapping[str, str]:
        """Return the parameters that stand in `sign-header`, where the header of the name says the same.

        Software keeps what earlier calls set, so that there may be more than the call at hand knows.
        """
        try:
            listed = json.loads(self.signed_octets)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(listed, dict):
            return {}
        named = {str(name).lower(): _text(value) for name, value in listed.items()}
        signed = {
            name.removeprefix(PREFIX): value for name, value in named.items() if name.startswith(PREFIX)
        }
        return {name: value for name, value in signed.items() if _alike(self.said.get(name), value)}


def read_parameters(headers: Iterable[tuple[bytes, bytes]]) -> Parameters:
    """Return the parameters in *headers*; a name that comes twice with different values counts as absent."""
    said: dict[str, str] = {}
    plain: dict[str, str] = {}
    signed, doubtful = b"", set[str]()
    for raw_name, value in headers:
        name = raw_name.decode("latin-1").lower()
        if not name.startswith(PREFIX):
            plain[name] = value.decode("latin-1")
            continue
        name, text = name.removeprefix(PREFIX), _decoded(value)
        if said.setdefault(name, text) != text:
            doubtful.add(name)
        if name == _SIGNED:
            signed = value
    kept = {name: text for name, text in said.items() if name not in doubtful}
    return Parameters(said=kept, signed_octets=signed if _SIGNED in kept else b"", plain=plain)


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _text(value: object) -> str:
    """Return what a header of that value would say: arrays are written as JSON there, too."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _alike(said: str | None, signed: str) -> bool:
    """Whether a header says what was signed; HTTP takes away white space around values."""
    return said is not None and said.strip() == signed.strip()
