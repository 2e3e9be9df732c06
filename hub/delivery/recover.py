"""What to do about a delivery that did not arrive: the policy, and nothing else decides it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from hub.message.outbox import Expire, GiveUp, Recovery, Retry, ReturnedDelivery, ReturnReason
from hub.ports import Recover


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """How often and how soon what came back for certain causes, from certain mailboxes, is tried again."""

    delays: tuple[timedelta, ...]
    """Before the second attempt, the third, …"""
    jitter: float = 0.0
    """A delay is longer by up to so much of itself, so that what failed together is not retried together."""
    causes: frozenset[ReturnReason] = frozenset()
    """Empty for all."""
    mailboxes: tuple[str, ...] = ()
    """Patterns (`H41`, `G22*`); empty for all."""

    @property
    def max_attempts(self) -> int:
        """After how many attempts the hub gives up."""
        return len(self.delays) + 1

    def covers(self, returned: ReturnedDelivery) -> bool:
        """Whether this rule is about *returned*."""
        is_cause = not self.causes or returned.reason in self.causes
        mailbox = returned.mailbox or ""
        return is_cause and (not self.mailboxes or any(fnmatchcase(mailbox, each) for each in self.mailboxes))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPolicy:
    """Growing delays, then a case; the first rule that covers a return decides about it."""

    rules: tuple[RetryRule, ...] = ()
    otherwise: RetryRule
    """For whatever no rule covers."""

    def decide(self, returned: ReturnedDelivery, tries: int, chance: float) -> Recovery:
        """Turn a return into the one thing to do next, after *tries* since acceptance or replay.

        *chance*, at least 0 and below 1, spreads what came back together. An expiry is final.
        """
        if returned.reason is ReturnReason.EXPIRED:
            return Expire(cause="not collected before its time was over")
        rule = next((each for each in self.rules if each.covers(returned)), self.otherwise)
        if tries < rule.max_attempts:
            delay = rule.delays[tries - 1]
            return Retry(not_before=returned.at + delay * (1 + rule.jitter * chance))
        return GiveUp(cause=_cause(returned))

    def drawing(self, chance: Callable[[], float]) -> Recover:
        """Return what the workers ask, with *chance* drawn anew each time."""
        return lambda returned, tries: self.decide(returned, tries, chance())


def _cause(returned: ReturnedDelivery) -> str:
    said = f": {returned.note}" if returned.note else ""
    return f"{returned.reason.value} at attempt {returned.attempt}{said}"
