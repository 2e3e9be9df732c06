"""What waits is counted in the outbox, whatever else there is."""

import pytest

from hub.backends.postgres.gauges import read_backlog
from hub.backends.postgres.statements import statement
from hub.message.outbox import PublishResult
from tests.support.decisions import a_submission
from tests.support.store import PostgresUnderTest, documents, retry_later

pytestmark = pytest.mark.integration


async def test_what_waits_is_counted_with_its_oldest_and_what_is_done_with_is_not(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process()
    _, handed_over = await hub.accept(a_submission(recipients=("H41", "H14")).admitted())
    await hub.deliver([each for each in handed_over if each.mailbox != "H41"])
    await hub.record(documents(handed_over)[:1], PublishResult.UNROUTABLE, retry_later)
    await hub.deliver((await hub.commit(a_submission().to("H29").admitted())).handed_over)
    await postgres_store.fetch("update deliveries set created_at = now() - interval '1 hour'")

    backlog = await read_backlog(postgres_store.database)
    async with postgres_store.database.connection() as connection:
        counted = await connection.fetch(statement("count_waiting_by_mailbox"))

    waiting = {each.mailbox: each.waiting for each in backlog.mailboxes}
    assert waiting == {"H41": 1, "H14": 0, "H29": 0, "G22": 0}
    (oldest,) = [each.oldest_seconds for each in backlog.mailboxes if each.mailbox == "H41"]
    assert oldest >= 3600
    assert [(row["mailbox"], row["waiting"]) for row in counted] == [("H41", 1)]
