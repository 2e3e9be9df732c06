"""The console's composition root: settings → back ends → pages and workers beside them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
import uvicorn
from pydantic import SecretStr

from hub.backends.clock import SystemClock, new_id
from hub.backends.openid import OpenIdProvider, Registration
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi
from hub.backends.web import WebClient, WebLimits
from hub.bootstrap import alert_channels, hub_key
from hub.bootstrap_blobs import blob_store
from hub.bootstrap_campaigns import campaign_tools
from hub.console.app import application
from hub.console.console import Console, PublicAddress, SettingInForce
from hub.console.openid import PATH as OPENID
from hub.errors import ConfigurationError
from hub.logs import configure
from hub.operations.campaign_runner import CampaignRunner
from hub.operations.entrance import Doorkeeper, EntranceTerms
from hub.operations.large_reading import Originals
from hub.operations.passwords import PasswordKeeper
from hub.settings import Settings
from hub.workers.attestation import Attestation
from hub.workers.queue_watch import QueueWatch
from hub.workers.search_index import SearchIndexer

log: structlog.stdlib.BoundLogger = structlog.get_logger()
PROVIDER_LIMITS: Final = WebLimits(octets=500_000, silence=timedelta(seconds=5), whole=timedelta(seconds=10))
GRACE_SECONDS: Final = 5
"""What a browser is still reading by then is cut off: streams would never end by themselves."""


async def run_console(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the console until *stop*; raises a `HubError` that says what to do where it cannot start."""
    configure(settings.log_format, settings.log_level)
    listener = _listen(settings)
    async with console_of(settings) as console:
        config = uvicorn.Config(
            application(console),
            log_config=None,
            lifespan="off",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            # Behind a proxy the address that failed logins are counted by is the one that the proxy tells.
            proxy_headers=settings.console_url is not None,
        )
        server = uvicorn.Server(config)
        host, port = listener.getsockname()[:2]
        url = settings.console_url or f"http://{host}:{port}"
        log.info("console.listening", host=host, port=port, url=url)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server._serve([listener]))  # noqa: SLF001 - `serve` would take our signals
            indexer = SearchIndexer(database=console.database, clock=console.clock)
            tasks.create_task(indexer.run(stop))
            tasks.create_task(_work_off_campaigns(settings, console, stop))
            tasks.create_task(_watch_queues(settings, console, stop))
            await stop.wait()
            server.should_exit = True
    log.info("console.stopped")


async def _work_off_campaigns(settings: Settings, console: Console, stop: asyncio.Event) -> None:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="campaigns") as executor:
        tools = campaign_tools(settings, console.registry, executor, attest=console.attest, seal=console.seal)
        await CampaignRunner(console.database, tools).run(stop)


async def _watch_queues(settings: Settings, console: Console, stop: asyncio.Event) -> None:
    """Notice lost queues, where the settings say how to ask the broker."""
    if (address := console.management) is None:
        log.warning("queues.not_watched", reason="management_url, management_user or management_password")
        return
    watch = QueueWatch(
        database=console.database,
        connect=lambda: ManagementApi(address),
        clock=console.clock,
        interval=settings.queue_watch_interval,
        patience=settings.queue_watch_patience,
    )
    await watch.run(stop)


@asynccontextmanager
async def console_of(settings: Settings) -> AsyncIterator[Console]:
    """Connect everything that pages work with."""
    if settings.operator_dsn is None:
        raise ConfigurationError("operator_dsn is not set: the console works as the operators' database user")
    async with AsyncExitStack() as stack:
        pen = stack.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="pen"))
        database = await Database.open(settings.operator_dsn.get_secret_value(), name="truc console", size=8)
        stack.push_async_callback(database.close)
        web = await stack.enter_async_context(WebClient.open(PROVIDER_LIMITS))
        attest = Attestation(key=hub_key(settings), executor=pen)
        clock, passwords = SystemClock(), PasswordKeeper()
        terms = EntranceTerms(idle=settings.console_idle, longest=settings.console_session)
        yield Console(
            database=database,
            clock=clock,
            new_id=new_id,
            attest=attest,
            seal=attest.seal,
            registry=PostgresRegistry(database, clock=clock, max_age=settings.registry_interval),
            address=PublicAddress(url=settings.console_url),
            doorkeeper=Doorkeeper(database, clock=clock, passwords=passwords, terms=terms),
            passwords=passwords,
            at_most=settings.second_person_above,
            openid=_openid(settings, web),
            management=_management(settings),
            alert_channels=[each.name for each in alert_channels(settings, clock)],
            settings=tuple(settings_in_force(settings)),
            originals=Originals(blobs=blob_store(settings)),
        )


def settings_in_force(settings: Settings) -> Iterator[SettingInForce]:
    """Return every setting as it may be shown: of a secret only whether it is set."""
    for name, field in Settings.model_fields.items():
        value: object = getattr(settings, name)
        yield SettingInForce(
            name=name,
            value=None if value is None or isinstance(value, SecretStr) else str(value),
            is_set=value is not None,
            is_default=name not in settings.model_fields_set,
            meaning=" ".join((field.description or "").split()),
        )


def _management(settings: Settings) -> ManagementAddress | None:
    url, user, password = settings.management_url, settings.management_user, settings.management_password
    if url is None or user is None or password is None:
        return None
    return ManagementAddress(
        url=url, user=user, password=password.get_secret_value(), tls=settings.broker_tls
    )


def _openid(settings: Settings, web: WebClient) -> OpenIdProvider | None:
    if settings.console_oidc_issuer is None or settings.console_url is None:
        return None
    secret = settings.console_oidc_client_secret
    registration = Registration(
        issuer=settings.console_oidc_issuer,
        client_id=settings.console_oidc_client_id or "",
        client_secret=secret.get_secret_value() if secret is not None else None,
        redirect_uri=f"{settings.console_url.rstrip('/')}{OPENID}/back",
    )
    return OpenIdProvider(registration, web=web, clock=SystemClock())


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.console_host, settings.console_port))
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.console_host}:{settings.console_port} ({error.strerror}): "
            "choose another HUB_CONSOLE_PORT"
        ) from error
