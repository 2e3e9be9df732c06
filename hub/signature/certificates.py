"""Whether a signing certificate can be trusted at an instant (ETSI EN 319 102-1 §5.2.6)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Self, TypeAlias, assert_never

from cryptography import x509

from hub.errors import ConfigurationError, RejectionCode
from hub.message.identifiers import Fingerprint
from hub.message.receipt_xml import VIETNAM_TIME
from hub.message.refusal import Sentence
from hub.message.trust import RevocationPolicy
from hub.signature.finding import PASSED, Finding, SubIndication, adverse
from hub.signature.key import check_key
from hub.signature.path import NoPath, Path, PathFault, find_path
from hub.signature.source import fingerprint_of

CERTIFICATE_PATH: Final = "ds:Signature/ds:KeyInfo/ds:X509Data/ds:X509Certificate"
_REMEMBERED: Final = 10_000
_Chain: TypeAlias = tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Validity:
    """When every certificate of a path is valid."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def of(cls, path: Path) -> Self:
        return cls(
            not_before=max(each.not_valid_before_utc for each in path),
            not_after=min(each.not_valid_after_utc for each in path),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPolicy:
    """What is asked of certificates below one anchor."""

    revocation: RevocationPolicy
    hosts: frozenset[str] = frozenset()
    """Which hosts the hub may ask about their status, with the port where it is not the usual one."""


UNCHECKED: Final = AnchorPolicy(revocation=RevocationPolicy.NONE)


class TrustAnchors:
    """The roots of trust, with a memory of paths found, so that a known signer costs microseconds.

    Only the interval of a path that was found is remembered, never a failure, and the interval is looked at
    on every call. The memory is bounded and holds nothing that could not be computed again.
    """

    def __init__(
        self,
        certificates: Sequence[x509.Certificate],
        *,
        policies: Mapping[str, AnchorPolicy] | None = None,
        otherwise: AnchorPolicy = UNCHECKED,
    ) -> None:
        """Trust *certificates*, of which there is at least one.

        *policies* belong to anchors by the first characters of their fingerprints; *otherwise* to all others.
        Raises `ConfigurationError` where a policy is for no anchor, or for several.
        """
        if not certificates:
            raise ConfigurationError("no trust anchor is configured")
        self.certificates = tuple(certificates)
        self._policies = _by_anchor(self.certificates, policies or {})
        self._otherwise = otherwise
        self._paths: dict[tuple[x509.Certificate, _Chain], tuple[Path, _Validity]] = {}

    @classmethod
    def from_bytes(
        cls,
        *encoded: bytes,
        policies: Mapping[str, AnchorPolicy] | None = None,
        otherwise: AnchorPolicy = UNCHECKED,
    ) -> Self:
        """Read anchors from PEM (any number in each) or DER; raises `ConfigurationError`."""
        certificates = [certificate for each in encoded for certificate in _load(each)]
        return cls(certificates, policies=policies, otherwise=otherwise)

    def policy_of(self, anchor: x509.Certificate) -> AnchorPolicy:
        """Return what is asked below *anchor*."""
        return self._policies.get(fingerprint_of(anchor), self._otherwise)

    def path_to(self, certificate: x509.Certificate, chain: _Chain, at: datetime) -> Path | NoPath:
        """Return a path to *certificate* that is valid at *at*, or why there is none."""
        known = self._paths.get((certificate, chain))
        if known is not None and known[1].not_before <= at <= known[1].not_after:
            return known[0]
        found = find_path(certificate, chain, self.certificates, at)
        if isinstance(found, NoPath):
            return found
        if len(self._paths) >= _REMEMBERED:
            self._paths.clear()
        validity = _Validity.of(found)
        self._paths[certificate, chain] = found, validity
        if at > validity.not_after:  # the validator takes an anchor at any time; we do not
            return NoPath(fault=PathFault.EXPIRED, reason="the trust anchor has expired", certificates=found)
        if at < validity.not_before:
            reason = "the trust anchor is not yet valid"
            return NoPath(fault=PathFault.NOT_YET_VALID, reason=reason, certificates=found)
        return found


def check_certificate(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate], anchors: TrustAnchors, at: datetime
) -> Finding:
    """Return whether *certificate* may sign and leads to one of *anchors* at *at*, with the help of *chain*.

    Revocation is not looked at here.
    """
    found = find_signing_path(certificate, tuple(chain), anchors, at)
    return found if isinstance(found, Finding) else PASSED


def find_signing_path(
    certificate: x509.Certificate, chain: _Chain, anchors: TrustAnchors, at: datetime
) -> Path | Finding:
    """Return the path to *certificate*, where it may sign and there is one at *at*; else what is wrong."""
    own = _check_own(certificate)
    if own.violation is not None:
        return own
    found = anchors.path_to(certificate, chain, at)
    return _finding(found, certificate, at) if isinstance(found, NoPath) else found


def subject_of(certificate: x509.Certificate) -> str:
    """Return the subject for people to read, also where it is malformed."""
    try:
        return certificate.subject.rfc4514_string()
    except (ValueError, TypeError):
        return f"number {certificate.serial_number:x}"


def _load(encoded: bytes) -> list[x509.Certificate]:
    try:
        if b"-----BEGIN" in encoded:
            return x509.load_pem_x509_certificates(encoded)
        return [x509.load_der_x509_certificate(encoded)]
    except (ValueError, x509.InvalidVersion) as error:
        raise ConfigurationError(f"a trust anchor is no certificate: {error}") from error


def _by_anchor(anchors: _Chain, policies: Mapping[str, AnchorPolicy]) -> dict[Fingerprint, AnchorPolicy]:
    found: dict[Fingerprint, AnchorPolicy] = {}
    for prefix, policy in policies.items():
        meant = [
            each
            for each in map(fingerprint_of, anchors)
            if each.hex().startswith(prefix.lower().replace(":", ""))
        ]
        if len(meant) != 1:
            raise ConfigurationError(
                f"{len(meant)} trust anchors have a fingerprint that begins with {prefix}"
            )
        found[meant[0]] = policy
    return found


@lru_cache(maxsize=_REMEMBERED)
def _check_own(certificate: x509.Certificate) -> Finding:
    """Check what the certificate says of itself, whoever issued it; it always says the same."""
    strength = check_key(certificate, CERTIFICATE_PATH)
    if strength.violation is not None:
        return strength
    try:
        reason = _misuse(certificate.extensions)
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        reason = Sentence("không đọc được phần mở rộng", "its extensions cannot be read")
    return PASSED if reason is None else _constraints(certificate, reason)


def _misuse(extensions: x509.Extensions) -> Sentence | None:
    """Return why a certificate with *extensions* is not one to sign documents with (RFC 5280 §4.2.1)."""
    constraints, usage = _constraints_of(extensions), _usage_of(extensions)
    if constraints is not None and constraints.ca:
        return Sentence(
            "đây là chứng thư của tổ chức chứng thực", "it is the certificate of a certification authority"
        )
    if usage is None or not (usage.digital_signature or usage.content_commitment):
        return Sentence(
            "keyUsage không có digitalSignature hay nonRepudiation",
            "its keyUsage names neither digitalSignature nor nonRepudiation",
        )
    return None


def _constraints_of(extensions: x509.Extensions) -> x509.BasicConstraints | None:
    try:
        return extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None


def _usage_of(extensions: x509.Extensions) -> x509.KeyUsage | None:
    try:
        return extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _constraints(certificate: x509.Certificate, reason: Sentence) -> Finding:
    return adverse(
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        RejectionCode.CERTIFICATE_CONSTRAINTS,
        path=CERTIFICATE_PATH,
        clause="RFC 5280 §4.2.1",
        subject=subject_of(certificate),
        reason_vi=reason.vi,
        reason_en=reason.en,
    )


def _finding(no_path: NoPath, certificate: x509.Certificate, at: datetime) -> Finding:
    """Translate *no_path*; where a certificate above is the cause, the sentence names that one."""
    match no_path.fault:
        case PathFault.EXPIRED:
            expired = _first(lambda each: each.not_valid_after_utc < at, no_path.certificates, certificate)
            code, sub = RejectionCode.CERTIFICATE_EXPIRED, SubIndication.EXPIRED
            return _outside(sub, code, expired, expired.not_valid_after_utc)
        case PathFault.NOT_YET_VALID:
            early = _first(lambda each: each.not_valid_before_utc > at, no_path.certificates, certificate)
            code, sub = RejectionCode.CERTIFICATE_NOT_YET_VALID, SubIndication.NOT_YET_VALID
            return _outside(sub, code, early, early.not_valid_before_utc)
        case PathFault.WEAK_ALGORITHM:
            return _weak_chain(no_path.reason)
        case PathFault.CONSTRAINTS:
            reason = Sentence(f"đường dẫn chứng thực vi phạm ràng buộc ({no_path.reason})", no_path.reason)
            return _constraints(certificate, reason)
        case PathFault.NO_CHAIN:
            return _no_chain(certificate)
        case _:
            assert_never(no_path.fault)


def _first(
    holds: Callable[[x509.Certificate], bool], certificates: _Chain, otherwise: x509.Certificate
) -> x509.Certificate:
    return next((each for each in certificates if holds(each)), otherwise)


def _outside(
    sub_indication: SubIndication, code: RejectionCode, certificate: x509.Certificate, limit: datetime
) -> Finding:
    return adverse(
        sub_indication,
        code,
        path=CERTIFICATE_PATH,
        clause="RFC 5280 §4.1.2.5",
        subject=subject_of(certificate),
        at=limit.astimezone(VIETNAM_TIME).isoformat(),
    )


def _weak_chain(reason: str) -> Finding:
    return adverse(
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
        RejectionCode.FORBIDDEN_ALGORITHM,
        path=CERTIFICATE_PATH,
        clause="decision 0003: no SHA-1, no RSA below 2048 bits in the path",
        algorithm=f"in the certificate path ({reason})",
    )


def _no_chain(certificate: x509.Certificate) -> Finding:
    return adverse(
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
        RejectionCode.NO_CERTIFICATE_CHAIN,
        path=CERTIFICATE_PATH,
        clause="RFC 5280 §6",
        subject=subject_of(certificate),
    )
