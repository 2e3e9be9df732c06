"""The file that a call brings: the body itself, or a part of a form; and whether it is the one meant."""

import hashlib
from collections.abc import AsyncGenerator, Iterator
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from adapters.vxp.refusals import Reason, Refused

PART: Final = "file_doc"
_LINE_END: Final = b"\r\n"


async def file_in(body: bytes, content_type: str) -> bytes:
    """Return what was sent: the part `file_doc` of a form, or all of *body*."""
    if not content_type.lower().lstrip().startswith("multipart/form-data"):
        return body
    try:
        form = await MultiPartParser(
            Headers({"content-type": content_type}), _once(body), max_files=4, max_fields=20
        ).parse()
    except (MultiPartException, HTTPException, KeyError, ValueError) as error:
        raise Refused(Reason.MALFORMED_REQUEST, detail="multipart/form-data") from error
    part = form.get(PART)
    try:
        if part is None:
            raise Refused(Reason.MISSING_PARAMETER, name=PART)
        return part.encode() if isinstance(part, str) else await part.read()
    finally:
        await form.close()


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


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
