"""What CRLs say of a certificate: whole lists, lists of a part of them, deltas (RFC 5280 §6.3)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

CLOCK_SKEW: Final = timedelta(minutes=10)
_Crl = x509.CertificateRevocationList
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_HOLD, _TAKEN_BACK = x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl
_UNDERSTOOD: Final = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR})
"""What may be critical; with anything else that is, a list says nothing."""
_UNREADABLE: Final = (ValueError, TypeError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension)


class Status(Enum):
    """What the data in the evidence say about the revocation of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """No data of the time are there, or they are not valid."""


def in_force(since: datetime, until: datetime | None, at: datetime) -> Status:
    """Return GOOD where what was said *since*, and holds *until*, holds *at*."""
    is_in_force = since - CLOCK_SKEW <= at and (until is None or at <= until + CLOCK_SKEW)
    return Status.GOOD if is_in_force else Status.UNKNOWN


def told_by_lists(
    certificate: x509.Certificate, issuer: x509.Certificate, crls: Sequence[_Crl], at: datetime
) -> Iterator[Status]:
    """Yield what each of *crls* says, together with the deltas to it; a delta alone says nothing good."""
    about = [each for each in crls if _is_signed_by(each, issuer) and _covers(each, certificate)]
    deltas = [each for each in about if _base(each) is not None]
    for each in about:
        same = [delta for delta in deltas if _scope(delta) == _scope(each)]
        if _base(each) is None:
            yield _told_by(certificate, each, same, at)
        elif each.last_update_utc > at and _is_revoked(_entry(each, certificate), at):
            yield Status.REVOKED


def _told_by(certificate: x509.Certificate, crl: _Crl, deltas: Sequence[_Crl], at: datetime) -> Status:
    """Return what *crl* says at *at* with the newest of *deltas* that was in force then and fits it."""
    then = [each for each in deltas if _is_in_force(each, at) and _number(each) >= 0]
    fitting = [each for each in then if (_base(each) or 0) <= _number(crl) <= _number(each)]
    delta = max(fitting, key=_number, default=None)
    entry = _entry(crl, certificate)
    changed = None if delta is None else _entry(delta, certificate)
    if changed is not None:
        entry = None if _reason(changed) is _TAKEN_BACK else changed
    if _is_revoked(entry, at) and not (_reason(entry) is _HOLD and _is_over(crl, at)):
        return Status.REVOKED
    is_current = any(_number(crl) > _number(each) for each in then)
    lacks_delta = delta is None and not is_current and _has(crl, x509.FreshestCRL)
    point = _extension(crl, x509.IssuingDistributionPoint)
    if lacks_delta or (point is not None and point.only_some_reasons):
        return Status.UNKNOWN
    return in_force(crl.last_update_utc, crl.next_update_utc, at)


def _is_signed_by(crl: _Crl, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    if crl.issuer != issuer.subject or not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return False
    try:
        return crl.is_signature_valid(key)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _covers(crl: _Crl, certificate: x509.Certificate) -> bool:
    """Whether *certificate* is one that *crl* would name, and nothing in it is beyond this reader."""
    try:
        if any(each.critical and each.oid not in _UNDERSTOOD for each in crl.extensions):
            return False
        point = _extension(crl, x509.IssuingDistributionPoint)
        return point is None or _is_within(certificate, point)
    except _UNREADABLE:
        return False


def _is_within(certificate: x509.Certificate, point: x509.IssuingDistributionPoint) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    is_authority = constraints is not None and constraints.ca
    if point.indirect_crl or point.only_contains_attribute_certs or point.relative_name is not None:
        return False
    if (point.only_contains_user_certs and is_authority) or (
        point.only_contains_ca_certs and not is_authority
    ):
        return False
    named = _extension(certificate, x509.CRLDistributionPoints) or ()
    names = {name for each in named for name in each.full_name or ()}
    return not point.full_name or not names or not names.isdisjoint(point.full_name)


def _is_revoked(entry: x509.RevokedCertificate | None, at: datetime) -> bool:
    return entry is not None and _reason(entry) is not _TAKEN_BACK and entry.revocation_date_utc <= at


def _is_over(crl: _Crl, at: datetime) -> bool:
    """Whether newer lists may have taken back by then what it says was on hold."""
    return crl.next_update_utc is not None and crl.next_update_utc < at


def _is_in_force(crl: _Crl, at: datetime) -> bool:
    return in_force(crl.last_update_utc, crl.next_update_utc, at) is Status.GOOD


def _entry(crl: _Crl, certificate: x509.Certificate) -> x509.RevokedCertificate | None:
    return crl.get_revoked_certificate_by_serial_number(certificate.serial_number)


def _reason(entry: x509.RevokedCertificate | None) -> x509.ReasonFlags | None:
    try:
        return (
            None if entry is None else entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        )
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return None


def _number(crl: _Crl) -> int:
    """Return its number; -1 where it has none: then it fits nothing."""
    number = _extension(crl, x509.CRLNumber)
    return -1 if number is None else number.crl_number


def _base(crl: _Crl) -> int | None:
    """Of a delta: the number of the list since which it tells what has changed."""
    base = _extension(crl, x509.DeltaCRLIndicator)
    return None if base is None else base.crl_number


def _scope(crl: _Crl) -> tuple[x509.IssuingDistributionPoint | None, x509.AuthorityKeyIdentifier | None]:
    return _extension(crl, x509.IssuingDistributionPoint), _extension(crl, x509.AuthorityKeyIdentifier)


def _has(crl: _Crl, kind: type[_Extension]) -> bool:
    return _extension(crl, kind) is not None


def _extension(holder: _Crl | x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return holder.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
