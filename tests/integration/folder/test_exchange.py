"""An agency with a folder and one with the kit exchange documents, receipts and statuses through the hub."""

import asyncio
import stat
import time
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from hub.message.edxml import StatusCode
from hub.message.identifiers import digest_of
from hub.signature.signing import sign_envelope
from tests.acceptance.speaking import a_letter
from tests.integration.folder.conftest import Adapters
from tests.support.folder_adapter import PDF, letter
from tests.support.raw_agency import RawAgency
from tests.support.served import Served
from tests.support.waiting import until

EXPECTED_RECEIPTS = 3


async def pause(seconds: float) -> None:
    """Return after a while in which the adapter has looked several times."""
    over = time.monotonic() + seconds
    await until(lambda: time.monotonic() > over, what="time to pass")


def read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


async def test_a_document_goes_out_of_a_folder_and_everything_about_it_comes_beside_it(
    served: Served, agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    other = await served.town.software(ministry, statuses=["01", "03"]).ready()
    folder = await adapters(office).start()

    folder.drop_letter("bao-cao", ministry)

    await until(lambda: len(folder.sent()) == 1, what=folder.story)
    (place,) = folder.sent()
    await until(
        lambda: (
            len(list(place.glob("receipts/*.xml"))) >= EXPECTED_RECEIPTS
            and len(list(place.glob("statuses/*.edxml"))) == 2
            and f"{ministry.code}: 03" in read(place / "state.txt")
        ),
        what=lambda: (list(place.rglob("*")), read(place / "state.txt")),
    )
    effects = other.effects()
    assert [each["digest"] for each in effects] == [digest_of((place / "document.edxml").read_bytes()).hex()]
    assert (place / "bao-cao.pdf").read_bytes() == PDF
    assert "Trục đã tiếp nhận / Accepted by the axis" in read(place / "state.txt")
    assert folder.left() == []
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "document.edxml").stat().st_mode) == 0o600
    assert office.key_password not in folder.story(whole=True)


async def test_a_document_appears_whole_and_a_clerk_reports_by_the_name_of_a_file(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = await adapters(office).start()
    async with RawAgency.open(ministry) as raw:
        body = sign_envelope(a_letter(ministry, office).unsigned(), raw.key)
        await raw.submit(body)

        await until(lambda: len(folder.arrived()) == 1, what=folder.story)
        (place,) = folder.arrived()
        assert (place / "document.edxml").read_bytes() == body
        for each in folder.info(place)["files"]:  # type: ignore[attr-defined]
            assert (place / each["name"]).stat().st_size == each["octets"]
        (place / "03.txt").touch()
        (place / "05").write_text("đang trình lãnh đạo", "utf-8")
        (place / "07.txt").touch()

        arrived = await raw.arrival("status", 3)
        await until(lambda: "Đã báo 05" in read(place / "state.txt"), what=folder.story)
        await until((place / "07-loi-error.txt").exists, what=folder.story)

    told = b"".join(each.body for each in arrived).decode()
    for code in (StatusCode.ARRIVED, StatusCode.ACCEPTED, StatusCode.PROCESSING):
        assert f"StatusCode>{code.value}<" in told
    assert "đang trình lãnh đạo" in told
    assert sorted(each.name for each in place.glob("0*")) == [
        "03-da-bao-reported.txt",
        "05-da-bao-reported.txt",
        "07-loi-error.txt",
    ]


async def test_what_cannot_be_sent_is_refused_with_the_way_out(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, _ = agencies
    folder = await adapters(office).start()
    folder.drop("sai.pdf", PDF)
    folder.drop("sai.toml", b'to = ["H14"]\nsubjekt = "x"\n')
    folder.drop("la.edxml", b"<not-edxml/>")
    folder.drop("khong-co.pdf", PDF)
    folder.drop("khong-co.toml", letter("Z99").encode())
    folder.drop("le-loi.pdf", PDF)

    await until(lambda: len(folder.refused()) == 3, what=folder.story)
    await until(lambda: "le-loi.pdf" in read(folder.root / "waiting.txt"), what=folder.story)

    reasons = {place.name.rpartition("-")[0]: read(place / "reason.txt") for place in folder.refused()}
    assert "sai.toml, dòng 2: không có mục subjekt; có phải là subject?" in reasons["sai"]
    assert "HUB-6001" in reasons["khong-co"]
    assert "NOT SENT" in reasons["la"]
    assert {each.name for place in folder.refused() for each in place.glob("*.pdf")} == {
        "sai.pdf",
        "khong-co.pdf",
    }
    assert folder.left() == ["le-loi.pdf"]
    assert folder.sent() == []


async def test_the_very_same_file_goes_once_and_says_where_it_went(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = await adapters(office).start()
    async with RawAgency.open(ministry) as raw:
        content = a_letter(office, ministry).unsigned()
        folder.drop("cong-van.edxml", content)
        await until(lambda: len(folder.sent()) == 1 and not folder.left(), what=folder.story)

        folder.drop("cong-van.edxml", content)

        await until(lambda: len(folder.refused()) == 1, what=folder.story)
        await raw.arrival("document")
        assert len([each for each in raw.arrived if each.kind == "document"]) == 1
    (place,) = folder.refused()
    assert folder.sent()[0].name in read(place / "reason.txt")


async def test_a_file_that_grows_waits_and_a_marker_ends_the_waiting(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    folder = await adapters(office, settle_seconds=2.0).start()
    async with RawAgency.open(ministry) as raw:
        folder.drop("cham.toml", letter(ministry.code).encode())
        with (folder.out / "cham.pdf").open("wb", buffering=0) as slow:
            slow.write(PDF)
            await until(lambda: "cham.toml" in read(folder.root / "waiting.txt"), what=folder.story)
            for _ in range(5):
                await pause(0.5)
                slow.write(PDF)
        assert folder.sent() == []
        folder.drop("gap.pdf", PDF)
        (folder.out / "gap.toml").write_text(letter(ministry.code, extra='ma_van_ban = "gap-1"'), "utf-8")
        (folder.out / "gap.ready").touch()
        folder.drop("mat.edxml", a_letter(office, ministry).unsigned())
        (folder.out / "mat.edxml").unlink()

        await until(lambda: len(folder.sent()) == 2 and not folder.left(), what=folder.story)
        await raw.arrival("document", 2)

    slowly = next(place for place in folder.sent() if place.name.startswith("cham"))
    assert (slowly / "cham.pdf").read_bytes() == PDF * 6
    assert folder.refused() == []


async def test_a_second_adapter_on_the_same_folder_does_not_start(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters
) -> None:
    office, ministry = agencies
    first = await adapters(office).start()
    await first.ready()
    second = await adapters(ministry, root=first.root).start()

    assert second._process is not None
    code = await asyncio.wait_for(second._process.wait(), 30)
    second._process = None

    assert code == 2
    assert "another adapter works on" in second.story()


@pytest.mark.parametrize("name", ["03", "state.txt"])
async def test_a_dropped_file_may_be_called_like_one_of_ours(
    agencies: tuple[LocalAgency, LocalAgency], adapters: Adapters, name: str
) -> None:
    office, ministry = agencies
    folder = await adapters(office).start()
    folder.drop(name, PDF)
    folder.drop("gui.toml", letter(ministry.code, extra=f'tep = "{name}"').encode())

    await until(lambda: len(folder.sent()) == 1, what=folder.story)

    (place,) = folder.sent()
    await until(lambda: "Trục đã tiếp nhận" in read(place / "state.txt"), what=folder.story)
    assert (place / f"_{name}").read_bytes() == PDF
