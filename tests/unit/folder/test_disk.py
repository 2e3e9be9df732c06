"""Acts on files: links are not followed, pipes do not block, a change is seen."""

import os
from pathlib import Path

import pytest

from adapters.folder.disk import Look, look_into, move_durably, read_if_unchanged, write_durably
from adapters.kit.lock import sole_adapter
from hub.errors import ConfigurationError


def look_at(path: Path) -> Look:
    return Look.of(path.stat())


def test_only_regular_files_are_files(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()

    files, others = look_into(tmp_path)

    assert set(files) == {"a"}
    assert set(others) == {"link", "pipe", "folder"}


def test_a_file_that_was_written_to_or_replaced_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    look = look_at(path)
    assert read_if_unchanged(path, look) == b"one"

    path.write_bytes(b"three")

    assert read_if_unchanged(path, look) is None
    path.unlink()
    assert read_if_unchanged(path, look) is None


def test_a_link_that_took_a_files_place_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    look = look_at(path)
    path.unlink()
    path.symlink_to("/etc/passwd")

    with pytest.raises(OSError, match="symbolic"):
        read_if_unchanged(path, look)


def test_what_is_written_durably_leaves_no_draft(tmp_path: Path) -> None:
    write_durably(tmp_path / "state.txt", b"old")
    write_durably(tmp_path / "state.txt", b"new")
    move_durably(tmp_path / "state.txt", tmp_path / "moved.txt")

    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("moved.txt", b"new")]


def test_one_folder_has_one_adapter(tmp_path: Path) -> None:
    with (
        sole_adapter(tmp_path, ".lock"),
        pytest.raises(ConfigurationError, match="another adapter"),
        sole_adapter(tmp_path, ".lock"),
    ):
        pass

    with sole_adapter(tmp_path, ".lock"):
        pass
