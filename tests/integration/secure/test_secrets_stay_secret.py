"""No secret is in a log, an answer, an error, a process's arguments or the text of an object.

The canaries are the axis's own secrets, which nobody could guess, and wrong ones that the tests plant.
"""

import asyncio
import dataclasses
import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from adapters.kit.settings import read_settings
from deploy.cluster.record import ClusterRecord
from deploy.given import read_services
from deploy.local.address import read_record
from deploy.local.broker import definitions
from hub.backends.postgres.administration import Login
from hub.bootstrap import broker_address, hub_key
from hub.commands.agency_acts import management_of_settings
from hub.commands.local_axis import LocalAgency, LocalAxis
from hub.settings import Settings
from hub.signature.token import TokenPlace
from hub.signature.token_uri import TokenUri
from tests.support.axis import World

PLANTED = "canary-e07f4b"
PATIENCE = 120.0
NOWHERE = "127.0.0.1:9"


@pytest.fixture
async def agency(secure_world: World) -> LocalAgency:
    (made,) = await secure_world.connected(1)
    return made


def secrets_of(axis: LocalAxis) -> frozenset[str]:
    """Return every secret of the axis, and the one that tests plant."""
    record = read_record(axis.home)
    assert record is not None
    kept = {file.read_text("utf-8") for file in (axis.home / "secrets").iterdir()}
    cookie = (axis.stack.broker.folder / "home" / ".erlang.cookie").read_text("ascii")
    found = kept | {record.postgres_password, record.broker_admin_password, cookie, PLANTED}
    assert all(len(each) > 10 for each in found)
    return frozenset(found)


def shown_in(text: str, axis: LocalAxis) -> list[str]:
    """Return the secrets that stand in *text*, cut short so that a failure does not publish them."""
    return [secret[:4] + "…" for secret in secrets_of(axis) if secret in text]


def arguments_of(process: psutil.Process) -> Iterator[str]:
    """Yield the arguments of *process* and of all that it has started."""
    try:
        for each in (process, *process.children(recursive=True)):
            yield " ".join(each.cmdline())
    except psutil.Error:
        return


async def everything_of(*arguments: str, settings: Path | None = None, **environment: str) -> str:
    """Run `truc` and return all that it wrote, and what anybody on the machine could see of it meanwhile."""
    command = [sys.executable, "-m", "hub", *arguments]
    if settings is not None:
        command += ["--settings", str(settings)]
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    seen: set[str] = set()
    watching = asyncio.create_task(_watch(psutil.Process(process.pid), seen))
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    finally:
        watching.cancel()
        if process.returncode is None:
            process.kill()
    assert seen
    assert process.returncode, f"this was to fail, and did not: {output.decode()}"
    return output.decode() + "\n".join(seen)


async def _watch(process: psutil.Process, seen: set[str]) -> None:
    while True:
        seen.update(arguments_of(process))
        await asyncio.sleep(0.1)


def changed(axis: LocalAxis, folder: Path, **values: str) -> Path:
    """Write the operators' settings with other values."""
    table = tomllib.loads(axis.operator_file.read_text("utf-8")) | values
    folder.mkdir()
    file = folder / "changed.toml"
    file.write_text("".join(f"{name} = '''{value}'''\n" for name, value in table.items()), "utf-8")
    return file


WRONG = {
    "database password": {"postgres_dsn": f"postgresql://truc_hub:{PLANTED}@{{postgres}}/truc"},
    "database away": {"postgres_dsn": f"postgresql://truc_hub:{PLANTED}@{NOWHERE}/truc"},
    "database address": {"postgres_dsn": f"postgresql://truc_hub:{PLANTED}@[::/truc"},
    "broker password": {"amqp_url": f"amqps://hub:{PLANTED}@{{amqp}}/axis"},
    "broker address": {"amqp_url": f"amqps://hub:{PLANTED}/@broker"},
    "broker option": {"amqp_url": f"amqps://hub:{PLANTED}@{{amqp}}/axis?no_verify_ssl=1"},
    "key password": {"hub_key_password": PLANTED},
    "unknown setting": {PLANTED.replace("-", "_") + "x": PLANTED},
    "token": {"hub_key": f"pkcs11:object=hub;pin-value={PLANTED}", "hub_key_password": PLANTED},
}


async def test_a_hub_that_cannot_start_tells_no_secret(secure_axis: LocalAxis, tmp_path: Path) -> None:
    address = secure_axis.address
    servers = {"postgres": address.postgres_servers, "amqp": address.amqp_servers}

    async def told_with(name: str) -> str:
        values = {key: value.format(**servers) for key, value in WRONG[name].items()}
        return await everything_of("serve", settings=changed(secure_axis, tmp_path / name, **values))

    told = await asyncio.gather(*map(told_with, WRONG))  # some ask for half a minute before they give up

    found = {name: shown_in(text, secure_axis) for name, text in zip(WRONG, told, strict=True)}
    assert found == {name: [] for name in WRONG}


WRONG_FOR_OPERATORS = {
    "management password": {"management_password": PLANTED},
    "management away": {"management_url": f"https://admin:{PLANTED}@{NOWHERE}"},
    "database away": {"operator_dsn": f"postgresql://truc:{PLANTED}@{NOWHERE}/truc"},
}


async def test_an_operators_command_tells_no_secret(secure_axis: LocalAxis, tmp_path: Path) -> None:
    async def told_with(name: str) -> str:
        file = changed(secure_axis, tmp_path / name, **WRONG_FOR_OPERATORS[name])
        return await everything_of("topology", "check", settings=file)

    told = await asyncio.gather(*map(told_with, WRONG_FOR_OPERATORS))

    assert [shown_in(text, secure_axis) for text in told] == [[], [], []]


async def test_an_agencys_command_tells_no_secret(
    secure_axis: LocalAxis, agency: LocalAgency, tmp_path: Path
) -> None:
    own = {"broker": secure_axis.mailbox_password(agency.mailbox), "key": agency.key_password}

    async def told_without(name: str) -> str:
        kit = tmp_path / f"{name}.toml"
        kit.write_text(agency.kit_file.read_text("utf-8").replace(own[name], PLANTED), "utf-8")
        return await everything_of("inbox", agency.code, "--kit", str(kit))

    told = await asyncio.gather(*map(told_without, own))

    assert [shown_in(text, secure_axis) for text in told] == [[], []]


async def test_a_hub_at_work_tells_no_secret(secure_world: World) -> None:
    first, second = await secure_world.connected(2)
    hub = await secure_world.hub(HUB_LOG_LEVEL="debug")
    letter = secure_world.folder / "letter.pdf"
    letter.write_bytes(b"%PDF-1.4\nletter")

    told = [
        await secure_world.truc(
            "send", str(letter), "--as", first.code, "--to", second.code, "--subject", "x"
        ),
        await secure_world.truc("inbox", second.code),
        await secure_world.truc("topology", "check"),
        await secure_world.truc("agency", "show", first.code),
    ]
    seen = [*arguments_of(psutil.Process(hub.pid))]
    for pid in (secure_world.stack.broker.pid, secure_world.stack.database.pid):
        seen += arguments_of(psutil.Process(pid))

    assert [code for code, _ in told][:3] == [0, 0, 0], told
    assert len(seen) > 5
    everything = [hub.log.read_text("utf-8"), *(text for _, text in told), *seen]
    assert shown_in("\n".join(everything), secure_world.axis) == []


def test_no_object_shows_a_secret(secure_axis: LocalAxis, agency: LocalAgency, tmp_path: Path) -> None:
    settings = Settings.load(secure_axis.operator_file)
    record = read_record(secure_axis.home)
    assert record is not None
    services = tmp_path / "services.toml"
    services.write_text(
        "".join(
            f"{name} = '''{value}'''\n" if isinstance(value, str) else f"{name} = {str(value).lower()}\n"
            for name, value in dataclasses.asdict(secure_axis.address).items()
        )
    )
    objects = [
        settings,
        settings.broker_tls,
        settings.key_source,
        broker_address(settings),
        management_of_settings(settings),
        hub_key(settings),
        read_settings(agency.kit_file),
        secure_axis,
        secure_axis.stack,
        secure_axis.address,
        secure_axis.keys,
        agency,
        record,
        read_services(services),
        ClusterRecord(home="x", cookie=PLANTED, replication_password=PLANTED),
        Login(role="truc_hub", password=PLANTED),
        TokenPlace(uri=TokenUri(object="hub"), module=tmp_path, pin=PLANTED),
    ]

    shown = [f"{each!r} {each}" for each in objects]

    assert {
        type(each).__name__: shown_in(text, secure_axis) for each, text in zip(objects, shown, strict=True)
    } == {type(each).__name__: [] for each in objects}


def test_the_broker_is_given_hashes_only(secure_axis: LocalAxis) -> None:
    record = read_record(secure_axis.home)
    assert record is not None

    assert shown_in(str(definitions(record)), secure_axis) == []
