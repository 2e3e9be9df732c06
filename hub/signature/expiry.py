"""When registered certificates end, and who is to hear of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hub.message.directory import RegisteredCertificate
from hub.message.identifiers import Fingerprint

THRESHOLDS: Final = (60, 30, 7)
"""Days before the end at which a warning is given."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Warned:
    """A warning that a certificate ends within so many days."""

    fingerprint: Fingerprint
    days: int


def end_of(certificate: RegisteredCertificate) -> datetime:
    """Return when the axis stops accepting *certificate*, as it is known by now."""
    ends = (certificate.not_after, certificate.retired_at, certificate.revoked_at)
    return min(each for each in ends if each is not None)


def is_in_use(certificate: RegisteredCertificate, at: datetime) -> bool:
    """Whether what *certificate* signs is accepted at *at* or later, and nobody has planned its end."""
    return certificate.retired_at is None and certificate.revoked_at is None and at <= certificate.not_after


def days_left(certificate: RegisteredCertificate, at: datetime) -> int:
    """Return how many whole days *certificate* has from *at* on; negative once it has ended."""
    return (end_of(certificate) - at) // _DAY


def due_warnings(certificates: Iterable[RegisteredCertificate], at: datetime) -> list[Warned]:
    """Return the nearest threshold that each of *certificates* has passed; what is far off has none."""
    due = []
    for each in certificates:
        passed = [days for days in THRESHOLDS if days_left(each, at) < days]
        if passed:
            due.append(Warned(fingerprint=each.fingerprint, days=min(passed)))
    return sorted(due)
