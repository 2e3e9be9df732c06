"""Names for files that strangers named: fit for any desktop, inside their folder, each once."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hub.message.file_safety import program_in, program_named
from hub.message.refusal import Sentence

LONGEST_NAME: Final = 120
"""Octets of a name in UTF-8: file systems take 255, Windows counts the whole path."""
BLOCKED: Final = ".KHONG-MO"
"""Put behind the name of a program: no desktop starts what ends so."""
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff<>:"/\\|?*]')
_SEPARATORS: Final = re.compile(r"[/\\]")
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE
)
_MARK: Final = re.compile(r"\d\d(\.txt)?", re.IGNORECASE)
"""A status's code, alone or as a text file."""
_LONGEST_EXTENSION: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeName:
    """What an attachment is called on the disk."""

    name: str
    warning: Sentence | None = None


def safe_name(written: str, *, longest: int = LONGEST_NAME, fallback: str = "tep") -> str:
    """Return *written* as a name that is one, and only one, part of a path on every desktop; never empty."""
    last = _SEPARATORS.split(written)[-1] or written
    line = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode("utf-8"))
    kept = "".join(sign if sign.isprintable() else "_" for sign in _UNFIT.sub("_", line))
    name = " ".join(kept.split()).strip(". ").lstrip("-~") or fallback
    if _RESERVED.fullmatch(name.partition(".")[0].strip()) or is_mark(name):
        name = f"_{name}"
    return _shortened(name, longest)


def attachment_name(written: str, content: bytes, taken: set[str]) -> SafeName:
    """Return the name for an attachment, other than all in *taken*, to which it is added.

    A program is kept, since it is part of what was signed, under a name that nothing starts.
    """
    name = safe_name(written)
    kind = program_in(content) or program_named(name)
    if kind is not None:
        name = f"{name}{BLOCKED}"
    name = _unlike(taken, name)
    taken.add(_folded(name))
    if kind is None:
        return SafeName(name=name)
    return SafeName(name=name, warning=_warning(name, kind))


def is_mark(name: str) -> bool:
    """Whether a clerk reports a status with a file of that name."""
    return _MARK.fullmatch(name) is not None


def folded_names(names: Iterable[str]) -> set[str]:
    """Return *names* as a set for `attachment_name`: a desktop may not tell letters' case apart."""
    return {_folded(name) for name in names}


def _warning(name: str, kind: str) -> Sentence:
    return Sentence(
        f"{name} là chương trình ({kind}): đừng mở; hãy hỏi bên gửi và bộ phận an toàn thông tin.",
        f"{name} is a program ({kind}): do not open it; ask the sender and your security staff.",
    )


def _unlike(taken: set[str], name: str) -> str:
    number, unlike = 2, name
    while _folded(unlike) in taken:
        unlike, number = _numbered(name, number), number + 1
    return unlike


def _numbered(name: str, number: int) -> str:
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) > _LONGEST_EXTENSION:
        return f"{name} ({number})"
    return f"{stem} ({number}).{extension}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _shortened(name: str, longest: int) -> str:
    if len(name.encode()) <= longest:
        return name
    stem, dot, extension = name.rpartition(".")
    end = f"{dot}{extension}" if stem and len(extension.encode()) <= _LONGEST_EXTENSION else ""
    start = name[: len(name) - len(end)].encode()[: longest - len(end.encode())]
    return start.decode("utf-8", "ignore").rstrip(". ") + end
