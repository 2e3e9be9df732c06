"""A folder without room: the adapter takes nothing that it could not keep, and goes on when there is room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from tests.acceptance.speaking import a_letter
from tests.integration.folder.conftest import Adapters
from tests.support.folder_adapter import letter
from tests.support.raw_agency import RawAgency
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.waiting import until


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=16) as disk:
        yield disk
        disk.free()


async def test_a_full_folder_answers_nothing_and_loses_nothing(
    disk: SmallDisk, agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = await adapters(office, root=disk.folder / "van-ban").start()
    await folder.ready()
    async with RawAgency.open(ministry) as raw:
        folder.drop("cho.toml", letter(ministry.code).encode())
        await until((folder.root / "waiting.txt").exists, what=folder.story)
        disk.fill()
        await raw.submit_signed(a_letter(ministry, office).unsigned())
        await until(lambda: folder.lines("folder.full"), what=folder.story)
        assert raw.of_kind("status") == []
        assert folder.arrived() == []

        disk.free()
        folder.drop("cho.pdf", b"%PDF-1.4")
        await until(lambda: len(folder.arrived()) == 1 and len(folder.sent()) == 1, what=folder.story)
        statuses = await raw.arrival("status")
        await raw.arrival("document")
        await folder.stop()

    assert len(statuses) == 1
    assert folder.left() == []
