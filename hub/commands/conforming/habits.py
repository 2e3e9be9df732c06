"""Rules that are judged over everything that the adapter did in a run."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Final, TypeAlias
from uuid import uuid4

from hub.catalogue import Catalogue
from hub.commands.conforming.axis import Submission
from hub.commands.conforming.place import MAILBOX, OWN, UNIT
from hub.commands.conforming.scenario import Need, NotTested, Play, RuleBroken, Scenario
from hub.commands.conforming.stage import Stage, header_of
from hub.commands.conforming.tap import Published, Settled
from hub.errors import MessageRejected
from hub.intake.parse import ParseLimits, parse
from hub.intake.validate import ContentLimits, validate
from hub.intake.verify import verify
from hub.message import properties
from hub.message.edxml import MessageKind, StatusHeader
from hub.message.identifiers import SubmissionId, agency_key
from hub.message.refusal import Sentence
from hub.message.reject_reason import REJECT_REASON
from hub.message.stages import ReceivedMessage
from hub.signature.certificates import TrustAnchors

Keeps: TypeAlias = Callable[[Submission], bool]
Passes: TypeAlias = Callable[[Published], bool]


@cache
def _catalogue() -> Catalogue:
    return Catalogue()


def refusal_of(submission: Submission, anchors: TrustAnchors) -> Sentence | None:
    """Return why a hub would refuse *submission*, by the hub's own checks; None where it would not."""
    received = ReceivedMessage(
        body=submission.body,
        digest=submission.digest,
        mailbox=MAILBOX,
        submission_id=SubmissionId(submission.submission_id or str(uuid4())),
        transport_id=submission.message_id or "",
        reported_delivery=None,
        received_at=datetime.now(UTC),
    )
    try:
        verified = verify(parse(received, ParseLimits()), anchors)
        header = validate(verified, _catalogue(), ContentLimits()).header
    except MessageRejected as refused:
        first = refused.violations[0]
        return Sentence(f"{first.code}: {first.vi}", f"{first.code}: {first.en}")
    if agency_key(header.sender) not in {agency_key(OWN), agency_key(UNIT)}:
        return Sentence(
            f"hộp thư không được gửi thay {header.sender}", f"the mailbox may not speak for {header.sender}"
        )
    return None


async def _all_valid(stage: Stage) -> None:
    anchors = stage.place.anchors
    for each in _submissions(stage):
        if refusal := await asyncio.to_thread(refusal_of, each, anchors):
            raise RuleBroken(
                f"một {each.kind} sẽ bị trục từ chối: {refusal.vi}",
                f"the axis would refuse a {each.kind}: {refusal.en}",
            )


async def _each(keeps: Keeps, vi: str, en: str, stage: Stage) -> None:
    found = _submissions(stage)
    if wrong := sum(not keeps(each) for each in found):
        raise RuleBroken(f"{wrong}/{len(found)} gói tin {vi}", f"{wrong} of {len(found)} submissions {en}")


async def _each_publish(passes: Passes, vi: str, en: str, stage: Stage) -> None:
    found = [each for each in stage.tap.published if each.kind != REJECT_REASON]
    if not found:
        raise _nothing_sent()
    if wrong := sum(not passes(each) for each in found):
        raise RuleBroken(f"{wrong}/{len(found)} lần gửi {vi}", f"{wrong} of {len(found)} publishes {en}")


def _has_its_type(submission: Submission) -> bool:
    is_status = isinstance(header_of(submission.body), StatusHeader)
    return submission.kind == (MessageKind.STATUS if is_status else MessageKind.DOCUMENT)


async def _fresh_message_ids(stage: Stage) -> None:
    names = [each.message_id for each in _submissions(stage) if not each.is_redelivered]
    if any(not name for name in names) or len(set(names)) != len(names):
        raise RuleBroken(
            "message_id thiếu hoặc bị dùng lại cho lần gửi khác",
            "a message_id is missing, or used again for another publish",
        )


async def _one_content_for_a_name(stage: Stage) -> None:
    digests: dict[str | None, set[object]] = {}
    for each in _submissions(stage):
        digests.setdefault(each.submission_id, set()).add(each.digest)
    if wrong := [name for name, found in digests.items() if name and len(found) > 1]:
        raise RuleBroken(
            f"{len(wrong)} correlation_id được dùng cho nhiều nội dung khác nhau",
            f"{len(wrong)} correlation ids were used for different contents",
        )


async def _reasons_can_be_read(stage: Stage) -> None:
    if not stage.axis.reasons:
        raise NotTested("bộ kết nối không nói lý do trả lại", "the adapter tells no reasons: it need not")
    handed = {each.delivery_id for each in stage.tap.handed}
    wrong = [each for each in stage.axis.reasons if each is None or str(each.delivery_id) not in handed]
    if wrong:
        raise RuleBroken(
            f"{len(wrong)}/{len(stage.axis.reasons)} lý do trả lại không đọc được",
            f"{len(wrong)} of {len(stage.axis.reasons)} reject-reason messages cannot be read",
        )


async def _acknowledges(stage: Stage) -> None:
    if not stage.tap.handed:
        raise NotTested("bộ kết nối chưa nhận gì", "nothing was handed out to the adapter")
    if unasked := sum(each.how is Settled.UNASKED for each in stage.tap.settled):
        raise RuleBroken(
            f"{unasked} lượt chuyển được lấy với no_ack: mất khi bộ kết nối dừng",
            f"{unasked} deliveries were taken with no_ack: they are lost where the adapter stops",
        )


async def _reads_in_measure(stage: Stage) -> None:
    if stage.tap.unlimited:
        raise RuleBroken("consume không đặt prefetch (basic.qos)", "it consumes without a prefetch limit")


async def _never_requeues(stage: Stage) -> None:
    if requeued := sum(each.how is Settled.REQUEUED for each in stage.tap.settled):
        raise RuleBroken(
            f"{requeued} lượt chuyển bị đưa lại vào hàng (requeue=true)",
            f"{requeued} deliveries were put back into the queue (requeue=true)",
        )


async def _has_each_once(stage: Stage) -> None:
    found = await stage.adapter.effects()
    for consigned in stage.accepted:
        count = found.count(str(consigned.delivery_id))
        if count != 1:
            raise RuleBroken(
                f"lượt chuyển {consigned.delivery_id} nằm trong tay đơn vị {count} lần",
                f"delivery {consigned.delivery_id} is in the agency's hands {count} times",
            )


async def _has_nothing_forged(stage: Stage) -> None:
    found = set(await stage.adapter.effects())
    if taken := [each for each in stage.forged if str(each.delivery_id) in found]:
        raise RuleBroken(
            f"{len(taken)} văn bản không thể tin nằm trong tay đơn vị",
            f"{len(taken)} documents that must not be believed are in the agency's hands",
        )


def _submissions(stage: Stage) -> list[Submission]:
    if not stage.axis.submissions:
        raise _nothing_sent()
    return stage.axis.submissions


def _nothing_sent() -> NotTested:
    return NotTested("bộ kết nối chưa gửi gì", "the adapter has sent nothing")


def _over_all(
    name: str, rule: str, expected: Sentence, way_out: Sentence, play: Play, needs: Iterable[Need] = ()
) -> Scenario:
    return Scenario(
        name=name,
        rule=rule,
        sent=Sentence("cả lần chạy", "the whole run"),
        expected=expected,
        way_out=way_out,
        play=play,
        needs=tuple(needs),
    )


_SET_PROPERTIES: Final = Sentence(
    "đặt thuộc tính AMQP như docs/reference/topology.md và docs/how-to/test-your-adapter.md",
    "set the AMQP properties as docs/how-to/test-your-adapter.md lists them",
)
HABITS: Final = (
    _over_all(
        "publish.valid",
        "QCVN 102:2016; decision 0003; rejection codes",
        Sentence("mọi gói tin qua được các kiểm tra của trục", "every message passes the hub's own checks"),
        Sentence(
            "mã lỗi ở docs/reference/rejection-codes.md",
            "docs/reference/rejection-codes.md explains the code",
        ),
        _all_valid,
    ),
    _over_all(
        "publish.name",
        "journey, step 2: correlation_id is the submission id",
        Sentence("correlation_id luôn có", "there is always a correlation_id"),
        _SET_PROPERTIES,
        partial(
            _each, lambda each: bool(each.submission_id), "thiếu correlation_id", "have no correlation_id"
        ),
    ),
    _over_all(
        "publish.one-content",
        "rejection codes: conflicting duplicates",
        Sentence("một correlation_id, một nội dung", "one correlation_id, one content"),
        Sentence("mỗi gói tin một tên mới", "give each message a name of its own"),
        _one_content_for_a_name,
    ),
    _over_all(
        "publish.user",
        "topology: the broker vouches for user_id",
        Sentence("user_id là tên hộp thư", "user_id is the mailbox"),
        _SET_PROPERTIES,
        partial(_each, lambda each: each.user_id == MAILBOX, "thiếu user_id", "have no user_id"),
    ),
    _over_all(
        "publish.persistent",
        "law: nothing is lost",
        Sentence("delivery_mode = 2", "delivery_mode is 2"),
        _SET_PROPERTIES,
        partial(_each, lambda each: each.is_persistent, "không bền (delivery_mode)", "are not persistent"),
    ),
    _over_all(
        "publish.type",
        "topology: type is document or status",
        Sentence("type nói đúng nội dung", "type says what the body is"),
        _SET_PROPERTIES,
        partial(_each, _has_its_type, "có type sai", "have a wrong type"),
    ),
    _over_all(
        "publish.message-id",
        "kit: a fresh message_id for each publish",
        Sentence("message_id mới cho mỗi lần gửi", "a fresh message_id for each publish"),
        _SET_PROPERTIES,
        _fresh_message_ids,
    ),
    _over_all(
        "publish.address",
        "topology: axis.submit under the mailbox's own name",
        Sentence(
            "exchange axis.submit, khóa là tên hộp thư", "exchange axis.submit, the mailbox as routing key"
        ),
        _SET_PROPERTIES,
        partial(
            _each_publish,
            lambda each: (each.exchange, each.routing_key) == (properties.SUBMIT_EXCHANGE, MAILBOX),
            "đi sai nơi",
            "went elsewhere",
        ),
    ),
    _over_all(
        "publish.mandatory",
        "law: nothing is lost",
        Sentence("mandatory luôn đặt", "mandatory is always set"),
        _SET_PROPERTIES,
        partial(_each_publish, lambda each: each.is_mandatory, "không mandatory", "are not mandatory"),
    ),
    _over_all(
        "publish.confirmed",
        "journey, step 3: the broker's confirm",
        Sentence("kênh bật confirm", "the channel asks for confirms"),
        Sentence("gọi confirm.select trước khi gửi", "call confirm.select before publishing"),
        partial(
            _each_publish, lambda each: each.is_confirmed, "trên kênh không có confirm", "ask for no confirm"
        ),
    ),
    _over_all(
        "publish.reason",
        "kit: why a delivery is rejected",
        Sentence(
            "lý do (nếu có) là JSON: delivery_id, attempt, reason",
            "a reason, where one is told, is JSON: delivery_id, attempt, reason",
        ),
        _SET_PROPERTIES,
        _reasons_can_be_read,
    ),
    _over_all(
        "consume.acknowledges",
        "law: nothing is lost",
        Sentence("consume với no_ack=false", "it consumes with no_ack=false"),
        Sentence("không dùng no_ack/auto-ack", "never use no_ack (auto-ack)"),
        _acknowledges,
    ),
    _over_all(
        "consume.limited",
        "kit: prefetch",
        Sentence("đặt prefetch trước khi consume", "a prefetch limit is set before it consumes"),
        Sentence(
            "một lần dừng tiêu một lượt giao của mọi thứ đang cầm",
            "a crash spends one of the broker's deliveries of everything in hand",
        ),
        _reads_in_measure,
    ),
    _over_all(
        "consume.no-requeue",
        "topology: rejects go to axis.returned",
        Sentence("trả lại bằng requeue=false", "it gives back with requeue=false"),
        Sentence("để trục quyết định khi nào thử lại", "let the axis decide when it is tried again"),
        _never_requeues,
    ),
    _over_all(
        "effects.once",
        "law: one effect",
        Sentence("mỗi lượt chuyển hợp lệ đúng một lần", "each good delivery is there exactly once"),
        Sentence(
            "x-delivery-id là khóa duy nhất trong phần mềm", "make x-delivery-id a unique key of the software"
        ),
        _has_each_once,
        [Need.EFFECTS],
    ),
    _over_all(
        "effects.nothing-forged",
        "law: nothing is read before it is verified",
        Sentence("không có văn bản giả nào", "nothing forged is there"),
        Sentence("kiểm tra trước, tiếp nhận sau", "verify first, take afterwards"),
        _has_nothing_forged,
        [Need.EFFECTS],
    ),
)
