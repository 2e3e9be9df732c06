"""The file that evidence travels in: an uncompressed ZIP whose every octet follows from its members."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

MANIFEST: Final = "manifest.json"
FORMAT: Final = "truc-evidence/1"
_DAMAGED: Final = (
    zipfile.BadZipFile,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises for files that were tampered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is said about a member of the file, in both languages."""

    where: str
    vi: str
    en: str


def write(members: Mapping[str, bytes]) -> bytes:
    """Return the file with *members* and their manifest: equal members, equal octets."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {MANIFEST: manifest(members), **dict(sorted(members.items()))}.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return out.getvalue()


def manifest(members: Mapping[str, bytes]) -> bytes:
    """Return the list of *members* with their sizes and SHA-256."""
    listed = [
        {"name": name, "octets": len(content), "sha256": sha256(content).hexdigest()}
        for name, content in sorted(members.items())
    ]
    return json.dumps({"format": FORMAT, "members": listed}, indent=1, ensure_ascii=False).encode()


def read(octets: bytes) -> tuple[dict[str, bytes], list[Remark]]:
    """Return the members that can be read, without the manifest, and every fault of file and manifest."""
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            members, faults = _members(archive, len(octets))
    except _DAMAGED as error:
        return {}, [Remark(where="ZIP", vi=f"không đọc được tệp: {error}", en=f"cannot be read: {error}")]
    listed = members.pop(MANIFEST, None)
    if listed is None:
        if not any(fault.where == MANIFEST for fault in faults):
            faults.append(Remark(where=MANIFEST, vi="không có danh mục", en="there is no manifest"))
    elif not faults:
        faults = _compare(listed, members)
    if not faults and write(members) != octets:
        faults.append(
            Remark(
                where=f"ZIP, octet {_first_difference(write(members), octets)}",
                vi="phần vỏ của tệp đã bị thay đổi, nội dung các thành phần thì không",
                en="the wrapping of the file was changed, the content of its members was not",
            )
        )
    return members, faults


def _members(archive: zipfile.ZipFile, limit: int) -> tuple[dict[str, bytes], list[Remark]]:
    members: dict[str, bytes] = {}
    faults = []
    for info in archive.infolist():
        where = info.filename.encode("ascii", "backslashreplace").decode()
        try:
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > limit or where in members:
                raise zipfile.BadZipFile("not stored as evidence is")
            members[where] = archive.read(info)
        except _DAMAGED as error:
            faults.append(Remark(where=where, vi=f"đã bị thay đổi ({error})", en=f"was changed ({error})"))
    return members, faults


def _compare(listed: bytes, members: Mapping[str, bytes]) -> list[Remark]:
    """Hold the manifest against the members; where it lists something else, name what."""
    if listed == manifest(members):
        return []
    try:
        told = {each["name"]: each["sha256"] for each in json.loads(listed)["members"]}
    except (ValueError, LookupError, TypeError):
        told = {}
    changed = [
        name
        for name in sorted({*told, *members})
        if name not in members or told.get(name) != sha256(members[name]).hexdigest()
    ]
    if not told or not changed:
        return [Remark(where=MANIFEST, vi="đã bị thay đổi", en="was changed")]
    return [
        Remark(where=name, vi="không khớp với danh mục", en="is not what the manifest lists")
        for name in changed
    ]


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
