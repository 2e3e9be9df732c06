"""One sealer chains what is committed, in order, whatever writes beside it; what is done to the log shows."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from hub.backends.clock import SystemClock
from hub.backends.postgres.audit_log import read_log_state
from hub.backends.postgres.pool import Database
from hub.backends.postgres.primary import Primary
from hub.backends.postgres.sealing import BATCH, Sealed, SealingSession, sealing_session
from hub.crash import SEALER_POINTS, VARIABLE
from hub.evidence.chain import GENESIS, EventRow, canonical, leaf, link
from hub.operations.audit import Damage, Verdict, verify_log
from hub.workers.sealer import SealerWorker
from tests.support.database import HUB, OWNER, SEALER, PrivateDatabase
from tests.support.waiting import until

pytestmark = pytest.mark.integration

APPEND = "insert into events (name, message_id, delivery_id, detail) values ($1, $2, $3, $4)"
MANY = (
    "insert into events (name, message_id, detail) select 'delivery.consigned', gen_random_uuid(),"
    " jsonb_build_object('attempt', n) from generate_series(1, $1::int) as n"
)


@pytest.fixture
async def session(private_database: PrivateDatabase) -> AsyncIterator[SealingSession]:
    """Be the sealer of a database of one's own, whose events are numbered from 1."""
    async with private_database.connect() as connection:
        await connection.execute("alter table events alter event_id restart")
    async with sealing_session(Primary(private_database.dsn(SEALER))) as ours:
        assert await ours.lead()
        yield ours


async def sealed_all(session: SealingSession) -> int:
    """Seal until nothing is left that can be; return how many."""
    count = 0
    while (sealed := await session.seal()) is not None:
        count += sealed.count
    return count


@asynccontextmanager
async def writing(private: PrivateDatabase, number: int = 1) -> AsyncIterator[asyncpg.Connection]:
    """Write events in a transaction of a hub that is open for as long as the block lasts."""
    async with private.connect(HUB) as connection, connection.transaction():
        await connection.execute(MANY, number)
        yield connection


async def write(private: PrivateDatabase, number: int = 1) -> None:
    async with writing(private, number):
        pass


async def change(private: PrivateDatabase, *statements: str) -> None:
    """Do to the log what only its owner can, and only on purpose."""
    async with private.connect(OWNER) as connection, connection.transaction():
        for table in ("events", "event_seals"):
            await connection.execute(f"alter table {table} disable trigger append_only")
        for each in statements:
            await connection.execute(each)
        for table in ("events", "event_seals"):
            await connection.execute(f"alter table {table} enable trigger append_only")


def damages(found: Verdict) -> list[tuple[Damage, int | None]]:
    return [(each.damage, each.position) for each in found.broken]


async def test_the_database_and_the_verifier_hash_alike(
    private_database: PrivateDatabase, session: SealingSession
) -> None:
    told = [
        ("document.accepted", uuid4(), uuid4(), '{"recipients": ["H41", "H14"], "số": 1.50, "x": null}'),
        ("mailbox.parked", None, None, '{"mailbox": "Ủy ban \\u001f\\" \\\\ 😀"}'),
        ("delivery.consigned", None, uuid4(), None),
    ]
    async with private_database.connect(HUB) as connection:
        for each in told:
            await connection.execute(APPEND, *each)

    sealed = await session.seal()

    async with private_database.connect() as connection:
        rows = await connection.fetch(
            "select event_id, at, name, message_id, delivery_id, detail::text from events order by event_id"
        )
        links = [row[0] for row in await connection.fetch("select link from event_seals order by position")]
    last, expected = GENESIS, []
    for row in rows:
        last = link(last, leaf(canonical(EventRow(**dict(row)))))
        expected.append(last)
    assert links == expected
    assert sealed is not None
    assert (sealed.count, sealed.position, sealed.link) == (3, 3, last)


def test_the_hashes_are_those_of_the_first_release() -> None:
    """What was sealed once is verified for ever: neither Python nor PostgreSQL may write it otherwise."""
    row = EventRow(
        event_id=7,
        at=datetime(2026, 11, 22, 3, 15, tzinfo=UTC),
        name="delivery.consigned",
        message_id=None,
        delivery_id=None,
        detail='{"attempt": 1, "mailbox": "H14"}',
    )

    assert canonical(row).hex() == (
        "00000008" "0000000000000007" "00000008" "000303d3a6b51500"
        "00000012" "64656c69766572792e636f6e7369676e6564" "ffffffff" "ffffffff"
        "00000020" "7b22617474656d7074223a20312c20226d61696c626f78223a2022483134227d"
    )  # fmt: skip


async def test_what_an_open_transaction_may_still_write_is_waited_for(
    private_database: PrivateDatabase, session: SealingSession
) -> None:
    await write(private_database)
    assert await sealed_all(session) == 1
    async with writing(private_database):
        await write(private_database, 2)  # later numbers, committed earlier

        assert await sealed_all(session) == 0
        assert session.is_waiting
    assert await sealed_all(session) == 3


async def test_a_number_whose_transaction_was_rolled_back_leaves_no_gap_in_positions(
    private_database: PrivateDatabase, operators: Database, session: SealingSession
) -> None:
    await write(private_database)
    with pytest.raises(RuntimeError):
        async with writing(private_database):
            raise RuntimeError
    await write(private_database)

    assert await sealed_all(session) == 2

    found = await verify_log(operators)
    assert (found.holds, found.state.sealed, found.state.event_id) == (True, 2, 3)


async def test_a_reader_that_takes_long_holds_up_nobody(
    private_database: PrivateDatabase, session: SealingSession
) -> None:
    await write(private_database)
    async with private_database.connect() as reader, reader.transaction(isolation="repeatable_read"):
        await reader.fetch("select count(*) from events")
        await write(private_database)

        assert await sealed_all(session) == 2


async def test_more_than_one_batch_is_sealed_and_verified(
    private_database: PrivateDatabase, operators: Database, session: SealingSession
) -> None:
    await write(private_database, 2 * BATCH + 1)

    assert await sealed_all(session) == 2 * BATCH + 1

    found = await verify_log(operators)
    assert (found.holds, found.checked, found.unsealed.count) == (True, 2 * BATCH + 1, 0)


async def test_of_several_processes_one_seals(private_database: PrivateDatabase) -> None:
    primary = Primary(private_database.dsn(SEALER))
    async with sealing_session(primary) as first, sealing_session(primary) as second:
        assert (await first.lead(), await second.lead(), await second.lead()) == (True, False, False)
    async with sealing_session(primary) as third:
        assert await third.lead()


async def test_two_sealers_that_both_believe_in_it_make_one_chain(
    private_database: PrivateDatabase, operators: Database
) -> None:
    await write(private_database, 50)
    async with private_database.connect(SEALER) as one, private_database.connect(SEALER) as other:
        sessions = [SealingSession(one), SealingSession(other)]
        results = await asyncio.gather(*(each.seal() for each in sessions), return_exceptions=True)
        await sealed_all(SealingSession(one))

    assert any(isinstance(each, Sealed) for each in results)
    found = await verify_log(operators)
    assert (found.holds, found.state.sealed) == (True, 50)


async def test_nothing_is_missed_while_many_write_and_some_roll_back(
    private_database: PrivateDatabase, operators: Database
) -> None:
    stop = asyncio.Event()
    primary = Primary(private_database.dsn(SEALER))
    workers = [SealerWorker(connect=lambda: sealing_session(primary), clock=SystemClock()) for _ in range(2)]
    sealing = [asyncio.create_task(each.run(stop)) for each in workers]

    async def hub(number: int) -> None:
        async with private_database.connect(HUB) as connection:
            for turn in range(25):
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(MANY, 1 + turn % 3)
                await connection.execute(MANY, 1)
                await (transaction.rollback() if (turn + number) % 5 == 0 else transaction.commit())

    await asyncio.gather(*(hub(number) for number in range(6)))

    async def all_sealed() -> bool:
        return (await verify_log(operators)).unsealed.count == 0

    await until(all_sealed, what="everything sealed")
    stop.set()
    await asyncio.gather(*sealing)
    found = await verify_log(operators)
    assert (found.holds, found.broken) == (True, ())
    assert found.state.sealed == found.checked > 200


async def test_the_worker_goes_on_when_its_connection_is_cut(
    private_database: PrivateDatabase, operators: Database
) -> None:
    stop = asyncio.Event()
    primary = Primary(private_database.dsn(SEALER))
    sealing = asyncio.create_task(
        SealerWorker(connect=lambda: sealing_session(primary), clock=SystemClock()).run(stop)
    )
    await write(private_database)
    await until(lambda: sealed_so_far(operators, 1), what="the first seal")

    async with private_database.connect(SEALER) as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = current_user and pid <> pg_backend_pid()"
        )
    await write(private_database)

    await until(lambda: sealed_so_far(operators, 2), what="the second seal")
    stop.set()
    await sealing


@pytest.mark.parametrize(("point", "left"), [("audit.inside_seal", 0), ("audit.after_seal", 3)])
async def test_a_sealer_that_is_killed_leaves_whole_batches(
    private_database: PrivateDatabase, operators: Database, point: str, left: int
) -> None:
    assert point in SEALER_POINTS
    await write(private_database, 3)
    environment = os.environ | {"TRUC_SEALER_DSN": private_database.dsn(SEALER), VARIABLE: point}
    command = (sys.executable, "-m", "tests.support.sealer_process")
    process = await asyncio.create_subprocess_exec(*command, env=environment)

    assert await process.wait() == -signal.SIGKILL

    assert (await read_log_state(operators)).sealed == left
    async with sealing_session(Primary(private_database.dsn(SEALER))) as successor:
        await until(successor.lead, what="the dead sealer's lock")
        await write(private_database, 2)
        await sealed_all(successor)
    found = await verify_log(operators)
    assert (found.holds, found.state.sealed, found.unsealed.count) == (True, 5, 0)


async def sealed_so_far(database: Database, number: int) -> bool:
    return (await read_log_state(database)).sealed >= number


@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        ("update events set detail = '{\"attempt\": 2}' where event_id = 40", [(Damage.ALTERED, 40)]),
        ("update events set at = at + interval '1 microsecond' where event_id = 1", [(Damage.ALTERED, 1)]),
        ("update events set message_id = null where event_id = 100", [(Damage.ALTERED, 100)]),
        ("delete from events where event_id = 40", [(Damage.REMOVED, 40)]),
        (
            "delete from events where event_id = 40; delete from event_seals where event_id = 40",
            [(Damage.CUT_OUT, 40)],
        ),
        (
            "delete from events where event_id = 7; insert into events (event_id, name) values (7, 'x')",
            [(Damage.ALTERED, 7)],
        ),
        (
            "insert into events (event_id, name) values (-3, 'message.refused')",
            [(Damage.INSERTED, None)],
        ),
        (
            "update events set event_id = 1000 where event_id = 41",
            [(Damage.REMOVED, 41)],
        ),
        ("update event_seals set link = sha256('x') where position = 100", [(Damage.ALTERED, 100)]),
        ("delete from event_seals where event_id = 40", [(Damage.INSERTED, None), (Damage.CUT_OUT, 40)]),
    ],
)
async def test_what_the_owner_does_to_the_log_is_named(
    private_database: PrivateDatabase,
    operators: Database,
    session: SealingSession,
    deed: str,
    expected: Sequence[tuple[Damage, int | None]],
) -> None:
    await write(private_database, 100)
    await sealed_all(session)
    await change(
        private_database, "alter table events alter event_id set generated by default", *deed.split(";")
    )

    found = await verify_log(operators)

    assert damages(found) == list(expected)


async def test_a_chain_that_was_written_anew_is_not_the_one_whose_head_was_kept(
    private_database: PrivateDatabase, operators: Database, session: SealingSession
) -> None:
    await write(private_database, 20)
    await sealed_all(session)
    kept = await read_log_state(operators)
    assert kept.link is not None
    await change(private_database, "delete from events where event_id = 20", "delete from event_seals")
    await sealed_all(session)

    alone = await verify_log(operators)
    against = await verify_log(operators, heads={kept.sealed: kept.link})

    assert (alone.holds, alone.state.sealed) == (True, 19)
    assert damages(against) == [(Damage.OTHER_HEAD, 20)]


async def test_the_lag_tells_how_long_the_oldest_waits(
    private_database: PrivateDatabase, operators: Database, session: SealingSession
) -> None:
    await write(private_database)
    before = await read_log_state(operators)
    await sealed_all(session)
    after = await read_log_state(operators)

    assert before.lag_seconds > 0
    assert (before.sealed, after.sealed, after.lag_seconds) == (0, 1, 0)


@pytest.fixture
async def operators(private_database: PrivateDatabase) -> AsyncIterator[Database]:
    """Open the database as operators do."""
    from tests.support.database import OPERATOR

    database = await Database.open(private_database.dsn(OPERATOR), name="test operator", size=2)
    yield database
    await database.close()
