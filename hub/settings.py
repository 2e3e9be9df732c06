"""Every setting of the hub: from the environment (`HUB_…`) over one TOML file, all complaints at once."""

import tomllib
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from hub.delivery.recover import RecoveryPolicy, RetryRule
from hub.errors import ConfigurationError
from hub.message.alert import AlertTerms
from hub.message.breaker import BreakerTerms
from hub.message.outbox import ReturnReason
from hub.message.trust import RevocationPolicy
from hub.signature.key_source import KeySource
from hub.signature.source import host_of
from hub.signature.token_uri import TokenUri, is_in_token
from hub.transport.mail_server import MailServer, is_safe_address
from hub.transport.tls import TlsFiles


def _readable(path: Path) -> Path:
    if not path.is_file():
        msg = f"{path} is not a readable file"
        raise ValueError(msg)
    return path


def _key_name(name: str) -> str:
    if not is_in_token(name):
        return str(_readable(Path(name)))
    try:
        TokenUri.parse(name)
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    return name


LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def _is_protected(address: str) -> bool:
    """Whether what is sent to *address* is read by nobody on the way."""
    parts = urlsplit(address)
    if parts.hostname is None or parts.username is not None or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


ReadableFile = Annotated[Path, AfterValidator(_readable)]
KeyName = Annotated[str, AfterValidator(_key_name)]


class AnchorSettings(BaseModel):
    """What is asked of certificates below one trust anchor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revocation: RevocationPolicy = RevocationPolicy.SOFT
    hosts: tuple[str, ...] = ()


def _growing(delays: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
    if any(each < timedelta(0) for each in delays):
        msg = "a delay cannot be negative"
        raise ValueError(msg)
    if any(later < sooner for sooner, later in pairwise(delays)):
        msg = "delays have to grow: one is shorter than the one before it"
        raise ValueError(msg)
    return delays


def _retried(cause: ReturnReason) -> ReturnReason:
    if cause is ReturnReason.EXPIRED:
        msg = "what has expired is never tried again"
        raise ValueError(msg)
    return cause


Delays = Annotated[tuple[timedelta, ...], Field(min_length=1), AfterValidator(_growing)]
Jitter = Annotated[float, Field(ge=0, le=1)]
Cause = Annotated[ReturnReason, AfterValidator(_retried)]
Pattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9._*?-]{1,64}$")]


class RetrySettings(BaseModel):
    """How deliveries are tried again that came back for certain causes, or from certain mailboxes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    causes: tuple[Cause, ...] = ()
    mailboxes: tuple[Pattern, ...] = ()
    delays: Delays
    jitter: Jitter = 0.2

    @property
    def rule(self) -> RetryRule:
        """Return what the policy goes by."""
        return RetryRule(
            causes=frozenset(self.causes), mailboxes=self.mailboxes, delays=self.delays, jitter=self.jitter
        )


class Settings(BaseSettings):
    """What a hub process needs to know; frozen once it is loaded."""

    model_config = SettingsConfigDict(
        env_prefix="HUB_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
        use_attribute_docstrings=True,
    )

    postgres_dsn: SecretStr
    """Database of the hub, as its own least-privileged user; several hosts, separated by commas, where it is
    replicated: the hub finds the one that may be written to."""
    operator_dsn: SecretStr | None = None
    """The same database as the operators' user; only the command line and the console need it."""
    sealer_dsn: SecretStr | None = None
    """The same database as the sealer's user, who may only append to the audit log; a hub process without it
    seals nothing, and at least one has to."""
    amqp_url: SecretStr
    """Broker of the hub, as its own least-privileged user; `amqps` in production. The hosts of a cluster are
    separated by commas and tried in turn. With `?auth=external` and no password the hub is whom its
    certificate names."""
    broker_ca: ReadableFile | None = None
    """PEM file with the authorities of the broker's certificate, for AMQP and the management interface; where
    it is not set, those that the machine trusts."""
    broker_certificate: ReadableFile | None = None
    """PEM file with the certificate that tells the broker who the hub is, where it asks for one."""
    broker_key: ReadableFile | None = None
    """PEM file with its key; in the certificate's file where it is not set."""
    broker_key_password: SecretStr | None = None
    """Opens the key file, where it is encrypted."""
    management_url: str | None = None
    """Management interface of the broker, for topology and queue depths; `https` in production, the hosts of
    a cluster as above."""
    management_user: str | None = None
    """Who applies the topology: a broker administrator."""
    management_password: SecretStr | None = None
    """Secret, too."""

    trust_anchors: ReadableFile
    """PEM file with the certificates that signing certificates must chain to."""
    revocation: RevocationPolicy = RevocationPolicy.SOFT
    """What becomes of a message where it is not known whether its certificate is revoked: `hard` refuses it,
    `soft` accepts it and keeps the verdict INDETERMINATE with it, `none` looks at nobody's status. What is
    known to be revoked is refused, save with `none`."""
    revocation_hosts: tuple[str, ...] = ()
    """Hosts that the hub may ask for CRLs and by OCSP, with the port where it is not the usual one; no other
    address that stands in a certificate is ever asked."""
    anchor_policies: dict[str, AnchorSettings] = {}
    """`revocation` and `hosts` for single trust anchors, by the first characters of their fingerprints."""
    time_stamp_anchors: ReadableFile | None = None
    """PEM file with the certificates that time stamps must chain to: those of senders (XAdES-T), whose
    finding is recorded with the message and says without the file that the authority is not known, and those
    over the hub's receipts."""
    time_stamp_authority: str | None = None
    """Address of the authority (RFC 3161, HTTP or HTTPS) that stamps the hub's receipts, one stamp for the
    sheets of a `time_stamp_interval`; where it is not set, receipts have no time stamps."""
    time_stamp_interval: timedelta = Field(default=timedelta(minutes=1), gt=timedelta(0))
    """How often the authority is asked, where there are new receipts."""
    revocation_interval: timedelta = Field(default=timedelta(minutes=10), gt=timedelta(0))
    """How often CRLs and OCSP responders are asked for news, also while what they said is still in force."""
    hub_key: KeyName
    """PEM file with the hub's encrypted signing key, its certificate and the chain; or the name of a key in a
    token, `pkcs11:token=…;object=…` (RFC 7512)."""
    hub_key_password: SecretStr
    """Opens the key file, or is the token's PIN."""
    hub_key_module: ReadableFile | None = None
    """Library of the token's maker (PKCS #11), for a key in a token."""
    hub_key_certificates: ReadableFile | None = None
    """PEM file with the certificate and the chain of a key in a token."""
    schemas: Path | None = None
    """Folder with the XSDs; those of the checkout where it is not set."""

    max_message_octets: int = Field(default=12_000_000, ge=10_000, le=15_500_000)
    """Largest envelope; below the broker's own limit of 16 MiB, so that the refusal is signed."""
    max_recipients: int = Field(default=500, ge=1)
    """Of one document."""
    max_attachment_octets: int = Field(default=10_000_000, ge=1)
    """Of one attachment, decoded."""

    batch_count: int = Field(default=128, ge=1, le=1000)
    """Messages in one commit."""
    batch_octets: int = Field(default=16_000_000, ge=10_000)
    """Bytes in one commit, one message at least."""
    batch_linger: timedelta = timedelta(milliseconds=4)
    """How long a batch waits for more; the price of throughput in latency."""
    prefetch: int = Field(default=400, ge=1, le=2000)
    """Unsettled messages held per queue; times the largest envelope, it must fit into memory."""
    publish_window: int = Field(default=200, ge=1, le=1000)
    """Publishes that wait for their confirm at a time."""
    handed_over_limit: int = Field(default=2000, ge=1)
    """Entries kept in memory for publishing; what is beyond it stays rows."""
    handed_over_octets: int = Field(default=32_000_000, ge=10_000)
    """Their bytes together."""

    retry_delays: Delays = (
        timedelta(0),
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
    )
    """Delay before the second attempt, the third, …; one attempt more than delays, then a dead letter."""
    retry_jitter: Jitter = 0.2
    """Every delay is longer by a random part of itself, up to this one, so that what came back together is
    not tried again together."""
    retry_policies: tuple[RetrySettings, ...] = ()
    """Other `delays` and `jitter` for certain `causes` (`rejected`, `delivery_limit`, `unroutable`,
    `hub_failure`) or `mailboxes` (`G22*`); the first that fits counts
    ([examples](../how-to/operate.md#retries-and-breakers))."""
    breaker_failures: int = Field(default=5, ge=0)
    """After so many returns in a row, with no acknowledgement between them, a mailbox is parked as failing; 0
    never parks one for that."""
    breaker_documents: int = Field(default=3, ge=1)
    """Of so many different deliveries at least: what is bad about one document is not its recipient's."""
    breaker_pause: timedelta = Field(default=timedelta(seconds=30), gt=timedelta(0))
    """How long a failing mailbox gets nothing, before one probe; twice as long after each that comes back."""
    breaker_longest_pause: timedelta = Field(default=timedelta(minutes=10), gt=timedelta(0))
    """The pause grows no further."""
    breaker_probe_patience: timedelta = Field(default=timedelta(seconds=30), gt=timedelta(0))
    """A probe that is neither acknowledged nor back by then counts as taken."""
    delivery_lifetime: timedelta = Field(default=timedelta(days=15), gt=timedelta(0))
    """After so long an uncollected delivery expires, with a signed notice."""
    status_patience: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(0))
    """How long a status may wait for the document that it is about."""
    park_time: timedelta = Field(default=timedelta(seconds=15), gt=timedelta(0))
    """How long a mailbox whose queue is full gets nothing, before one probe."""
    poll_interval: timedelta = Field(default=timedelta(seconds=1), gt=timedelta(0))
    """How often the relay looks for rows that nobody handed over."""
    registry_interval: timedelta = Field(default=timedelta(seconds=1), gt=timedelta(0))
    """How old the directory in memory may be."""

    alert_mail_server: SecretStr | None = None
    """Where alerts are handed over as e-mail: `smtps://user:password@host`, `smtp://host` for STARTTLS, or
    `smtp://localhost?plain=yes` for a relay on the same machine. Without it none are."""
    alert_mail_from: str | None = None
    """Address that alerts come from."""
    alert_mail_to: tuple[str, ...] = ()
    """Addresses that alerts go to."""
    alert_mail_ca: ReadableFile | None = None
    """PEM file with the authorities of the mail server's certificate; without it, those of the machine."""
    alert_webhook: SecretStr | None = None
    """Address that alerts are POSTed to as JSON; `https` beyond this machine. Without it none are."""
    alert_webhook_key: SecretStr | None = None
    """Signs what is POSTed (HMAC-SHA256 as in Standard Webhooks: `webhook-signature`)."""
    queue_watch_interval: timedelta = Field(default=timedelta(seconds=10), gt=timedelta(0))
    """How often the console's process looks whether mailboxes' queues are still the ones that they were."""
    queue_watch_patience: timedelta = Field(default=timedelta(seconds=30), gt=timedelta(0))
    """More than twice as long as the broker's figures are late: above twice the sum of its
    `collect_statistics_interval` and `quorum_tick_interval` (5 seconds each, where nobody has set them)."""
    alert_interval: timedelta = Field(default=timedelta(seconds=15), gt=timedelta(0))
    """How often the hub looks for incidents."""
    alert_calm: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(0))
    """How long an incident has to be gone until it is over: one that flickers is one."""
    alert_waiting: timedelta = Field(default=timedelta(minutes=15), gt=timedelta(0))
    """A delivery that has waited so long for its mailbox is an incident."""
    alert_waiting_count: int = Field(default=1000, ge=1)
    """So many that wait for one mailbox are one, too."""
    alert_invalid_per_hour: int = Field(default=10, ge=1)
    """So many messages that nobody vouches for, within an hour, are an incident."""
    alert_cases_per_hour: int = Field(default=20, ge=1)
    """So many dead letters within an hour are an incident."""

    bodies_store: str | None = None
    """Where large bodies lie: `file:///folder`, or `s3://bucket/prefix`; without it, messages above
    `max_message_octets` are refused."""
    bodies_endpoint: str | None = None
    """Address of the S3-compatible service of the bucket, `https` beyond this machine."""
    bodies_region: str = "us-east-1"
    """Region of the bucket."""
    bodies_access_key: str | None = None
    """Who the hub is to the service."""
    bodies_secret_key: SecretStr | None = None
    """And the secret that proves it."""
    max_large_octets: int = Field(default=250_000_000, ge=1_000_000, le=2_000_000_000)
    """Largest envelope that travels by claim check; its attachments may be as large."""
    bodies_quota: int = Field(default=2_000_000_000, ge=1_000_000)
    """Octets that one mailbox may have checked in and no accepted message claims."""
    bodies_grace: timedelta = Field(default=timedelta(days=1), ge=timedelta(minutes=1))
    """After so long without a part or a claim, what no accepted message claims is swept."""
    bodies_lifetime: timedelta | None = Field(default=None, ge=timedelta(days=1))
    """After so long the large body of an accepted message is deleted, where no delivery needs it any more;
    never, where it is not set."""
    bodies_patience: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(0))
    """How long a claim may wait for its body."""
    bodies_side_by_side: int = Field(default=2, ge=1, le=16)
    """Large bodies that one hub process reads at a time."""
    bodies_host: str = "127.0.0.1"
    """Where `truc bodies` listens."""
    bodies_port: int = Field(default=0, ge=0, le=65535)
    """And the port; 0 takes a free one and logs it."""
    bodies_certificate: ReadableFile | None = None
    """PEM file with its certificate and chain: the service speaks TLS itself."""
    bodies_key: ReadableFile | None = None
    """PEM file with its key; in the certificate's file where it is not set."""
    bodies_behind_proxy: bool = False
    """Whether something in front of it ends TLS, so that it may listen to others without."""

    http_host: str = "127.0.0.1"
    """Where health and metrics listen."""
    http_port: int = Field(default=0, ge=0, le=65535)
    """Health and metrics; 0 takes a free port and logs it."""
    second_person_above: int = Field(default=100, ge=0)
    """Above so many dead letters at once, a second person confirms what one has started."""
    campaign_patience: timedelta = Field(default=timedelta(seconds=30), ge=timedelta(0))
    """After so long in the recipient's queue, what a campaign has sent counts as taken."""

    console_host: str = "127.0.0.1"
    """Where the operators' console listens; a proxy in front of it gives it TLS."""
    console_port: int = Field(default=0, ge=0, le=65535)
    """The console; 0 takes a free port and logs it."""
    console_url: str | None = None
    """Address at which browsers reach the console, `https` beyond this machine; needed for single sign-on."""
    console_idle: timedelta = Field(default=timedelta(minutes=30), gt=timedelta(0))
    """After so long without a request a session of the console ends."""
    console_session: timedelta = Field(default=timedelta(hours=12), gt=timedelta(0))
    """After so long it ends in any case."""
    console_oidc_issuer: str | None = None
    """OpenID provider by which people log in to the console, as it calls itself; `https`."""
    console_oidc_client_id: str | None = None
    """What the provider calls the console."""
    console_oidc_client_secret: SecretStr | None = None
    """What the provider knows the console by; not needed where it takes it for a public client."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` is readable in a terminal and JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""

    @property
    def broker_tls(self) -> TlsFiles:
        """Whom the hub trusts to be the broker, and who it is itself."""
        password = self.broker_key_password
        return TlsFiles(
            authorities=self.broker_ca,
            certificate=self.broker_certificate,
            key=self.broker_key,
            key_password=password.get_secret_value() if password is not None else None,
        )

    @property
    def alert_terms(self) -> AlertTerms:
        """From when on something is an incident."""
        return AlertTerms(
            waiting=self.alert_waiting,
            waiting_count=self.alert_waiting_count,
            invalid_per_hour=self.alert_invalid_per_hour,
            cases_per_hour=self.alert_cases_per_hour,
            calm=self.alert_calm,
        )

    @property
    def key_source(self) -> KeySource:
        """Where the hub's signing key comes from."""
        return KeySource(
            name=self.hub_key,
            password=self.hub_key_password.get_secret_value(),
            module=self.hub_key_module,
            certificates=self.hub_key_certificates,
        )

    @property
    def recovery_policy(self) -> RecoveryPolicy:
        """What becomes of what comes back."""
        return RecoveryPolicy(
            rules=tuple(each.rule for each in self.retry_policies),
            otherwise=RetryRule(delays=self.retry_delays, jitter=self.retry_jitter),
        )

    @property
    def breaker_terms(self) -> BreakerTerms:
        """When a mailbox counts as failing, and how it is tried again."""
        return BreakerTerms(
            failures=self.breaker_failures,
            documents=self.breaker_documents,
            pause=self.breaker_pause,
            longest_pause=self.breaker_longest_pause,
            probe_patience=self.breaker_probe_patience,
        )

    def _recovery_complaints(self) -> list[str]:
        complaints = []
        if any(not (each.causes or each.mailboxes) for each in self.retry_policies):
            complaints.append(
                "one of retry_policies names neither causes nor mailboxes: that is retry_delays"
            )
        if self.breaker_longest_pause < self.breaker_pause:
            complaints.append("breaker_longest_pause is shorter than breaker_pause")
        if 0 < self.breaker_failures < self.breaker_documents:
            complaints.append("breaker_failures is less than breaker_documents: it could never be reached")
        return complaints

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        complaints = [*self.broker_tls.complaints(self.amqp_url.get_secret_value())]
        complaints += self._recovery_complaints()
        if is_in_token(self.hub_key) and not (self.hub_key_module and self.hub_key_certificates):
            complaints.append("a key in a token needs hub_key_module and hub_key_certificates, too")
        if self.time_stamp_authority is not None and host_of(self.time_stamp_authority) is None:
            complaints.append("time_stamp_authority has to be an http or https address without a user")
        if self.time_stamp_authority is not None and self.time_stamp_anchors is None:
            complaints.append("time_stamp_authority needs time_stamp_anchors, too")
        if "@" in (self.management_url or ""):
            complaints.append("management_url says no user: that is management_user and management_password")
        complaints += self._console_complaints()
        complaints += self._alert_complaints()
        complaints += self._bodies_complaints()
        if complaints:
            raise ValueError("; ".join(complaints))
        return self

    def _alert_complaints(self) -> list[str]:
        mail = (self.alert_mail_server, self.alert_mail_from, self.alert_mail_to)
        complaints = []
        if any(mail) and not all(mail):
            complaints.append("alert_mail_server, alert_mail_from and alert_mail_to go together")
        if self.alert_mail_server is not None:
            try:
                MailServer.parse(self.alert_mail_server.get_secret_value())
            except ValueError as error:
                complaints.append(f"alert_mail_server {error}")
        if self.alert_webhook is not None and not is_safe_address(self.alert_webhook.get_secret_value()):
            complaints.append("alert_webhook has to be an https address (http on this machine only)")
        return complaints

    def _console_complaints(self) -> Iterator[str]:
        is_here = self.console_host in LOOPBACK
        for name in ("console_url", "console_oidc_issuer"):
            address: str | None = getattr(self, name)
            if address is not None and not _is_protected(address):
                yield f"{name} has to be an https address (http only on this machine)"
        if self.console_url is None and not is_here:
            yield "console_host is open to others: console_url has to say at which https address they come"
        if self.console_oidc_issuer is not None and not (self.console_oidc_client_id and self.console_url):
            yield "console_oidc_issuer needs console_oidc_client_id and console_url, too"

    def _bodies_complaints(self) -> Iterator[str]:
        store = urlsplit(self.bodies_store or "")
        is_bucket = store.scheme == "s3" and store.netloc and "@" not in store.netloc
        is_folder = store.scheme == "file" and not store.netloc and store.path.startswith("/")
        if self.bodies_store is not None and not (is_bucket or is_folder):
            yield "bodies_store has to be file:///folder or s3://bucket/prefix, without credentials"
        if self.bodies_endpoint is not None and not _is_protected(self.bodies_endpoint):
            yield "bodies_endpoint has to be an https address (http on this machine only)"
        if (self.bodies_access_key is None) != (self.bodies_secret_key is None):
            yield "bodies_access_key and bodies_secret_key go together"
        if self.bodies_certificate is None and self.bodies_key is not None:
            yield "bodies_key is of no use without bodies_certificate"
        is_here = self.bodies_host in LOOPBACK or self.bodies_behind_proxy
        if self.bodies_certificate is None and not is_here:
            yield "bodies_host is open to others: set bodies_certificate, or bodies_behind_proxy"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which `load` hands in."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @classmethod
    def load(cls, file: Path | None) -> Self:
        """Read the settings from the environment and *file*.

        Raises `ConfigurationError` that lists every complaint; no value is repeated in it.
        """
        place = "the environment" if file is None else str(file)
        try:
            return cls.model_validate({} if file is None else _read(file))
        except ValidationError as error:
            complaints = "\n".join(f"  {_name(part['loc'])}: {part['msg']}" for part in error.errors())
            raise ConfigurationError(f"the settings from {place} cannot be used:\n{complaints}") from None


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the settings file {file} cannot be read: {error}") from error


def _name(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "settings"
