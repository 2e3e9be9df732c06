"""Judges a signing certificate at an instant: the path to an anchor, and revocation by data of the time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import assert_never

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import Hash, HashAlgorithm
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from hub.evidence.lists import Status, in_force, told_by_lists
from hub.evidence.signed_xml import Unproved


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """CRLs and OCSP responses that came with the evidence; they are checked like everything else."""

    crls: tuple[x509.CertificateRevocationList, ...] = ()
    responses: tuple[ocsp.OCSPResponse, ...] = ()


def path_of(
    certificate: x509.Certificate,
    others: Iterable[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    at: datetime,
) -> list[x509.Certificate]:
    """Return the path from *certificate* up to one of *anchors*, valid *at*; raises `Unproved` else."""
    if not anchors:
        raise Unproved("chưa cho biết gốc tin cậy", "no trust anchor was given")
    policy = (
        PolicyBuilder()
        .store(Store(list(anchors)))
        .time(at)
        .max_chain_depth(8)
        .extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=ExtensionPolicy.permit_all().may_be_present(
                x509.KeyUsage, Criticality.AGNOSTIC, _may_sign
            ),
        )
    )
    try:
        return policy.build_client_verifier().verify(certificate, list(others)).chain
    except VerificationError as error:
        subject = certificate.subject.rfc4514_string()
        raise Unproved(
            f"chứng thư {subject} không dẫn tới gốc tin cậy tại thời điểm đó ({error})",
            f"the certificate {subject} leads to no anchor at that time ({error})",
        ) from error


def _may_sign(_policy: object, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise ValueError("its key may not sign")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The worst that is known of any certificate on a path but its anchor, and of which."""

    status: Status
    certificate: x509.Certificate
    is_signer: bool
    """Whether it is the signer's own, not one above it."""
    is_anything_there: bool
    """Whether there are data of its issuer at all."""

    @property
    def words(self) -> str:
        """The verdict in the words of ETSI EN 319 102-1."""
        match self.status:
            case Status.GOOD:
                return "PASSED"
            case Status.REVOKED:
                return "FAILED/REVOKED" if self.is_signer else "INDETERMINATE/REVOKED_CA_NO_POE"
            case Status.UNKNOWN:
                return "INDETERMINATE/TRY_LATER"
            case _:
                assert_never(self.status)


def ruling_on(path: Sequence[x509.Certificate], revocation: Revocation, at: datetime) -> Ruling:
    """Rule on *path* (the signer's certificate first, its anchor last) at the instant *at*."""
    found = [
        Ruling(
            status=_status(certificate, issuer, revocation, at),
            certificate=certificate,
            is_signer=certificate == path[0],
            is_anything_there=_is_anything_of(issuer, revocation),
        )
        for certificate, issuer in pairwise(path)
    ]
    worst = (Status.REVOKED, Status.UNKNOWN, Status.GOOD)
    anchor = Ruling(status=Status.GOOD, certificate=path[-1], is_signer=False, is_anything_there=True)
    return min((*found, anchor), key=lambda each: worst.index(each.status))


def _is_anything_of(issuer: x509.Certificate, revocation: Revocation) -> bool:
    return any(each.issuer == issuer.subject for each in revocation.crls) or any(
        each.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL and _is_about(each, issuer)
        for each in revocation.responses
    )


def _status(
    certificate: x509.Certificate, issuer: x509.Certificate, revocation: Revocation, at: datetime
) -> Status:
    told = [*told_by_lists(certificate, issuer, revocation.crls, at)]
    told += [_by_response(certificate, issuer, each, at) for each in revocation.responses]
    return next((each for each in (Status.REVOKED, Status.GOOD) if each in told), Status.UNKNOWN)


def _by_response(
    certificate: x509.Certificate, issuer: x509.Certificate, response: ocsp.OCSPResponse, at: datetime
) -> Status:
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Status.UNKNOWN
    is_about = response.serial_number == certificate.serial_number and _is_about(response, issuer)
    if not is_about or not _is_signed_for(response, issuer):
        return Status.UNKNOWN
    if response.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        revoked_at = response.revocation_time_utc
        return Status.REVOKED if revoked_at is None or revoked_at <= at else Status.GOOD
    if response.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        return Status.UNKNOWN
    return in_force(response.this_update_utc, response.next_update_utc, at)


def _is_about(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    """Whether the response names *issuer*, by the hashes of its name and of its key (RFC 6960 §4.1.1)."""
    named = (response.issuer_name_hash, response.issuer_key_hash)
    return named == tuple(
        _digest(part, response.hash_algorithm) for part in (issuer.subject.public_bytes(), _key_bits(issuer))
    )


def _digest(octets: bytes, algorithm: HashAlgorithm) -> bytes:
    digest = Hash(algorithm)
    digest.update(octets)
    return digest.finalize()


def _key_bits(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _is_signed_for(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    """Whether *issuer* signed it, or somebody whom *issuer* lets sign responses (RFC 6960 §4.2.2.2)."""
    return any(
        _signed_by(response, each)
        for each in (issuer, *response.certificates)
        if each == issuer or _is_responder(each, issuer)
    )


def _is_responder(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, TypeError, ValueError, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _signed_by(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    key, algorithm = certificate.public_key(), response.signature_hash_algorithm
    if algorithm is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True
