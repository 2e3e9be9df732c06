"""Step 1 of intake for what came as a claim check: the envelope is skimmed, and its skeleton parsed."""

from dataclasses import dataclass, field, replace

from hub.intake.parse import ParseLimits, parse
from hub.message.large_body import LargeEnvelope
from hub.message.skimming import SkimLimits, skim
from hub.message.stages import ParsedMessage, ReceivedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeLimits:
    """How much of a large envelope the hub looks at."""

    skim: SkimLimits = field(default_factory=SkimLimits)


def parse_large(
    received: ReceivedMessage, envelope: LargeEnvelope, limits: ParseLimits, large: LargeLimits
) -> ParsedMessage:
    """Admit a large envelope like `parse`, without ever holding it; what its skeleton lacks is `skimmed`.

    Raises `MalformedMessage`, and `TemporaryFailure` where the envelope cannot be read just now.
    """
    skimmed = skim(envelope.read(0, envelope.octets), large.skim)
    if (skimmed.digest, skimmed.octets) != (received.digest, envelope.octets):
        msg = f"the blob store has other octets than those of {received.digest.hex()}"
        raise RuntimeError(msg)  # our own fault: what was put together had this digest
    parsed = parse(replace(received, body=skimmed.skeleton), limits)
    return ParsedMessage(received=received, tree=parsed.tree, skimmed=skimmed)
