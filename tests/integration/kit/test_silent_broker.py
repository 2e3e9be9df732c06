"""A broker that goes silent while it is spoken to: a mailbox still ends, and leaves nothing behind."""

import asyncio
import os
import signal
import ssl
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.kit import connection as kit_connection
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from deploy.local.tls import BrokerAuthority
from tests.integration.kit.conftest import HUB_KEY, SENDER
from tests.support.authority import agency_signing_key, session_authority
from tests.support.silent_broker import Silence, SilentBroker, silent_broker
from tests.support.waiting import until

PATIENCE = 20.0
MOMENTS = [moment for moment in Silence if moment is not Silence.REFUSED]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.pem").write_bytes(agency_signing_key(SENDER).to_pem(b"p"))
    (tmp_path / "anchor.pem").write_bytes(session_authority().anchor_pem)
    hub = agency_signing_key(HUB_KEY).certificate
    (tmp_path / "hub.pem").write_bytes(hub.public_bytes(Encoding.PEM))
    return tmp_path


@pytest.fixture
def server_tls(tmp_path: Path) -> ssl.SSLContext:
    authority = BrokerAuthority(tmp_path)
    authority.ensure()
    authority.issue_server(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


def kit_file(folder: Path, broker: SilentBroker) -> Path:
    scheme = "amqps" if broker.is_encrypted else "amqp"
    file = folder / "kit.toml"
    file.write_text(
        f"""
        broker = "{scheme}://{SENDER}:wrong@localhost:{broker.port}/axis"
        {'broker_ca = "ca.pem"' if broker.is_encrypted else ""}
        mailbox = "{SENDER}"
        journal = "own.journal"
        keys = [{{ file = "own.pem", password = "p" }}]
        anchors = ["anchor.pem"]
        hub_certificates = ["hub.pem"]
        """,
        "utf-8",
    )
    return file


async def accept_nothing(*_: object) -> None:
    raise AssertionError("nothing was sent to this mailbox")


async def inbox(kit: Path) -> tuple[int | None, str]:
    """Run `truc inbox` to its end, which must come in time."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub", "inbox", SENDER, "--kit", str(kit)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode, told.decode()


async def test_a_command_that_is_refused_on_one_connection_does_not_wait_for_the_other(folder: Path) -> None:
    async with silent_broker({"submit": Silence.REFUSED, "consume": Silence.GREETED}) as broker:
        code, told = await inbox(kit_file(folder, broker))

    assert code
    assert f"does not let {SENDER} in" in told


async def _open_and_close(folder: Path, moment: Silence, tls: ssl.SSLContext | None) -> None:
    async with silent_broker({"submit": moment, "consume": moment}, tls) as broker:
        async with Mailbox.open(read_settings(kit_file(folder, broker))) as mailbox:
            receiving = asyncio.create_task(mailbox.run(accept_nothing))
            await until(lambda: broker.connections > 1 and broker.unanswered, what="the silence")
            receiving.cancel()
            await asyncio.wait([receiving])
        await until(lambda: not broker.open_connections, what="the end of every connection")


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "tls"])
async def test_a_mailbox_closes_whenever_the_broker_went_silent_and_leaves_no_task(
    folder: Path, server_tls: ssl.SSLContext, *, is_encrypted: bool
) -> None:
    folders = [folder / moment.name for moment in MOMENTS]
    for each in folders:
        each.mkdir()
        for file in folder.glob("*.pem"):
            (each / file.name).symlink_to(file)
    before = asyncio.all_tasks()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        for each, moment in zip(folders, MOMENTS, strict=True):
            tasks.create_task(_open_and_close(each, moment, server_tls if is_encrypted else None))

    await until(lambda: asyncio.all_tasks() == before, what=lambda: asyncio.all_tasks() - before)


async def test_an_attempt_that_was_given_up_tries_no_further(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_connection, "CALL_SECONDS", 0.2)
    async with (
        silent_broker({"submit": Silence.GREETED}) as broker,
        Mailbox.open(read_settings(kit_file(folder, broker))),
    ):
        await until(lambda: broker.connections > 4, what="several attempts")

        assert broker.open_connections <= 1
