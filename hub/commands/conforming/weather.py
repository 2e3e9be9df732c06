"""Scenarios of bad days: a slow line, a cut line, a broker that dies, an adapter that dies."""

import asyncio
from typing import Final

from hub.commands.conforming import papers
from hub.commands.conforming.axis import Consigned
from hub.commands.conforming.papers import Paper
from hub.commands.conforming.scenario import Need, NotTested, Play, RuleBroken, Scenario
from hub.commands.conforming.stage import Stage
from hub.message.edxml import StatusCode
from hub.message.refusal import Sentence

_SLOW_SECONDS: Final = 0.3
_CUT_SECONDS: Final = 3.0
_BURST: Final = 30
_RECONNECTING_SECONDS: Final = 30.0


async def _slow_line(stage: Stage) -> None:
    stage.line.slow_down(_SLOW_SECONDS)
    sent = [(paper, await stage.deliver(paper)) for paper in _several(stage, 3)]
    await _all_taken_once(stage, sent)


async def _cut_line(stage: Stage) -> None:
    stage.line.cut()
    sent = [(paper, await stage.deliver(paper)) for paper in _several(stage, 3)]
    await stage.calm(_CUT_SECONDS)
    stage.line.heal()
    await _all_taken_once(stage, sent)


async def _broker_killed(stage: Stage) -> None:
    sent = [(paper, await stage.deliver(paper)) for paper in _several(stage, 10)]
    await asyncio.to_thread(stage.place.broker.kill)
    await asyncio.to_thread(stage.place.broker.start)
    await stage.axis.connect()
    sent += [(paper, await stage.deliver(paper)) for paper in _several(stage, 3)]
    await _all_taken_once(stage, sent)


async def _adapter_killed(stage: Stage) -> None:
    papers_ = _several(stage, _BURST)
    before = len(stage.tap.settled)
    sent = [(paper, await stage.deliver(paper)) for paper in papers_]
    await stage.until(
        lambda: len(stage.tap.settled) > before,
        "bộ kết nối không xử lý gì",
        "the adapter handled nothing",
    )
    await stage.adapter.kill()
    await stage.rest()
    await _all_taken_once(stage, sent)
    await _all_answered(stage, [paper for paper, _ in sent])


def _several(stage: Stage, count: int) -> list[Paper]:
    return [papers.plain(stage.place) for _ in range(count)]


async def _all_taken_once(stage: Stage, sent: list[tuple[Paper, Consigned]]) -> None:
    for _, consigned in sent:
        await stage.taken(consigned, seconds=stage.within + _RECONNECTING_SECONDS)
    await stage.calm()
    for paper, _ in sent:
        stage.answered_once(paper.document_id)


async def _all_answered(stage: Stage, sent: list[Paper]) -> None:
    """Ask each document for its 01, which stays away for good where the document was lost."""
    if not any(
        each.header.status is StatusCode.ARRIVED
        for paper in sent
        for each in stage.answers(paper.document_id)
    ):
        raise NotTested(
            "bộ kết nối không gửi 01 nào nên không thấy được văn bản nào bị mất",
            "the adapter sends no 01, so that nobody can see whether a document was lost",
        )

    def missing() -> list[Paper]:
        return [paper for paper in sent if not stage.answers(paper.document_id)]

    try:
        async with asyncio.timeout(stage.within):
            while missing():
                await stage.calm(0.2)
    except TimeoutError:
        lost = len(missing())
        raise RuleBroken(
            f"{lost} trong {len(sent)} văn bản bị mất: đã ack nhưng chưa nằm trong tay đơn vị",
            f"{lost} of {len(sent)} documents were lost: acknowledged before the agency had them",
        ) from None


def _scenario(name: str, rule: str, sent: Sentence, way_out: Sentence, play: Play, *needs: Need) -> Scenario:
    return Scenario(
        name=name,
        rule=rule,
        sent=sent,
        expected=Sentence(
            "mọi văn bản được ack và trả lời, không mất, không đôi",
            "every document is acknowledged and answered, none lost, none doubled",
        ),
        way_out=way_out,
        play=play,
        needs=needs,
    )


_CONNECT_ANEW: Final = Sentence(
    "kết nối lại với khoảng chờ tăng dần, khai báo lại consumer, không bỏ việc đang làm",
    "connect anew with growing pauses, consume again, and keep what was in hand",
)
WEATHER: Final = (
    _scenario(
        "weather.slow",
        "kit: a slow broker",
        Sentence(
            f"ba văn bản qua đường truyền chậm {_SLOW_SECONDS:g} giây mỗi gói",
            f"three documents over a line that takes {_SLOW_SECONDS:g} s for each piece",
        ),
        Sentence(
            "thời hạn chờ máy chủ phải dài hơn 30 giây", "wait for the broker's answers for 30 s at least"
        ),
        _slow_line,
    ),
    _scenario(
        "weather.cut",
        "kit: outages",
        Sentence(
            f"kết nối đứt {_CUT_SECONDS:g} giây, ba văn bản đến trong lúc đó",
            f"the connection is cut for {_CUT_SECONDS:g} s; three documents come meanwhile",
        ),
        _CONNECT_ANEW,
        _cut_line,
    ),
    _scenario(
        "weather.broker-killed",
        "kit: outages; law: nothing is lost",
        Sentence(
            "mười văn bản, máy chủ hàng đợi bị kill -9 rồi chạy lại, ba văn bản nữa",
            "ten documents, the broker is killed with SIGKILL and comes back, three more",
        ),
        _CONNECT_ANEW,
        _broker_killed,
    ),
    _scenario(
        "weather.adapter-killed",
        "kit: crashes; law: nothing is lost",
        Sentence(
            f"{_BURST} văn bản, bộ kết nối bị kill -9 giữa chừng rồi chạy lại",
            f"{_BURST} documents; the adapter is killed with SIGKILL in their midst and started again",
        ),
        Sentence(
            "ack sau khi văn bản đã nằm bền trong phần mềm của đơn vị, không phải trước",
            "acknowledge after the document is durably in the agency's software, not before",
        ),
        _adapter_killed,
        Need.START,
    ),
)
