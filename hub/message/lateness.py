"""What it means to be late, and when a day ends."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Self

from hub.message.receipt_xml import VIETNAM_TIME


class Lateness(StrEnum):
    """Why a delivery is late; the first that holds."""

    NOT_COLLECTED = "not_collected"
    """It lies in the recipient's queue since yesterday or longer, and nothing has been heard of that mailbox
    since; or it lay there until its time was over."""
    NOT_DELIVERED = "not_delivered"
    """The axis itself has had it since yesterday or longer: parked, between attempts, or a dead letter."""
    NOT_ACKNOWLEDGED = "not_acknowledged"
    """The recipient's system works, and has not told the sender within the day of arrival that the document
    is there (NĐ 30/2020 Art. 21.2)."""
    OVERDUE = "overdue"
    """The recipient has it, its `DueDate` has passed, and no status says that it is finished (06)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The present day in Vietnam: what arrived before it began and is not answered is late."""

    began_at: datetime
    date: date

    @classmethod
    def at(cls, now: datetime) -> Self:
        """Return the day that *now* is in; weekends and holidays are days as others are."""
        local = now.astimezone(VIETNAM_TIME).date()
        return cls(began_at=datetime.combine(local, time(), VIETNAM_TIME), date=local)
