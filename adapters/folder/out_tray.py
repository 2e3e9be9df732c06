"""Which drops in `out/` are complete, read as they were then; the rest waits, and `waiting.txt` says why."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Final

from adapters.folder.complaint import Complaint, said
from adapters.folder.disk import Look, digest_if_unchanged, look_into, read_if_unchanged, write_durably
from adapters.folder.metadata import read_metadata
from adapters.folder.naming import safe_name
from adapters.folder.settings import Limits, Places
from adapters.folder.settling import Settling
from adapters.folder.taken import Taken, TakenFile
from adapters.folder.tray import NO_FILES, NO_METADATA, NOT_A_FILE, Drop, drops_in, is_left_alone, unled
from hub.message.identifiers import digest_of
from hub.message.refusal import Sentence

_AT_A_LOOK: Final = 50
"""Drops that are taken before everything else gets its turn."""
_LISTED: Final = 200
_STILL_WRITTEN: Final = Sentence("đang được ghi", "it is still being written")
_NO_MARKER: Final = Sentence("chờ tệp .ready", "it waits for its .ready file")
_UNREADABLE: Final = Sentence("không có quyền đọc tệp", "there is no permission to read it")


class Waits(Exception):
    """A drop that is not complete, and why."""

    def __init__(self, why: Sentence) -> None:
        """Wait because of *why*."""
        super().__init__(why.en)
        self.why = why


class OutTray:
    """Looks at `out/` again and again: network drives give no notice of what happens on them."""

    def __init__(self, places: Places, limits: Limits, *, max_octets: int) -> None:
        """Look with the patience of *limits*; no document may have more than *max_octets*."""
        self._places = places
        self._limits = limits
        self._max_octets = max_octets
        self._settling = Settling(limits.settle_seconds)
        self._told = ""

    async def complete(self, clock: Callable[[], float]) -> AsyncIterator[Taken]:
        """Yield what is complete now, in the order of the names, and write down why the rest waits."""
        files, others = await asyncio.to_thread(look_into, self._places.out)
        drops = list(drops_in(files))
        self._settling.keep_only([*files, *(_with_named(name) for name in files)])
        waiting = {name: NOT_A_FILE for name in others if not is_left_alone(name)}
        waiting |= dict.fromkeys(unled(files, drops), NO_METADATA)
        left = _AT_A_LOOK
        for drop in drops:
            try:
                taken = await asyncio.to_thread(self._take, drop, files, clock())
            except Waits as reason:
                waiting[drop.name] = reason.why
                continue
            except PermissionError:
                waiting[drop.name] = _UNREADABLE
                continue
            for each in taken.files:
                waiting.pop(each.name, None)
            yield taken
            left -= 1
            if not left:
                return
        await asyncio.to_thread(self._tell, waiting)

    def _take(self, drop: Drop, files: Mapping[str, Look], now: float) -> Taken:
        """Read *drop*; raises `Waits` where it is not complete."""
        self._check_settled(drop, drop.name, now)
        complaint: Complaint | None = None
        if drop.has_metadata:
            try:
                drop = self._with_named_files(drop, files, now)
            except Complaint as found:
                complaint = found
        complaint = complaint or self._excess(drop)
        read = _read if complaint is None else _digest
        contents = [read(self._places, name, look) for name, look in drop.files.items()]
        marker = _digest(self._places, drop.marker, files[drop.marker]) if drop.marker else None
        return Taken(name=drop.name, files=contents, marker=marker, complaint=complaint)

    def _check_settled(self, drop: Drop, name: str, now: float) -> None:
        is_settled = self._settling.is_settled(name, tuple(sorted(drop.files.items(), key=str)), now)
        if drop.marker is not None:
            return
        if self._limits.needs_marker:
            raise Waits(_NO_MARKER)
        if not is_settled:
            raise Waits(_STILL_WRITTEN)

    def _with_named_files(self, drop: Drop, files: Mapping[str, Look], now: float) -> Drop:
        """Add the files that the TOML file names; raises `Complaint` where that is not sound."""
        if drop.files[drop.name].octets > self._limits.max_file_octets:
            return drop
        leader = _read(self._places, drop.name, drop.files[drop.name])
        named = read_metadata(safe_name(drop.name), leader.content).files
        if missing := [name for name in named if name not in files]:
            raise Waits(_missing(missing[0]))
        drop = replace(drop, files={**drop.files, **{name: files[name] for name in named}})
        if not drop.attachments:
            raise Waits(NO_FILES)
        if named:
            self._check_settled(drop, _with_named(drop.name), now)
        return drop

    def _excess(self, drop: Drop) -> Complaint | None:
        most, count = self._limits.max_files, len(drop.files) - 1
        if count > most:
            return said(
                f"có {count} tệp, vượt giới hạn {most}; hãy nén lại thành một tệp.",
                f"there are {count} files, more than {most}; zip them into one.",
            )
        limit, whole = min(self._limits.max_file_octets, self._max_octets), self._max_octets
        large = next((name for name, look in drop.files.items() if look.octets > limit), None)
        if large is None and sum(look.octets for look in drop.files.values()) <= whole:
            return None
        name = safe_name(large or drop.name)
        return said(
            f"{name} quá lớn (giới hạn {limit} byte một tệp, {whole} byte một văn bản); hãy giảm dung lượng.",
            f"{name} is too large (limits: {limit} bytes a file, {whole} a document); make it smaller.",
        )

    def _tell(self, waiting: Mapping[str, Sentence]) -> None:
        """Write `waiting.txt` where it would say something new; nothing waits: there is no such file."""
        lines = [f"{safe_name(name)}: {why.vi} / {why.en}" for name, why in sorted(waiting.items(), key=str)]
        text = "\n".join(["Đang chờ trong out / Waiting in out:", *lines[:_LISTED], ""]) if lines else ""
        if text == self._told and self._places.waiting.exists() == bool(text):
            return
        if text:
            write_durably(self._places.waiting, text.encode())
        else:
            self._places.waiting.unlink(missing_ok=True)
        self._told = text


def _read(places: Places, name: str, look: Look) -> TakenFile:
    content = read_if_unchanged(places.out / name, look)
    if content is None:
        raise Waits(_STILL_WRITTEN)
    return TakenFile(name=name, digest=digest_of(content), content=content)


def _digest(places: Places, name: str, look: Look) -> TakenFile:
    digest = digest_if_unchanged(places.out / name, look)
    if digest is None:
        raise Waits(_STILL_WRITTEN)
    return TakenFile(name=name, digest=digest)


def _with_named(name: str) -> str:
    return f"{name}/"  # no file is called so


def _missing(name: str) -> Sentence:
    return Sentence(f"chưa thấy tệp {safe_name(name)}", f"the file {safe_name(name)} is not there yet")
