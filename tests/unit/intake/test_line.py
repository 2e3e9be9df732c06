"""The order of intake as a whole, its refusals for everything at once, and its net."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.errors import RejectionCode, StorageRefused, TemporaryFailure
from hub.intake.line import Failed, Uncommitted, commit
from hub.message.decision import Admit, Committed, Decision, Refuse
from hub.message.identifiers import MailboxName, SubmissionId, digest_of
from hub.message.stages import ReceivedMessage
from hub.ports import Attest
from tests.support.decisions import a_submission, plain_pen
from tests.support.envelopes import a_document, a_status
from tests.support.memory_hub import a_line, a_registry, signed

LINE = a_line()


def received(body: bytes, *, mailbox: str = "G22") -> ReceivedMessage:
    return ReceivedMessage(
        body=body,
        digest=digest_of(body),
        mailbox=MailboxName(mailbox),
        submission_id=SubmissionId("s-1"),
        transport_id="t-1",
        reported_delivery=None,
        received_at=datetime.now(UTC),
    )


async def examined(body: bytes, *, mailbox: str = "G22") -> object:
    return LINE.examine(received(body, mailbox=mailbox), await a_registry().directory())


def codes(result: object) -> list[RejectionCode]:
    assert isinstance(result, Refuse), result
    return [each.code for each in result.violations]


async def test_a_good_document_is_admitted_with_its_routes() -> None:
    result = await examined(signed(a_document().to("H41", "H14")))

    assert isinstance(result, Admit)
    assert [(each.recipient, each.mailbox) for each in result.authorized.routes] == [
        ("H41", "H41"),
        ("H14", "H14"),
    ]
    assert result.authorized.sender == "G22"


async def test_a_status_goes_to_the_other_party() -> None:
    result = await examined(signed(a_status(), by="H41"), mailbox="H41")

    assert isinstance(result, Admit)
    assert [each.recipient for each in result.authorized.routes] == ["G22"]


async def test_nothing_is_believed_of_a_document_without_a_signature() -> None:
    result = await examined(a_document().unsigned())

    assert codes(result) == [RejectionCode.NO_SIGNATURE]
    assert isinstance(result, Refuse)
    assert (result.sender, result.header) == (None, None)


async def test_a_document_is_refused_for_everything_at_once() -> None:
    result = await examined(signed(a_document().to("H98", "H41", "H99").without_attachments()))

    assert sorted(codes(result)) == [
        RejectionCode.NO_ATTACHMENT,
        RejectionCode.UNKNOWN_RECIPIENT,
        RejectionCode.UNKNOWN_RECIPIENT,
    ]
    assert isinstance(result, Refuse)
    assert result.sender == "G22"


async def test_nobody_speaks_for_another() -> None:
    result = await examined(signed(a_document()), mailbox="H41")

    assert RejectionCode.NO_MANDATE in codes(result)


async def test_a_failure_of_our_own_stays_with_its_message() -> None:
    class Unreadable(bytes):
        def __len__(self) -> int:
            raise RuntimeError("a bug")

    message = replace(received(b"<x/>"), body=Unreadable(b"<x/>"))

    result = LINE.examine(message, await a_registry().directory())

    assert isinstance(result, Failed)
    assert "a bug" in result.trace


class Seam:
    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def commit(self, decisions: list[Decision], attest: Attest) -> Committed:
        if self._error is not None:
            raise self._error
        return Committed(outcomes=(), handed_over=())


async def test_what_the_commit_says_is_handed_on() -> None:
    assert isinstance(await commit([a_submission().admitted()], Seam(), plain_pen), Committed)


async def test_an_outage_is_nobodys_fault() -> None:
    with pytest.raises(TemporaryFailure):
        await commit([a_submission().admitted()], Seam(TemporaryFailure("away")), plain_pen)


@pytest.mark.parametrize("error", [StorageRefused("no"), KeyError("a bug")])
async def test_what_breaks_the_commit_is_returned(error: Exception) -> None:
    result = await commit([a_submission().admitted()], Seam(error), plain_pen)

    assert isinstance(result, Uncommitted)
    assert type(error).__name__ in result.error
