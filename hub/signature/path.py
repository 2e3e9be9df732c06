"""Certification paths (RFC 5280 §6) by pyhanko-certvalidator, known to this and `revocation`."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from threading import Lock
from typing import Final, TypeAlias, TypeVar

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    NotYetValidError,
    PathBuildingError,
    PathValidationError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath

T = TypeVar("T")
MALFORMED: Final = (ValueError, TypeError, LookupError, AttributeError)
"""What asn1crypto raises over a malformed certificate, and only when it is asked for the part."""
ALONE: Final = Lock()
"""asn1crypto prepares each of its classes at the first use and empties its tables to do so: a thread that is
at work with them just then finds them wanting, and a good certificate leads nowhere."""


class PathFault(StrEnum):
    """Why there is no path."""

    NO_CHAIN = "no chain"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    WEAK_ALGORITHM = "weak algorithm"
    CONSTRAINTS = "constraints"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPath:
    """There is no valid path; *certificates* are the nearest thing to one, the anchor first."""

    fault: PathFault
    reason: str
    certificates: tuple[x509.Certificate, ...] = ()


Path: TypeAlias = tuple[x509.Certificate, ...]
"""From the trust anchor down to the certificate itself."""


def find_path(
    certificate: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    at: datetime,
) -> Path | NoPath:
    """Return a path from *anchors* to *certificate* that is valid at *at*; revocation is not looked at.

    May be called by several threads, and then does one at a time.
    """
    with ALONE:
        try:
            return _certificates(finish(_validator(certificate, others, anchors, at).async_validate_path()))
        except PathValidationError as error:
            return _no_path(error)
        except (PathBuildingError, ValidationError, *MALFORMED) as error:
            return NoPath(fault=PathFault.NO_CHAIN, reason=str(error))


def _validator(
    certificate: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    at: datetime,
) -> CertificateValidator:
    context = ValidationContext(
        trust_roots=[asn1_of(anchor) for anchor in anchors],
        other_certs=[asn1_of(other) for other in others],
        moment=at,
        allow_fetching=False,
        revocation_mode="soft-fail",
        time_tolerance=timedelta(0),
    )
    return CertificateValidator(asn1_of(certificate), validation_context=context)


def _no_path(error: PathValidationError) -> NoPath:
    certificates = _certificates(error.original_path)
    match error:
        case ExpiredError():
            fault = PathFault.EXPIRED
        case NotYetValidError():
            fault = PathFault.NOT_YET_VALID
        case DisallowedAlgorithmError():
            fault = PathFault.WEAK_ALGORITHM
        case _:
            fault = PathFault.CONSTRAINTS if _is_linked(certificates) else PathFault.NO_CHAIN
    return NoPath(fault=fault, reason=str(error), certificates=certificates)


def _is_linked(certificates: Path) -> bool:
    """Whether each certificate was really signed by the one above: names alone can be copied."""
    try:
        for issuer, subject in pairwise(certificates):
            subject.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _certificates(path: ValidationPath) -> Path:
    return tuple(x509.load_der_x509_certificate(each.dump()) for each in path.iter_certs(include_root=True))


def asn1_of(certificate: x509.Certificate) -> asn1.Certificate:
    """Return *certificate* as the validator wants it."""
    return asn1.Certificate.load(certificate.public_bytes(Encoding.DER))


def finish(coroutine: Coroutine[object, object, T]) -> T:
    """Run a coroutine that waits for nothing: without fetching, the validator only computes."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise AssertionError("the path validator tried to wait for something")
