"""What makes a signature of ours XAdES-BES: when it was made, with which certificate, under which mandate."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.message.mandate_role import MandateRole
from hub.signature import profile
from hub.signature.core_validation import digest_of
from hub.signature.profile import xades

SIGNED_PROPERTIES: Final = xades("SignedProperties")
_REFERENCE: Final = (
    f'<ds:Reference Type="{profile.SIGNED_PROPERTIES_TYPE}" URI="#{{name}}-properties"><ds:Transforms>'
    f'<ds:Transform Algorithm="{profile.EXCLUSIVE_C14N}"/></ds:Transforms>'
    '<ds:DigestMethod Algorithm="{method}"/><ds:DigestValue/></ds:Reference>'
)
_OBJECT: Final = (
    f'<ds:Object><xades:QualifyingProperties xmlns:xades="{profile.XADES_NAMESPACE}" Target="#{{name}}">'
    '<xades:SignedProperties Id="{name}-properties"><xades:SignedSignatureProperties>'
    "<xades:SigningTime>{at}</xades:SigningTime>"
    "<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>"
    '<ds:DigestMethod Algorithm="{method}"/><ds:DigestValue>{certificate}</ds:DigestValue>'
    "</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>"
    "<xades:SignerRoleV2><xades:ClaimedRoles><xades:ClaimedRole>{role}</xades:ClaimedRole>"
    "</xades:ClaimedRoles></xades:SignerRoleV2></xades:SignedSignatureProperties></xades:SignedProperties>"
    "</xades:QualifyingProperties></ds:Object>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleClaim:
    """In which role a signature is made, and when; both are signed."""

    role: MandateRole
    at: datetime
    """Aware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnParts:
    """What stands in a signature beside the document's reference, as text."""

    signature_id: str
    """Attribute of the signature that its properties name it by."""
    reference: str
    """To the signed properties; their digest is still missing, it depends on where they stand."""
    holder: str
    """The Object with the properties."""


NOTHING_OWN: Final = OwnParts(signature_id="", reference="", holder="")
"""Plain XML-DSig."""


def qualification_of(claim: RoleClaim, certificate: x509.Certificate, digest: bytes, method: str) -> OwnParts:
    """Return what makes the signature by *certificate*, over a document with *digest*, say *claim*.

    The names are made of the digest: no document can have an element of the same name.
    """
    name = f"truc-{digest[:16].hex()}"
    named = digest_of(certificate.public_bytes(Encoding.DER), method)
    return OwnParts(
        signature_id=f' Id="{name}"',
        reference=_REFERENCE.format(name=name, method=method),
        holder=_OBJECT.format(
            name=name,
            at=claim.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            method=method,
            certificate=b64encode(named).decode(),
            role=escape(claim.role.phrase),
        ),
    )
