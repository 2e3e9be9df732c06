"""The file that a call brings: the body itself, or a part of a form; and whether it is the one meant.

What is small is bytes, what is large a file: both are read piece by piece.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import IO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.uploads import Upload

PART: Final = "file_doc"
_LINE_END: Final = b"\r\n"


@contextmanager
def file_in(upload: Upload, content_type: str) -> Iterator[Upload]:
    """Give what was sent: the part `file_doc` of a form, or all of *upload*; a large part is beside it."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        yield upload
        return
    place = upload.file.with_suffix(".part") if upload.file is not None else None
    try:
        yield _part_of(upload, options.get(b"boundary", b""), place)
    finally:
        if place is not None:
            place.unlink(missing_ok=True)


def meant(sent: Upload, hash_file: str) -> Upload:
    """Return the file in *sent* that has the hash; raises `Refused` where there is none.

    Software adds a line end behind the file, and writes each octet of the hash without its leading zero.
    """
    said = hash_file.strip().lower()
    whole, without_end = _hashes(sent)
    if without_end is not None and said in _forms(without_end):
        return _without_end(sent)
    if said in _forms(whole):
        return sent
    raise Refused(Reason.WRONG_HASH)


def unpadded(digest: bytes) -> str:
    """Return *digest* as vendors' software prints it: in hexadecimal, without leading zeros of octets."""
    return "".join(f"{octet:x}" for octet in digest)


def _forms(digest: bytes) -> tuple[str, str]:
    return digest.hex(), unpadded(digest)


def _hashes(sent: Upload) -> tuple[bytes, bytes | None]:
    """Return the hash of *sent*, and that of it without a line end where it has one."""
    digest, end = hashlib.sha256(), b""
    for piece in sent.pieces():
        held = end + piece
        end = held[-len(_LINE_END) :]
        digest.update(held[: -len(_LINE_END)])
    whole = digest.copy()
    whole.update(end)
    return whole.digest(), digest.digest() if end == _LINE_END else None


def _without_end(sent: Upload) -> Upload:
    if sent.file is None:
        return Upload(body=sent.body.removesuffix(_LINE_END))
    os.truncate(sent.file, sent.file.stat().st_size - len(_LINE_END))
    return sent


def _part_of(upload: Upload, boundary: bytes, place: Path | None) -> Upload:
    if not boundary:
        raise Refused(Reason.MALFORMED_REQUEST, detail="multipart/form-data")
    into = place.open("xb") if place is not None else None
    form = _Form(into)
    try:
        form.read(upload.pieces(), boundary)
    except (FormParserError, ValueError) as error:
        raise Refused(Reason.MALFORMED_REQUEST, detail="multipart/form-data") from error
    finally:
        if into is not None:
            into.close()
    if not form.is_found.is_set():
        raise Refused(Reason.MISSING_PARAMETER, name=PART)
    return Upload(file=place) if place is not None else Upload(body=b"".join(form.file))


class _Form:
    """Collects the one part that is wanted."""

    def __init__(self, into: IO[bytes] | None) -> None:
        self.file: list[bytes] = []
        self.is_found, self.is_whole = Event(), Event()
        self._into = into
        self._name, self._value = b"", b""
        self._is_inside = False

    def read(self, pieces: Iterator[bytes], boundary: bytes) -> None:
        parser = MultipartParser(
            boundary,
            {
                "on_header_field": self.add_name,
                "on_header_value": self.add_value,
                "on_header_end": self.end_header,
                "on_part_data": self.add,
                "on_part_end": self.end,
                "on_end": self.is_whole.set,
            },
        )
        for piece in pieces:
            parser.write(piece)
        parser.finalize()
        if not self.is_whole.is_set():
            raise FormParserError("the form has no end")

    def add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        if self._name.lower() == b"content-disposition" and not self.is_found.is_set():
            _, options = parse_options_header(self._value)
            self._is_inside = options.get(b"name") == PART.encode()
        self._name, self._value = b"", b""

    def add(self, data: bytes, start: int, end: int) -> None:
        if not self._is_inside:
            return
        if self._into is not None:
            self._into.write(data[start:end])
        else:
            self.file.append(data[start:end])

    def end(self) -> None:
        if self._is_inside:
            self.is_found.set()
        self._is_inside = False
