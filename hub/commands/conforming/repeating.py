"""Scenarios of what comes again, late, or never: duplicates, retries, order."""

from dataclasses import replace
from typing import Final

from hub.commands.conforming import papers
from hub.commands.conforming.hostile import altered
from hub.commands.conforming.place import OWN, PARTNER
from hub.commands.conforming.scenario import Play, RuleBroken, Scenario
from hub.commands.conforming.stage import Stage
from hub.commands.conforming.tap import Settled
from hub.message.refusal import Sentence

_LANE: Final = 12
_ONE_EFFECT: Final = Sentence(
    "ack; trạng thái lặp lại thì cùng tên và cùng byte, hoặc không lặp lại",
    "acknowledged; a status that is repeated has the same name and bytes, or it is not repeated",
)
_BY_DELIVERY_ID: Final = Sentence(
    "ghi x-delivery-id làm khóa duy nhất, trong cùng giao dịch với việc tiếp nhận",
    "make x-delivery-id a unique key, in the very transaction that takes the document",
)


async def _same_again(stage: Stage) -> None:
    paper = papers.plain(stage.place)
    first = await stage.deliver(paper)
    await stage.taken(first)
    await stage.calm()  # its answer is out, and confirmed
    await stage.taken(await stage.deliver(paper, name=first.delivery_id), times=2)
    await stage.calm()
    stage.answered_once(paper.document_id)


async def _higher_attempt(stage: Stage) -> None:
    paper = papers.plain(stage.place)
    first = await stage.deliver(paper)
    await stage.taken(first)
    await stage.calm()  # its answer is out, and confirmed
    await stage.taken(await stage.deliver(paper, name=first.delivery_id, attempt=2))
    await stage.calm()
    stage.answered_once(paper.document_id)


async def _after_reconnect(stage: Stage) -> None:
    paper = papers.plain(stage.place)
    stage.line.hold(from_client=True)
    first = await stage.deliver(paper)
    await stage.until(
        lambda: stage.tap.times_handed(str(first.delivery_id)),
        "bộ kết nối không nhận lượt chuyển",
        "the adapter did not get the delivery",
    )
    await stage.calm()  # it handles the document, and what it says is on its way
    stage.line.cut()
    stage.line.heal()
    await stage.taken(first, seconds=stage.within + 15)
    await stage.calm()
    stage.answered_once(paper.document_id)


async def _retry_is_taken(stage: Stage) -> None:
    forgery = altered(stage.place)
    paper = papers.plain(stage.place)
    spoilt = await stage.deliver_forged(forgery)
    if (await stage.settled(spoilt)).how is not Settled.REJECTED:
        raise RuleBroken(
            "lần chuyển hỏng không bị trả lại nên không thử được lần sau",
            "the spoilt attempt was not given back, so that there is no next one",
        )
    stage.forged.remove(spoilt)
    again = await stage.deliver(paper, name=spoilt.delivery_id, attempt=2)
    await stage.taken(again)
    stage.accepted.append(again)


async def _lane_in_order(stage: Stage) -> None:
    sent = [await stage.deliver(papers.plain(stage.place)) for _ in range(_LANE)]
    for each in sent:
        await stage.taken(each)
    names = [str(each.delivery_id) for each in sent]
    order = [each.handed.delivery_id for each in stage.tap.settled if each.handed.delivery_id in set(names)]
    if order != names:
        raise RuleBroken(
            "các văn bản của một làn không được xử lý theo thứ tự",
            "the documents of one lane were not handled in their order",
        )


async def _late_one(stage: Stage) -> None:
    first, second, third = (stage.axis.lane_number(PARTNER, OWN) for _ in range(3))
    for number, attempt in ((first, 1), (third, 1), (second, 2)):
        paper = papers.plain(stage.place)
        await stage.taken(await stage.deliver(paper, attempt=attempt, lane_number=number))


async def _gap(stage: Stage) -> None:
    for _ in range(3):
        stage.axis.lane_number(PARTNER, OWN)  # nobody will ever get this one
    await stage.taken(await stage.deliver(papers.plain(stage.place)))


async def _same_content(stage: Stage) -> None:
    draft = papers.a_draft()
    for draft_again in (draft, replace(draft, subject=f"{draft.subject} ")):
        await stage.taken(await stage.deliver(papers.signed(stage.place, draft_again)))


def _scenario(
    name: str, rule: str, sent: Sentence, expected: Sentence, way_out: Sentence, play: Play
) -> Scenario:
    return Scenario(name=name, rule=rule, sent=sent, expected=expected, way_out=way_out, play=play)


REPEATING: Final = (
    _scenario(
        "repeat.same",
        "decision 0004: at least once, one effect",
        Sentence("cùng một lượt chuyển hai lần", "the same delivery twice"),
        _ONE_EFFECT,
        _BY_DELIVERY_ID,
        _same_again,
    ),
    _scenario(
        "repeat.attempt",
        "decision 0004; a replay keeps the delivery id",
        Sentence(
            "lượt chuyển đã nhận, với số lần chuyển cao hơn", "a delivery that was taken, on a higher attempt"
        ),
        _ONE_EFFECT,
        _BY_DELIVERY_ID,
        _higher_attempt,
    ),
    _scenario(
        "repeat.reconnect",
        "decision 0004: an acknowledgement that was lost",
        Sentence(
            "một văn bản; kết nối đứt trước khi ack đến máy chủ",
            "a document; the connection is cut before the acknowledgement reaches the broker",
        ),
        _ONE_EFFECT,
        _BY_DELIVERY_ID,
        _after_reconnect,
    ),
    _scenario(
        "repeat.retry",
        "journey: given back",
        Sentence(
            "một lần chuyển hỏng, rồi bản đúng dưới cùng x-delivery-id, lần 2",
            "a spoilt attempt, then the true document under the same x-delivery-id, attempt 2",
        ),
        Sentence("lần 2 được ack", "the second attempt is acknowledged"),
        Sentence(
            "điều đã trả lại chưa phải là đã xử lý: lần chuyển cao hơn là cơ hội mới",
            "what was given back was not handled: a higher attempt is a new chance",
        ),
        _retry_is_taken,
    ),
    _scenario(
        "order.lane",
        "journey: order; x-lane, x-lane-number",
        Sentence(f"{_LANE} văn bản của một làn, liền nhau", f"{_LANE} documents of one lane, at once"),
        Sentence("được xử lý theo thứ tự", "they are handled in their order"),
        Sentence(
            "xử lý lần lượt trong một làn; các làn khác nhau mới song song",
            "handle one lane one by one; only different lanes go side by side",
        ),
        _lane_in_order,
    ),
    _scenario(
        "order.late",
        "journey: order; what breaks it",
        Sentence(
            "số 1, số 3, rồi số 2 ở lần chuyển thứ hai", "numbers 1 and 3, then 2 on its second attempt"
        ),
        Sentence("cả ba được ack", "all three are acknowledged"),
        Sentence(
            "số thứ tự để nhìn thấy, không phải để chờ hay bỏ văn bản đến muộn",
            "the number shows the order; it is no reason to wait for one, or to drop one that is late",
        ),
        _late_one,
    ),
    _scenario(
        "order.gap",
        "journey: order; dead letters leave gaps",
        Sentence("một văn bản sau ba số không bao giờ đến", "a document after three numbers that never come"),
        Sentence("được ack, không chờ", "it is acknowledged without waiting"),
        Sentence("không chờ số còn thiếu", "do not wait for numbers that are missing"),
        _gap,
    ),
    _scenario(
        "repeat.not-the-same",
        "decision 0004: the delivery id decides, not the document's number",
        Sentence(
            "hai lượt chuyển khác nhau mang cùng mã văn bản",
            "two different deliveries with one document id",
        ),
        Sentence("cả hai được ack", "both are acknowledged"),
        Sentence(
            "trùng mã văn bản là việc của nghiệp vụ; từ chối thì trả 02 có lý do",
            "a repeated document number is for the clerks; to refuse it, answer 02 with a reason",
        ),
        _same_content,
    ),
)
