"""Who asks: a mailbox in force that signs with its own registered certificate, judged as intake judges."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request

from hub.bodies.problems import Problem, Refused
from hub.message.body_proof import BodyProof
from hub.message.directory import Directory
from hub.message.identifiers import MailboxName
from hub.ports import Clock, Registry
from hub.signature.body_proof import ProofRefused, SignedProof, verify_proof
from hub.signature.presented import presented
from hub.signature.source import fingerprint_of
from hub.signature.verdict import Judge

_SCHEME: Final = "bearer"
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="truc bodies"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorkeeper:
    """Knows mailboxes by their proofs."""

    registry: Registry
    judge: Judge
    clock: Clock

    async def mailbox_of(self, request: Request) -> MailboxName:
        """Return who makes *request*; raises `Refused` where nothing proves it."""
        signed = _signed(request)
        now = self.clock.now()
        fault = signed.proof.fault_at(now, method=request.method, path=request.url.path)
        if fault is not None:
            raise _unproved(fault)
        directory = await self.registry.directory()
        self._refuse_certificate(signed, directory, now)
        _refuse_stranger(signed.proof, signed, directory, now)
        return signed.proof.mailbox

    def _refuse_certificate(self, signed: SignedProof, directory: Directory, now: datetime) -> None:
        judged = self.judge.judge(presented(signed.certificate, signed.chain), now, directory.material)
        if judged.finding.violation is not None:
            raise _unproved(judged.finding.violation.en)
        known = directory.certificate(fingerprint_of(signed.certificate))
        if known is None:
            raise _unproved("the certificate is not registered")
        if any(end is not None and end <= now for end in (known.revoked_at, known.retired_at)):
            raise _unproved("the certificate is revoked or retired")


def _signed(request: Request) -> SignedProof:
    scheme, _, compact = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != _SCHEME:
        raise _unproved("there is no proof")
    try:
        return verify_proof(compact.strip())
    except ProofRefused as error:
        raise _unproved(str(error)) from error


def _refuse_stranger(proof: BodyProof, signed: SignedProof, directory: Directory, now: datetime) -> None:
    known = directory.certificate(fingerprint_of(signed.certificate))
    is_its = known is not None and directory.mailbox_for(known.agency, now) == proof.mailbox
    if not is_its or not directory.is_open(proof.mailbox):
        raise Refused(Problem.NOT_ALLOWED)


def _unproved(detail: str) -> Refused:
    return Refused(Problem.NOT_PROVED, detail, _CHALLENGE)
