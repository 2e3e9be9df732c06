"""Law: every event of a message is in one chain, once, as it was sealed, and stays there."""

from collections.abc import Iterator, Sequence

from tests.chaos.checker_history import History, grouped, repeated
from tests.chaos.checker_log import GENESIS, LogRow, Seal, SeenLog, link_after
from tests.chaos.laws.violation import Law, Violation


def sealed_log(history: History) -> Iterator[Violation]:
    """Find what stands outside the chain, what the chain does not hold, and who says otherwise."""
    log, left_out = history.sight.log, _left_out(history.sight.log)
    broken = [*_sealed_twice(log), *_broken(log), *_told_otherwise(log)]
    yield from broken
    yield from (_outside(log, each) for each in left_out if _is_judged(history, each))
    yield from _verified_otherwise(log, is_whole=not broken and not _behind_the_seal(log, left_out))


def _sealed_twice(log: SeenLog) -> Iterator[Violation]:
    for event_id, seals in repeated(grouped((each.event_id, each) for each in log.seals)):
        places = " and ".join(str(each.position) for each in seals)
        yield _violation(log, event_id, f"is sealed {len(seals)} times, at the positions {places}")


def _broken(log: SeenLog) -> Iterator[Violation]:
    """Follow the chain from its beginning, and go on behind what is broken."""
    rows = {each.event_id: each for each in log.rows}
    before = Seal(position=0, event_id=0, link=GENESIS)
    for seal in log.seals:
        if (wrong := _wrong(before, seal, rows.get(seal.event_id))) is not None:
            yield _violation(log, seal.event_id, f"at position {seal.position} {wrong}")
        before = seal


def _wrong(before: Seal, seal: Seal, row: LogRow | None) -> str | None:
    """Return what is wrong with *seal*, which follows *before*, and with its event."""
    if seal.position != before.position + 1:
        return f"follows position {before.position}: what was sealed in between is gone, or stands twice"
    if seal.event_id < before.event_id:
        return f"is sealed behind event {before.event_id}, which has a higher number"
    if row is None:
        return "is gone, and its seal is there"
    if link_after(before.link, row.form) != seal.link:
        return "is not what was sealed"
    return None


def _left_out(log: SeenLog) -> Sequence[LogRow]:
    sealed = {each.event_id for each in log.seals}
    return [each for each in log.rows if each.event_id not in sealed]


def _behind_the_seal(log: SeenLog, left_out: Sequence[LogRow]) -> Sequence[LogRow]:
    """Return what nobody will ever seal: the chain has gone on without it."""
    end = log.seals[-1].event_id if log.seals else 0
    return [each for each in left_out if each.event_id < end]


def _is_judged(history: History, row: LogRow) -> bool:
    """Whether *row* is about a message that is judged.

    What a hub writes of itself on its way out may come after the last seal, and excuses nothing before it.
    """
    log, sight = history.sight.log, history.sight
    if log.is_shared:
        return row.message_id in sight.messages or row.delivery_id in sight.deliveries
    is_of_message = row.message_id is not None or row.delivery_id is not None
    return is_of_message or bool(_behind_the_seal(log, [row]))


def _outside(log: SeenLog, row: LogRow) -> Violation:
    is_behind = bool(_behind_the_seal(log, [row]))
    why = "and the chain has gone on without it" if is_behind else "though all has come to rest"
    return _violation(log, row.event_id, f"was never sealed, {why}")


def _told_otherwise(log: SeenLog) -> Iterator[Violation]:
    links = {each.position: each.link for each in log.seals}
    for position, link in sorted(log.heads.items()):
        if links.get(position) != link:
            what = f"a hub told the head {position}:{link.hex()[:16]}…, which the log no longer has"
            yield Violation(law=Law.SEALED_LOG, what=what)


def _verified_otherwise(log: SeenLog, *, is_whole: bool) -> Iterator[Violation]:
    """Hold `truc audit verify` against what was found here."""
    said = log.verified
    if said is None:
        return
    if said.sealed < len(log.seals):
        what = f"`truc audit verify` says that {said.sealed} events are sealed, and {len(log.seals)} are"
        yield Violation(law=Law.SEALED_LOG, what=what)
    if said.holds != is_whole:
        found = ", ".join(said.told) or "nothing wrong"
        what = f"`truc audit verify` finds {found}, where the log is {'whole' if is_whole else 'broken'}"
        yield Violation(law=Law.SEALED_LOG, what=what)


def _violation(log: SeenLog, event_id: int, wrong: str) -> Violation:
    row = next((each for each in log.rows if each.event_id == event_id), None)
    name = f" ({row.name})" if row is not None else ""
    return Violation(
        law=Law.SEALED_LOG,
        what=f"event {event_id}{name} {wrong}",
        delivery_id=row.delivery_id if row is not None else None,
    )
