"""Base64 that comes in pieces, taken for valid exactly where it would be as a whole."""

from typing import Final

import pybase64

_WHITESPACE: Final = b" \t\r\n"
_QUANTUM: Final = 4
_OCTETS: Final = 3


class Base64Stream:
    """Decodes base64 piece by piece; white space may stand anywhere in it (RFC 4648, §4)."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kept = b""
        self.is_valid = True
        """Whether all so far is base64; after `close`, whether all of it is."""

    def feed(self, letters: bytes) -> bytes:
        """Return what *letters*, free of white space, decode to; nothing any more once they are no base64.

        The last group is kept back, since only the last may have padding.
        """
        if not self.is_valid:
            return b""
        letters = self._kept + letters
        whole = max(0, (len(letters) - 1) // _QUANTUM) * _QUANTUM
        self._kept = letters[whole:]
        octets = self._decoded(letters[:whole])
        return octets if len(octets) == whole // _QUANTUM * _OCTETS else self._spoiled()

    def close(self) -> bytes:
        """Return what is left; whether it ends as base64 has to is known then."""
        letters, self._kept = self._kept, b""
        octets = self._decoded(letters) if self.is_valid else b""
        if not self.is_valid or len(letters) != _QUANTUM * -(-len(octets) // _OCTETS):
            return self._spoiled()
        return octets

    def spoil(self) -> None:
        """Remember that something else than letters stood there."""
        self._spoiled()

    def _decoded(self, letters: bytes) -> bytes:
        try:
            return pybase64.b64decode(letters, validate=True)
        except ValueError:
            return self._spoiled()

    def _spoiled(self) -> bytes:
        self.is_valid = False
        return b""


def letters_in(written: str) -> bytes | None:
    """Return *written* without white space; None where it holds what no base64 does."""
    if not written.isascii():
        return None
    octets = written.encode("ascii")
    if any(each in octets for each in (b"\n", b" ", b"\t", b"\r")):  # to look is faster than to translate
        return octets.translate(None, _WHITESPACE)
    return octets
