"""The order of intake, and its net: parse, verify, validate, authorize; then accept or reject."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cryptography import x509

from hub.catalogue import Catalogue, FastLane, JudgeNeeded, Schemas
from hub.errors import MessageRejected, TemporaryFailure
from hub.intake.accept import accept
from hub.intake.authorize import authority_violations, authorize
from hub.intake.large import LargeLimits, parse_large
from hub.intake.parse import ParseLimits, parse
from hub.intake.reject import reject
from hub.intake.validate import ContentLimits, Examined, admit, examine
from hub.intake.verify import verify
from hub.message.decision import Admit, Committed, Decision
from hub.message.directory import Directory
from hub.message.stages import ParsedMessage, ReceivedMessage, VerifiedMessage
from hub.ports import Attest, Seam
from hub.signature.certificates import TrustAnchors
from hub.signature.verdict import CertificateRejected

AT_ONCE_OCTETS: Final = 65_536
AT_ONCE_TAGS: Final = 2_000
"""What is longer takes more than the few milliseconds for which everybody else can wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The hub itself failed on this message: a developer acts, with the traceback."""

    received: ReceivedMessage
    error: str
    trace: str


Result: TypeAlias = Decision | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeLine:
    """Takes a message through every check; pure CPU work, safe to run in a thread."""

    anchors: TrustAnchors
    catalogue: Catalogue
    parse_limits: ParseLimits
    content_limits: ContentLimits
    large_limits: LargeLimits = field(default_factory=LargeLimits)
    stamp_anchors: tuple[x509.Certificate, ...] = ()
    """Who may stand behind the time stamp of a sender's signature."""

    def examine(self, received: ReceivedMessage, directory: Directory) -> Result:
        """Decide about *received*; whatever happens to one message stays with it.

        Raises `TemporaryFailure` where a large envelope cannot be read just now, and nothing else.
        """
        return self._guarded(received, directory, self.catalogue)

    def examine_at_once(self, received: ReceivedMessage, directory: Directory) -> Result | None:
        """Decide about *received* like `examine`, where that is a matter of a moment; else return None.

        What takes longer is much to read, and what only the judge of the schema can decide.
        """
        if len(received.body) > AT_ONCE_OCTETS or received.body.count(b"<") > AT_ONCE_TAGS:
            return None
        try:
            return self._guarded(received, directory, FastLane(self.catalogue))
        except JudgeNeeded:
            return None

    def _guarded(self, received: ReceivedMessage, directory: Directory, schemas: Schemas) -> Result:
        try:
            return self._decide(received, directory, schemas)
        except (JudgeNeeded, TemporaryFailure):
            raise
        except Exception as error:
            # One of the two nets: anything that is no refusal is our own fault.
            return Failed(
                received=received, error=f"{type(error).__name__}: {error}", trace=traceback.format_exc()
            )

    def _decide(self, received: ReceivedMessage, directory: Directory, schemas: Schemas) -> Decision:
        try:
            parsed = self._parse(received)
            verified = verify(parsed, self.anchors, self.stamp_anchors, material=directory.material)
        except CertificateRejected as rejection:
            return reject(received, rejection.violations, validation=rejection.validation)
        except MessageRejected as rejection:
            return reject(received, rejection.violations)
        examined = examine(verified, schemas, self.content_limits)
        try:
            return Admit(authorized=authorize(admit(verified, examined), directory))
        except MessageRejected:
            return _refuse_for_everything(verified, examined, directory)

    def _parse(self, received: ReceivedMessage) -> ParsedMessage:
        if received.large is None:
            return parse(received, self.parse_limits)
        return parse_large(received, received.large, self.parse_limits, self.large_limits)


def _refuse_for_everything(verified: VerifiedMessage, examined: Examined, directory: Directory) -> Decision:
    """Refuse with the violations of all later steps at once, so that a sender corrects a document once."""
    received = verified.received
    if examined.header is None:
        return reject(received, examined.violations, validation=verified.validation)
    authority = authority_violations(
        examined.header, received, verified.signed_by, directory, received.received_at
    )
    violations = (*examined.violations, *authority)
    return reject(received, violations, examined.header, verified.validation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncommitted:
    """The hub itself failed on what was decided; nothing was written."""

    error: str
    trace: str


async def commit(decisions: Sequence[Decision], seam: Seam, attest: Attest) -> Committed | Uncommitted:
    """Commit *decisions* together; raises `TemporaryFailure` in an outage.

    Where anything else goes wrong, each is to be committed alone, so that it stays with the culprit.
    """
    try:
        return await accept(decisions, seam, attest)
    except TemporaryFailure:
        raise
    except Exception as error:
        # The same net, stretched over the commit: a batch of one is one intake item.
        return Uncommitted(error=f"{type(error).__name__}: {error}", trace=traceback.format_exc())
