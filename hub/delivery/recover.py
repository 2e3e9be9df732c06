"""What to do about a delivery that did not arrive: the policy, and nothing else decides it."""

from dataclasses import dataclass
from datetime import timedelta

from hub.message.outbox import Expire, GiveUp, Recovery, Retry, ReturnedDelivery, ReturnReason


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPolicy:
    """Growing delays, then a case; one attempt more than there are delays."""

    delays: tuple[timedelta, ...]

    @property
    def max_attempts(self) -> int:
        """After how many attempts the hub gives up."""
        return len(self.delays) + 1

    def decide(self, returned: ReturnedDelivery, tries: int) -> Recovery:
        """Turn a return into the one thing to do next, after *tries* since acceptance or replay.

        An expiry is final.
        """
        if returned.reason is ReturnReason.EXPIRED:
            return Expire(cause="not collected before its time was over")
        if tries < self.max_attempts:
            return Retry(not_before=returned.at + self.delays[tries - 1])
        return GiveUp(cause=_cause(returned))


def _cause(returned: ReturnedDelivery) -> str:
    said = f": {returned.note}" if returned.note else ""
    return f"{returned.reason.value} at attempt {returned.attempt}{said}"
