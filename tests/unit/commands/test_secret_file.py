from pathlib import Path

from hub.commands import secret_file


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "broker-G22"

    first, again = secret_file.read_or_make(path), secret_file.read_or_make(path)

    assert first == again
    assert len(first) >= 32


def test_only_the_owner_can_read_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "hub.toml"

    secret_file.write(path, "a = 1\n")

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    first = secret_file.write(path, "a = 1\n")
    before = path.stat().st_mtime_ns

    again = secret_file.write(path, "a = 1\n")

    assert (first, again) == (True, False)
    assert path.stat().st_mtime_ns == before


def test_a_replaced_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    secret_file.write(path, "a = 1\n")

    secret_file.write(path, b"a = 2\n")

    assert path.read_text() == "a = 2\n"
    assert list(tmp_path.iterdir()) == [path]
