"""What an adapter team configures: one frozen value, from code or a TOML file, all complaints at once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from adapters.kit.broker import BrokerAddress
from adapters.kit.cloakroom import CloakroomAddress
from adapters.kit.complaints import complaints_of, or_complain, refused
from adapters.kit.inspection import Trust
from adapters.kit.keyring import KeyRing
from hub.errors import ConfigurationError
from hub.message.claim import USUAL_LARGE_ABOVE
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode, Fingerprint, MailboxName, agency_key
from hub.signature.certificates import TrustAnchors
from hub.signature.key_source import KeySource
from hub.signature.signing import SigningKey
from hub.transport.tls import TlsFiles

MAX_OCTETS: Final = 10_000_000
"""Below the limit of the broker's and of the hub's: what is too large is refused here, before it travels."""
MAX_LARGE_OCTETS: Final = 250_000_000
"""Of one envelope that goes through the service of large bodies: what the axis takes unless it says more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KitSettings:
    """Everything that one mailbox needs."""

    broker: BrokerAddress
    keys: KeyRing
    trust: Trust
    journal: Path
    max_octets: int = MAX_OCTETS
    bodies: CloakroomAddress | None = None
    """The axis's service of large bodies; without it what is above `max_octets` is neither sent nor taken."""
    large_above: int = USUAL_LARGE_ABOVE
    """Octets above which an envelope goes through that service, where there is one."""
    max_large_octets: int = MAX_LARGE_OCTETS
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

    @property
    def largest(self) -> int:
        """How many octets the largest envelope may have that this mailbox can send."""
        return self.max_octets if self.bodies is None else max(self.max_octets, self.max_large_octets)


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
            msg = (
                "khóa nằm trong file hoặc trong token / a key is in a file or in a token: say one of the two"
            )
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
    max_octets: Annotated[int, Field(ge=1)] = MAX_OCTETS
    bodies: str | None = None
    """Address of the axis's service of large bodies: `https://axis.example:8443`."""
    bodies_ca: Path | None = None
    """PEM file with the authorities of its certificate; those of the machine where it is not set."""
    large_above: Annotated[int, Field(ge=1)] = USUAL_LARGE_ABOVE
    max_large_octets: Annotated[int, Field(ge=1)] = MAX_LARGE_OCTETS
    window: Annotated[int, Field(ge=1)] = 200
    prefetch: Annotated[int, Field(ge=1)] = 64
    max_offers: Annotated[int, Field(ge=1)] = 5
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
        raise refused(["hộp thư / the settings of the mailbox:", *complaints_of(error, _File)]) from error
    complaints: list[str] = []
    mailbox = MailboxName(file.mailbox)
    broker = or_complain(lambda: _broker(folder, file, mailbox), complaints)
    keys = or_complain(lambda: _keys(folder, file), complaints)
    anchors = or_complain(lambda: _anchors(folder, "anchors", file.anchors), complaints)
    hub_anchors = or_complain(
        lambda: _anchors(folder, "hub_anchors", file.hub_anchors) if file.hub_anchors else anchors, complaints
    )
    certificates = or_complain(lambda: _fingerprints(folder, file.hub_certificates), complaints)
    bodies = or_complain(lambda: _bodies(folder, file), complaints)
    if broker is None or keys is None or anchors is None or hub_anchors is None or certificates is None:
        raise refused(complaints)
    if complaints:
        raise refused(complaints)
    return KitSettings(
        broker=broker,
        keys=keys,
        trust=Trust(mailbox=mailbox, agencies=anchors, hub=hub_anchors, hub_certificates=certificates),
        journal=folder / file.journal,
        max_octets=file.max_octets,
        bodies=bodies,
        large_above=file.large_above,
        max_large_octets=file.max_large_octets,
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
    try:
        address.check()
    except ConfigurationError as error:
        raise ConfigurationError(f"broker: không dùng được / cannot be used: {error}") from error
    return address


def _bodies(folder: Path, file: _File) -> CloakroomAddress | None:
    if file.bodies is None:
        return None
    address = CloakroomAddress(url=file.bodies, authorities=_within(folder, file.bodies_ca))
    if complaints := address.complaints():
        raise ConfigurationError("; ".join(complaints))
    return address


def _within(folder: Path, file: Path | None) -> Path | None:
    return folder / file if file is not None else None


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _anchors(folder: Path, name: str, files: tuple[Path, ...]) -> TrustAnchors:
    octets = [_bytes(name, folder / file) for file in files]
    try:
        return TrustAnchors.from_bytes(*octets)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: không dùng được / cannot be used: {error}") from error


def _fingerprints(folder: Path, files: tuple[Path, ...]) -> frozenset[Fingerprint]:
    certificates = [each for file in files for each in _certificates(folder / file)]
    return frozenset(Fingerprint(certificate.fingerprint(SHA256())) for certificate in certificates)


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_bytes("hub_certificates", path))
    except ValueError as error:
        raise ConfigurationError(
            f"hub_certificates: {path} không có chứng thư dạng PEM / holds no certificate in PEM form"
        ) from error


def _keys(folder: Path, file: _File) -> KeyRing:
    complaints: list[str] = []
    loaded = [
        (each.agency, or_complain(partial(_key, folder, each, place), complaints))
        for place, each in enumerate(file.keys, start=1)
    ]
    own = [key for agency, key in loaded if agency is None]
    if len(own) != 1:
        complaints.append(
            f"keys: cần đúng một khóa không ghi agency, là khóa của chính {file.mailbox} / "
            f"{file.mailbox} needs exactly one key without an agency: its own"
        )
    units = {agency_key(AgencyCode(agency)): key for agency, key in loaded if agency is not None and key}
    if complaints or own[0] is None:
        raise refused(complaints)
    return KeyRing(own=own[0], units=units)


def _key(folder: Path, key: _KeyFile, place: int) -> SigningKey:
    source = KeySource(
        name=key.token or str(_within(folder, key.file)),
        password=key.password.get_secret_value(),
        module=_within(folder, key.module),
        certificates=_within(folder, key.certificates),
    )
    try:
        return source.load()
    except ConfigurationError as error:
        raise ConfigurationError(f"keys[{place}]: không dùng được khóa / cannot be used: {error}") from error


def _bytes(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{name}: không đọc được tệp / cannot be read: {path}: {error.strerror}"
        ) from error
