"""What a program sends as a document, on disk as it comes: an envelope, or a form of metadata and files."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeAlias

from fastapi import Request
from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from adapters.kit.disk import is_full
from adapters.webhook.metadata import DocumentMetadata
from adapters.webhook.problems import Asked, Problem
from hub.message.refusal import presentable

_XML: Final = frozenset({"application/xml", "text/xml", "application/edxml+xml"})
_FORM: Final = "multipart/form-data"
_MOST_FILES: Final = 100
_MOST_FIELDS: Final = 4
_LONGEST_METADATA: Final = 256 * 1024
_LONGEST_NAME: Final = 200
_LONGEST: Final = 300
_PIECE: Final = 256 * 1024
_EPILOGUE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A file that came."""

    name: str
    path: Path
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """Files, and what the program says about them."""

    metadata: DocumentMetadata
    files: Sequence[Uploaded]


Sent: TypeAlias = Uploaded | Enclosure
"""An envelope, or what one is to be made of."""


class Tray:
    """Holds what comes until it is journalled; what a crash leaves is swept at the next start."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        """Put each request into a fresh *folder*."""
        self._folder = folder

    @asynccontextmanager
    async def take(self, request: Request) -> AsyncIterator[Sent]:
        """Give what *request* carries; raises `Asked`."""
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type not in {*_XML, _FORM}:
            raise Asked(Problem.WRONG_TYPE)
        folder = await asyncio.to_thread(self._folder)
        try:
            yield await _read(request, folder, is_form=content_type == _FORM)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _read(request: Request, folder: Path, *, is_form: bool) -> Sent:
    try:
        return await (_form(request, folder) if is_form else _envelope(request, folder))
    except ClientDisconnect as error:
        raise Asked(Problem.MALFORMED, "the connection ended before the request did") from error
    except OSError as error:
        if not is_full(error):
            raise
        raise Asked(Problem.NO_ROOM) from error


async def _envelope(request: Request, folder: Path) -> Uploaded:
    path, known = folder / "envelope", hashlib.sha256()
    with path.open("xb") as file:
        async for piece in request.stream():
            known.update(piece)
            await asyncio.to_thread(file.write, piece)
    return Uploaded(name="", path=path, digest=known.digest())


async def _form(request: Request, folder: Path) -> Enclosure:
    async with _parsed(request) as form:
        metadata, uploads = await _parts(form)
        files = [
            await asyncio.to_thread(_stored, each.file, folder / str(place), _name(each, place))
            for place, each in enumerate(uploads, start=1)
        ]
    return Enclosure(metadata=metadata, files=files)


@asynccontextmanager
async def _parsed(request: Request) -> AsyncIterator[FormData]:
    """Give the form; raises `Asked` for one that does not end as forms do: its last part would be missing."""
    parser = MultiPartParser(
        request.headers,
        _whole(request),
        max_files=_MOST_FILES,
        max_fields=_MOST_FIELDS,
        max_part_size=_LONGEST_METADATA,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Asked(Problem.MALFORMED, error.message) from error
    try:
        yield form
    finally:
        await form.close()


async def _whole(request: Request) -> AsyncGenerator[bytes, None]:
    _, options = parse_options_header(request.headers["content-type"])
    end, tail = b"--" + options.get(b"boundary", b"") + b"--", b""
    async for piece in request.stream():
        tail = (tail + piece)[-len(end) - _EPILOGUE :]
        yield piece
    if end not in tail:
        raise MultiPartException("the closing boundary is missing")


async def _parts(form: FormData) -> tuple[DocumentMetadata, Sequence[UploadFile]]:
    said, files = form.get("metadata"), form.getlist("file")
    unknown = sorted({presentable(name, longest=_LONGEST) for name in form} - {"metadata", "file"})
    complaints = [f"{name}: there is no such part" for name in unknown]
    text = await said.read(_LONGEST_METADATA) if isinstance(said, UploadFile) else said
    if text is None:
        complaints.append("metadata: this part is missing")
    uploads = [each for each in files if isinstance(each, UploadFile)]
    if not uploads or len(uploads) < len(files):
        complaints.append("file: at least one part with a file name is needed")
    if complaints or text is None:
        raise Asked(Problem.NOT_UNDERSTOOD, *complaints)
    return _metadata(text), uploads


def _metadata(text: str | bytes) -> DocumentMetadata:
    try:
        return DocumentMetadata.model_validate_json(text)
    except ValidationError as error:
        told = [f"metadata.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise Asked(
            Problem.NOT_UNDERSTOOD, *(presentable(each, longest=_LONGEST) for each in told)
        ) from error


def _stored(source: IO[bytes], path: Path, name: str) -> Uploaded:
    known = hashlib.sha256()
    with path.open("xb") as file:
        while piece := source.read(_PIECE):
            known.update(piece)
            file.write(piece)
    return Uploaded(name=name, path=path, digest=known.digest())


def _name(upload: UploadFile, place: int) -> str:
    """Return the file's own name, without the folders that some programs write before it."""
    written = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    return presentable(written, longest=_LONGEST_NAME) or f"tep-{place}"
