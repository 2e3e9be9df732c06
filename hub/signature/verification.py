"""Verifies the one signature of a message and gives back nothing but what it covers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest

from cryptography import x509
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
from hub.signature.key import check_key
from hub.signature.presented import Presented, read_presented
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
    presented: Presented
    """The certificates that came with the signature."""
    facts: SignatureFacts = PLAIN
    """Which profile the signature has, and what it says of time."""

    @property
    def certificate(self) -> x509.Certificate:
        """The signer's certificate."""
        return self.presented.certificate

    @property
    def signed_by(self) -> Fingerprint:
        """Fingerprint of the signer's certificate."""
        return self.presented.signed_by

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Other certificates that came with the signature; material for a path, not yet one."""
        return self.presented.chain


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
    presented = _presented(parts.certificates, location)
    _refuse_key(presented, parts.signature_method, location)
    octets, facts = _verify(root, parts, presented.certificate, location, stamp_anchors)
    if not _covers(parts.document, octets, covered):
        raise _refusal(SubIndication.HASH_FAILURE, location)
    return SignedContent(
        signed_tree=parse_hardened(octets),
        octets=octets,
        presented=presented,
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


def _presented(encoded: tuple[bytes, ...], location: Location) -> Presented:
    try:
        return read_presented(encoded)
    except (ValueError, x509.InvalidVersion) as error:
        finding = adverse(
            SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
            RejectionCode.NO_SIGNING_CERTIFICATE,
            path=f"{location.path}/KeyInfo/X509Data/X509Certificate",
            clause="RFC 5280 §4.1",
        )
        raise rejected(finding) from error


def _refuse_key(signer: Presented, method: str, location: Location) -> None:
    if not signer.methods:
        path = f"{location.path}/KeyInfo/X509Data/X509Certificate"
        raise rejected(check_key(signer.certificate, path))
    if method not in signer.methods:
        mismatch = adverse(
            SubIndication.FORMAT_FAILURE,
            RejectionCode.SIGNATURE_FORMAT_FAILURE,
            path=f"{location.path}/SignedInfo/SignatureMethod",
            clause="XMLDSIG 1.1 §6.4",
            reason_vi="SignatureMethod không hợp với loại khóa của chứng thư",
            reason_en="the signature method is for another kind of key",
        )
        raise rejected(mismatch)
