"""Verifies the one signature of a message and gives back nothing but what it covers."""

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from hub.errors import RejectionCode, SignatureRejected
from hub.message.hardened_xml import hardened_parser
from hub.message.identifiers import Fingerprint
from hub.signature import profile
from hub.signature.finding import SubIndication, adverse, rejected
from hub.signature.key import check_key, fits
from hub.signature.profile import Location
from hub.signature.structure import take_apart

logging.getLogger("signxml").setLevel(logging.INFO)  # at DEBUG it would log what is signed

_SIGNATURE_METHODS: Final = frozenset(map(SignatureMethod, profile.SIGNATURE_METHODS))
_DIGEST_METHODS: Final = frozenset(map(DigestAlgorithm, profile.DIGEST_METHODS))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContent:
    """What a signature that holds covers, and who made it; whether to trust them is another question."""

    signed_tree: etree._Element
    """Parsed back from `octets`: the document without its `ds:Signature`."""
    octets: bytes
    """The canonical bytes that were hashed."""
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    """Other certificates that came with the signature; material for a path, not yet one."""

    @property
    def signed_by(self) -> Fingerprint:
        """Fingerprint of the signer's certificate."""
        return Fingerprint(self.certificate.fingerprint(SHA256()))


def verify_signature(root: etree._Element, *, location: Location) -> SignedContent:
    """Return what the signature at *location* covers; raises `SignatureRejected` where it does not hold.

    The whole document is covered, or it is refused. Whoever reads only the returned tree cannot be deceived
    by content that was moved, wrapped or added (XML Signature Best Practices: "see what is signed").
    """
    parts = take_apart(root, location)
    certificate, *chain = [_certificate(der, location) for der in parts.certificates]
    _refuse_key(certificate, parts.signature_method, location)
    result = _verify(root, certificate, location)
    if result.signed_xml is None:
        raise AssertionError("canonical XML does not parse")
    return SignedContent(
        signed_tree=result.signed_xml,
        octets=result.signed_data,
        certificate=certificate,
        chain=tuple(chain),
    )


def _verify(root: etree._Element, certificate: x509.Certificate, location: Location) -> VerifyResult:
    configuration = SignatureConfiguration(
        location=location.search,
        signature_methods=_SIGNATURE_METHODS,
        digest_algorithms=_DIGEST_METHODS,
        # Validity is judged with the path, at the hub's time; here it must not depend on any clock.
        verification_time=certificate.not_valid_before_utc,
    )
    try:
        result = XMLVerifier().verify(
            root,
            x509_cert=certificate,
            expect_config=configuration,
            parser=hardened_parser(),
            validate_schema=False,  # the profile is narrower, and has been checked
        )
    except InvalidDigest as error:
        raise _refusal(SubIndication.HASH_FAILURE, location) from error
    except SignXMLException as error:
        raise _refusal(SubIndication.SIG_CRYPTO_FAILURE, location) from error
    except etree.LxmlError as error:
        raise _not_canonical(location) from error
    if isinstance(result, list):
        raise TypeError("signxml verified more than the one reference")
    return result


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


def _certificate(der: bytes, location: Location) -> x509.Certificate:
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
def _load(der: bytes) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    if certificate.not_valid_before_utc > certificate.not_valid_after_utc:
        raise ValueError("the certificate is never valid")
    if certificate.serial_number <= 0:
        raise ValueError("the serial number is not positive (RFC 5280 §4.1.2.2)")
    return certificate


def _refuse_key(certificate: x509.Certificate, method: str, location: Location) -> None:
    path = f"{location.path}/KeyInfo/X509Data/X509Certificate"
    finding = check_key(certificate, path)
    if finding.violation is not None:
        raise rejected(finding)
    if not fits(certificate, method):
        mismatch = adverse(
            SubIndication.FORMAT_FAILURE,
            RejectionCode.SIGNATURE_FORMAT_FAILURE,
            path=f"{location.path}/SignedInfo/SignatureMethod",
            clause="XMLDSIG 1.1 §6.4",
            reason_vi="SignatureMethod không hợp với loại khóa của chứng thư",
            reason_en="the signature method is for another kind of key",
        )
        raise rejected(mismatch)
