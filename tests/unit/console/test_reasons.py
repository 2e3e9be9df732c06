"""What operations say in English is told in Vietnamese, with the words for what is put into it."""

import re

import pytest

from hub.console.languages import Language, translations
from hub.console.reasons import SENTENCES, told
from hub.message.delivery_state import DeliveryState, Trigger
from hub.operations.case_batch import hindrance

SAY = translations(Language.VIETNAMESE).gettext


@pytest.mark.parametrize(
    ("reason", "vietnamese"),
    [
        ("rejected at attempt 3", "hệ thống bên nhận từ chối ở lần thử 3"),
        ("rejected at attempt 3: full: disk", "hệ thống bên nhận từ chối ở lần thử 3: full: disk"),
        ("the case is closed already (replayed)", "vụ việc đã đóng (đã gửi lại)"),
        ("a password has 12 to 256 characters", "mật khẩu có từ 12 đến 256 ký tự"),
        ("something that nobody has written yet", "something that nobody has written yet"),
    ],
)
def test_a_reason_is_told_in_the_readers_language(reason: str, vietnamese: str) -> None:
    assert told(reason, SAY) == vietnamese


@pytest.mark.parametrize("trigger", [Trigger.REPLAYED, Trigger.DISCARDED, Trigger.RESTORED])
@pytest.mark.parametrize("outcome", [None, "replayed", "discarded"])
@pytest.mark.parametrize("state", [None, *DeliveryState])
def test_whatever_stands_against_an_act_has_its_sentence(
    trigger: Trigger, outcome: str | None, state: DeliveryState | None
) -> None:
    reason = hindrance(outcome, state, trigger)

    assert reason is None or told(reason, SAY) != reason


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_sentence_is_its_own_pattern(sentence: str) -> None:
    filled = re.sub(r"%\(\w+\)s", "x", sentence)

    assert told(filled, SAY) != filled
