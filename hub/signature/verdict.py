"""The verdict on a signing certificate at the instant of receipt, revocation included, with its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import RejectionCode, SignatureRejected
from hub.message.trust import (
    NOTHING_KNOWN,
    Indication,
    RevocationPolicy,
    TrustMaterial,
    TrustObject,
    TrustObjectKind,
    Validation,
)
from hub.signature.certificates import CERTIFICATE_PATH, TrustAnchors, find_signing_path, subject_of
from hub.signature.finding import INDETERMINATE, PASSED, Finding, SubIndication, adverse, rejected
from hub.signature.inquiry import deltas_of, lists_of
from hub.signature.path import NoPath, Path
from hub.signature.presented import Presented
from hub.signature.revocation import (
    Revocation,
    RevocationState,
    find_revocation,
    in_force_until,
    names_revoked,
)
from hub.signature.source import fingerprint_of

_REMEMBERED: Final = 10_000
_CLAUSE: Final = "RFC 5280 §6.3, RFC 6960"
Evidence: TypeAlias = tuple[TrustObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A finding that lets the message pass or refuses it, and the verdict that is kept with the message."""

    finding: Finding
    validation: Validation | None
    """None where there is no path: then there is nothing that could be judged again."""


class CertificateRejected(SignatureRejected):
    """The signing certificate does not hold; the verdict is kept with the refusal."""

    def __init__(self, judgement: Judgement) -> None:
        """Refuse for the violation of *judgement*, in which there is one."""
        super().__init__(rejected(judgement.finding).violations)
        self.validation = judgement.validation


@dataclass(slots=True, kw_only=True)
class _Known:
    """A judgement with all that it depends on."""

    material: TrustMaterial
    """The last snapshot that said the same of the path."""
    evidence: Evidence
    judgement: Judgement
    not_before: datetime
    not_after: datetime


class Judge:
    """Judges signing certificates, and remembers for as long as nothing it has looked at has changed.

    A judgement is remembered for the interval in which certificates and revocation data are in force, and
    holds only for these very data. The memory is bounded.
    """

    def __init__(self, anchors: TrustAnchors) -> None:
        """Judge by *anchors* and their policies."""
        self.anchors = anchors
        self._known: dict[Presented, _Known] = {}

    def judge(self, presented: Presented, at: datetime, material: TrustMaterial = NOTHING_KNOWN) -> Judgement:
        """Return the judgement on the signer's certificate at *at*, by what is known in *material*."""
        known = self._known.get(presented)
        if known is not None and known.material is material and known.not_before <= at <= known.not_after:
            return known.judgement
        path = find_signing_path(
            presented.certificate, (*presented.chain, *_issuers(material)), self.anchors, at
        )
        if isinstance(path, Finding):
            return Judgement(finding=path, validation=None)
        evidence = select(path, material)
        if known is not None and known.evidence == evidence and known.not_before <= at <= known.not_after:
            known.material = material
            return known.judgement
        return self._judge(presented, path, evidence, at=at, material=material)

    def _judge(
        self,
        presented: Presented,
        path: Path,
        evidence: Evidence,
        *,
        at: datetime,
        material: TrustMaterial,
    ) -> Judgement:
        policy = self.anchors.policy_of(path[0]).revocation
        checked = () if policy is RevocationPolicy.NONE else evidence
        status = _status(path, policy, checked, at)
        judgement = _judgement(path, policy, status, checked)
        not_before, not_after = _interval(path, checked, status, at)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[presented] = _Known(
            material=material,
            evidence=evidence,
            judgement=judgement,
            not_before=not_before,
            not_after=not_after,
        )
        return judgement


@lru_cache(maxsize=8)
def judge_by(anchors: TrustAnchors) -> Judge:
    """Return the judge by *anchors*, always the same with all that it remembers."""
    return Judge(anchors)


def judge_again(kept: Validation, at: datetime) -> Validation | None:
    """Judge by the evidence of *kept* alone, at the instant *at* of receipt; None where there is no path.

    Equal to *kept* where everything is as it was. Whether its anchor deserved trust is for the reader to say.
    """
    presented = [x509.load_der_x509_certificate(each.body) for each in kept.path]
    path = TrustAnchors(presented[:1]).path_to(presented[-1], tuple(presented[1:-1]), at)
    if isinstance(path, NoPath):
        return None
    status = _status(path, kept.policy, kept.revocation, at)
    return _judgement(path, kept.policy, status, kept.revocation).validation


def select(path: Path, material: TrustMaterial) -> Evidence:
    """Return what *material* has about the certificates of *path* below the anchor, each thing once."""
    found: dict[TrustObject, None] = {}
    for certificate in path[1:]:
        response = material.responses.get(fingerprint_of(certificate))
        lists = lists_of(certificate, material)
        about = [*([] if response is None else [response]), *lists, *deltas_of(lists, material)]
        found.update(dict.fromkeys(about))
    return tuple(found)


def _status(path: Path, policy: RevocationPolicy, evidence: Evidence, at: datetime) -> Revocation:
    if policy is RevocationPolicy.NONE:
        return Revocation(state=RevocationState.GOOD)
    return find_revocation(path, evidence, at)


def _interval(path: Path, evidence: Evidence, status: Revocation, at: datetime) -> tuple[datetime, datetime]:
    """Return within which instants *status* holds, as long as *evidence* is the same."""
    ends = [each.not_valid_after_utc for each in path]
    ends += [until for each in evidence if (until := in_force_until(each)) is not None and until > at]
    begins = [each.not_valid_before_utc for each in path]
    match status.state:
        case RevocationState.GOOD if names_revoked(path, evidence):
            return at, at  # revoked from an instant on that is still to come
        case RevocationState.GOOD:
            pass
        case RevocationState.REVOKED:
            begins.append(status.revoked_at or at)
        case RevocationState.UNKNOWN:
            begins.append(at)
        case _:
            assert_never(status.state)
    return max(begins), min(ends)


def _judgement(path: Path, policy: RevocationPolicy, status: Revocation, evidence: Evidence) -> Judgement:
    finding = _finding(path, policy, status)
    word = _sub_indication(status)
    validation = Validation(
        indication=_indication(word),
        sub_indication=word,
        policy=policy,
        note=status.note,
        path=_objects(path),
        revocation=evidence,
    )
    return Judgement(finding=finding, validation=validation)


def _sub_indication(status: Revocation) -> SubIndication | None:
    match status.state:
        case RevocationState.GOOD:
            return None
        case RevocationState.REVOKED:
            return SubIndication.REVOKED if status.is_signer else SubIndication.REVOKED_CA_NO_POE
        case RevocationState.UNKNOWN:
            return SubIndication.TRY_LATER
        case _:
            assert_never(status.state)


def _indication(word: SubIndication | None) -> Indication:
    if word is None:
        return Indication.PASSED
    return Indication.INDETERMINATE if word in INDETERMINATE else Indication.FAILED


def _finding(path: Path, policy: RevocationPolicy, status: Revocation) -> Finding:
    word, signer = _sub_indication(status), path[-1]
    if word is None or (word is SubIndication.TRY_LATER and policy is not RevocationPolicy.HARD):
        return PASSED
    unknown, revoked = RejectionCode.REVOCATION_UNKNOWN, RejectionCode.CERTIFICATE_REVOKED
    code = unknown if word is SubIndication.TRY_LATER else revoked
    return adverse(word, code, path=CERTIFICATE_PATH, clause=_CLAUSE, subject=subject_of(signer))


def _objects(certificates: Sequence[x509.Certificate]) -> Evidence:
    return tuple(_object(each) for each in certificates)


@lru_cache(maxsize=_REMEMBERED)
def _object(certificate: x509.Certificate) -> TrustObject:
    return TrustObject.of(TrustObjectKind.CERTIFICATE, certificate.public_bytes(Encoding.DER))


def _issuers(material: TrustMaterial) -> tuple[x509.Certificate, ...]:
    return tuple(_load(each.body) for each in material.issuers)


_load = lru_cache(maxsize=1_000)(x509.load_der_x509_certificate)
