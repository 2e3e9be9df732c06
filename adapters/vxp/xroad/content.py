"""The file that a call brings: the body itself, or a part of a form; and whether it is the one meant."""

import hashlib
from collections.abc import Iterator
from threading import Event
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from adapters.vxp.refusals import Reason, Refused

PART: Final = "file_doc"
_LINE_END: Final = b"\r\n"


def file_in(body: bytes, content_type: str) -> bytes:
    """Return what was sent: the part `file_doc` of a form, or all of *body*."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return body
    form = _Form()
    try:
        form.read(body, options[b"boundary"])
    except (FormParserError, KeyError, ValueError) as error:
        raise Refused(Reason.MALFORMED_REQUEST, detail="multipart/form-data") from error
    if form.file is None:
        raise Refused(Reason.MISSING_PARAMETER, name=PART)
    return form.file


def meant(sent: bytes, hash_file: str) -> bytes:
    """Return the file in *sent* that has the hash; raises `Refused` where there is none.

    Software adds a line end behind the file, and writes each octet of the hash without its leading zero.
    """
    said = hash_file.strip().lower()
    for file in _files(sent):
        digest = hashlib.sha256(file).digest()
        if said in {digest.hex(), unpadded(digest)}:
            return file
    raise Refused(Reason.WRONG_HASH)


def unpadded(digest: bytes) -> str:
    """Return *digest* as vendors' software prints it: in hexadecimal, without leading zeros of octets."""
    return "".join(f"{octet:x}" for octet in digest)


def _files(sent: bytes) -> Iterator[bytes]:
    if sent.endswith(_LINE_END):
        yield sent.removesuffix(_LINE_END)
    yield sent


class _Form:
    """Collects the one part that is wanted, once it is whole."""

    def __init__(self) -> None:
        self.file: bytes | None = None
        self._name, self._value = b"", b""
        self._part: list[bytes] | None = None
        self.is_whole = Event()

    def read(self, body: bytes, boundary: bytes) -> None:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self.begin,
                "on_header_field": self.add_name,
                "on_header_value": self.add_value,
                "on_header_end": self.end_header,
                "on_part_data": self.add,
                "on_part_end": self.end,
                "on_end": self.is_whole.set,
            },
        )
        parser.write(body)
        parser.finalize()
        if not self.is_whole.is_set():
            raise FormParserError("the form has no end")

    def begin(self) -> None:
        self._part = None

    def add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            if options.get(b"name") == PART.encode() and self.file is None:
                self._part = []
        self._name, self._value = b"", b""

    def add(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None:
            self._part.append(data[start:end])

    def end(self) -> None:
        if self._part is not None:
            self.file = b"".join(self._part)
        self._part = None
