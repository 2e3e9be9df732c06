"""What lies in `out/`, as drops: the files that make one document together, and what still waits."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from adapters.folder.disk import Look
from hub.message.refusal import Sentence

READY: Final = ".ready"
METADATA: Final = ".toml"
_ENVELOPES: Final = (".edxml", ".xml")
_UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")
_DESKTOP: Final = frozenset({"thumbs.db", "desktop.ini"})

NO_METADATA: Final = Sentence(
    "chưa có tệp .toml cùng tên cho biết gửi đi đâu", "there is no .toml of the same name to say where to"
)
NO_FILES: Final = Sentence(
    "chưa có tệp văn bản nào cùng tên với tệp .toml này", "no file has the name of this .toml yet"
)
NOT_A_FILE: Final = Sentence("không phải là tệp thường", "it is not an ordinary file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Files that make one document: an envelope alone, or a TOML file with its attachments."""

    name: str
    """Name of the file that leads it."""
    files: Mapping[str, Look]
    """All of it by name, the leader first; the marker apart."""
    marker: str | None = None
    """The file that says that it is complete."""

    @property
    def has_metadata(self) -> bool:
        """Whether a TOML file leads it, and not an envelope."""
        return self.name.lower().endswith(METADATA)

    @property
    def attachments(self) -> tuple[str, ...]:
        """Everything but the leader, in the order of the names."""
        return tuple(sorted(name for name in self.files if name != self.name))


def is_left_alone(name: str) -> bool:
    """Whether *name* is of a file that somebody still writes, or that no clerk put there."""
    lowered = name.lower()
    return lowered.startswith((".", "~")) or lowered.endswith(_UNFINISHED) or lowered in _DESKTOP


def drops_in(files: Mapping[str, Look]) -> Iterator[Drop]:
    """Group what lies in the tray; an `.xml` beside a TOML file of its name is an attachment of that."""
    names = sorted(name for name in files if not is_left_alone(name))
    led = {_stem(name) for name in names if _has(name, METADATA)}
    for name in names:
        if _has(name, METADATA):
            own = [each for each in names if _stem(each) == _stem(name) and _is_enclosed(each)]
            yield _drop(name, own, files)
        elif is_envelope(name) and (_stem(name) not in led or _has(name, ".edxml")):
            yield _drop(name, [], files)


def unled(files: Mapping[str, Look], drops: Iterable[Drop]) -> Iterator[str]:
    """Return what lies there and belongs to no drop."""
    led = {name for drop in drops for name in (*drop.files, drop.marker)}
    return (
        name
        for name in sorted(files)
        if name not in led and not is_left_alone(name) and not _has(name, READY)
    )


def is_envelope(name: str) -> bool:
    """Whether *name* is that of an edXML envelope."""
    return name.lower().endswith(_ENVELOPES)


def _drop(name: str, own: list[str], files: Mapping[str, Look]) -> Drop:
    markers = (f"{name}{READY}", f"{_stem(name)}{READY}")
    return Drop(
        name=name,
        files={each: files[each] for each in (name, *own)},
        marker=next((marker for marker in markers if marker in files), None),
    )


def _is_enclosed(name: str) -> bool:
    return not (_has(name, METADATA) or _has(name, READY) or _has(name, ".edxml"))


def _has(name: str, ending: str) -> bool:
    return name.lower().endswith(ending)


def _stem(name: str) -> str:
    return PurePath(name).stem
