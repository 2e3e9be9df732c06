"""Onto the axis: what is asked under one key is one submission, whatever crashes, however often asked."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from adapters.kit.crash import crash_point
from adapters.kit.disk import is_full
from adapters.kit.error import JournalFull, UnfitDraft
from adapters.kit.mailbox import Mailbox
from adapters.webhook import books
from adapters.webhook.books import Request
from adapters.webhook.crash import CrashPoint
from adapters.webhook.problems import Asked, Problem
from adapters.webhook.tray import Enclosure, Sent, Uploaded
from hub.errors import MessageRejected
from hub.message.edxml import DocumentHeader, StatusCode
from hub.message.edxml_elements import outline
from hub.message.edxml_reading import find_header
from hub.message.identifiers import AgencyCode, DeliveryId, DocumentId, SubmissionId, agency_key
from hub.message.refusal import presentable
from hub.message.skimming import skim
from hub.signature.skimmed import read_skeleton

_log = structlog.get_logger("adapters.webhook")
_LONGEST: Final = 500
_PIECE: Final = 256 * 1024
Post: TypeAlias = Callable[[SubmissionId], Awaitable[object]]
"""Signs and journals under the given name."""


class Departures:
    """Sends what programs ask for."""

    def __init__(self, mailbox: Mailbox, clock: Callable[[], datetime]) -> None:
        """Send through *mailbox*."""
        self._mailbox = mailbox
        self._clock = clock

    async def send(self, client: str, key: str, sent: Sent) -> SubmissionId:
        """Send an envelope, signed or not, or a document that is made of files; raises `Asked`."""
        match sent:
            case Uploaded():
                parts = [b"envelope", sent.digest]
                return await self._once(
                    _request(client, key, parts),
                    lambda submission: self._post_envelope(submission, sent.path),
                )
            case Enclosure():
                parts = [b"files", sent.metadata.model_dump_json().encode()]
                for each in sent.files:
                    parts += [each.name.encode("utf-8", "surrogatepass"), each.digest]
                return await self._once(
                    _request(client, key, parts), lambda submission: self._post_files(submission, sent)
                )

    async def report(
        self, client: str, key: str, delivery_id: DeliveryId, status: StatusCode, description: str
    ) -> SubmissionId:
        """Tell the sender what became of a delivery; raises `Asked`.

        Without a key, the same words about the same delivery are told once.
        """
        try:
            await self._mailbox.report_on(delivery_id, status, description)
        except UnfitDraft as error:
            raise Asked(Problem.NOT_FOUND, str(error)) from error
        parts = [b"status", str(delivery_id).encode(), status.value.encode(), description.encode()]

        async def post(submission: SubmissionId) -> None:
            await self._mailbox.post_report(delivery_id, status, description, submission=submission)

        request = _request(client, key, parts)
        if not key:
            request = replace(request, key=f"status {request.fingerprint.hex()}")
        return await self._once(request, post)

    async def recall(
        self, submission: SubmissionId, reason: str, recipients: Sequence[str]
    ) -> Sequence[SubmissionId]:
        """Ask recipients to give a document back; raises `Asked`."""
        try:
            return await self._mailbox.recall(submission, reason, recipients=recipients)
        except UnfitDraft as error:
            raise Asked(Problem.UNFIT, *_sentences(error)) from error
        except JournalFull as error:
            raise Asked(Problem.NO_ROOM) from error

    async def _once(self, request: Request, post: Post) -> SubmissionId:
        """Let *post* happen once for *request*; a key whose request came to nothing is free again."""
        journal = self._mailbox.journal
        try:
            submission = await journal.write_or_refuse(
                partial(books.begin_request, request=request, at=self._clock())
            )
            if submission is None:
                raise Asked(Problem.OTHER_KEY)
            crash_point(CrashPoint.AFTER_KEY_BEFORE_JOURNAL)
            if await self._mailbox.state(submission) is None:
                await self._post_or_forget(request, submission, post)
        except (JournalFull, OSError) as error:
            if isinstance(error, OSError) and not is_full(error):
                raise
            raise Asked(Problem.NO_ROOM) from error
        crash_point(CrashPoint.AFTER_JOURNAL_BEFORE_REPLY)
        return submission

    async def _post_or_forget(self, request: Request, submission: SubmissionId, post: Post) -> None:
        try:
            await post(submission)
        except (UnfitDraft, MessageRejected, ValueError) as error:
            if await self._mailbox.state(submission) is not None:
                return  # the same was asked twice at once, and the other one was first
            await self._mailbox.journal.write(partial(books.forget_request, request=request))
            raise Asked(Problem.UNFIT, *_sentences(error)) from error
        _log.info("submission.journalled", submission_id=submission, client=request.client)

    async def _post_envelope(self, submission: SubmissionId, path: Path) -> None:
        header = await asyncio.to_thread(_header, path)
        await self._note(submission, header.document_id, header.sender)
        await self._mailbox.post_file(path, submission=submission)

    async def _post_files(self, submission: SubmissionId, sent: Enclosure) -> None:
        draft = sent.metadata.draft(submission, sent.files, self._clock())
        await self._note(submission, draft.document_id, AgencyCode(draft.sender.code))
        await self._mailbox.post(draft, submission=submission)

    async def _note(self, submission: SubmissionId, document: DocumentId, sender: AgencyCode) -> None:
        note = partial(
            books.note_submission, submission=submission, document=document, sender=agency_key(sender)
        )
        await self._mailbox.journal.write_or_refuse(note)


def _header(path: Path) -> DocumentHeader:
    """Return what an envelope says of itself, however large; raises `UnfitDraft` where it is no document."""
    with path.open("rb") as file:
        skimmed = skim(iter(lambda: file.read(_PIECE), b""))
    header = find_header(outline(read_skeleton(skimmed)))
    if not isinstance(header, DocumentHeader):
        raise UnfitDraft(
            "this is no edXML document with From, To, Code, DocumentId and Subject; statuses are reported at "
            "/v1/deliveries/{delivery_id}/statuses"
        )
    return header


def _request(client: str, key: str, parts: Sequence[bytes]) -> Request:
    known = hashlib.sha256()
    for part in parts:
        known.update(len(part).to_bytes(8, "big") + part)
    return Request(client=client, key=key, fingerprint=known.digest())


def _sentences(error: Exception) -> Sequence[str]:
    if isinstance(error, MessageRejected):
        return [f"{each.code}: {each.vi} / {each.en}" for each in error.violations]
    return [presentable(str(error), longest=_LONGEST)]
