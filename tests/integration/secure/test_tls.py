"""Hub, kit and operators speak TLS with a real broker, with the right one only, and say what to do else."""

import asyncio
import ssl
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiormq
import psutil
import pytest
from aiormq.exceptions import AMQPError
from yarl import URL

from adapters.kit.broker import BrokerAddress as KitAddress
from adapters.kit.broker import MailboxQueue, SubmitChannel
from adapters.kit.settings import read_settings
from deploy.local.address import StackAddress
from deploy.local.broker import Broker, speaks_amqp
from deploy.local.tls import BrokerAuthority
from hub.backends.rabbitmq.connection import BrokerAddress, BrokerLink
from hub.backends.rabbitmq.management import ManagementApi
from hub.commands.local_axis import LocalAgency, LocalAxis
from hub.errors import ConfigurationError, HubError, TemporaryFailure
from hub.transport.tls import TlsFiles
from hub.transport.trouble import causes
from tests.support.axis import World
from tests.support.ledger import every_document_has_its_effects
from tests.support.waiting import until

LONG_AGO = datetime.now(UTC) - timedelta(days=1000)
SOON_ENOUGH = timedelta(seconds=8)


@pytest.fixture
async def agency(secure_world: World) -> LocalAgency:
    (made,) = await secure_world.connected(1)
    return made


def broker_of(axis: LocalAxis) -> Broker:
    return World(axis=axis, folder=axis.home, start_hub=lambda: None).stack.broker


def hubs_address(axis: LocalAxis, **changes: object) -> BrokerAddress:
    settings = axis.settings()
    address = BrokerAddress(url=settings.amqp_url.get_secret_value(), tls=settings.broker_tls)
    return replace(address, **changes)


def kits_address(agency: LocalAgency, **changes: object) -> KitAddress:
    return replace(read_settings(agency.kit_file).broker, **changes)


def external(address: StackAddress) -> str:
    return f"amqps://{address.amqp_servers}/axis?auth=external"


async def hub_trouble(address: BrokerAddress) -> HubError:
    """Return what the hub says when it cannot start with *address*."""
    with pytest.raises(HubError) as told:
        async with BrokerLink(address, purpose="test") as link:
            await link.wait_ready(SOON_ENOUGH)
    return told.value


async def kit_trouble(address: KitAddress) -> HubError:
    """Return what the kit says when it cannot start with *address*."""
    with pytest.raises(HubError) as told:
        async with asyncio.timeout(30):
            await SubmitChannel.open(address)
    return told.value


def hides(error: HubError, *secrets: str) -> bool:
    texts = [f"{each!r} {each}" for each in causes(error)]
    return not any(secret in text for text in texts for secret in secrets)


def password_in(url: str) -> str:
    return URL(url).password or ""


# ——— it works ———


def test_nothing_listens_without_tls(secure_axis: LocalAxis) -> None:
    address, broker = secure_axis.address, broker_of(secure_axis)
    assert broker.pid is not None
    node = psutil.Process(broker.pid)

    listening = {each.laddr.port for each in node.net_connections() if each.status == psutil.CONN_LISTEN}

    own = {address.prometheus_port, broker.record.distribution_port}
    assert listening - own == {address.amqp_port, address.management_port}
    assert not speaks_amqp(address.amqp_port)


@pytest.mark.long
async def test_documents_travel_over_tls_and_again_after_the_broker_was_away(secure_world: World) -> None:
    first, second, third, fourth = await secure_world.connected(4)
    await secure_world.broker_is_settled()
    hub = await secure_world.hub()
    before, after = secure_world.software(second), secure_world.software(fourth)
    sender = secure_world.software(first, sends=3, to=(second,))
    await every_document_has_its_effects(sender, [before], count=3, seconds=60)

    await secure_world.stop_broker()
    await secure_world.start_broker()

    later = secure_world.software(third, sends=3, to=(fourth,))
    await every_document_has_its_effects(later, [after], count=3, seconds=90)
    assert await protection(secure_world.axis, at_least=2 + 2 * 4) == {True}
    assert hub.exit_code is None


async def protection(axis: LocalAxis, *, at_least: int) -> set[object]:
    """Return what the broker says about TLS on its connections, once there are as many; it counts late."""
    async with ManagementApi(axis.management()) as api:

        async def told() -> list[object]:
            found = [each.get("ssl") for each in await api.records("connections")]
            return found if len(found) >= at_least and None not in found else []

        return set(await until(told, what=f"{at_least} connections", seconds=60))


# ——— the wrong broker ———


@asynccontextmanager
async def broker_with(
    axis: LocalAxis, names: tuple[str, ...], at: datetime | None = None
) -> AsyncIterator[None]:
    """Let the broker show another certificate for a while, as after a renewal that went wrong."""
    file = broker_of(axis).folder / "server.pem"
    good = file.read_text("ascii")
    try:
        BrokerAuthority(axis.home / "tls").issue_server(file, names, at=at)
        await is_shown(axis, file)
        yield
    finally:
        file.write_text(good, "ascii")
        await is_shown(axis, file)


async def is_shown(axis: LocalAxis, file: Path) -> None:
    """Return once the broker shows the certificate in *file*; it looks every two seconds."""
    place = (axis.address.amqp_host, axis.address.amqp_port)

    async def shown() -> bool:
        certificate = await asyncio.to_thread(ssl.get_server_certificate, place)
        return certificate.strip() in file.read_text("ascii")

    await until(shown, what="the other certificate", seconds=60, pause=0.5)


async def test_a_broker_of_another_authority_is_not_trusted(
    secure_axis: LocalAxis, agency: LocalAgency, tmp_path: Path
) -> None:
    stranger = BrokerAuthority(tmp_path)
    stranger.ensure()
    files = TlsFiles(authorities=stranger.certificate_file)
    hub, kit = hubs_address(secure_axis, tls=files), kits_address(agency, tls=files)

    for error in (await hub_trouble(hub), await kit_trouble(kit)):
        assert isinstance(error, ConfigurationError)
        assert "let broker_ca name the certificate of the authority" in str(error)
        assert hides(error, password_in(hub.url), password_in(kit.url))


async def test_the_management_interface_of_another_authority_is_not_trusted(
    secure_axis: LocalAxis, tmp_path: Path
) -> None:
    stranger = BrokerAuthority(tmp_path)
    stranger.ensure()
    right = secure_axis.management()

    async with ManagementApi(replace(right, tls=TlsFiles(authorities=stranger.certificate_file))) as api:
        with pytest.raises(ConfigurationError, match="let broker_ca name") as told:
            await api.version()
    assert hides(told.value, right.password)
    async with ManagementApi(replace(right, url=right.url.replace("https", "http"))) as api:
        with pytest.raises(TemporaryFailure, match="http:// or https://"):
            await api.version()


@pytest.mark.parametrize(
    ("names", "at", "sentence"),
    [
        pytest.param(("127.0.0.1",), LONG_AGO, "has expired: its operators must renew it", id="expired"),
        pytest.param(("broker.example",), None, "is for another name", id="another name"),
    ],
)
async def test_a_certificate_that_is_not_right_now_is_told(
    secure_axis: LocalAxis, agency: LocalAgency, names: tuple[str, ...], at: datetime | None, sentence: str
) -> None:
    hub, kit = hubs_address(secure_axis), kits_address(agency)

    async with broker_with(secure_axis, names, at):
        errors = (await hub_trouble(hub), await kit_trouble(kit))

    for error in errors:
        assert isinstance(error, ConfigurationError)
        assert sentence in str(error)
        assert hides(error, password_in(hub.url), password_in(kit.url))


async def test_a_plain_client_at_the_port_for_tls_is_told(
    secure_axis: LocalAxis, agency: LocalAgency
) -> None:
    url = hubs_address(secure_axis).url.replace("amqps:", "amqp:")

    error = await hub_trouble(BrokerAddress(url=url))

    assert "let the address begin with amqps://" in str(error)
    assert hides(error, password_in(url))


# ——— who we are ———


def certified(authority: BrokerAuthority, name: str, folder: Path) -> TlsFiles:
    authority.issue_client(folder / f"{name}.pem", name)
    return TlsFiles(authorities=authority.certificate_file, certificate=folder / f"{name}.pem")


async def test_a_mailbox_is_whom_its_certificate_names(
    secure_axis: LocalAxis, agency: LocalAgency, authority: BrokerAuthority, tmp_path: Path
) -> None:
    files = certified(authority, agency.mailbox, tmp_path)
    address = kits_address(agency, url=external(secure_axis.address), tls=files)

    channel = await SubmitChannel.open(address)
    queue = await MailboxQueue.open(address, prefetch=1)

    async with ManagementApi(secure_axis.management()) as api:

        async def ours() -> list[object]:
            found = await api.records("connections")
            named = [each for each in found if each.get("user") == agency.mailbox]
            return [each["peer_cert_subject"] for each in named if each.get("auth_mechanism") == "EXTERNAL"]

        subjects = await until(ours, what="connections by certificate", seconds=30)
    assert f"CN={agency.mailbox}" in str(subjects[0])
    await channel.close()
    await queue.close()


async def test_a_certificate_of_another_mailbox_opens_nothing(
    secure_world: World, authority: BrokerAuthority, tmp_path: Path
) -> None:
    mine, other = await secure_world.connected(2)
    files = certified(authority, other.mailbox, tmp_path)

    error = await kit_trouble(kits_address(mine, url=external(secure_world.axis.address), tls=files))
    # Past our own check: the broker's is what counts.
    async with aiormq.connect(external(secure_world.axis.address), context=files.context()) as connection:
        channel = await connection.channel()
        with pytest.raises(AMQPError, match="ACCESS_REFUSED"):
            await channel.basic_get(f"agency.{mine.mailbox}")

    assert f"belongs to '{other.mailbox}', and we are '{mine.mailbox}'" in str(error)


async def test_a_certificate_of_nobody_is_refused_with_what_to_do(
    secure_axis: LocalAxis, authority: BrokerAuthority, tmp_path: Path
) -> None:
    error = await hub_trouble(
        BrokerAddress(url=external(secure_axis.address), tls=certified(authority, "nobody", tmp_path))
    )

    assert isinstance(error, ConfigurationError)
    assert "refuses the hub" in str(error)


async def test_a_certificate_of_another_authority_is_refused_with_what_to_do(
    secure_axis: LocalAxis, authority: BrokerAuthority, tmp_path: Path
) -> None:
    stranger = BrokerAuthority(tmp_path / "stranger")
    stranger.ensure()
    files = replace(certified(stranger, "hub", tmp_path), authorities=authority.certificate_file)

    said = []
    for _ in range(3):  # a reset that overtakes the broker's alert takes the reason with it
        said.append(str(await hub_trouble(BrokerAddress(url=external(secure_axis.address), tls=files))))
        if "does not take our certificate" in said[-1]:
            return

    pytest.fail(f"nothing says that the certificate is the trouble: {said}")


async def test_without_a_certificate_there_is_no_external(
    secure_axis: LocalAxis, agency: LocalAgency, authority: BrokerAuthority
) -> None:
    files = TlsFiles(authorities=authority.certificate_file)

    hub = await hub_trouble(BrokerAddress(url=external(secure_axis.address), tls=files))
    kit = await kit_trouble(kits_address(agency, url=external(secure_axis.address), tls=files))

    assert "auth=external needs broker_certificate" in str(hub)
    assert "auth=external needs broker_certificate" in str(kit)


# ——— what `truc up --tls` writes ———


def test_everybodys_files_name_the_authority_and_no_plain_address(
    secure_axis: LocalAxis, agency: LocalAgency
) -> None:
    ca = str(secure_axis.home / "tls" / "ca.pem")

    hub = tomllib.loads(secure_axis.settings_file.read_text("utf-8"))
    operator = tomllib.loads(secure_axis.operator_file.read_text("utf-8"))
    kit = tomllib.loads(agency.kit_file.read_text("utf-8"))

    assert hub["broker_ca"] == operator["broker_ca"] == kit["broker_ca"] == ca
    assert hub["amqp_url"].startswith("amqps://")
    assert kit["broker"].startswith("amqps://")
    assert operator["management_url"].startswith("https://")
