"""The adapter is killed between each pair of its effects: nothing is lost and nothing doubled."""

from collections import Counter
from pathlib import Path

from hub.commands.local_axis import LocalAgency
from tests.acceptance.speaking import a_letter
from tests.integration.folder.conftest import Adapters
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

RECEIPTS = 2
"""Acceptance and consignment: the other side of these tests acknowledges nothing."""
SENDING = [
    "after-taken-before-signed",
    "after-signed-before-journal",
    "after-journal-before-move",
    "after-first-file-moved",
    "after-move-before-shown",
    "after-shown-before-mark",
]
RECEIVING = [
    "after-unpacked-before-commit",
    "after-commit-before-appearing",
    "after-appearing-before-mark",
]


async def test_what_is_dropped_goes_out_once_wherever_the_adapter_dies(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = adapters(office)
    stems = [f"van-ban-{number}" for number in range(len(SENDING))]
    async with RawAgency.open(ministry) as raw:
        for stem, point in zip(stems, SENDING, strict=True):
            folder.drop_letter(stem, ministry)
            await folder.start(crash_at=point)
            await folder.crashed()

        await folder.start()
        await until(lambda: len(folder.sent()) == len(stems) and not folder.left(), what=folder.story)
        arrived = await raw.arrival("document", len(stems))
        await until(
            lambda: all(len(list(place.glob("receipts/*.xml"))) == RECEIPTS for place in folder.sent()),
            what=folder.story,
        )
        await folder.stop()

    assert set(Counter(each.document_id for each in arrived).values()) == {1}
    assert [place.name.rpartition("-")[0] for place in folder.sent()] == stems
    assert {(place / "document.edxml").read_bytes() for place in folder.sent()} == {
        each.body for each in arrived
    }
    assert all((place / f"{stem}.pdf").exists() for place, stem in zip(folder.sent(), stems, strict=True))
    assert folder.refused() == []
    assert list((folder.root / ".work").iterdir()) == []


async def test_what_arrives_appears_once_wherever_the_adapter_dies(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = adapters(office)
    async with RawAgency.open(ministry) as raw:
        for point in RECEIVING:
            await raw.submit_signed(a_letter(ministry, office).unsigned())
            await folder.start(crash_at=point)
            await folder.crashed()
        taken_away = move_away(folder.arrived(), folder.home)

        await folder.start()
        await until(lambda: len(folder.arrived()) == len(RECEIVING) - len(taken_away), what=folder.story)
        statuses = await raw.arrival("status", len(RECEIVING))
        await folder.stop()

    places = [*folder.arrived(), *taken_away]
    assert len({str(folder.info(place)["document_id"]) for place in places}) == len(RECEIVING)
    assert set(Counter(each.document_id for each in statuses).values()) == {1}
    assert list((folder.root / "in" / ".tmp").iterdir()) == []


def move_away(places: list[Path], home: Path) -> list[Path]:
    """Take what has appeared to another place, as a quick clerk does, before the adapter has noted it."""
    return [place.rename(home / place.name) for place in places]


async def test_what_is_told_and_reported_is_so_once_wherever_the_adapter_dies(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = adapters(office)
    async with RawAgency.open(ministry) as raw:
        await raw.submit_signed(a_letter(ministry, office).unsigned())
        folder.drop_letter("bao-cao", ministry)
        await folder.start(crash_at="after-news-written-before-mark")
        await folder.crashed()
        await folder.start(crash_at="after-report-journalled-before-filed")
        (arrived,) = await until(folder.arrived, what=folder.story)
        (arrived / "03.txt").touch()
        await folder.crashed()

        await folder.start()
        await until((arrived / "03-da-bao-reported.txt").exists, what=folder.story)
        statuses = await raw.arrival("status", 2)
        (sent,) = folder.sent()
        await until(lambda: len(list(sent.glob("receipts/*.xml"))) == RECEIPTS, what=folder.story)
        await folder.stop()

    said = (sent / "state.txt").read_text("utf-8").splitlines()
    assert len(said) == len(set(said))
    assert sum(b"StatusCode>03<" in each.body for each in statuses) == 1
    assert (arrived / "state.txt").read_text("utf-8").count("Đã báo 03") == 1
