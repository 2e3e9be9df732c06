"""Signs envelopes and receipts in the one shape that the axis takes."""

from base64 import b64encode
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, Hash, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from lxml import etree

from hub.errors import ConfigurationError, MalformedMessage, RejectionCode, SignatureRejected
from hub.message.edxml import XMLDSIG_NAMESPACE
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import Fingerprint
from hub.message.refusal import Sentence, violation
from hub.signature import profile
from hub.signature.core_validation import canonical, remove_element
from hub.signature.key import check_key
from hub.signature.profile import ENVELOPE, PLACEHOLDERS, SIGNATURE
from hub.signature.role_claim import NOTHING_OWN, SIGNED_PROPERTIES, RoleClaim, qualification_of

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_DECLARATION: Final = b"<?xml version='1.0' encoding='UTF-8'?>\n"
_SIGNATURE: Final = (
    f'<ds:Signature xmlns:ds="{XMLDSIG_NAMESPACE}"'
    "{own_id}><ds:SignedInfo>"
    f'<ds:CanonicalizationMethod Algorithm="{profile.EXCLUSIVE_C14N}"/>'
    '<ds:SignatureMethod Algorithm="{signature_method}"/>'
    '<ds:Reference URI=""><ds:Transforms>'
    f'<ds:Transform Algorithm="{profile.ENVELOPED}"/><ds:Transform Algorithm="{profile.EXCLUSIVE_C14N}"/>'
    '</ds:Transforms><ds:DigestMethod Algorithm="{digest_method}"/>'
    "<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>{own_reference}</ds:SignedInfo>"
    "<ds:SignatureValue/>"
    "<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo>{own_object}</ds:Signature>"
)
_NAMED: Final = f' xmlns:ds="{XMLDSIG_NAMESPACE}"'
_CANONICAL_SIGNED_INFO: Final = (
    f"<ds:SignedInfo{_NAMED}>"
    f'<ds:CanonicalizationMethod Algorithm="{profile.EXCLUSIVE_C14N}"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="{signature_method}"></ds:SignatureMethod>'
    '<ds:Reference URI=""><ds:Transforms>'
    f'<ds:Transform Algorithm="{profile.ENVELOPED}"></ds:Transform>'
    f'<ds:Transform Algorithm="{profile.EXCLUSIVE_C14N}"></ds:Transform>'
    '</ds:Transforms><ds:DigestMethod Algorithm="{digest_method}"></ds:DigestMethod>'
    "<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
)
_SIGNED_ALREADY: Final = Sentence("gói tin đã được ký", "the envelope is signed already")
_RELATIVE_NAMESPACE: Final = Sentence(
    "tên không gian tên phải là URI tuyệt đối", "a namespace name is not an absolute URI"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key with the certificate that names its owner; its text never shows the key."""

    private_key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()
    """Issuers of the certificate, upwards, without the trust anchor; they travel with every signature."""

    def __post_init__(self) -> None:
        """Refuse a key that is not the certificate's, or that nobody would accept."""
        if self.private_key.public_key() != self.certificate.public_key():
            raise ConfigurationError("the private key does not belong to the certificate")
        finding = check_key(self.certificate, "")
        if finding.violation is not None:
            raise ConfigurationError(finding.violation.en)

    @property
    def fingerprint(self) -> Fingerprint:
        """Fingerprint of the certificate, as it is registered."""
        return Fingerprint(self.certificate.fingerprint(SHA256()))

    @classmethod
    def from_pem(cls, encoded: bytes, password: bytes | None = None) -> Self:
        """Read private key, certificate and chain from one PEM text; raises `ConfigurationError`."""
        try:
            private_key = load_pem_private_key(encoded, password)
            certificate, *chain = x509.load_pem_x509_certificates(encoded)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"not a signing key in PEM form: {error}") from error
        return cls._of(private_key, certificate, chain)

    @classmethod
    def from_pkcs12(cls, encoded: bytes, password: bytes | None = None) -> Self:
        """Read private key, certificate and chain from PKCS #12; raises `ConfigurationError`."""
        try:
            private_key, certificate, chain = pkcs12.load_key_and_certificates(encoded, password)
        except ValueError as error:
            raise ConfigurationError(f"not a signing key in PKCS #12 form: {error}") from error
        return cls._of(private_key, certificate, chain)

    @classmethod
    def _of(
        cls, private_key: object, certificate: x509.Certificate | None, chain: list[x509.Certificate]
    ) -> Self:
        if certificate is None or not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ConfigurationError("a signing key is an RSA or EC key with its certificate")
        return cls(private_key=private_key, certificate=certificate, chain=tuple(chain))

    def to_pem(self, password: bytes) -> bytes:
        """Return key, encrypted with *password*, certificate and chain as one PEM text."""
        private_key = self.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
        )
        certificates = [each.public_bytes(Encoding.PEM) for each in (self.certificate, *self.chain)]
        return b"".join([private_key, *certificates])


def sign_envelope(body: bytes, key: SigningKey, *, claim: RoleClaim | None = None) -> bytes:
    """Return the edXML envelope *body* signed with *key*: UTF-8, with declaration, content unchanged.

    With a *claim* the signature is XAdES-BES, and says under which mandate and when it was made.

    A vendor's empty or dummy placeholder gives way to the signature, which becomes the last child of
    `edXMLHeader`. Comments are dropped, since no signature covers them. Raises `MalformedMessage` where
    *body* is no edXML, `SignatureRejected` where it is signed already or
    has no canonical form.
    """
    root = _envelope(body)
    header = _header(root)
    if next(root.iter(SIGNATURE), None) is not None:
        raise _unsignable("decision 0003: exactly one signature", _SIGNED_ALREADY)
    etree.strip_tags(root, etree.Comment)
    for placeholder in [child for child in header if child.tag in PLACEHOLDERS]:
        remove_element(placeholder)
    try:
        return _signed(root, header, key, claim)
    except etree.C14NError as error:
        raise _unsignable("Canonical XML 1.0 §1.3", _RELATIVE_NAMESPACE) from error


def sign_receipt(octets: bytes, key: SigningKey) -> bytes:
    """Return the receipt, or sheet of receipts, *octets* signed with *key*, the signature its last child.

    *octets* are in exclusive canonical form already (`hub.message.receipt_xml` writes them so): they are
    hashed as they are, and nothing is parsed.
    """
    signature_method, digest_method, algorithm = _methods(key)
    digest = Hash(algorithm)
    digest.update(octets)
    signed_info = _CANONICAL_SIGNED_INFO.format(
        signature_method=signature_method,
        digest_method=digest_method,
        digest=b64encode(digest.finalize()).decode(),
    )
    value = b64encode(_sign(signed_info.encode(), key.private_key, algorithm)).decode()
    signature = (
        f"<ds:Signature{_NAMED}>{signed_info.replace(_NAMED, '')}"
        f"<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>"
        f"{_encoded((key.certificate, *key.chain))}</ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    end = octets.rindex(b"</")
    return b"".join([_DECLARATION, octets[:end], signature.encode(), octets[end:]])


def signature_over(digest: bytes, key: SigningKey, *, claim: RoleClaim | None = None) -> bytes:
    """Return a signature as XML, to stand in any document of whose canonical form *digest* is known.

    The digest is that by `digest_method_of` *key*; the document holds no signature yet.
    """
    signature = _unsigned_signature(digest, key, claim)
    _sign_in_place(signature, key)
    return etree.tostring(signature, encoding="UTF-8", xml_declaration=False)


def digest_method_of(key: SigningKey) -> str:
    """Return the method by which what *key* signs is digested."""
    return _methods(key)[1]


def sign_octets(octets: bytes, key: SigningKey) -> bytes:
    """Return the signature value of *octets* by the method that suits *key*, as XML-DSig and JWS write it."""
    return _sign(octets, key.private_key, _methods(key)[2])


def _envelope(body: bytes) -> etree._Element:
    if b"<!DOCTYPE" in body:
        raise _malformed(RejectionCode.FORBIDDEN_XML, what_vi="DOCTYPE", what_en="a DOCTYPE")
    try:
        return parse_hardened(body.removeprefix(BOM_UTF8))
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise _malformed(RejectionCode.NOT_WELL_FORMED, line=line, column=column) from error


def _header(root: etree._Element) -> etree._Element:
    header = root.find(ENVELOPE.search.removesuffix("/")) if root.tag == ENVELOPE.names[0] else None
    if header is None:
        raise _malformed(RejectionCode.NOT_AN_ENVELOPE, root=root.tag)
    return header


def _malformed(code: RejectionCode, **values: object) -> MalformedMessage:
    return MalformedMessage([violation(code, path="/", rule="QCVN 102:2016: edXML in UTF-8", **values)])


def _unsignable(rule: str, reason: Sentence) -> SignatureRejected:
    code, path = RejectionCode.SIGNATURE_FORMAT_FAILURE, ENVELOPE.path
    return SignatureRejected(
        [violation(code, path=path, rule=rule, reason_vi=reason.vi, reason_en=reason.en)]
    )


def _signed(root: etree._Element, parent: etree._Element, key: SigningKey, claim: RoleClaim | None) -> bytes:
    digest = Hash(_methods(key)[2])
    digest.update(canonical(root))
    signature = _unsigned_signature(digest.finalize(), key, claim)
    parent.append(signature)
    # Canonicalised in its place: the document may have bound the namespace of XML-DSig to another prefix.
    _sign_in_place(signature, key)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _unsigned_signature(digest: bytes, key: SigningKey, claim: RoleClaim | None) -> etree._Element:
    """Return the signature over a document of which *digest* is known; values are still missing in it."""
    signature_method, digest_method, _ = _methods(key)
    own = NOTHING_OWN if claim is None else qualification_of(claim, key.certificate, digest, digest_method)
    return etree.fromstring(
        _SIGNATURE.format(
            own_id=own.signature_id,
            signature_method=signature_method,
            digest_method=digest_method,
            digest=b64encode(digest).decode(),
            own_reference=own.reference,
            certificates=_encoded((key.certificate, *key.chain)),
            own_object=own.holder,
        )
    )


def _sign_in_place(signature: etree._Element, key: SigningKey) -> None:
    """Enter the digest of the signed properties, where there are any, and then the signature's value."""
    *_, algorithm = _methods(key)
    signed_info, value = signature[0], signature[1]
    for properties in signature.iter(SIGNED_PROPERTIES):
        digest = Hash(algorithm)
        digest.update(canonical(properties))
        signed_info[-1][-1].text = b64encode(digest.finalize()).decode()
    value.text = b64encode(_sign(canonical(signed_info), key.private_key, algorithm)).decode()


@lru_cache(maxsize=256)
def _encoded(certificates: tuple[x509.Certificate, ...]) -> str:
    octets = [b64encode(each.public_bytes(Encoding.DER)).decode() for each in certificates]
    return "".join(f"<ds:X509Certificate>{each}</ds:X509Certificate>" for each in octets)


def _methods(key: SigningKey) -> tuple[str, str, HashAlgorithm]:
    if isinstance(key.private_key, rsa.RSAPrivateKey):
        return profile.RSA_SHA256, profile.SHA256, SHA256()
    if key.private_key.curve.name == "secp384r1":
        return profile.ECDSA_SHA384, profile.SHA384, SHA384()
    return profile.ECDSA_SHA256, profile.SHA256, SHA256()


def _sign(octets: bytes, private_key: PrivateKey, algorithm: HashAlgorithm) -> bytes:
    """Return the signature value: for ECDSA r and s side by side (XMLDSIG 1.1 §6.4.3), not in DER."""
    if isinstance(private_key, rsa.RSAPrivateKey):
        return private_key.sign(octets, PKCS1v15(), algorithm)
    r, s = decode_dss_signature(private_key.sign(octets, ec.ECDSA(algorithm)))
    size = (private_key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")
