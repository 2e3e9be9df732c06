"""What `truc deadletter` and `truc invalid` do."""

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import typer

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.caseload import CaseGroup, GroupFilter
from hub.backends.postgres.desk import Case, CaseFilter, KeptMessage, read_invalid_messages
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.bootstrap import hub_key
from hub.commands.place import load_settings, operators_database
from hub.commands.shown import VIETNAM
from hub.message.identifiers import AgencyCode, MailboxName, agency_key
from hub.operations.case_batch import Handled
from hub.operations.cases import CaseDesk, CaseFile
from hub.operations.replaying import Detour
from hub.settings import Settings
from hub.workers.attestation import Attestation

EVERY: Final = 1_000_000
"""More cases than there ever are."""


def case_filter(
    *,
    case_ids: Sequence[int] | None = None,
    mailbox: str | None = None,
    cause: str | None = None,
    sender: str | None = None,
    since: datetime | None = None,
    group: str | None = None,
    owner: str | None = None,
    is_open: bool = True,
    is_all: bool = False,
    must_narrow: bool = False,
) -> CaseFilter:
    """Return the filter that the options describe.

    Raises `typer.BadParameter` where nothing narrows it, something has to, and `--all` was not given.
    """
    narrows = (mailbox, cause, sender, since, group, owner)
    if must_narrow and not case_ids and not is_all and not any(narrows):
        raise typer.BadParameter("name cases, narrow them with options, or say --all")
    return CaseFilter(
        case_ids=tuple(case_ids) if case_ids else None,
        mailbox=MailboxName(mailbox) if mailbox else None,
        cause=cause,
        sender=agency_key(AgencyCode(sender)) if sender else None,
        since=_in_vietnam(since),
        group=group,
        owner=owner,
        is_open=is_open and not case_ids,
    )


def _in_vietnam(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=VIETNAM) if at is not None and at.tzinfo is None else at


async def find_groups(
    home: Path | None, settings: Path | None, *, mailbox: str | None, sender: str | None, owner: str | None
) -> tuple[CaseGroup, ...]:
    """Return the root causes of the open cases."""
    wanted = GroupFilter(
        mailbox=MailboxName(mailbox) if mailbox else None,
        sender=agency_key(AgencyCode(sender)) if sender else None,
        owner=owner,
    )
    async with _desk(load_settings(home, settings), "") as desk:
        return await desk.groups(wanted)


async def find_cases(
    home: Path | None, settings: Path | None, wanted: CaseFilter, *, limit: int, after: int = 0
) -> tuple[Case, ...]:
    """Return the cases that *wanted* describes, behind number *after*."""
    async with _desk(load_settings(home, settings), "") as desk:
        return await desk.find(wanted, limit=limit, after=after)


async def show_case(home: Path | None, settings: Path | None, case_id: int) -> CaseFile:
    """Return one case with its attempts."""
    async with _desk(load_settings(home, settings), "") as desk:
        return await desk.show(case_id)


async def replay_cases(
    home: Path | None, settings: Path | None, operator: str, wanted: CaseFilter, reason: str | None
) -> Handled:
    """Replay the cases that *wanted* describes."""
    async with _desk(load_settings(home, settings), operator) as desk:
        return await desk.replay(await _numbers(desk, wanted), reason=reason)


async def discard_cases(
    home: Path | None, settings: Path | None, operator: str, wanted: CaseFilter, reason: str
) -> Handled:
    """Discard the cases that *wanted* describes, with signed failures for their senders."""
    loaded = load_settings(home, settings)
    with ThreadPoolExecutor(1) as executor:
        attest = Attestation(key=hub_key(loaded), executor=executor)
        async with _desk(loaded, operator) as desk:
            return await desk.discard(await _numbers(desk, wanted), reason=reason, attest=attest)


async def reroute_cases(
    home: Path | None, settings: Path | None, operator: str, cases: Sequence[int], to: str, reason: str
) -> Handled:
    """Replay the cases to the mailbox *to*, with an overlay that the hub's key signs."""
    loaded = load_settings(home, settings)
    with ThreadPoolExecutor(1) as executor:
        seal = Attestation(key=hub_key(loaded), executor=executor).seal
        async with operators_database(loaded) as database:
            clock = SystemClock()
            registry = PostgresRegistry(database, clock=clock, max_age=loaded.registry_interval)
            detour = Detour(
                mailbox=MailboxName(to),
                directory=await registry.directory(),
                seal=seal,
                clock=clock,
                new_id=new_id,
            )
            desk = _at(database, loaded, operator)
            return await desk.reroute(cases, detour, reason=reason)


async def restore_cases(
    home: Path | None, settings: Path | None, operator: str, cases: Sequence[int], reason: str
) -> Handled:
    """Take the discard of the cases back."""
    async with _desk(load_settings(home, settings), operator) as desk:
        return await desk.restore(cases, reason=reason)


async def assign_cases(
    home: Path | None, settings: Path | None, operator: str, cases: Sequence[int], owner: str | None
) -> Handled:
    """Give the cases to *owner*."""
    async with _desk(load_settings(home, settings), operator) as desk:
        return await desk.assign(cases, owner)


async def note_cases(
    home: Path | None, settings: Path | None, operator: str, cases: Sequence[int], text: str
) -> Handled:
    """Write *text* down about the cases."""
    async with _desk(load_settings(home, settings), operator) as desk:
        return await desk.note(cases, text)


async def snooze_cases(
    home: Path | None, settings: Path | None, operator: str, cases: Sequence[int], until: datetime | None
) -> Handled:
    """Put the cases off, or wake them."""
    async with _desk(load_settings(home, settings), operator) as desk:
        return await desk.snooze(cases, _in_vietnam(until))


async def link_cases(
    home: Path | None, settings: Path | None, operator: str, cases: Sequence[int], ticket: str | None
) -> Handled:
    """Link the cases to *ticket*."""
    async with _desk(load_settings(home, settings), operator) as desk:
        return await desk.link(cases, ticket)


async def read_kept(
    home: Path | None, settings: Path | None, *, invalid_id: int | None = None, limit: int = 100
) -> tuple[KeptMessage, ...]:
    """Return messages that nobody vouches for."""
    async with (
        operators_database(load_settings(home, settings)) as database,
        database.connection() as connection,
    ):
        return await read_invalid_messages(connection, invalid_id=invalid_id, limit=limit)


async def _numbers(desk: CaseDesk, wanted: CaseFilter) -> list[int]:
    if wanted.case_ids is not None and wanted == CaseFilter(case_ids=wanted.case_ids, is_open=wanted.is_open):
        return list(wanted.case_ids)
    return [each.case_id for each in await desk.find(wanted, limit=EVERY)]


@asynccontextmanager
async def _desk(settings: Settings, operator: str) -> AsyncIterator[CaseDesk]:
    async with operators_database(settings) as database:
        yield _at(database, settings, operator)


def _at(database: Database, settings: Settings, operator: str) -> CaseDesk:
    return CaseDesk(
        database,
        operator=operator,
        clock=SystemClock(),
        new_id=new_id,
        at_most=settings.second_person_above,
    )
