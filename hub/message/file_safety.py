"""Whether a file may be handed to an official: no program, however it is dressed, and no name that misleads.

What is recognised is what a desktop starts when somebody opens it. Macros in office files, links in PDFs and
what is inside encrypted or RAR and 7z archives are not looked at: that is the work of a virus scanner.
"""

import re
import struct
from typing import IO, Final

from hub.message.refusal import Sentence

_PROGRAMS_BY_FIRST_BYTES: Final = (
    (b"\x7fELF", "ELF"),
    (b"\xca\xfe\xba\xbe", "Java/Mach-O"),
    (b"\xfe\xed\xfa\xce", "Mach-O"),
    (b"\xfe\xed\xfa\xcf", "Mach-O"),
    (b"\xce\xfa\xed\xfe", "Mach-O"),
    (b"\xcf\xfa\xed\xfe", "Mach-O"),
    (b"\x00asm", "WebAssembly"),
    (b"dex\n03", "Android"),
    (b"ITSF", "CHM"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "LNK"),
    (b"#!/", "script"),
)
_FIRST_BYTES: Final = tuple(first for first, _ in _PROGRAMS_BY_FIRST_BYTES)
_STUB: Final = 64
"""Length of the header of a DOS or Windows program; a text has no NUL there."""
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_DIRECTORY_AT: Final = 0x30
_OLE_SECTOR: Final = 512
_OLE_CLASS_AT: Final = 80
_INSTALLERS: Final = frozenset(
    bytes.fromhex(f"{number}100c0000000000c000000000000046") for number in ("84", "82", "86")
)
"""Classes of MSI, MST and MSP (000C1084-…, 000C1082-…, 000C1086-…), as OLE writes them."""
_PROGRAM_EXTENSIONS: Final = frozenset(
    re.findall(
        r"\S+",
        """
    apk app appimage application appref-ms bat chm class cmd com command cpl desktop dll dmg elf
    exe gadget hlp hta inf ins isp jar jnlp js jse lnk mach msc msh msi msp mst pif ps1 ps1xml ps2
    psc1 psd1 psm1 reg rgs run scf scr sct settingcontent-ms sh shb shs sys url vb vbe vbs vbscript
    workflow ws wsc wsf wsh xbap xll
    """,
    )
)
_HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Control characters, zero-width ones, and those that turn the direction of what follows."""
_ROOT: Final = re.compile(r"[/\\]|[A-Za-z]:")
_SEPARATORS: Final = re.compile(r"[/\\]")


def program_in(content: bytes) -> str | None:
    """Return what kind of program *content* is, by its first bytes; None where it is none."""
    if content.startswith(b"MZ") and b"\x00" in content[:_STUB]:
        return "EXE"
    if content.startswith(_OLE):
        return "MSI" if _ole_class(content) in _INSTALLERS else None
    if content.startswith(_FIRST_BYTES):  # hardly any file does: one question for all of them
        return next(kind for first, kind in _PROGRAMS_BY_FIRST_BYTES if content.startswith(first))
    return None


def program_in_file(file: IO[bytes]) -> str | None:
    """Return what kind of program *file* is, like `program_in`, without reading it."""
    file.seek(0)
    head = file.read(_STUB)
    if not head.startswith(_OLE):
        return program_in(head)
    try:
        (sector,) = struct.unpack_from("<I", head, _OLE_DIRECTORY_AT)
    except struct.error:
        return None
    file.seek((sector + 1) * _OLE_SECTOR + _OLE_CLASS_AT)
    return "MSI" if file.read(16) in _INSTALLERS else None


def program_named(name: str) -> str | None:
    """Return the last extension of *name* where a desktop would start such a file; None elsewhere."""
    # Windows ignores dots and spaces at the end.
    _, dot, extension = name.rstrip(". \t").rpartition(".")
    return f".{extension.lower()}" if dot and extension.lower() in _PROGRAM_EXTENSIONS else None


def fault_of_name(name: str) -> Sentence | None:
    """Return why *name* is not one to save a file under; None where nothing is wrong with it."""
    if _HIDDEN.search(name):
        return Sentence("có ký tự ẩn hoặc đảo chiều chữ", "it holds hidden or direction-changing characters")
    if _ROOT.match(name):
        return Sentence("là đường dẫn tuyệt đối", "it is an absolute path")
    if ".." in name and ".." in map(str.strip, _SEPARATORS.split(name)):
        return Sentence("trỏ ra ngoài thư mục (..)", "it leads out of its folder (..)")
    return None


def _ole_class(content: bytes) -> bytes:
    """Return the class of the root of a compound file; empty where it cannot be read."""
    try:
        (sector,) = struct.unpack_from("<I", content, _OLE_DIRECTORY_AT)
    except struct.error:
        return b""
    at = (sector + 1) * _OLE_SECTOR + _OLE_CLASS_AT
    return content[at : at + 16]
