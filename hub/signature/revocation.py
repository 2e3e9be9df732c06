"""Whether certificates of a path are revoked, by pyhanko-certvalidator over the data at hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Final

from asn1crypto import crl as asn1_crl
from asn1crypto.algos import SignedDigestAlgorithm
from asn1crypto.keys import PublicKeyInfo
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import ocsp
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    CRLValidationError,
    OCSPValidationError,
    PathBuildingError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.sig_validate import (
    DEFAULT_VALIDATION_CONTEXT,
    DefaultSignatureValidator,
    SignatureValidationContext,
    SignatureValidator,
)

from hub.message.trust import TrustObject, TrustObjectKind
from hub.signature.delta import Choice, choose
from hub.signature.path import ALONE, MALFORMED, Path, asn1_of, finish

OCSP_WITHOUT_END: Final = timedelta(minutes=30)
"""How long the validator takes a response that names no next update."""
_UNREADABLE: Final = (*MALFORMED, x509.InvalidVersion, UnsupportedAlgorithm)
_FRUITLESS: Final = (
    PathBuildingError,
    ValidationError,
    CRLValidationError,
    OCSPValidationError,
    InvalidSignature,
    RuntimeError,  # NotImplementedError and RecursionError among them
    ArithmeticError,
    *_UNREADABLE,
)
"""Whatever the validator raises over a stranger's bytes: they say nothing, and that is all."""
_EITHER: Final = RevocationCheckingRule.CRL_OR_OCSP_REQUIRED
_NOT: Final = RevocationCheckingRule.NO_CHECK
_FRESHEST: Final = "freshest_crl"


class RevocationState(StrEnum):
    """What is known of a path."""

    GOOD = "good"
    """None of its certificates was revoked, by data that are in force."""
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What CRLs and OCSP responses say of a path at an instant."""

    state: RevocationState
    note: str = ""
    revoked_at: datetime | None = None
    is_signer: bool = True
    """Whether the signer's own certificate is the revoked one, not one above it."""


class Scope(Enum):
    """Which certificates of a path are looked at, and by which lists."""

    WHOLE = "whole"
    """Every certificate below the anchor. A list that names a place for deltas says nothing without one."""
    OWN = "own"
    """The last certificate alone."""
    OWN_BY_LIST_ALONE = "own, by the list alone"
    """The same, and no list needs a delta: whether the list itself may be kept."""


def find_revocation(
    path: Path, evidence: Sequence[TrustObject], at: datetime, *, scope: Scope = Scope.WHOLE
) -> Revocation:
    """Return what *evidence* says at *at* of the certificates of *path* below the anchor.

    Where a CRL and a response contradict one another, the one that says "revoked" counts. May be called by
    several threads, and then does one at a time.
    """
    choice = choose([each for each in evidence if each.kind is TrustObjectKind.CRL], at)
    with ALONE:
        if any(_lists(each, path) for each in choice.lists):
            by_list = _validate(path, choice, (), at, scope=scope)
            if by_list.state is RevocationState.REVOKED:
                return by_list
        responses = [each for each in evidence if each.kind is TrustObjectKind.OCSP]
        return _validate(path, choice, responses, at, scope=scope)


def names_revoked(path: Path, evidence: Sequence[TrustObject]) -> bool:
    """Whether any of *evidence* says that a certificate of *path* is revoked, from whatever instant on."""
    return any(
        _lists(each, path) if each.kind is TrustObjectKind.CRL else _is_adverse(each) for each in evidence
    )


@lru_cache(maxsize=10_000)
def in_force_until(evidence: TrustObject) -> datetime | None:
    """Return when newer data are due, after which *evidence* counts no more; None where it is malformed."""
    try:
        if evidence.kind is TrustObjectKind.CRL:
            return _crl(evidence).next_update_utc
        response = ocsp.load_der_ocsp_response(evidence.body)
        return response.next_update_utc or response.this_update_utc + OCSP_WITHOUT_END
    except _UNREADABLE:
        return None


def made_at(evidence: TrustObject) -> datetime | None:
    """Return from when *evidence* is; None where it is malformed."""
    try:
        if evidence.kind is TrustObjectKind.CRL:
            return _crl(evidence).last_update_utc
        return ocsp.load_der_ocsp_response(evidence.body).this_update_utc
    except _UNREADABLE:
        return None


@lru_cache(maxsize=64)
def _crl(evidence: TrustObject) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(evidence.body)


def _lists(evidence: TrustObject, path: Path) -> bool:
    try:
        found = [_crl(evidence).get_revoked_certificate_by_serial_number(each.serial_number) for each in path]
    except _UNREADABLE:
        return False
    return any(each is not None for each in found)


def _is_adverse(evidence: TrustObject) -> bool:
    try:
        status = ocsp.load_der_ocsp_response(evidence.body).certificate_status
    except _UNREADABLE:
        return False
    return status is ocsp.OCSPCertStatus.REVOKED


def _validate(
    path: Path,
    choice: Choice,
    responses: Sequence[TrustObject],
    at: datetime,
    *,
    scope: Scope,
) -> Revocation:
    rule = RevocationCheckingPolicy(
        ee_certificate_rule=_EITHER, intermediate_ca_cert_rule=_EITHER if scope is Scope.WHOLE else _NOT
    )
    is_alone = scope is Scope.OWN_BY_LIST_ALONE
    try:
        abridged = [
            _abridge(each, path, needs_delta=not is_alone and each not in choice.current)
            for each in choice.lists
        ]
        context = ValidationContext(
            trust_roots=[asn1_of(path[0])],
            other_certs=[asn1_of(each) for each in path[1:-1]],
            moment=at,
            allow_fetching=False,
            crls=[each.crl for each in abridged],
            ocsps=[each.body for each in responses],
            # The newest data are the best, also for what was received a moment before they were made.
            revinfo_policy=CertRevTrustPolicy(rule, retroactive_revinfo=True),
            time_tolerance=timedelta(0),
            signature_validator=_OverTheWhole(abridged),
        )
        finish(CertificateValidator(asn1_of(path[-1]), validation_context=context).async_validate_path())
    except RevokedError as error:
        return _revoked(error)
    except _FRUITLESS as error:
        return Revocation(state=RevocationState.UNKNOWN, note=str(error))
    return Revocation(state=RevocationState.GOOD)


def _revoked(error: RevokedError) -> Revocation:
    if error.is_side_validation:  # of who answered, not of the path: the answer counts for nothing
        return Revocation(state=RevocationState.UNKNOWN, note=str(error))
    return Revocation(
        state=RevocationState.REVOKED,
        note=str(error),
        revoked_at=error.revocation_dt,
        is_signer=error.is_ee_cert,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Abridged:
    """A CRL without what is of no interest: entries take the validator 30 µs each."""

    crl: asn1_crl.CertificateList
    part: bytes
    """What the validator believes to be signed."""
    whole: bytes
    """What is signed."""


def _abridge(evidence: TrustObject, path: Path, *, needs_delta: bool) -> _Abridged:
    """Leave out every entry where none is for a serial number of *path*: then none can decide about it.

    An indirect CRL keeps its entries, since in it they speak for those that follow. A list that needs no
    delta loses the word of where deltas are: the validator would ask for one.
    """
    loaded = asn1_crl.CertificateList.load(evidence.body)
    listed = loaded["tbs_cert_list"]
    whole = listed.dump()
    scope = loaded.issuing_distribution_point_value
    is_indirect = scope is not None and scope["indirect_crl"].native
    if len(_crl(evidence)) and not is_indirect and not _lists(evidence, path):
        del listed["revoked_certificates"]
    extensions = listed["crl_extensions"]
    if not needs_delta and any(each["extn_id"].native == _FRESHEST for each in extensions):
        kept = [each for each in extensions if each["extn_id"].native != _FRESHEST]
        listed["crl_extensions"] = kept
        loaded = asn1_crl.CertificateList.load(loaded.dump(force=True))
        listed = loaded["tbs_cert_list"]
    return _Abridged(crl=loaded, part=listed.dump(), whole=whole)


class _OverTheWhole(SignatureValidator):
    """Verifies the signature of an abridged CRL over the whole one."""

    def __init__(self, abridged: Sequence[_Abridged]) -> None:
        self._whole = {each.part: each.whole for each in abridged}
        self._validator = DefaultSignatureValidator()

    def validate_signature(
        self,
        signature: bytes,
        signed_data: bytes,
        public_key_info: PublicKeyInfo,
        signature_algorithm: SignedDigestAlgorithm,
        context: SignatureValidationContext = DEFAULT_VALIDATION_CONTEXT,
    ) -> None:
        self._validator.validate_signature(
            signature,
            self._whole.get(signed_data, signed_data),
            public_key_info,
            signature_algorithm,
            context,
        )
