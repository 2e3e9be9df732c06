"""The one shape of XML signature that the axis takes (decision 0003): what is not named here is refused."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from hub.message.edxml import EDXML_NAMESPACE, XMLDSIG_NAMESPACE
from hub.message.receipt_xml import RECEIPT_NAMESPACE

ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE_C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
TRANSFORMS: Final = (ENVELOPED, EXCLUSIVE_C14N)
OWN_TRANSFORMS: Final = (EXCLUSIVE_C14N, INCLUSIVE_C14N)
"""Of references to parts of the signature itself (XAdES): one of them, or none, which means the second."""

XADES_NAMESPACE: Final = "http://uri.etsi.org/01903/v1.3.2#"
SIGNED_PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903#SignedProperties"
"""Type of the reference to SignedProperties (ETSI EN 319 132-1 §4.4.2)."""

_XMLENC: Final = "http://www.w3.org/2001/04/xmlenc#"
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_MGF1: Final = "http://www.w3.org/2007/05/xmldsig-more#"

SHA256: Final = f"{_XMLENC}sha256"
SHA384: Final = f"{_MORE}sha384"
SHA512: Final = f"{_XMLENC}sha512"
DIGEST_METHODS: Final = frozenset({SHA256, SHA384, SHA512})
"""Accepted DigestMethod identifiers (XMLDSIG 1.1 §6.2)."""

RSA_SHA256: Final = f"{_MORE}rsa-sha256"
ECDSA_SHA256: Final = f"{_MORE}ecdsa-sha256"
ECDSA_SHA384: Final = f"{_MORE}ecdsa-sha384"
RSA_METHODS: Final = frozenset(
    {RSA_SHA256}
    | {f"{_MORE}rsa-sha{size}" for size in (384, 512)}
    | {f"{_MGF1}sha{size}-rsa-MGF1" for size in (256, 384, 512)}
)
ECDSA_METHODS: Final = frozenset({ECDSA_SHA256, ECDSA_SHA384, f"{_MORE}ecdsa-sha512"})
SIGNATURE_METHODS: Final = RSA_METHODS | ECDSA_METHODS
"""Accepted SignatureMethod identifiers (XMLDSIG 1.1 §6.4, RFC 9231 §2.3.10 for PSS)."""

MAX_CERTIFICATES: Final = 5
MAX_BASE64_CHARACTERS: Final = 16_384
MAX_STAMP_CHARACTERS: Final = 65_536
"""A time stamp brings the certificates of its authority along."""
MAX_ATTRIBUTES: Final = 64
"""On one element; canonicalisation sorts them in quadratic time."""
MAX_NAMESPACE_CHARACTERS: Final = 100
"""Exclusive canonicalisation repeats a namespace on each sibling that uses it: a long one multiplies."""


def ds(name: str) -> str:
    """Return *name* as an element name of XML-DSig."""
    return f"{{{XMLDSIG_NAMESPACE}}}{name}"


def xades(name: str) -> str:
    """Return *name* as an element name of XAdES."""
    return f"{{{XADES_NAMESPACE}}}{name}"


SIGNATURE: Final = ds("Signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where the one signature of a kind of message stands: last child of the last of *names*."""

    names: tuple[str, ...]
    """Element names from the root downwards, in Clark notation."""

    @property
    def path(self) -> str:
        """The place of the signature, as violations name it."""
        return _path_of(self.names)

    @property
    def search(self) -> str:
        """The parent of the signature, as ElementPath from the root."""
        return "./" + "".join(f"{name}/" for name in self.names[1:])


@cache
def _path_of(names: tuple[str, ...]) -> str:
    return "/" + "/".join([name.partition("}")[2] for name in names]) + "/Signature"


ENVELOPE: Final = Location(
    names=tuple(f"{{{EDXML_NAMESPACE}}}{name}" for name in ("edXML", "edXMLEnvelope", "edXMLHeader"))
)
RECEIPT: Final = Location(names=(f"{{{RECEIPT_NAMESPACE}}}Receipt",))
RECEIPT_SHEET: Final = Location(names=(f"{{{RECEIPT_NAMESPACE}}}Receipts",))
PLACEHOLDERS: Final = frozenset(f"{{{EDXML_NAMESPACE}}}{name}" for name in ("Signature", "DigitalSignature"))
"""What vendors' software leaves in the header where it does not sign: empty, or a dummy from a sample."""
