"""What somebody has to hear of: incidents, and when each begins."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert is about; its subject says where."""

    RECIPIENT_FAILING = "recipient_failing"
    """A mailbox is parked: it rejects everything, or its queue is full or missing. Subject: the mailbox."""
    QUEUE_LOST = "queue_lost"
    """Its queue was deleted, made anew or emptied, and what lay in it may be lost. Subject: the mailbox."""
    QUEUE_GROWING = "queue_growing"
    """Deliveries wait in the database too long, or too many. Subject: the mailbox."""
    CERTIFICATE_ENDING = "certificate_ending"
    """A certificate in use ends within 30 or 7 days. Subject: its fingerprint's beginning, and the days."""
    DEADLINE_AT_RISK = "deadline_at_risk"
    """Documents fall due and their recipient has not acknowledged them. Subject: the agency."""
    INVALID_RISING = "invalid_rising"
    """More messages that nobody vouches for than usual within an hour. Subject: the axis."""
    CASES_RISING = "cases_rising"
    """More dead letters than usual within an hour. Subject: the axis."""
    AUDIT_UNSEALED = "audit_unsealed"
    """Events wait for their seal for too long. Subject: the axis."""
    TEST = "test"
    """Somebody tries whether alerts arrive. Subject: who."""


AXIS = "axis"
"""Subject of what concerns the whole axis."""


class Moment(StrEnum):
    """What a notice tells of an alert."""

    START = "start"
    END = "end"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that is wrong now; equal ones, looked at again, are one incident."""

    kind: AlertKind
    subject: str
    detail: dict[str, str | int] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """What tells incidents apart."""
        return self.kind.value, self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTerms:
    """From when on something is an incident, and when it is over."""

    waiting: timedelta = timedelta(minutes=15)
    """Age of the oldest delivery that waits for a mailbox."""
    waiting_count: int = 1000
    """Deliveries that wait for a mailbox."""
    invalid_per_hour: int = 10
    cases_per_hour: int = 20
    unsealed: timedelta = timedelta(minutes=1)
    calm: timedelta = timedelta(minutes=10)
    """How long an incident has to be gone until it is over: one that flickers is one incident."""
