"""Delta CRLs (RFC 5280 §5.2.4): where they are published, and which may be combined with which list.

The path validator combines a list with a delta of the same scope, and asks for one wherever the list names a
place for deltas; it does not compare their numbers. Here that is done before it sees them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Self, TypeAlias, TypeVar

from cryptography import x509

from hub.message.trust import TrustObject, TrustObjectKind
from hub.signature.source import Addresses, web_addresses

_UNREADABLE: Final = (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion)
Lists: TypeAlias = Sequence[TrustObject]
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Lists that may be looked at together."""

    lists: tuple[TrustObject, ...]
    """Without the deltas that do not fit them, and without what cannot be read."""
    current: frozenset[TrustObject]
    """Those that are newer than the delta that is in force: they need none."""


def is_delta(evidence: TrustObject) -> bool:
    """Whether it says only what has changed since another list."""
    facts = _facts(evidence)
    return facts is not None and facts.base is not None


@lru_cache(maxsize=10_000)
def freshest_addresses(evidence: TrustObject) -> Addresses:
    """Return where the deltas to a complete list are published, as the list names it (RFC 5280 §5.2.6)."""
    try:
        crl = x509.load_der_x509_crl(evidence.body)
        points = crl.extensions.get_extension_for_class(x509.FreshestCRL).value
    except (x509.ExtensionNotFound, x509.UnsupportedGeneralNameType, *_UNREADABLE):
        return ()
    names = [name for each in points for name in each.full_name or ()]
    return () if is_delta(evidence) else web_addresses(names)


def choose(evidence: Lists, at: datetime) -> Choice:
    """Return what of *evidence* may be looked at together at *at*.

    A delta counts where it is in force, made on a list no newer than those of its scope that are there, and
    not older than they are; otherwise what was revoked in between would be hidden, or what it took back be
    taken back once more.
    """
    deltas = [each for each in evidence if is_delta(each)]
    complete = [each for each in evidence if _facts(each) is not None and not is_delta(each)]
    fitting = tuple(each for each in deltas if _fits(each, complete, at))
    current = [each for each in complete if any(_is_newer(each, than, at) for than in deltas)]
    return Choice(lists=(*complete, *fitting), current=frozenset(current))


def _fits(delta: TrustObject, complete: Lists, at: datetime) -> bool:
    it = _facts(delta)
    if it is None or it.base is None or it.number is None or not it.is_in_force(at):
        return False
    same = [facts for each in complete if (facts := _facts(each)) is not None and facts.scope == it.scope]
    return bool(same) and all(
        each.number is not None and it.base <= each.number <= it.number for each in same
    )


def _is_newer(complete: TrustObject, delta: TrustObject, at: datetime) -> bool:
    one, other = _facts(complete), _facts(delta)
    if one is None or other is None or one.number is None or other.number is None:
        return False
    return one.scope == other.scope and other.is_in_force(at) and one.number > other.number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What of a list decides with which others it may be combined."""

    scope: tuple[bytes, bytes | None, bytes | None]
    """Issuer, issuing distribution point and key of the issuer."""
    number: int | None
    base: int | None
    """Of a delta: the number of the list since which it tells what has changed."""
    until: datetime | None

    @classmethod
    def of(cls, crl: x509.CertificateRevocationList) -> Self:
        point = _extension(crl, x509.IssuingDistributionPoint)
        key = _extension(crl, x509.AuthorityKeyIdentifier)
        number, base = _extension(crl, x509.CRLNumber), _extension(crl, x509.DeltaCRLIndicator)
        return cls(
            scope=(
                crl.issuer.public_bytes(),
                None if point is None else point.public_bytes(),
                None if key is None else key.public_bytes(),
            ),
            number=None if number is None else number.crl_number,
            base=None if base is None else base.crl_number,
            until=crl.next_update_utc,
        )

    def is_in_force(self, at: datetime) -> bool:
        """Whether a newer one is not due yet."""
        return self.until is not None and at <= self.until


def _extension(crl: x509.CertificateRevocationList, kind: type[_Extension]) -> _Extension | None:
    try:
        return crl.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


@lru_cache(maxsize=10_000)
def _facts(evidence: TrustObject) -> _Facts | None:
    if evidence.kind is not TrustObjectKind.CRL:
        return None
    try:
        return _Facts.of(x509.load_der_x509_crl(evidence.body))
    except (x509.UnsupportedGeneralNameType, *_UNREADABLE):
        return None
