"""Where a conformance run takes place: a broker of its own, keys of its own, a folder for the team.

The broker, its port and everybody's keys stay the same from run to run, so that a team configures its
adapter once.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cryptography.hazmat.primitives.serialization import Encoding

from deploy.local.address import LOOPBACK, StackRecord, new_record, read_record, write_record
from deploy.local.broker import PRODUCT_VHOST, Broker, place_broker
from deploy.local.packages import ensure_packages, missing_packages
from deploy.local.ports import free_ports, taken
from deploy.local.programs import Release, chosen_release, ensure_fetched
from deploy.local.stack import exchange_port, say
from hub.backends.rabbitmq.management import ManagementApi, segment
from hub.backends.rabbitmq.reconciler import Reconciler
from hub.backends.rabbitmq.topology import HubUser, MailboxTopology, topology
from hub.commands import secret_file
from hub.commands.local_axis import HUB_USER, management_of
from hub.commands.local_keys import HUB_CODE, LocalKeys
from hub.errors import OperationRefused
from hub.message import properties
from hub.message.identifiers import AgencyCode, MailboxName, agency_key
from hub.signature.authority import DevelopmentAuthority
from hub.signature.certificates import TrustAnchors
from hub.signature.signing import SigningKey

MAILBOX: Final = MailboxName("H41")
"""The mailbox under test."""
OWN: Final = AgencyCode("H41")
UNIT: Final = AgencyCode("H41.07")
"""A unit behind the mailbox under test, without a key of its own."""
PARTNER: Final = AgencyCode("G22")
THIRD: Final = AgencyCode("H29")
"""Recipient beside, of documents to several."""
NAMES: Final = {
    OWN: "UBND tỉnh (đang được thử)",
    UNIT: "Sở thuộc tỉnh (đang được thử)",
    PARTNER: "Bộ thử nghiệm",
    THIRD: "UBND tỉnh thứ ba",
}
HUB_NAME: Final = "Trục mô phỏng (kiểm thử tương thích)"
_WRITTEN_BY: Final = (
    "# Written by `truc conformance prepare`: this mailbox exists on the simulated axis only.\n"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Everything of one home; `prepare` makes it."""

    home: Path

    @property
    def folder(self) -> Path:
        """What the team gets."""
        return self.home / "adapter"

    @property
    def kit_file(self) -> Path:
        """The mailbox's settings, ready for the kit."""
        return self.folder / "kit.toml"

    @property
    def keys(self) -> LocalKeys:
        """The keys of the simulated axis."""
        return self._keys

    @cached_property
    def _keys(self) -> LocalKeys:
        return LocalKeys(self.home)

    @property
    def anchors(self) -> TrustAnchors:
        """Whom everybody on the simulated axis believes."""
        return TrustAnchors.from_bytes(self.keys.anchors_file.read_bytes())

    @cached_property
    def hub_key(self) -> SigningKey:
        """What signs receipts, and the report."""
        return SigningKey.from_pem(self.keys.hub_key_file.read_bytes(), self.keys.hub_key_password.encode())

    @cached_property
    def stranger(self) -> SigningKey:
        """A key in the partner's name from an authority that nobody knows."""
        at = datetime.now(UTC).replace(microsecond=0)
        authority = DevelopmentAuthority.create("Stranger CA", at)
        return authority.issue(agency_code=PARTNER, name=NAMES[PARTNER], at=at, key_type="ec")

    def key_of(self, code: AgencyCode) -> SigningKey:
        """Return the agency's key."""
        return self.keys.of_agency(code, NAMES[code])

    @property
    def line_port(self) -> int:
        """Where the adapter reaches the broker."""
        return int((self.home / "line.port").read_text("ascii"))

    @property
    def broker(self) -> Broker:
        """The node; to be killed and started."""
        return Broker(place_broker(self.home), self.record)

    @property
    def is_running(self) -> bool:
        """Whether the node runs."""
        record = read_record(self.home)
        return record is not None and Broker(place_broker(self.home), record).pid is not None

    def stop(self) -> None:
        """Stop the node; data, ports and keys stay."""
        if self.is_running:
            self.broker.stop()

    @property
    def record(self) -> StackRecord:
        """Where the node listens; raises `OperationRefused` where nothing was prepared."""
        if (record := read_record(self.home)) is None:
            raise OperationRefused(f"nothing is prepared in {self.home}: `truc conformance prepare` does it")
        return record

    def prepare(self) -> None:
        """Make what is missing and start the broker; quick where everything is there."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _ensure_installed(chosen_release() or Release.MACHINE)
        self._settle_ports()
        self.broker.start()
        asyncio.run(self._provision())
        self.write_folder()

    def amqp_url(self, user: str, password: str, port: int) -> str:
        """Return the address of the broker for *user*."""
        return f"amqp://{user}:{quote(password, safe='')}@{LOOPBACK}:{port}/{PRODUCT_VHOST}"

    @property
    def hub_url(self) -> str:
        """The broker as the simulated hub sees it, past the line."""
        return self.amqp_url(HUB_USER, self._secret("broker-hub"), self.record.amqp_port)

    def _settle_ports(self) -> None:
        record = read_record(self.home) or new_record(self.home)
        broker = Broker(place_broker(self.home), record)
        lost = taken(broker.ports) if broker.pid is None else ()
        for port, other in zip(lost, free_ports(len(lost)), strict=True):
            record = exchange_port(record, port, other)
        write_record(self.home, record)
        line = self.home / "line.port"
        if not line.exists():
            line.write_text(str(free_ports(1)[0]), "ascii")

    async def _provision(self) -> None:
        self._ensure_keys()
        mailboxes = [MailboxTopology(name=MAILBOX, password=self._secret(f"broker-{MAILBOX}"))]
        wanted = topology(mailboxes, HubUser(password=self._secret("broker-hub")))
        async with ManagementApi(management_of(self.record)) as api:
            await Reconciler(api).apply(wanted)

    def _ensure_keys(self) -> None:
        """Make the key of the simulated hub, in a name that nobody takes for the real one's."""
        if not self.keys.hub_key_file.exists():
            at = datetime.now(UTC) - timedelta(minutes=5)
            key = self.keys.authority.issue(agency_code=HUB_CODE, name=HUB_NAME, at=at, key_type="ec")
            secret_file.write(self.keys.hub_certificate_file, key.certificate.public_bytes(Encoding.PEM))
            secret_file.write(self.keys.hub_key_file, key.to_pem(self.keys.hub_key_password.encode()))
        self.keys.ensure_hub_key()

    async def empty_queues(self) -> None:
        """Begin with nothing of an earlier run."""
        async with ManagementApi(management_of(self.record)) as api:
            queues = (
                properties.INTAKE_QUEUE,
                properties.RETURNED_QUEUE,
                properties.DEAD_LETTER_QUEUE,
                properties.INVALID_QUEUE,
                properties.queue_of(MAILBOX),
            )
            for queue in queues:
                await api.delete(f"queues/{api.vhost}/{segment(queue)}/contents")

    def write_folder(self) -> None:
        """Give the team everything that its adapter needs, once for the kit and once for any language."""
        key, password = self.key_of(OWN), self.keys.password_of(agency_key(OWN))
        url = self.amqp_url(MAILBOX, self._secret(f"broker-{MAILBOX}"), self.line_port)
        files = {
            "key.pem": key.to_pem(password.encode()),
            "certificate.pem": _pem(key),
            "anchors.pem": self.keys.anchors_file.read_bytes(),
            "hub-certificate.pem": self.keys.hub_certificate_file.read_bytes(),
        }
        for name, content in files.items():
            if not (self.folder / name).exists():  # a key encrypted anew would be another file every time
                secret_file.write(self.folder / name, content)
        secret_file.write(self.kit_file, _WRITTEN_BY + _kit_toml(url, password))
        settings = self._settings(url, password)
        secret_file.write(self.folder / "settings.json", json.dumps(settings, ensure_ascii=False, indent=2))

    def _settings(self, url: str, password: str) -> dict[str, object]:
        return {
            "broker": url,
            "host": LOOPBACK,
            "port": self.line_port,
            "virtual_host": PRODUCT_VHOST,
            "user": MAILBOX,
            "password": self._secret(f"broker-{MAILBOX}"),
            "read_from": properties.queue_of(MAILBOX),
            "publish_to": {"exchange": properties.SUBMIT_EXCHANGE, "routing_key": MAILBOX},
            "agency": OWN,
            "unit": UNIT,
            "partner": PARTNER,
            "key": {"file": str(self.folder / "key.pem"), "password": password},
            "certificate": str(self.folder / "certificate.pem"),
            "anchors": str(self.folder / "anchors.pem"),
            "hub_certificate": str(self.folder / "hub-certificate.pem"),
        }

    def _secret(self, name: str) -> str:
        return secret_file.read_or_make(self.home / "secrets" / name)


def _ensure_installed(release: Release) -> None:
    """Fetch or install the broker where it is missing: nothing else of the stack is needed."""
    ensure_fetched(release, say)
    if missing := tuple(set(missing_packages(release)) & {"rabbitmq-server"}):
        ensure_packages(missing, say)


def _pem(key: SigningKey) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in (key.certificate, *key.chain))


def _kit_toml(url: str, password: str) -> str:
    values: dict[str, object] = {
        "broker": url,
        "mailbox": MAILBOX,
        "journal": "journal.db",
        "anchors": ["anchors.pem"],
        "hub_certificates": ["hub-certificate.pem"],
    }
    head = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    return f'{head}keys = [{{ file = "key.pem", password = {json.dumps(password)} }}]\n'
