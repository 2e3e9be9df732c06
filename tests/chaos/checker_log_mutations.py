"""Every way in which a log that is sealed as it should be is made a wrong one."""

from dataclasses import replace
from random import Random

from tests.chaos.checker_case import Case, any_of, breaks
from tests.chaos.checker_log import LogRow, Seal, SeenLog, Verified, link_after, sealed
from tests.chaos.laws.violation import Law


@breaks(Law.SEALED_LOG)
def _an_event_is_altered_behind_its_seal(case: Case, random: Random) -> Case:
    log = case.sight.log
    at = any_of(random, range(len(log.rows)))
    return _with(case, replace(log, rows=_altered(log.rows, at)))


@breaks(Law.SEALED_LOG)
def _a_sealed_event_is_gone(case: Case, random: Random) -> Case:
    log = case.sight.log
    gone = any_of(random, log.rows)
    return _with(case, replace(log, rows=tuple(each for each in log.rows if each is not gone)))


@breaks(Law.SEALED_LOG)
def _an_event_is_cut_out_with_its_seal(case: Case, random: Random) -> Case:
    log = case.sight.log
    at = any_of(random, range(len(log.rows) - 1))
    rows, seals = (*log.rows[:at], *log.rows[at + 1 :]), (*log.seals[:at], *log.seals[at + 1 :])
    return _with(case, replace(log, rows=rows, seals=seals))


@breaks(Law.SEALED_LOG)
def _the_sealer_leaves_an_event_out(case: Case, random: Random) -> Case:
    log = case.sight.log
    at = any_of(random, range(len(log.rows) - 1))
    rest = (*log.rows[:at], *log.rows[at + 1 :])
    return _with(case, replace(log, seals=sealed(rest), heads={}, verified=None))


@breaks(Law.SEALED_LOG)
def _the_last_event_waits_for_its_seal_for_ever(case: Case, random: Random) -> Case:
    log = case.sight.log
    any_of(random, log.rows)
    return _with(case, replace(log, seals=log.seals[:-1], heads={}, verified=None))


@breaks(Law.SEALED_LOG)
def _an_event_is_sealed_twice(case: Case, random: Random) -> Case:
    log = case.sight.log
    twice = any_of(random, log.rows)
    last = log.seals[-1]
    again = Seal(position=last.position + 1, event_id=twice.event_id, link=link_after(last.link, twice.form))
    return _with(case, replace(log, seals=(*log.seals, again)))


@breaks(Law.SEALED_LOG)
def _the_log_is_written_anew(case: Case, random: Random) -> Case:
    """Let everything agree with itself: only what a hub told shows it."""
    log = case.sight.log
    rows = _altered(log.rows, any_of(random, range(len(log.rows))))
    return _with(case, replace(log, rows=rows, seals=sealed(rows)))


@breaks(Law.SEALED_LOG)
def _the_end_of_the_log_is_lost(case: Case, random: Random) -> Case:
    log = case.sight.log
    any_of(random, log.rows)
    return _with(case, replace(log, rows=log.rows[:-1], seals=log.seals[:-1], verified=None))


@breaks(Law.SEALED_LOG)
def _the_command_finds_what_is_not_there(case: Case, random: Random) -> Case:
    log = case.sight.log
    said = Verified(holds=False, sealed=len(log.seals), told=("altered at 1, event 1",))
    return _with(case, replace(log, verified=any_of(random, [said])))


def _with(case: Case, log: SeenLog) -> Case:
    return replace(case, sight=replace(case.sight, log=log))


def _altered(rows: tuple[LogRow, ...], at: int) -> tuple[LogRow, ...]:
    return (*rows[:at], replace(rows[at], form=rows[at].form + b"!"), *rows[at + 1 :])
