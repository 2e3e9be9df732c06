"""What an adapter team configures: one frozen value, from code or a TOML file, all complaints at once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, model_validator

from adapters.kit.broker import BrokerAddress
from adapters.kit.inspection import Trust
from adapters.kit.keyring import KeyRing
from hub.errors import ConfigurationError
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode, Fingerprint, MailboxName, agency_key
from hub.signature.certificates import TrustAnchors
from hub.signature.key_source import KeySource
from hub.signature.signing import SigningKey
from hub.transport.tls import TlsFiles

MAX_OCTETS: Final = 10_000_000
"""Below the limit of the broker's and of the hub's: what is too large is refused here, before it travels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KitSettings:
    """Everything that one mailbox needs."""

    broker: BrokerAddress
    keys: KeyRing
    trust: Trust
    journal: Path
    max_octets: int = MAX_OCTETS
    window: int = 200
    """Messages in flight to the broker at a time."""
    prefetch: int = 64
    """Deliveries in hand at a time; a crash costs each of them one of the broker's deliveries."""
    max_offers: int = 5
    """How often one attempt is handed to a handler that never ends, before the axis gets it back."""
    acknowledge_with: tuple[StatusCode, ...] = (StatusCode.ARRIVED,)
    """Statuses that a handed-over document is answered with, where the handler says nothing else."""

    @property
    def mailbox(self) -> MailboxName:
        """Whose mailbox it is."""
        return self.broker.mailbox


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    agency: str | None = None
    """Whose key it is; the mailbox's own where nothing is said."""
    file: Path | None = None
    """Encrypted key, certificate and chain in PEM form."""
    token: str | None = None
    """Instead of a file: `pkcs11:token=…;object=…`, a key that never leaves its token."""
    module: Path | None = None
    """Library of the token's maker (PKCS #11)."""
    certificates: Path | None = None
    """Certificate and chain of the key in the token, in PEM form."""
    password: SecretStr = SecretStr("")
    """Opens the file, or is the token's PIN."""

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        if (self.file is None) == (self.token is None):
            msg = "a key is in a file or in a token: say one of the two"
            raise ValueError(msg)
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    broker: SecretStr
    broker_ca: Path | None = None
    """PEM file with the authorities of the broker's certificate; those of the machine where it is not set."""
    broker_certificate: Path | None = None
    """PEM file with the certificate that tells the broker who we are, where it asks for one."""
    broker_key: Path | None = None
    """PEM file with its key; in the certificate's file where it is not set."""
    broker_key_password: SecretStr | None = None
    mailbox: str
    journal: Path
    keys: tuple[_KeyFile, ...]
    anchors: tuple[Path, ...]
    hub_certificates: tuple[Path, ...]
    """The certificates with which the hub signs receipts."""
    hub_anchors: tuple[Path, ...] = ()
    """Roots of the hub's own certificate, where they are others than the agencies'."""
    max_octets: int = MAX_OCTETS
    window: int = 200
    prefetch: int = 64
    max_offers: int = 5
    acknowledge_with: tuple[StatusCode, ...] = (StatusCode.ARRIVED,)


def read_settings(path: Path) -> KitSettings:
    """Read the TOML file at *path*; paths in it start from its folder. Raises `ConfigurationError`."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return settings_of(table, path.parent)


def settings_of(table: Mapping[str, object], folder: Path) -> KitSettings:
    """Read a table of a larger TOML file; paths in it start from *folder*. Raises `ConfigurationError`."""
    try:
        file = _File.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"the settings of the mailbox: {error}") from error
    anchors = _anchors(folder, file.anchors)
    mailbox = MailboxName(file.mailbox)
    return KitSettings(
        broker=_broker(folder, file, mailbox),
        keys=_keys(folder, file),
        trust=Trust(
            mailbox=mailbox,
            agencies=anchors,
            hub=_anchors(folder, file.hub_anchors) if file.hub_anchors else anchors,
            hub_certificates=_fingerprints(folder, file.hub_certificates),
        ),
        journal=folder / file.journal,
        max_octets=file.max_octets,
        window=file.window,
        prefetch=file.prefetch,
        max_offers=file.max_offers,
        acknowledge_with=file.acknowledge_with,
    )


def _broker(folder: Path, file: _File, mailbox: MailboxName) -> BrokerAddress:
    address = BrokerAddress(
        url=file.broker.get_secret_value(),
        mailbox=mailbox,
        tls=TlsFiles(
            authorities=_within(folder, file.broker_ca),
            certificate=_within(folder, file.broker_certificate),
            key=_within(folder, file.broker_key),
            key_password=_revealed(file.broker_key_password),
        ),
    )
    address.check()
    return address


def _within(folder: Path, file: Path | None) -> Path | None:
    return folder / file if file is not None else None


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _anchors(folder: Path, files: tuple[Path, ...]) -> TrustAnchors:
    return TrustAnchors.from_bytes(*[_bytes(folder / file) for file in files])


def _fingerprints(folder: Path, files: tuple[Path, ...]) -> frozenset[Fingerprint]:
    certificates = [each for file in files for each in _certificates(folder / file)]
    return frozenset(Fingerprint(certificate.fingerprint(SHA256())) for certificate in certificates)


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_bytes(path))
    except ValueError as error:
        raise ConfigurationError(f"{path} holds no certificate in PEM form: {error}") from error


def _keys(folder: Path, file: _File) -> KeyRing:
    loaded = [(key.agency, _key(folder, key)) for key in file.keys]
    own = [key for agency, key in loaded if agency is None]
    if len(own) != 1:
        raise ConfigurationError(f"{file.mailbox} needs exactly one key without an agency: its own")
    return KeyRing(
        own=own[0],
        units={agency_key(AgencyCode(agency)): key for agency, key in loaded if agency is not None},
    )


def _key(folder: Path, key: _KeyFile) -> SigningKey:
    return KeySource(
        name=key.token or str(_within(folder, key.file)),
        password=key.password.get_secret_value(),
        module=_within(folder, key.module),
        certificates=_within(folder, key.certificates),
    ).load()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
