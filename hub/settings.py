"""Every setting of the hub: from the environment (`HUB_…`) over one TOML file, all complaints at once."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from hub.errors import ConfigurationError
from hub.message.trust import RevocationPolicy
from hub.signature.key_source import KeySource
from hub.signature.source import host_of
from hub.signature.token_uri import TokenUri, is_in_token
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


ReadableFile = Annotated[Path, AfterValidator(_readable)]
KeyName = Annotated[str, AfterValidator(_key_name)]


class AnchorSettings(BaseModel):
    """What is asked of certificates below one trust anchor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revocation: RevocationPolicy = RevocationPolicy.SOFT
    hosts: tuple[str, ...] = ()


Delays = Annotated[tuple[timedelta, ...], Field(min_length=1)]


class Settings(BaseSettings):
    """What a hub process needs to know; frozen once it is loaded."""

    model_config = SettingsConfigDict(
        env_prefix="HUB_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
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

    batch_count: int = Field(default=64, ge=1, le=1000)
    """Messages in one commit."""
    batch_octets: int = Field(default=16_000_000, ge=10_000)
    """Bytes in one commit, one message at least."""
    batch_linger: timedelta = timedelta(milliseconds=4)
    """How long a batch waits for more; the price of throughput in latency."""
    prefetch: int = Field(default=150, ge=1, le=2000)
    """Unsettled messages held per queue; times the largest envelope, it must fit into memory."""
    publish_window: int = Field(default=200, ge=1, le=1000)
    """Publishes that wait for their confirm at a time."""
    handed_over_limit: int = Field(default=2000, ge=1)
    """Entries kept in memory for publishing; what is beyond it stays rows."""
    handed_over_octets: int = Field(default=32_000_000, ge=10_000)
    """Their bytes together."""

    retry_delays: Delays = (
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
    )
    """Delay before the second attempt, the third, …; one attempt more than delays, then a dead letter."""
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

    http_host: str = "127.0.0.1"
    """Where health and metrics listen."""
    http_port: int = Field(default=0, ge=0, le=65535)
    """Health and metrics; 0 takes a free port and logs it."""
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
    def key_source(self) -> KeySource:
        """Where the hub's signing key comes from."""
        return KeySource(
            name=self.hub_key,
            password=self.hub_key_password.get_secret_value(),
            module=self.hub_key_module,
            certificates=self.hub_key_certificates,
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        complaints = [*self.broker_tls.complaints(self.amqp_url.get_secret_value())]
        if is_in_token(self.hub_key) and not (self.hub_key_module and self.hub_key_certificates):
            complaints.append("a key in a token needs hub_key_module and hub_key_certificates, too")
        if self.time_stamp_authority is not None and host_of(self.time_stamp_authority) is None:
            complaints.append("time_stamp_authority has to be an http or https address without a user")
        if self.time_stamp_authority is not None and self.time_stamp_anchors is None:
            complaints.append("time_stamp_authority needs time_stamp_anchors, too")
        if "@" in (self.management_url or ""):
            complaints.append("management_url says no user: that is management_user and management_password")
        if complaints:
            raise ValueError("; ".join(complaints))
        return self

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
