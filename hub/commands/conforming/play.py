"""Plays the scenarios one after the other and says what came of each."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from hub.commands.conforming.adapter import Adapter, Commands
from hub.commands.conforming.disbelieving import DISBELIEVING
from hub.commands.conforming.habits import HABITS
from hub.commands.conforming.place import Place
from hub.commands.conforming.receiving import RECEIVING
from hub.commands.conforming.repeating import REPEATING
from hub.commands.conforming.scenario import Need, NotTested, Result, RuleBroken, Scenario, Verdict
from hub.commands.conforming.sending import SENDING
from hub.commands.conforming.stage import Stage
from hub.commands.conforming.weather import WEATHER
from hub.errors import OperationRefused
from hub.message.refusal import Sentence

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *RECEIVING,
    *REPEATING,
    *DISBELIEVING,
    *SENDING,
    *WEATHER,
    *HABITS,
)
_GONE: Final = Sentence(
    "sau đó bộ kết nối không đọc hàng của mình nữa, phải chạy lại",
    "afterwards the adapter did not read its queue any more, and had to be started anew",
)
_KEPT: Final = Sentence("đúng quy tắc", "as the rule says")


def chosen(only: Sequence[str]) -> tuple[Scenario, ...]:
    """Return the scenarios that *only* names, a whole name or its beginning; all where it names none."""
    for name in only:
        if not any(_is_meant(each, name) for each in SCENARIOS):
            raise OperationRefused(f"there is no scenario {name!r}: `truc conformance list` names them")
    return tuple(each for each in SCENARIOS if not only or any(_is_meant(each, name) for name in only))


def _is_meant(scenario: Scenario, name: str) -> bool:
    return scenario.name == name or scenario.name.startswith(f"{name}.")


async def play(
    place: Place,
    commands: Commands,
    scenarios: Iterable[Scenario],
    *,
    within: float,
    told: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Play *scenarios* with the adapter of *commands*; *told* hears of each as it ends."""
    results = []
    async with Stage.set_up(place, commands, within=within) as stage:
        for scenario in scenarios:
            results.append(await _result_of(scenario, stage))
            told(results[-1])
    return results


async def _result_of(scenario: Scenario, stage: Stage) -> Result:
    for need in scenario.needs:
        if not _has(stage.adapter, need):
            return _untested(scenario, need)
    began = time.monotonic()
    verdict, found = await _verdict_on(scenario, stage)
    seconds = round(time.monotonic() - began, 2)
    if verdict is Verdict.FAIL:
        await stage.begin_anew()
    if not await stage.recovers():
        verdict, found = Verdict.FAIL, _GONE
    return Result(scenario=scenario, verdict=verdict, found=found, seconds=seconds)


async def _verdict_on(scenario: Scenario, stage: Stage) -> tuple[Verdict, Sentence]:
    try:
        await scenario.play(stage)
    except RuleBroken as broken:
        return Verdict.FAIL, broken.sentence
    except NotTested as missing:
        return Verdict.NOT_TESTED, missing.sentence
    return Verdict.PASS, _KEPT


def _untested(scenario: Scenario, need: Need) -> Result:
    found = Sentence(f"thiếu {need}", f"{need} was not given")
    return Result(scenario=scenario, verdict=Verdict.NOT_TESTED, found=found, seconds=0.0, lacks=need)


def _has(adapter: Adapter, need: Need) -> bool:
    given = {
        Need.START: adapter.commands.adapter,
        Need.SEND: adapter.commands.send,
        Need.EFFECTS: adapter.commands.effects,
    }
    return given[need] is not None
