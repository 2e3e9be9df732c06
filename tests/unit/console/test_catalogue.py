"""Whatever a page says has its Vietnamese."""

import re

from hub.console.languages import Language, catalogue, translations
from hub.console.words import PARKED, STATES
from hub.message.breaker import ParkedBecause
from hub.message.delivery_state import DeliveryState
from tests.support.catalogue import sentences


def test_every_sentence_of_the_pages_is_translated() -> None:
    known = {_first(each.id): _first(each.string) for each in catalogue() if each.id}

    missing = [sentence for sentence in sentences() if not known.get(sentence)]

    assert missing == []


def test_nothing_is_translated_that_no_page_says() -> None:
    known = {_first(each.id) for each in catalogue() if each.id}

    assert known - set(sentences()) == set()


def test_a_translation_has_the_places_of_its_sentence() -> None:
    place = re.compile(r"%\(\w+\)s")
    pairs = [(_first(each.id), _first(each.string)) for each in catalogue() if each.id]

    wrong = [one for one, other in pairs if sorted(place.findall(one)) != sorted(place.findall(other))]

    assert wrong == []


def test_vietnamese_is_spoken_and_english_is_left_as_it_is() -> None:
    assert translations(Language.VIETNAMESE).gettext("Log in") == "Đăng nhập"
    assert translations(Language.ENGLISH).gettext("Log in") == "Log in"


def test_every_state_of_a_delivery_has_a_word() -> None:
    assert set(STATES) == set(DeliveryState)
    assert set(PARKED) == set(ParkedBecause)


def _first(text: object) -> str:
    return text if isinstance(text, str) else str(next(iter(text))) if isinstance(text, tuple | list) else ""
