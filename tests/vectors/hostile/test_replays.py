"""A real document that an eavesdropper, or a restored backup of a sender, submits again much later."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from hub.backends.clock import new_id
from hub.backends.memory_seam import MemorySeam
from hub.backends.memory_store import MemoryStore
from hub.message.decision import Accepted, Admit, Outcome, Repeated
from hub.message.identifiers import SubmissionId
from tests.support.authority import AT
from tests.support.decisions import plain_pen
from tests.vectors.hostile.world import FILES, directory, line, received

FILE = FILES / "accepted-pdf.xml"


@dataclass(slots=True, kw_only=True)
class SetClock:
    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True, kw_only=True)
class Axis:
    """Intake and the seam, at a time of our choice."""

    clock: SetClock
    seam: MemorySeam

    async def submit(self, body: bytes, submission_id: str, *, after: timedelta = timedelta()) -> Outcome:
        self.clock.at += after
        message = replace(received(body, "G22", self.clock.at), submission_id=SubmissionId(submission_id))
        decision = line().examine(message, directory())
        assert isinstance(decision, Admit), decision
        (outcome,) = (await self.seam.commit([decision], plain_pen)).outcomes
        return outcome


@pytest.fixture
def axis() -> Axis:
    clock = SetClock(at=AT)
    store = MemoryStore(clock=clock, new_id=new_id)
    day = timedelta(days=1)
    seam = MemorySeam(
        store, claimant=store.join(), lease=day, delivery_lifetime=15 * day, status_patience=timedelta()
    )
    return Axis(clock=clock, seam=seam)


@pytest.mark.parametrize("days", [0, 3, 30, 900])
@pytest.mark.parametrize("submission_id", ["s-1", "another"])
async def test_the_same_bytes_have_no_second_effect_however_late(
    axis: Axis, days: int, submission_id: str
) -> None:
    first = await axis.submit(FILE.read_bytes(), "s-1")
    assert isinstance(first, Accepted)

    second = await axis.submit(FILE.read_bytes(), submission_id, after=timedelta(days=days))

    assert second == Repeated(message_id=first.message_id)
