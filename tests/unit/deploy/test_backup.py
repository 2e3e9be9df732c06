"""Backups and restores, as far as they need no server."""

import os
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local import StackError, archive
from deploy.local.address import new_record
from deploy.local.administrator import MANY_SEGMENTS, ArchiveStatus
from deploy.local.archive import archive_script, archiving, quoted, restore_script, wal_in
from deploy.local.backup_place import BackupRefused, BaseBackup, Code, alone, known, write_record
from deploy.local.database import REPLACED, Database, configuration
from deploy.local.restore import Wanted, choose
from hub.commands.backup_acts import complaints
from hub.commands.line import main

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "back-up-and-restore.md"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SEGMENT = "000000010000000000000007"


def a_backup(place: Path, hour: int) -> BaseBackup:
    ended_at = NOON.replace(hour=hour)
    backup = BaseBackup(
        name=f"{ended_at:%Y%m%dT%H%M%SZ}",
        place=str(place),
        started_at=ended_at - timedelta(minutes=1),
        ended_at=ended_at,
        first_wal=SEGMENT,
        octets=1,
        server="15",
    )
    backup.data.mkdir(parents=True)
    write_record(backup)
    return backup


def run(script: str, folder: Path, *arguments: str | Path) -> int:
    file = folder / "script"
    file.write_text(script, "utf-8")
    return subprocess.run(["sh", file, *arguments], check=False, cwd=folder).returncode


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make a place whose name a shell would take apart."""
    place = tmp_path / "sao lưu 'mới' $HOME"
    wal_in(place).mkdir(parents=True)
    return place


def a_segment(folder: Path, content: bytes = b"\x01" * 1000 + bytes(100_000)) -> Path:
    path = folder / SEGMENT
    path.write_bytes(content)
    return path


def test_a_segment_comes_back_from_the_archive_as_it_was(place: Path, tmp_path: Path) -> None:
    segment = a_segment(tmp_path)

    assert run(archive_script(place), tmp_path, segment, SEGMENT) == 0
    assert run(restore_script(place, tmp_path / "absent"), tmp_path, SEGMENT, tmp_path / "back") == 0

    assert (tmp_path / "back").read_bytes() == segment.read_bytes()
    assert [each.name for each in wal_in(place).iterdir()] == [f"{SEGMENT}.gz"]


def test_the_same_segment_may_be_archived_again_and_another_may_not(place: Path, tmp_path: Path) -> None:
    run(archive_script(place), tmp_path, a_segment(tmp_path), SEGMENT)

    assert run(archive_script(place), tmp_path, a_segment(tmp_path), SEGMENT) == 0
    assert run(archive_script(place), tmp_path, a_segment(tmp_path, b"other"), SEGMENT) != 0


def test_what_the_lost_cluster_left_is_found_where_the_archive_has_it_not(
    place: Path, tmp_path: Path
) -> None:
    left = tmp_path / "data" / "pg_wal"
    left.mkdir(parents=True)
    a_segment(left)

    assert run(restore_script(place, left), tmp_path, SEGMENT, tmp_path / "back") == 0
    assert run(restore_script(place, left), tmp_path, "00000002.history", tmp_path / "back") != 0


def test_nothing_is_archived_before_the_first_backup(tmp_path: Path) -> None:
    before = archiving(tmp_path)
    (tmp_path / archive.PLACE_FILE).write_text("/backups", "utf-8")
    after = archiving(tmp_path)

    assert (before["archive_mode"], before["archive_command"], before["archive_timeout"]) == ("on", "true", 0)
    assert str(tmp_path / archive.ARCHIVE_SCRIPT) in str(after["archive_command"])
    assert after["archive_timeout"] == archive.TIMEOUT_SECONDS


def test_a_folder_with_an_apostrophe_does_not_end_a_setting(tmp_path: Path) -> None:
    folder = tmp_path / "Krông 'Nô"
    folder.mkdir()
    (folder / archive.PLACE_FILE).write_text("/backups", "utf-8")

    settings = configuration(new_record(folder), folder)

    assert quoted(archiving(folder)["archive_command"]) in settings
    assert all(line.count("'") % 2 == 0 for line in settings.splitlines())


def test_the_newest_backup_that_leads_to_the_instant_is_chosen(tmp_path: Path) -> None:
    for hour in (3, 9, 15):
        a_backup(tmp_path, hour)

    assert choose(tmp_path, Wanted(target=NOON)).name.startswith("20260601T09")
    assert choose(tmp_path, Wanted(target=None)).name.startswith("20260601T15")


def test_without_a_backup_before_the_instant_there_is_no_restore(tmp_path: Path) -> None:
    a_backup(tmp_path, 15)

    with pytest.raises(BackupRefused, match="leads to that instant") as refusal:
        choose(tmp_path, Wanted(target=NOON))

    assert refusal.value.code is Code.NO_BACKUP


def test_backups_are_found_where_they_are_mounted_now(tmp_path: Path) -> None:
    a_backup(tmp_path / "before", 3)
    (tmp_path / "before").rename(tmp_path / "now")

    (backup,) = known(tmp_path / "now")

    assert backup.data.is_dir()


def test_two_backups_at_a_time_do_not_meet(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(BackupRefused, match="BACKUP-3"), alone(tmp_path):
        pytest.fail("both are at work")


def test_a_restore_cut_short_between_two_names_does_not_begin_an_empty_database(tmp_path: Path) -> None:
    database = Database(tmp_path, replace(new_record(tmp_path), postgres_port=1))
    (tmp_path / f"{REPLACED}20260601T120000Z").mkdir()

    with pytest.raises(StackError, match="a restore was cut short"):
        database.start()

    assert not database.data.exists()


def a_status(**fields: object) -> ArchiveStatus:
    status = ArchiveStatus(
        last_archived=SEGMENT, last_archived_at=NOON, last_failed=None, last_failed_at=None, waiting=0
    )
    return replace(status, **fields)


@pytest.mark.parametrize(
    ("status", "is_behind"),
    [
        (a_status(), False),
        (a_status(last_failed_at=NOON - timedelta(hours=1)), False),
        (a_status(last_failed_at=NOON + timedelta(seconds=1)), True),
        (a_status(last_archived_at=None, last_failed_at=NOON), True),
        (a_status(waiting=MANY_SEGMENTS + 1), True),
    ],
)
def test_an_archive_is_behind_where_it_failed_last_or_segments_pile_up(
    status: ArchiveStatus,
    is_behind: bool,  # noqa: FBT001
) -> None:
    assert status.is_behind is is_behind


def test_a_backup_that_is_too_old_is_complained_of(tmp_path: Path) -> None:
    backup = a_backup(tmp_path, 3)

    def told(now: datetime) -> tuple[str, ...]:
        return complaints(backup, a_status(), is_up=True, now=now, max_age=timedelta(hours=26))

    assert told(NOON) == ()
    assert "the last backup is 33 hours old" in told(NOON + timedelta(days=1))[0]
    assert "there is no backup" in complaints(None, None, is_up=True, now=NOON, max_age=timedelta())[0]


def test_servers_of_others_are_refused_with_a_code_and_the_way_to_do_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "services.toml").write_text("", "utf-8")

    code = main(["backup", "--home", str(tmp_path)])

    told = capsys.readouterr().err
    assert code == 1
    assert "BACKUP-1" in told
    assert os.fspath(PAGE.relative_to(PAGE.parents[2])) in told


def test_the_page_explains_every_code() -> None:
    explained = re.findall(r"^\| `([A-Z]+-\d+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)

    assert explained == [code.value for code in Code]
