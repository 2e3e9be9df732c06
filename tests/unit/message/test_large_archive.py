"""Archives that do not fit into memory are judged as those that do."""

import io
import struct
from collections.abc import Mapping
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from hub.message.archive import ArchiveFault, Budget, fault_of_archive
from hub.message.large_archive import fault_of_large_archive, unpack_large
from hub.message.zip_container import Contained, Oversized, unpack_single

ROOM = 10_000_000


def packed(files: Mapping[str, bytes], method: int = ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def nested(depth: int) -> bytes:
    content = b"text"
    for _ in range(depth):
        content = packed({"inner.zip": content})
    return content


def lying_about_its_size() -> bytes:
    content = packed({"a.txt": b"x" * 50_000})
    at = content.rfind(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<L", 10) + content[at + 28 :]


ARCHIVES = {
    "plain": packed({"a.txt": b"text", "b.txt": b"more"}),
    "stored": packed({"a.txt": b"text" * 100_000}, ZIP_STORED),
    "empty": packed({}),
    "a program by its name": packed({"a.exe": b"text"}),
    "a program by its bytes": packed({"a.bin": b"MZ\x00" + b"x" * 70_000}),
    "a path out": packed({"../a.txt": b"text"}),
    "a bomb": packed({"a.txt": b"0" * 9_000_000}),
    "more than there is room for": packed({"a.txt": bytes(range(256)) * 50_000}, ZIP_STORED),
    "nested": nested(3),
    "nested too deeply": nested(4),
    "lying about its size": lying_about_its_size(),
    "cut off": packed({"a.txt": b"text" * 100})[:-30],
    "no archive": b"PK\x03\x04 and then nothing of the kind",
}


def told(fault: ArchiveFault | None) -> tuple[object, ...] | None:
    return None if fault is None else (fault.code, fault.values)


@pytest.mark.parametrize("name", ARCHIVES)
def test_it_is_judged_like_its_twin_in_memory(name: str) -> None:
    small, large = Budget(octets=ROOM), Budget(octets=ROOM)

    expected = told(fault_of_archive(ARCHIVES[name], small))

    assert told(fault_of_large_archive(BytesIO(ARCHIVES[name]), large)) == expected
    assert expected is not None or large.octets == small.octets


@pytest.mark.parametrize(
    "content",
    [
        packed({"a.pdf": b"%PDF" * 1_000}),
        packed({"a.pdf": b"%PDF", "b.pdf": b"%PDF"}),
        packed({"a.pdf": b"0" * 9_000_000}),
        packed({"a.pdf": bytes(range(256)) * 50_000}, ZIP_STORED),
        packed({"a.pdf": b"%PDF" * 1_000})[:-20],
        b"%PDF-1.4",
    ],
    ids=["one", "two", "a bomb", "too large", "cut off", "no archive"],
)
def test_a_container_is_taken_off_like_its_twin_in_memory(content: bytes) -> None:
    into = BytesIO()

    expected = unpack_single(content, limit=ROOM)
    unpacked = unpack_large(BytesIO(content), into, limit=ROOM)

    match expected:
        case Contained():
            assert into.getvalue() == expected.content
        case Oversized():
            assert unpacked == expected
        case _:
            assert unpacked is None


def test_a_file_is_read_a_piece_at_a_time() -> None:
    class Watched(BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            self.most = max(self.most, len(piece))
            return piece

    file = Watched(packed({"a.txt": bytes(range(256)) * 30_000}, ZIP_STORED))

    assert fault_of_large_archive(file, Budget(octets=ROOM)) is None
    assert file.most <= io.DEFAULT_BUFFER_SIZE * 32
