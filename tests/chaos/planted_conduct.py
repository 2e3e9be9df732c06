"""A recipient that gives everything back, as it may; what the hub does then is to be looked at."""

from hub.message.identifiers import DeliveryId
from tests.chaos import desk
from tests.chaos.conduct import Answering, Conduct


def plant() -> None:
    """Let this process take nothing, for ever."""

    def stubborn(_delivery_id: DeliveryId, _attempt: int, *, is_difficult: bool) -> Conduct:
        return Conduct(answering=Answering.RETRY, seconds=0.0)

    desk.conduct = stubborn  # type: ignore[assignment,attr-defined]
