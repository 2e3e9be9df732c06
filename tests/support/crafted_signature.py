"""Writes XML signatures of any shape, right or wrong, by nothing but lxml and cryptography.

It shares no code with the hub, so that what it signs correctly is a second opinion on verification, and what
it signs wrongly is wrong in the one thing that was asked for.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from hub.signature.signing import SigningKey

DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
MGF1 = "http://www.w3.org/2007/05/xmldsig-more#"
XMLENC = "http://www.w3.org/2001/04/xmlenc#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DS}enveloped-signature"
HEADER = ".//{*}edXMLHeader"

DIGESTS = {
    f"{DS}sha1": "sha1",
    f"{XMLENC}sha256": "sha256",
    f"{MORE}sha384": "sha384",
    f"{XMLENC}sha512": "sha512",
}
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, kw_only=True)
class Craft:
    """How to sign; the defaults are what the axis accepts."""

    method: str = f"{MORE}ecdsa-sha256"
    digest: str = f"{XMLENC}sha256"
    canonicalization: str = EXCLUSIVE
    transforms: Sequence[str] = (ENVELOPED, EXCLUSIVE)
    in_transform: str = ""
    """XML inside the last Transform."""
    uris: Sequence[str] = ("",)
    parent: str = HEADER
    index: int | None = None
    """Where among the children of the parent; last unless given."""
    in_key_info: str = ""
    in_signature: str = ""
    certificates: Sequence[x509.Certificate] | None = None
    encoded: Sequence[bytes] | None = None
    """What stands in X509Certificate instead, readable or not."""
    change: Callable[[etree._Element], None] = field(default=lambda signature: None)
    """What to do to the finished signature element."""


def craft(body: bytes, key: SigningKey, how: Craft | None = None) -> bytes:
    """Return *body* signed with *key* in the way that *how* says."""
    how = how or Craft()
    root = etree.fromstring(body)
    parent = root if how.parent == "." else root.find(how.parent)
    assert parent is not None
    octets = _canonical(root, how.transforms[-1] if how.transforms else C14N)
    digests = [hashlib.new(DIGESTS[how.digest], octets).digest() for _ in how.uris]
    certificates = how.certificates or (key.certificate, *key.chain)
    encoded = how.encoded or [each.public_bytes(Encoding.DER) for each in certificates]
    signature = etree.fromstring(_template(how, digests, encoded))
    parent.insert(len(parent) if how.index is None else how.index, signature)
    signed_info = signature.find(f"{{{DS}}}SignedInfo")
    value = signature.find(f"{{{DS}}}SignatureValue")
    assert signed_info is not None
    assert value is not None
    value.text = base64.b64encode(
        _sign(_canonical(signed_info, how.canonicalization), how.method, key)
    ).decode()
    how.change(signature)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _canonical(element: etree._Element, algorithm: str) -> bytes:
    return etree.tostring(
        element,
        method="c14n",
        exclusive=algorithm.startswith("http://www.w3.org/2001/10/"),
        with_comments=algorithm.endswith("WithComments"),
    )


def _template(how: Craft, digests: Sequence[bytes], certificates: Sequence[bytes]) -> str:
    steps = "".join(
        f'<ds:Transform Algorithm="{each}">{how.in_transform * (each == how.transforms[-1])}</ds:Transform>'
        for each in how.transforms
    )
    references = "".join(
        f'<ds:Reference URI="{uri}"><ds:Transforms>{steps}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{how.digest}"/>'
        f"<ds:DigestValue>{base64.b64encode(digest).decode()}</ds:DigestValue></ds:Reference>"
        for uri, digest in zip(how.uris, digests, strict=True)
    )
    encoded = "".join(
        f"<ds:X509Certificate>{base64.b64encode(each).decode()}</ds:X509Certificate>" for each in certificates
    )
    return (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{how.canonicalization}"/>'
        f'<ds:SignatureMethod Algorithm="{how.method}"/>{references}</ds:SignedInfo>'
        f"<ds:SignatureValue/><ds:KeyInfo><ds:X509Data>{encoded}</ds:X509Data>{how.in_key_info}</ds:KeyInfo>"
        f"{how.in_signature}</ds:Signature>"
    )


def _sign(octets: bytes, method: str, key: SigningKey) -> bytes:
    name = method.rpartition("#")[2]
    if name.startswith("hmac"):
        secret = key.certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return hmac.digest(secret, octets, "sha256")
    algorithm = _hash(name)
    if isinstance(key.private_key, rsa.RSAPrivateKey):
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
        if name.endswith("MGF1"):
            scheme = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=algorithm.digest_size)
        return key.private_key.sign(octets, scheme, algorithm)
    size = (key.private_key.key_size + 7) // 8
    r, s = decode_dss_signature(key.private_key.sign(octets, ec.ECDSA(algorithm)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _hash(name: str) -> hashes.HashAlgorithm:
    for part, algorithm in (("sha384", hashes.SHA384), ("sha512", hashes.SHA512), ("sha1", hashes.SHA1)):
        if part in name:
            return algorithm()
    return hashes.SHA256()
