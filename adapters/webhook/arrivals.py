"""To the endpoint: a document is kept on disk, POSTed until there is an answer, and answered like it."""

import asyncio
import base64
import random
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from adapters.kit.crash import crash_point
from adapters.kit.delivery import Accepted, Answer, Delivery, Refused, Retry
from adapters.kit.transaction import Transaction
from adapters.webhook import books
from adapters.webhook.answers import Failed, Verdict, read_reply
from adapters.webhook.crash import CrashPoint
from adapters.webhook.posting import Poster, Unanswered
from adapters.webhook.shapes import DeliveryShape, DocumentEvent
from adapters.webhook.spool import Spool
from hub.message.identifiers import agency_key

_log = structlog.get_logger("adapters.webhook")
_ADVICE: Final = "the documents' folder cannot be written: see to its disk; the document waits meanwhile"


class Arrivals:
    """Hands documents over to the endpoint, each under one name however often it has to be asked."""

    def __init__(self, poster: Poster, spool: Spool, clock: Callable[[], datetime]) -> None:
        """POST with *poster* what *spool* keeps."""
        self._poster = poster
        self._spool = spool
        self._clock = clock

    async def handle(self, delivery: Delivery, transaction: Transaction) -> Answer:
        """POST *delivery*, patiently; what the endpoint cannot take now, the axis offers again later."""
        verdict = await self._hand_over(delivery)
        if isinstance(verdict, Failed):
            return Retry(reason=verdict.reason)
        crash_point(CrashPoint.AFTER_POST_BEFORE_ANSWER)
        header = delivery.header
        transaction.write(
            partial(
                books.note_delivery,
                delivery_id=delivery.delivery_id,
                document=header.document_id,
                sender=agency_key(header.sender),
            )
        )
        _log.info(_event_of(verdict), delivery_id=str(delivery.delivery_id))
        return verdict

    async def _hand_over(self, delivery: Delivery) -> Verdict:
        endpoint, loop = self._poster.endpoint, asyncio.get_running_loop()
        deadline, pause = loop.time() + endpoint.patience_seconds, endpoint.first_pause
        while True:
            verdict = await self._try(delivery)
            if not isinstance(verdict, Failed):
                return verdict
            wait = max(pause * random.uniform(0.5, 1.0), verdict.pause)  # noqa: S311 - spreads, hides nothing
            _log.warning("document.postponed", delivery_id=str(delivery.delivery_id), reason=verdict.reason)
            if loop.time() + wait > deadline:
                return verdict
            await asyncio.sleep(wait)
            pause = min(2 * pause, endpoint.longest_pause)

    async def _try(self, delivery: Delivery) -> Verdict:
        try:
            kept = await asyncio.to_thread(self._spool.keep, delivery, self._clock())
            body = await asyncio.to_thread(self._request, kept)
        except OSError as error:
            _log.error("spool.failed", reason=error.strerror, advice=_ADVICE)
            return Failed(reason="the adapter cannot write to its disk at present")
        crash_point(CrashPoint.AFTER_KEPT_BEFORE_POST)
        try:
            return read_reply(await self._poster.post(str(delivery.delivery_id), body))
        except Unanswered as unanswered:
            return Failed(reason=f"the endpoint at {self._poster.endpoint.host}: {unanswered}")

    def _request(self, kept: DeliveryShape) -> bytes:
        """Return what is POSTed: the same octets at every attempt."""
        if kept.envelope.octets <= self._poster.endpoint.enclose_octets:
            kept = _with_content(kept, self._spool.body(kept.delivery_id))
        event = DocumentEvent(timestamp=kept.arrived_at, data=kept)
        return event.model_dump_json().encode()


def _with_content(kept: DeliveryShape, body: Path) -> DeliveryShape:
    content = base64.b64encode(body.read_bytes()).decode("ascii")
    return kept.model_copy(update={"envelope": kept.envelope.model_copy(update={"content": content})})


def _event_of(verdict: Accepted | Refused) -> str:
    return "document.refused" if isinstance(verdict, Refused) else "document.handed_over"
