"""A development CA in a folder: encrypted keys, and a record of what was issued and revoked."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import BaseModel, ConfigDict, ValidationError

from hub.commands import secret_file
from hub.errors import ConfigurationError, OperationRefused
from hub.message.identifiers import AgencyCode, agency_key
from hub.signature.signing import SigningKey
from hub.signature.status_authority import Revoked, StatusAuthority

_RECORD: Final = "authority.json"
_ROLES: Final = ("root", "issuing", "responder", "stamper")
_TOLERANCE: Final = timedelta(minutes=5)
"""Certificates are valid a little before they are made: clocks differ."""
REASONS: Final = {each.value: each for each in x509.ReasonFlags}


class IssuedCertificate(BaseModel):
    """One line of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    serial: str
    """Hexadecimal."""
    subject: str
    file: str
    not_after: datetime
    revoked_at: datetime | None = None
    reason: str | None = None


class Record(BaseModel):
    """What the CA remembers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    address: str
    issued: tuple[IssuedCertificate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFolder:
    """The CA in *folder*; every act reads the record anew, so that a server sees what a command did."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, *, name: str, address: str) -> "AuthorityFolder":
        """Make a new CA in *folder*; raises `OperationRefused` where there is one."""
        made = cls(folder=folder)
        if made.record_file.exists():
            raise OperationRefused(f"{folder} holds a CA already; its certificates would lose their issuer")
        authority = StatusAuthority.create(name, address, _now())
        for role, key in zip(_ROLES, _keys(authority), strict=True):
            secret_file.write(folder / "keys" / f"{role}.pem", key.to_pem(made.password))
        secret_file.write(made.anchor_file, authority.root.certificate.public_bytes(Encoding.PEM))
        issuing = authority.issuing.certificate
        entry = _entry(issuing, folder / "keys" / "issuing.pem", folder)
        made.write(Record(name=name, address=address, issued=(entry,)))
        return made

    @property
    def record_file(self) -> Path:
        """What was issued and revoked."""
        return self.folder / _RECORD

    @property
    def anchor_file(self) -> Path:
        """The root certificate: a trust anchor for the hubs of a test."""
        return self.folder / "root.pem"

    @property
    def password_file(self) -> Path:
        """Opens every key file in the folder."""
        return self.folder / "password"

    @property
    def password(self) -> bytes:
        """The same as bytes."""
        return secret_file.read_or_make(self.password_file).encode()

    def authority(self) -> StatusAuthority:
        """Read the keys; raises `ConfigurationError`."""
        record = self.read()
        root, issuing, responder, stamper = (
            SigningKey.from_pem((self.folder / "keys" / f"{role}.pem").read_bytes(), self.password)
            for role in _ROLES
        )
        return StatusAuthority(
            root=root, issuing=issuing, responder=responder, stamper=stamper, address=record.address
        )

    def read(self) -> Record:
        """Read the record; raises `ConfigurationError` where there is none."""
        try:
            return Record.model_validate_json(self.record_file.read_bytes())
        except (OSError, ValidationError) as error:
            raise ConfigurationError(f"{self.folder} holds no CA; `truc ca create` makes one") from error

    def write(self, record: Record) -> None:
        """Replace the record in one step."""
        text = json.dumps(record.model_dump(mode="json"), ensure_ascii=False, indent=2)
        secret_file.write(self.record_file, text + "\n")

    def issue(
        self, code: AgencyCode, name: str, *, key_type: Literal["rsa", "ec"], lifetime: timedelta
    ) -> tuple[IssuedCertificate, Path]:
        """Make and certify a key for an agency; returns its line in the record and its file."""
        record = self.read()
        key = self.authority().issue(
            agency_code=code, name=name, at=_now(), key_type=key_type, lifetime=lifetime
        )
        short = f"{key.certificate.serial_number:x}"[:12]
        file = self.folder / "issued" / f"{agency_key(code)}-{short}.pem"
        secret_file.write(file, key.to_pem(self.password))
        entry = _entry(key.certificate, file, self.folder)
        self.write(record.model_copy(update={"issued": (*record.issued, entry)}))
        return entry, file

    def revoke(self, serial: str, reason: str) -> IssuedCertificate:
        """Revoke the certificate whose serial number begins with *serial*; raises `OperationRefused`."""
        record = self.read()
        wanted = serial.lower().replace(":", "")
        meant = [each for each in record.issued if wanted and each.serial.startswith(wanted)]
        if len(meant) != 1 or meant[0].revoked_at is not None:
            raise OperationRefused(
                f"{len(meant)} certificates have serial numbers that begin with {serial}"
                if len(meant) != 1
                else f"{serial} was revoked before"
            )
        revoked = meant[0].model_copy(update={"revoked_at": datetime.now(UTC), "reason": reason})
        issued = tuple(revoked if each is meant[0] else each for each in record.issued)
        self.write(record.model_copy(update={"issued": issued}))
        return revoked

    def crl(self, *, of_root: bool = False) -> bytes:
        """Return the newest CRL of the issuing CA or the root, in DER form."""
        authority, record = self.authority(), self.read()
        issuing = authority.issuing.certificate.serial_number
        revoked = {
            serial: each for serial, each in _revoked(record).items() if (serial == issuing) is of_root
        }
        now = datetime.now(UTC)
        return authority.crl(revoked, now, number=int(now.timestamp()), of_root=of_root)

    def answer(self, request: bytes) -> bytes:
        """Return the OCSP response to *request*, in DER form."""
        record = self.read()
        issued = {int(each.serial, 16) for each in record.issued}
        return self.authority().answer(request, issued, _revoked(record), datetime.now(UTC))


def _keys(authority: StatusAuthority) -> tuple[SigningKey, ...]:
    return authority.root, authority.issuing, authority.responder, authority.stamper


def _entry(certificate: x509.Certificate, file: Path, folder: Path) -> IssuedCertificate:
    return IssuedCertificate(
        serial=f"{certificate.serial_number:x}",
        subject=certificate.subject.rfc4514_string(),
        file=str(file.relative_to(folder)),
        not_after=certificate.not_valid_after_utc,
    )


def _revoked(record: Record) -> dict[int, Revoked]:
    return {
        int(each.serial, 16): Revoked(
            at=each.revoked_at.replace(microsecond=0), reason=REASONS[each.reason or "unspecified"]
        )
        for each in record.issued
        if each.revoked_at is not None
    }


def _now() -> datetime:
    return datetime.now(UTC) - _TOLERANCE
