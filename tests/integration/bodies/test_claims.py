"""Claims of what never comes delay nobody who has checked something in."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from hub.backends.clock import SystemClock
from hub.backends.postgres.registry import PostgresRegistry
from hub.errors import RejectionCode
from hub.intake.line import Result
from hub.message.claim import ClaimCheck
from hub.message.decision import Refuse
from hub.message.identifiers import Digest, MailboxName, SubmissionId, digest_of
from hub.message.stages import ReceivedMessage
from hub.workers.large_intake import LargeIntake, LargeIntakeTerms
from tests.support.cloakroom import House
from tests.support.memory_hub import a_line

PATIENCE = timedelta(seconds=2)


def claiming(digest: Digest, octets: int, *, by: MailboxName) -> ReceivedMessage:
    body = ClaimCheck(digest=digest, octets=octets).as_body()
    return ReceivedMessage(
        body=body,
        digest=digest_of(body),
        mailbox=by,
        submission_id=SubmissionId(digest.hex()),
        transport_id="",
        reported_delivery=None,
        received_at=datetime.now(UTC),
    )


def code_of(result: Result | None) -> RejectionCode:
    assert isinstance(result, Refuse), result
    return result.violations[0].code


async def test_whoever_claims_what_never_comes_takes_nobodys_turn(house: House) -> None:
    visitor, body = await house.visitor("H70"), b"<no-envelope/>"
    key = await visitor.check_in(body)
    absent = [claiming(Digest(bytes([n]) * 32), 5, by=visitor.mailbox) for n in range(8)]
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as executor:
        intake = LargeIntake(
            database=house.database,
            blobs=house.blobs,
            line=a_line(),
            registry=PostgresRegistry(house.database, clock=SystemClock(), max_age=timedelta(0)),
            executor=executor,
            terms=LargeIntakeTerms(max_octets=1_000_000, patience=PATIENCE, side_by_side=1),
        )
        since = loop.time()
        waiting = [asyncio.create_task(intake.examine(each, stop)) for each in absent]
        await asyncio.sleep(0)
        there = await intake.examine(claiming(key.digest, len(body), by=visitor.mailbox), stop)
        waited_for_turn = loop.time() - since
        refused = await asyncio.gather(*waiting)

    assert code_of(there) is not RejectionCode.BODY_NOT_CHECKED_IN
    assert waited_for_turn < PATIENCE.total_seconds()
    assert {code_of(each) for each in refused} == {RejectionCode.BODY_NOT_CHECKED_IN}
