"""What `truc keys` does."""

from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from hub.commands.agency_acts import local_axis, registry_desk
from hub.commands.local_keys import LocalKeys
from hub.commands.place import home_of
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyCode


def read_authority(home: Path | None) -> dict[str, object]:
    """Return the development CA's certificate and where it is kept; the first call makes it."""
    keys = LocalKeys(home_of(home))
    keys.ensure_hub_key()
    return {
        **_facts(keys.authority.anchor),
        "trust anchor": keys.anchors_file,
        "issuing key": keys.authority_file,
    }


async def issue_key(
    home: Path | None, settings: Path | None, operator: str, code: str, key_type: Literal["rsa", "ec"]
) -> dict[str, object]:
    """Make and register a new key for an agency of the local axis."""
    axis = local_axis(home, settings)
    if axis is None:
        raise OperationRefused(
            "only a local axis has a development CA: import a real certificate (`truc certificates import`)"
        )
    async with registry_desk(home, settings, operator) as desk:
        entry = await desk.agency(AgencyCode(code))
        key = axis.keys.issue(entry.code, entry.name, key_type)
        await desk.register_certificate(entry.code, key.certificate)
    agency = await axis.agency(code)
    return {**_facts(key.certificate), "key": agency.key_file, "kit": agency.kit_file}


def _facts(certificate: x509.Certificate) -> dict[str, object]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "fingerprint": certificate.fingerprint(SHA256()).hex(),
        "valid until": certificate.not_valid_after_utc,
    }
