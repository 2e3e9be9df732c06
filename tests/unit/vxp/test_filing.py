"""What came is on disk under its own hash, once, until nobody wants it."""

import os
import time
from io import BytesIO
from pathlib import Path

from adapters.vxp.filing import Cabinet
from hub.message.identifiers import digest_of

BODY = b"<edXML/>"


def opened() -> BytesIO:
    return BytesIO(BODY)


LONG_AGO = time.time() - 10_000


def test_the_same_bytes_are_one_file(tmp_path: Path) -> None:
    cabinet = Cabinet(folder=tmp_path)

    cabinet.file(digest_of(BODY), opened)
    cabinet.file(digest_of(BODY), opened)

    assert [each.read_bytes() for each in tmp_path.glob("*/*")] == [BODY]
    assert cabinet.place_of(digest_of(BODY)).read_bytes() == BODY


def test_what_was_filed_again_is_not_removed_for_being_old(tmp_path: Path) -> None:
    cabinet = Cabinet(folder=tmp_path)
    cabinet.file(digest_of(BODY), opened)
    os.utime(cabinet.place_of(digest_of(BODY)), (LONG_AGO, LONG_AGO))
    assert list(cabinet.older_than(LONG_AGO + 1)) == [digest_of(BODY)]

    cabinet.file(digest_of(BODY), opened)
    cabinet.remove(digest_of(BODY), before=LONG_AGO + 1)

    assert cabinet.place_of(digest_of(BODY)).exists()


def test_what_is_old_is_removed_and_so_is_what_a_crash_left(tmp_path: Path) -> None:
    cabinet = Cabinet(folder=tmp_path)
    cabinet.file(digest_of(BODY), opened)
    left = cabinet.place_of(digest_of(BODY)).with_name(".0.new")
    left.write_bytes(b"half")
    for each in (left, cabinet.place_of(digest_of(BODY))):
        os.utime(each, (LONG_AGO, LONG_AGO))

    for digest in cabinet.older_than(LONG_AGO + 1):
        cabinet.remove(digest, before=LONG_AGO + 1)

    assert list(tmp_path.glob("*/*")) == []
