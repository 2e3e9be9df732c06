import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.commands.demonstration.pdf import one_page
from hub.commands.local_axis import LocalAgency
from tests.integration.cli.conftest import CommandLine
from tests.support.axis import World
from tests.support.waiting import until


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "cong-van.pdf"
    path.write_bytes(one_page(["CONG VAN"]))
    return path


async def lines(truc: CommandLine, *arguments: str) -> list[dict[str, object]]:
    """Read what a command answers line by line."""
    return [json.loads(line) for line in (await truc(*arguments, "--json")).splitlines()]


async def handed_back(truc: CommandLine, world: World, recipient: LocalAgency) -> Mapping[str, Any]:
    """Hand every attempt back until the axis gives up; an inbox that found nothing for a while has ended."""

    async def given_up() -> Sequence[Mapping[str, Any]]:
        await truc("inbox", recipient.code, "--hand-back", "đang bảo trì")
        return await world.cases()

    (case,) = await until(given_up, what="a case", seconds=60)
    return case


async def test_a_file_is_sent_received_accepted_and_traced(
    truc: CommandLine, world: World, agencies: tuple[LocalAgency, LocalAgency], pdf: Path, tmp_path: Path
) -> None:
    sender, recipient = agencies
    await world.hub()

    sent = await truc.json(
        "send", str(pdf), "--as", sender.code, "--to", recipient.code, "--number", "12/VPCP-TH"
    )
    await world.nothing_waits()
    received = await lines(truc, "inbox", recipient.code, "--save", str(tmp_path / "saved"))
    await world.nothing_waits()
    told = [line["what"] for line in await lines(truc, "inbox", sender.code)]

    (found,) = await truc.json("trace", sent["submission_id"])
    (document,) = [each for each in found["dossier"]["deliveries"] if each["kind"] == "document"]
    (saved,) = (tmp_path / "saved").rglob("1-cong-van.pdf")
    assert len(received) == 1
    assert saved.read_bytes() == pdf.read_bytes()
    assert document["state"] == "accepted"
    assert sorted(str(what).split()[0] for what in told) == [
        "ContentConsignment",
        "ContentHandover",
        "SubmissionAcceptance",
        "status",
        "status",
    ]


async def test_a_refusal_is_shown_in_both_languages(
    truc: CommandLine, world: World, agencies: tuple[LocalAgency, LocalAgency], pdf: Path
) -> None:
    sender, _ = agencies
    await world.hub()

    await truc("send", str(pdf), "--as", sender.code, "--to", "Z99")
    await world.nothing_waits()
    text = await until(lambda: truc("inbox", sender.code), what="the refusal")

    assert "HUB-6001: Nơi nhận Z99 không có trong danh mục" in text
    assert "is not in the registry" in text


async def test_a_dead_letter_is_listed_shown_replayed_and_accepted(
    truc: CommandLine, world: World, agencies: tuple[LocalAgency, LocalAgency], pdf: Path
) -> None:
    sender, recipient = agencies
    await world.hub(HUB_RETRY_DELAYS='["PT0S"]')
    await truc("send", str(pdf), "--as", sender.code, "--to", recipient.code)
    await world.nothing_waits()
    case = await handed_back(truc, world, recipient)

    (listed,) = await truc.json("deadletter", "list", "--mailbox", recipient.mailbox)
    shown = await truc.json("deadletter", "show", str(case["case_id"]))
    handled = await truc.json("deadletter", "replay", "--mailbox", recipient.mailbox, "--operator", "Lan")
    again = await truc.json("deadletter", "replay", str(case["case_id"]), wants=1)
    await world.nothing_waits()
    received = await lines(truc, "inbox", recipient.code)

    assert listed["case_id"] == shown["case"]["case_id"] == case["case_id"]
    assert [each["outcome"] for each in shown["attempts"]].count("rejected") == 2
    assert handled["done"] == [case["case_id"]]
    assert again["refused"][0]["reason"] == "the case is closed already (replayed)"
    assert len(received) == 1


async def test_a_discarded_dead_letter_is_told_to_its_sender(
    truc: CommandLine, world: World, agencies: tuple[LocalAgency, LocalAgency], pdf: Path
) -> None:
    sender, recipient = agencies
    await world.hub(HUB_RETRY_DELAYS='["PT0S"]')
    await truc("send", str(pdf), "--as", sender.code, "--to", recipient.code)
    await world.nothing_waits()
    case = await handed_back(truc, world, recipient)
    unsaid = await truc.run("deadletter", "discard", str(case["case_id"]))

    await truc("deadletter", "discard", str(case["case_id"]), "--reason", "gửi nhầm")
    await world.nothing_waits()
    told = await lines(truc, "inbox", sender.code)

    failures = [line["text"] for line in told if str(line["what"]).startswith("ContentConsignmentFailure")]
    assert unsaid.code == 2
    assert set(failures) == {"rejected at attempt 2", "gửi nhầm"}


async def test_nothing_is_replayed_unless_it_is_said_what(truc: CommandLine) -> None:
    ended = await truc.run("deadletter", "replay")

    assert ended.code == 2
    assert "--all" in ended.err


async def test_queues_show_what_waits_for_whom(
    truc: CommandLine, world: World, agencies: tuple[LocalAgency, LocalAgency]
) -> None:
    found = {each["mailbox"]: each for each in await truc.json("queues")}

    assert {each.mailbox for each in agencies} <= found.keys()
    assert found[agencies[0].mailbox]["waiting"] == 0


async def test_a_name_that_means_nothing_is_told(truc: CommandLine) -> None:
    ended = await truc.run("trace", "H41,2026/01/01,1/CV")

    assert ended.code == 1
    assert "nothing on this axis is called" in ended.err
