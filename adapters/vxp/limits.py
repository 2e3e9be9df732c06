"""How often a system may call, and how many documents it may send: a bucket each, filled evenly."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System

_MINUTE = 60.0


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Limits:
    """Refuses what is more than the settings allow; who was quiet may do a minute's worth at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Measure time with *clock*, in seconds."""
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def request(self, system: System) -> None:
        """Count one call."""
        self._take("request", system, system.requests_per_minute)

    def document(self, system: System) -> None:
        """Count one document or status that is sent."""
        self._take("document", system, system.documents_per_minute)

    def _take(self, what: str, system: System, per_minute: int) -> None:
        now = self._clock()
        bucket = self._buckets.setdefault((what, system.systemid), _Bucket(per_minute, now))
        bucket.left = min(per_minute, bucket.left + (now - bucket.at) * per_minute / _MINUTE)
        bucket.at = now
        if bucket.left < 1:
            raise Refused(
                Reason.TOO_MANY_REQUESTS, seconds=math.ceil((1 - bucket.left) * _MINUTE / per_minute)
            )
        bucket.left -= 1
