"""Verifies the one signature of a message and gives back nothing but what it covers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hmac import compare_digest

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from hub.errors import RejectionCode, SignatureRejected
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import Fingerprint
from hub.message.signature_facts import PLAIN, SignatureFacts
from hub.signature.core_validation import (
    covered_octets,
    own_references_hold,
    reference_holds,
    signature_holds,
)
from hub.signature.finding import SubIndication, adverse, rejected
from hub.signature.key import check_key, fits
from hub.signature.profile import Location
from hub.signature.qualified import qualify
from hub.signature.references import DocumentReference
from hub.signature.structure import SignatureParts, take_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContent:
    """What a signature that holds covers, and who made it; whether to trust them is another question."""

    signed_tree: etree._Element
    """Parsed back from `octets`: the document without its `ds:Signature`."""
    octets: bytes
    """The canonical bytes that were hashed."""
    certificate: x509.Certificate
    signed_by: Fingerprint
    """Fingerprint of the signer's certificate."""
    chain: tuple[x509.Certificate, ...]
    """Other certificates that came with the signature; material for a path, not yet one."""
    facts: SignatureFacts = PLAIN
    """Which profile the signature has, and what it says of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A certificate, and what is the same whenever it comes: to look it up by its octets is cheaper."""

    certificate: x509.Certificate
    fingerprint: Fingerprint
    is_strong: bool
    """Whether its key is one that the profile takes."""


def verify_signature(
    root: etree._Element,
    *,
    location: Location,
    stamp_anchors: Sequence[x509.Certificate] = (),
    covered: Mapping[str, bytes] | None = None,
) -> SignedContent:
    """Return what the signature at *location* covers; raises `SignatureRejected` where it does not hold.

    The whole document is covered, or it is refused. Whoever reads only the returned tree cannot be deceived
    by content that was moved, wrapped or added (XML Signature Best Practices: "see what is signed"). *root*
    is used up: its signature is taken out. A time stamp is compared with *stamp_anchors*.

    Where *root* is the skeleton of a large envelope, *covered* has the digests of what a signature of the
    whole covers, by digest method, written by the same pass over it (`hub.signature.skimmed`).
    """
    parts = take_apart(root, location)
    signer, *others = [_certificate(der, location) for der in parts.certificates]
    _refuse_key(signer, parts.signature_method, location)
    octets, facts = _verify(root, parts, signer.certificate, location, stamp_anchors)
    if not _covers(parts.document, octets, covered):
        raise _refusal(SubIndication.HASH_FAILURE, location)
    return SignedContent(
        signed_tree=parse_hardened(octets),
        octets=octets,
        certificate=signer.certificate,
        signed_by=signer.fingerprint,
        chain=tuple([each.certificate for each in others]),
        facts=facts,
    )


def _verify(
    root: etree._Element,
    parts: SignatureParts,
    certificate: x509.Certificate,
    location: Location,
    stamp_anchors: Sequence[x509.Certificate],
) -> tuple[bytes, SignatureFacts]:
    """Return the octets that the signature covers if it is for this document, and what it is."""
    try:
        if not signature_holds(certificate.public_key(), parts):
            raise _refusal(SubIndication.SIG_CRYPTO_FAILURE, location)
        if not own_references_hold(parts):
            raise _refusal(SubIndication.HASH_FAILURE, location)
        facts = qualify(parts, certificate, location.path, stamp_anchors)
        octets = covered_octets(root)
    except etree.C14NError as error:
        raise _not_canonical(location) from error
    return octets, facts


def _covers(reference: DocumentReference, octets: bytes, covered: Mapping[str, bytes] | None) -> bool:
    if covered is None:
        return reference_holds(octets, reference)
    return compare_digest(covered.get(reference.digest_method, b""), reference.digest_value)


def _refusal(sub_indication: SubIndication, location: Location) -> SignatureRejected:
    if sub_indication is SubIndication.HASH_FAILURE:
        code, clause = RejectionCode.HASH_FAILURE, "XMLDSIG 1.1 §3.2.1 (reference validation)"
    else:
        code, clause = RejectionCode.SIG_CRYPTO_FAILURE, "XMLDSIG 1.1 §3.2.2 (signature validation)"
    return rejected(adverse(sub_indication, code, path=location.path, clause=clause))


def _not_canonical(location: Location) -> SignatureRejected:
    finding = adverse(
        SubIndication.FORMAT_FAILURE,
        RejectionCode.SIGNATURE_FORMAT_FAILURE,
        path=location.path,
        clause="Canonical XML 1.0 §1.3: no relative namespace names",
        reason_vi="không chuẩn hóa được gói tin (tên không gian tên phải tuyệt đối)",
        reason_en="the document has no canonical form (namespace names must be absolute)",
    )
    return rejected(finding)


def _certificate(der: bytes, location: Location) -> _Loaded:
    try:
        return _load(der)
    except (ValueError, x509.InvalidVersion) as error:
        finding = adverse(
            SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
            RejectionCode.NO_SIGNING_CERTIFICATE,
            path=f"{location.path}/KeyInfo/X509Data/X509Certificate",
            clause="RFC 5280 §4.1",
        )
        raise rejected(finding) from error


@lru_cache(maxsize=4096)
def _load(der: bytes) -> _Loaded:
    certificate = x509.load_der_x509_certificate(der)
    if certificate.not_valid_before_utc > certificate.not_valid_after_utc:
        raise ValueError("the certificate is never valid")
    if certificate.serial_number <= 0:
        raise ValueError("the serial number is not positive (RFC 5280 §4.1.2.2)")
    return _Loaded(
        certificate=certificate,
        fingerprint=Fingerprint(certificate.fingerprint(SHA256())),
        is_strong=check_key(certificate, "").violation is None,
    )


def _refuse_key(signer: _Loaded, method: str, location: Location) -> None:
    if not signer.is_strong:
        path = f"{location.path}/KeyInfo/X509Data/X509Certificate"
        raise rejected(check_key(signer.certificate, path))
    if not fits(signer.certificate, method):
        mismatch = adverse(
            SubIndication.FORMAT_FAILURE,
            RejectionCode.SIGNATURE_FORMAT_FAILURE,
            path=f"{location.path}/SignedInfo/SignatureMethod",
            clause="XMLDSIG 1.1 §6.4",
            reason_vi="SignatureMethod không hợp với loại khóa của chứng thư",
            reason_en="the signature method is for another kind of key",
        )
        raise rejected(mismatch)
