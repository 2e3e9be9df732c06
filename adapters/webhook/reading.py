"""What a program sends as a document: an edXML envelope, or a form of metadata and files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """Files, and what the program says about them."""

    metadata: DocumentMetadata
    files: Sequence[tuple[str, bytes]]


async def read_document(request: Request) -> bytes | Enclosure:
    """Return what *request* carries; raises `Asked`."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in _XML:
        return await request.body()
    if content_type != _FORM:
        raise Asked(Problem.WRONG_TYPE)
    async with request.form(
        max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_METADATA
    ) as form:
        return await _enclosure(form)


async def _enclosure(form: FormData) -> Enclosure:
    said, files = form.get("metadata"), form.getlist("file")
    unknown = sorted({presentable(name, longest=_LONGEST) for name in form} - {"metadata", "file"})
    complaints = [f"{name}: there is no such part" for name in unknown]
    text = await said.read() if isinstance(said, UploadFile) else said
    if text is None:
        complaints.append("metadata: this part is missing")
    if not files or not all(isinstance(each, UploadFile) for each in files):
        complaints.append("file: at least one part with a file name is needed")
    if complaints or text is None:
        raise Asked(Problem.NOT_UNDERSTOOD, *complaints)
    uploads = [each for each in files if isinstance(each, UploadFile)]
    return Enclosure(
        metadata=_metadata(text),
        files=[(_name(each, place), await each.read()) for place, each in enumerate(uploads, start=1)],
    )


def _metadata(text: str | bytes) -> DocumentMetadata:
    try:
        return DocumentMetadata.model_validate_json(text)
    except ValidationError as error:
        told = [f"metadata.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise Asked(
            Problem.NOT_UNDERSTOOD, *(presentable(each, longest=_LONGEST) for each in told)
        ) from error


def _name(upload: UploadFile, place: int) -> str:
    """Return the file's own name, without the folders that some programs write before it."""
    written = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    return presentable(written, longest=_LONGEST_NAME) or f"tep-{place}"
