"""Scenarios of what the adapter sends when it is told to: one submission, whatever happens on the way."""

import asyncio
from typing import Final

from hub.commands.conforming.axis import Reply, Submission
from hub.commands.conforming.scenario import Need, NotTested, Play, RuleBroken, Scenario
from hub.commands.conforming.stage import Stage, header_of
from hub.commands.conforming.tap import Published
from hub.message.edxml import DocumentHeader, MessageKind
from hub.message.refusal import Sentence

_LATE_SECONDS: Final = 4.0
_PUBLISHING_SECONDS: Final = 30.0


async def _sends(stage: Stage) -> None:
    before = len(stage.axis.submissions)
    code = await stage.adapter.send()
    if code:
        raise RuleBroken(f"--send kết thúc với mã {code}", f"--send ended with {code}")
    await _first(stage, before)
    await stage.calm()
    _is_one(stage, before)


async def _unconfirmed(stage: Stage) -> None:
    before = len(stage.axis.submissions)

    def withhold_confirm(published: Published) -> None:
        if published.kind == MessageKind.DOCUMENT:
            stage.tap.watch_publishes()
            stage.line.hold(from_client=False)

    stage.axis.reply = Reply.SAY_NOTHING  # a receipt would be as good as a confirm
    stage.tap.watch_publishes(withhold_confirm)
    sending = asyncio.create_task(stage.adapter.send())
    try:
        submission = await _first(stage, before)
        stage.line.cut()
        stage.line.heal()
        code = await sending
    finally:
        stage.tap.watch_publishes()
        sending.cancel()
    if code:
        raise NotTested(
            f"--send báo lỗi (mã {code}) nên không nhận trách nhiệm gửi tiếp",
            f"--send reported a failure ({code}), and so took no responsibility to go on",
        )
    await stage.until(
        lambda: len(stage.documents(since=before)) > 1,
        "văn bản chưa được xác nhận (confirm) mà không được gửi lại",
        "what the broker did not confirm was not published again",
        seconds=stage.within + _PUBLISHING_SECONDS,
    )
    _is_one(stage, before)
    await stage.axis.decide(submission, Reply.ACCEPT)


async def _while_away(stage: Stage) -> None:
    before = len(stage.axis.submissions)
    stage.line.cut()
    if code := await stage.adapter.send():
        raise NotTested(
            f"--send không nhận văn bản khi mất kết nối (mã {code}): được phép",
            f"--send takes no document while the axis is away ({code}): it may",
        )
    stage.line.heal()
    await _first(stage, before, seconds=stage.within + _PUBLISHING_SECONDS)
    await stage.calm()
    _is_one(stage, before)


async def _late_receipt(stage: Stage) -> None:
    before = len(stage.axis.submissions)
    stage.axis.reply = Reply.SAY_NOTHING
    await stage.adapter.send()
    submission = await _first(stage, before)
    await stage.calm(_LATE_SECONDS)
    _is_one(stage, before)
    await stage.axis.decide(submission, Reply.ACCEPT)
    await stage.calm()
    _is_one(stage, before)


async def _refused(stage: Stage) -> None:
    before = len(stage.axis.submissions)
    stage.axis.reply = Reply.REFUSE
    await stage.adapter.send()
    await _first(stage, before)
    await stage.calm(_LATE_SECONDS)
    if len(stage.documents(since=before)) > 1:
        raise RuleBroken(
            "văn bản bị từ chối được gửi lại nguyên như cũ",
            "what was refused for good was submitted again",
        )


async def _first(stage: Stage, before: int, *, seconds: float | None = None) -> Submission:
    return await stage.until(
        lambda: next(iter(stage.documents(since=before)), None),
        "không có văn bản nào được gửi trong thời hạn",
        "no document was submitted in time",
        seconds=seconds,
    )


def _is_one(stage: Stage, before: int) -> None:
    """Raise `RuleBroken` where one document went out as two submissions, or in other bytes."""
    by_document: dict[object, set[object]] = {}
    for each in stage.documents(since=before):
        header = header_of(each.body)
        document = header.document_id if isinstance(header, DocumentHeader) else each.digest
        by_document.setdefault(document, set()).add((each.submission_id, each.digest))
    if len(by_document) > 1:
        raise RuleBroken(
            f"một lần --send tạo ra {len(by_document)} văn bản",
            f"one --send brought {len(by_document)} documents",
        )
    if any(len(names) > 1 for names in by_document.values()):
        raise RuleBroken(
            "một văn bản được gửi lại dưới correlation_id khác hoặc byte khác",
            "one document was submitted again under another correlation_id, or in other bytes",
        )


def _scenario(name: str, rule: str, sent: Sentence, expected: Sentence, play: Play) -> Scenario:
    return Scenario(
        name=name,
        rule=rule,
        sent=sent,
        expected=expected,
        way_out=Sentence(
            "ký một lần, ghi sổ byte và correlation_id trước khi gửi, gửi lại đúng như thế cho tới confirm",
            "sign once, journal bytes and correlation_id first, publish just these until confirmed",
        ),
        play=play,
        needs=(Need.SEND,),
    )


_ONE: Final = Sentence("một lần gửi, cùng tên và byte", "one submission, of one name and the same bytes")
SENDING: Final = (
    _scenario(
        "send.document",
        "kit: sending",
        Sentence("lệnh --send", "the command --send"),
        Sentence("một văn bản đến trục trong thời hạn", "one document reaches the axis in time"),
        _sends,
    ),
    _scenario(
        "send.unconfirmed",
        "journey, steps 1–3: publish until confirmed",
        Sentence(
            "lệnh --send; kết nối đứt sau khi máy chủ nhận, trước khi confirm về tới",
            "--send; the connection is cut after the broker has the document, before its confirm is back",
        ),
        Sentence(
            "gửi lại cùng correlation_id và cùng byte", "published again under the same name, same bytes"
        ),
        _unconfirmed,
    ),
    _scenario(
        "send.while-away",
        "journey, step 1: the journal",
        Sentence("lệnh --send khi mất kết nối", "--send while the line is cut"),
        Sentence("văn bản tự đi khi có lại kết nối, một lần", "it goes out by itself afterwards, once"),
        _while_away,
    ),
    _scenario(
        "send.late-receipt",
        "journey, steps 5–9: the decision may take a while",
        Sentence(
            f"lệnh --send; biên nhận đến sau {_LATE_SECONDS:g} giây",
            f"--send; the receipt comes {_LATE_SECONDS:g} s later",
        ),
        _ONE,
        _late_receipt,
    ),
    _scenario(
        "send.refused",
        "journey: refused",
        Sentence("lệnh --send; trục từ chối có lý do", "--send; the axis refuses with a reason"),
        Sentence("không gửi lại văn bản đó", "the same is not submitted again"),
        _refused,
    ),
)
