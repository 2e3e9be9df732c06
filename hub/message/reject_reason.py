"""Why a recipient's system rejected a delivery, in its own words: AMQP's reject carries none.

A message of its own type on the submit exchange, vouched for by its `user_id` like every submission and
published before the reject. It is for operators to read: signed by nobody, it proves and decides nothing.
"""

import json
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from hub.message.identifiers import DeliveryId
from hub.message.refusal import presentable

REJECT_REASON: Final = "reject-reason"
"""Value of the AMQP `type` property."""
CONTENT_TYPE: Final = "application/json"
LONGEST: Final = 500
"""Characters that are kept."""
_MOST_OCTETS: Final = 8_192
_MOST_ATTEMPTS: Final = 2**31 - 1
_FIELDS: Final = frozenset({"delivery_id", "attempt", "reason"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectReason:
    """What a recipient's system says about one attempt at a delivery that it rejects."""

    delivery_id: DeliveryId
    attempt: int
    reason: str

    @classmethod
    def of(cls, delivery_id: DeliveryId, attempt: int, reason: str) -> Self:
        """Return *reason* fit for a line: printable, and cut where it is long."""
        return cls(
            delivery_id=delivery_id, attempt=attempt, reason=presentable(reason, longest=LONGEST) or "?"
        )

    def write(self) -> bytes:
        """Return the body of the message."""
        told = {"delivery_id": str(self.delivery_id), "attempt": self.attempt, "reason": self.reason}
        return json.dumps(told, ensure_ascii=False).encode()

    @classmethod
    def read(cls, body: bytes) -> Self | None:
        """Return what *body* says; None for anything but what `write` makes."""
        if len(body) > _MOST_OCTETS:
            return None
        try:
            told: object = json.loads(body)
        except (ValueError, RecursionError):
            return None
        if not isinstance(told, dict) or told.keys() != _FIELDS:
            return None
        return cls._of(told["delivery_id"], told["attempt"], told["reason"])

    @classmethod
    def _of(cls, delivery_id: object, attempt: object, reason: object) -> Self | None:
        if not isinstance(delivery_id, str) or not isinstance(reason, str):
            return None
        if not isinstance(attempt, int) or isinstance(attempt, bool) or not 0 < attempt <= _MOST_ATTEMPTS:
            return None
        try:
            return cls.of(DeliveryId(UUID(delivery_id)), attempt, reason)
        except ValueError:
            return None
