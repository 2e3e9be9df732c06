from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.kit import outgoing
from adapters.kit.error import UnfitDraft
from adapters.kit.journal import Journal
from adapters.kit.outgoing import Outgoing, OutgoingState
from hub.message.edxml import MessageKind
from hub.message.identifiers import SubmissionId, digest_of

AT = datetime(2026, 5, 30, 2, tzinfo=UTC)


def a_message(submission: str, body: bytes = b"<edXML/>") -> Outgoing:
    return Outgoing(
        submission_id=SubmissionId(submission),
        kind=MessageKind.DOCUMENT,
        digest=digest_of(body),
        about_delivery=None,
        body=body,
    )


async def test_a_name_that_is_in_the_journal_is_not_given_to_another_message(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "a.journal")
    first, second = a_message("h41-1"), a_message("h41-1", b"<other/>")
    await journal.write(lambda connection: outgoing.insert(connection, [first], owner=None, at=AT))

    with pytest.raises(UnfitDraft, match="h41-1"):
        await journal.write(lambda connection: outgoing.insert(connection, [second], owner=None, at=AT))

    claimed = await journal.write(lambda connection: outgoing.claim(connection, owner="1:a", limit=9, at=AT))
    assert [each.body for each in claimed] == [b"<edXML/>"]
    assert await journal.write(lambda connection: outgoing.state_of(connection, first.submission_id)) is (
        OutgoingState.JOURNALLED
    )
    await journal.close()
