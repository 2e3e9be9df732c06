"""An agency's process is killed between each pair of effects: nothing is lost and nothing doubled."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hub.message import properties
from hub.message.edxml import MessageKind
from tests.integration.kit.conftest import LGSP, SENDER, Axis, a_signed_document
from tests.integration.kit.hub_twin import HubTwin
from tests.support.agency_process import read_effects, read_ledger
from tests.support.authority import agency_signing_key, session_authority

RECEIVING = [
    "after-received",
    "after-handler-before-commit",
    "after-commit-before-ack",
    "after-ack-before-status",
    "after-journal-before-publish",
    "after-publish-before-confirm-mark",
]
REJECTING = ["after-explained-before-journal", "after-rejection-journalled-before-reject"]
SENDING = ["after-journal-before-publish:3", "after-publish-before-confirm-mark:3"]


def write_settings(axis: Axis, mailbox: str, folder: Path, *, policy: str = "accept") -> Path:
    (folder / "key.pem").write_bytes(agency_signing_key(mailbox).to_pem(b"secret"))
    (folder / "anchor.pem").write_bytes(session_authority().anchor_pem)
    hub_certificate = agency_signing_key("TRUC").certificate
    (folder / "hub.pem").write_bytes(hub_certificate.public_bytes(Encoding.PEM))
    path = folder / "agency.toml"
    path.write_text(
        f"""
        [kit]
        broker = "{axis.url(mailbox)}"
        mailbox = "{mailbox}"
        journal = "agency.journal"
        keys = [{{ file = "key.pem", password = "secret" }}]
        anchors = ["anchor.pem"]
        hub_certificates = ["hub.pem"]
        [agency]
        policy = "{policy}"
        """,
        "utf-8",
    )
    return path


async def start(settings: Path, *arguments: str, crash_at: str = "") -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.agency_process",
        "--settings",
        str(settings),
        *arguments,
        env={**os.environ, "TRUC_CRASH_AT": crash_at},
    )


async def stop(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - another process's work is polled
            await asyncio.sleep(0.02)


def readiness(ledger: Path) -> int:
    return len([line for line in read_ledger(ledger) if line["event"] == "ready"])


@pytest.mark.parametrize("point", RECEIVING)
async def test_a_recipient_killed_at_any_point_has_each_effect_once(
    axis: Axis, hub: HubTwin, tmp_path: Path, point: str
) -> None:
    settings = write_settings(axis, LGSP, tmp_path)
    bodies = [a_signed_document() for _ in range(5)]
    deliveries = [str(await hub.deliver(body, mailbox=LGSP, sender=SENDER)) for body in bodies]
    killed = await start(settings, crash_at=point)
    assert await asyncio.wait_for(killed.wait(), 30) == -signal.SIGKILL

    survivor = await start(settings)

    await until(lambda: len(answered(hub)) == len(bodies))
    await stop(survivor)
    effects = read_effects(tmp_path / "agency.journal")
    assert sorted(str(effect["delivery_id"]) for effect in effects) == sorted(deliveries)
    assert answered(hub) == set(deliveries)
    handled = [line for line in read_ledger(tmp_path / "ledger.jsonl") if line["event"] == "handled"]
    assert sorted(str(line["delivery_id"]) for line in handled) == sorted(deliveries)
    assert hub.returned == []


@pytest.mark.parametrize("point", SENDING)
async def test_a_sender_killed_at_any_point_sends_what_it_journalled_under_one_name(
    axis: Axis, hub: HubTwin, tmp_path: Path, point: str
) -> None:
    settings = write_settings(axis, SENDER, tmp_path)
    killed = await start(settings, "--send", "5", "--from", SENDER, "--to", LGSP, crash_at=point)
    assert await asyncio.wait_for(killed.wait(), 30) == -signal.SIGKILL
    ledger = tmp_path / "ledger.jsonl"
    journalled = {str(line["submission_id"]) for line in read_ledger(ledger) if line["event"] == "sent"}
    before = readiness(ledger)  # the one that was killed may have come so far, or not

    survivor = await start(settings)

    await until(lambda: journalled <= {message.correlation_id for message in hub.submitted})
    await until(lambda: readiness(ledger) == before + 1)
    await stop(survivor)
    contents: dict[str | None, set[bytes]] = {}
    for message in hub.submitted:
        contents.setdefault(message.correlation_id, set()).add(message.body)
    assert all(len(bodies) == 1 for bodies in contents.values()), "never signed again under the same name"


@pytest.mark.parametrize("point", REJECTING)
async def test_what_is_rejected_goes_back_with_its_reason_wherever_the_process_dies(
    axis: Axis, hub: HubTwin, tmp_path: Path, point: str
) -> None:
    settings = write_settings(axis, LGSP, tmp_path, policy="fail")
    delivery_id = await hub.deliver(a_signed_document(), mailbox=LGSP, sender=SENDER)
    killed = await start(settings, crash_at=point)
    assert await asyncio.wait_for(killed.wait(), 30) == -signal.SIGKILL
    assert hub.returned == []

    survivor = await start(settings)

    (returned,) = await hub.until_returned(1)
    await until(lambda: bool(hub.told))
    await stop(survivor)
    assert returned.headers[properties.DELIVERY_ID] == str(delivery_id)
    assert {each and (each.delivery_id, each.attempt) for each in hub.told} == {(delivery_id, 1)}
    assert read_effects(tmp_path / "agency.journal") == []


async def test_a_handler_that_kills_its_process_is_asked_again(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    settings = write_settings(axis, LGSP, tmp_path, policy="crash")
    delivery_id = await hub.deliver(a_signed_document(), mailbox=LGSP, sender=SENDER)
    killed = await start(settings)
    assert await asyncio.wait_for(killed.wait(), 30) == -signal.SIGKILL

    survivor = await start(settings)

    await until(lambda: answered(hub) == {str(delivery_id)})
    await stop(survivor)
    assert len(read_effects(tmp_path / "agency.journal")) == 1


def answered(hub: HubTwin) -> set[str]:
    statuses = [message for message in hub.submitted if message.type == MessageKind.STATUS]
    return {str(message.headers["x-delivery-id"]) for message in statuses}
