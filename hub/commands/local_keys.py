"""Keys of the local axis: a development authority, the hub's key, and a key for every agency."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives.serialization import Encoding

from hub.commands import secret_file
from hub.message.identifiers import AgencyCode, AgencyKey, agency_key
from hub.signature.authority import DevelopmentAuthority
from hub.signature.signing import SigningKey

AUTHORITY_NAME: Final = "Truc Development CA"
HUB_NAME: Final = "Trục liên thông văn bản quốc gia"
HUB_CODE: Final = AgencyCode("TRUC")
_TOLERANCE: Final = timedelta(minutes=5)
"""Keys are valid a little before they are made: clocks differ."""


class LocalKeys:
    """The key files of one home, each encrypted with a password of its own; made when first needed."""

    def __init__(self, home: Path) -> None:
        """Look after the keys of *home*."""
        self._home = home
        self._authority: DevelopmentAuthority | None = None

    @property
    def authority_file(self) -> Path:
        """The development authority's issuing key with both of its certificates."""
        return self._home / "keys" / "authority.pem"

    @property
    def anchors_file(self) -> Path:
        """The root certificate, which everybody on this axis trusts."""
        return self._home / "keys" / "anchors.pem"

    @property
    def hub_key_file(self) -> Path:
        """The key with which the hub signs receipts."""
        return self._home / "keys" / "hub.pem"

    @property
    def hub_certificate_file(self) -> Path:
        """The hub's certificate alone, which agencies know it by."""
        return self._home / "keys" / "hub-certificate.pem"

    @property
    def hub_key_password(self) -> str:
        """The password of the hub's key."""
        return self._secret("key-hub")

    @property
    def authority(self) -> DevelopmentAuthority:
        """The development authority."""
        if self._authority is None:
            self._authority = self._load_authority()
        return self._authority

    def ensure_hub_key(self) -> None:
        """Make the hub's key and the anchors file unless they are there."""
        if not self.anchors_file.exists():
            secret_file.write(self.anchors_file, self.authority.anchor_pem)
        if not self.hub_key_file.exists():
            key = self.authority.issue(agency_code=HUB_CODE, name=HUB_NAME, at=_now(), key_type="ec")
            secret_file.write(self.hub_certificate_file, key.certificate.public_bytes(Encoding.PEM))
            secret_file.write(self.hub_key_file, key.to_pem(self.hub_key_password.encode()))

    def of_agency(self, code: AgencyCode, name: str) -> SigningKey:
        """Return the agency's key; the first call makes it."""
        key = agency_key(code)
        if not self.has(key):
            return self.issue(code, name)
        return SigningKey.from_pem(self.file_of(key).read_bytes(), self.password_of(key).encode())

    def issue(self, code: AgencyCode, name: str, key_type: Literal["rsa", "ec"] = "rsa") -> SigningKey:
        """Make a new key for the agency and keep it instead of the one before."""
        key = agency_key(code)
        issued = self.authority.issue(agency_code=code, name=name, at=_now(), key_type=key_type)
        secret_file.write(self.file_of(key), issued.to_pem(self.password_of(key).encode()))
        return issued

    def has(self, key: AgencyKey) -> bool:
        """Whether the agency has a key here."""
        return self.file_of(key).exists()

    def file_of(self, key: AgencyKey) -> Path:
        """Return where the agency's key is kept."""
        return self._home / "agencies" / key / "key.pem"

    def password_of(self, key: AgencyKey) -> str:
        """Return the password of the agency's key."""
        return self._secret(f"key-{key}")

    def _load_authority(self) -> DevelopmentAuthority:
        password = self._secret("key-authority").encode()
        if not self.authority_file.exists():
            made = DevelopmentAuthority.create(AUTHORITY_NAME, _now())
            secret_file.write(self.authority_file, made.to_pem(password))
        return DevelopmentAuthority.from_pem(self.authority_file.read_bytes(), password)

    def _secret(self, name: str) -> str:
        return secret_file.read_or_make(self._home / "secrets" / name)


def _now() -> datetime:
    return datetime.now(UTC) - _TOLERANCE
