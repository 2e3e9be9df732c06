"""What a file is, by its first bytes; its name decides only between formats that share them."""

import codecs
from typing import Final

UNKNOWN: Final = "application/octet-stream"
ZIP: Final = "application/zip"
_OPEN_XML: Final = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT: Final = "application/vnd.oasis.opendocument"
_IN_ZIP: Final = {
    "docx": f"{_OPEN_XML}.wordprocessingml.document",
    "xlsx": f"{_OPEN_XML}.spreadsheetml.sheet",
    "pptx": f"{_OPEN_XML}.presentationml.presentation",
    "odt": f"{_OPEN_DOCUMENT}.text",
    "ods": f"{_OPEN_DOCUMENT}.spreadsheet",
    "odp": f"{_OPEN_DOCUMENT}.presentation",
}
_IN_OLE: Final = {
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
}
_BY_FIRST_BYTES: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"<?xml", "application/xml"),
)
_ZIP_BYTES: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLE_BYTES: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PROBE: Final = 4_096
_DECODER: Final = codecs.getincrementaldecoder("utf-8")


def content_type_of(content: bytes, name: str) -> str:
    """Return the media type of *content*, of which *name* may tell apart office formats that look alike."""
    extension = name.rpartition(".")[2].lower()
    if content.startswith(_ZIP_BYTES):
        return _IN_ZIP.get(extension, ZIP)
    if content.startswith(_OLE_BYTES):
        return _IN_OLE.get(extension, UNKNOWN)
    for first_bytes, media_type in _BY_FIRST_BYTES:
        if content.startswith(first_bytes):
            return media_type
    return "text/plain" if _is_text(content) else UNKNOWN


def _is_text(content: bytes) -> bool:
    probe = content[:_PROBE]
    try:
        # The probe may end inside a character; the content may not.
        _DECODER().decode(probe, final=len(content) <= _PROBE)
    except UnicodeDecodeError:
        return False
    return b"\x00" not in probe
