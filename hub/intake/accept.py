"""Step 5 of intake: what was decided is committed, and only then is anything said or settled."""

from collections.abc import Sequence

from hub.errors import StorageRefused
from hub.message.decision import Committed, Decision
from hub.ports import Attest, Seam


async def accept(decisions: Sequence[Decision], seam: Seam, attest: Attest) -> Committed:
    """Commit *decisions* together.

    Raises `TemporaryFailure` where the database is away and `StorageRefused` where it refuses one of them:
    then nothing was written, and nothing may be settled.
    """
    return await seam.commit(decisions, attest)


async def accept_alone(decision: Decision, seam: Seam, attest: Attest) -> Committed | StorageRefused:
    """Commit one decision of a batch that was refused, so that only the culprit is stopped by it."""
    try:
        return await seam.commit([decision], attest)
    except StorageRefused as refusal:
        return refusal
