"""Step 5 of intake: what was decided is committed, and only then is anything said or settled."""

from collections.abc import Sequence

from hub.message.decision import Committed, Decision
from hub.ports import Attest, Seam


async def accept(decisions: Sequence[Decision], seam: Seam, attest: Attest) -> Committed:
    """Commit *decisions* together.

    Whatever it raises, nothing was written and nothing may be settled.
    """
    return await seam.commit(decisions, attest)
