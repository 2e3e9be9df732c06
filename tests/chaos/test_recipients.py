"""What recipients write down would show a second effect, and they answer alike when asked again."""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hub.message.identifiers import DeliveryId
from tests.chaos import effects
from tests.chaos.conduct import Answering, conduct
from tests.chaos.effects import Register, Row

MANY = [DeliveryId(uuid4()) for _ in range(2000)]


def an_effect(delivery_id: UUID, consumer: str = "H29-1") -> Row:
    return {
        "delivery_id": str(delivery_id),
        "sender": "G22",
        "recipient": "H29",
        "document_id": "G22,1",
        "digest": "ab" * 32,
        "lane": "ordinary",
        "lane_number": 1,
        "attempt": 1,
        "is_redelivered": 0,
        "consumer": consumer,
        "at": "2026-05-30T02:15:00+00:00",
    }


def test_a_second_effect_in_the_journal_shows(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        for table in effects.TABLES:
            journal.execute(table)
        for _ in range(2):
            journal.execute(effects.INSERT, an_effect(MANY[0]))

        found = effects.read(journal, consumer="H29-1", after=0)

    assert [(each.delivery_id, each.ordinal) for each in found] == [(MANY[0], 1), (MANY[0], 2)]


def test_an_idempotent_register_keeps_the_first_whoever_writes_again(tmp_path: Path) -> None:
    register = Register(tmp_path / "register.db")

    register.write(an_effect(MANY[0], "H14-1"))
    register.write(an_effect(MANY[0], "H14-2"))
    register.write(an_effect(MANY[1], "H14-2"))

    assert [each.delivery_id for each in register.read(consumer="H14-1", after=0)] == [MANY[0]]
    assert [each.delivery_id for each in register.read(consumer="H14-2", after=0)] == [MANY[1]]


def test_what_was_copied_is_not_copied_again(tmp_path: Path) -> None:
    register = Register(tmp_path / "register.db")
    register.write(an_effect(MANY[0]))
    (first,) = register.read(consumer="H29-1", after=0)
    register.write(an_effect(MANY[1]))

    assert [each.delivery_id for each in register.read(consumer="H29-1", after=first.ordinal)] == [MANY[1]]


@pytest.mark.parametrize("is_difficult", [True, False])
def test_whoever_is_asked_again_answers_alike(is_difficult: bool) -> None:  # noqa: FBT001 - a parameter of the test
    for each in MANY[:100]:
        assert conduct(each, 1, is_difficult=is_difficult) == conduct(each, 1, is_difficult=is_difficult)


def test_a_difficult_office_does_everything_and_an_ordinary_one_accepts() -> None:
    difficult = {conduct(each, 1, is_difficult=True).answering for each in MANY}
    ordinary = {conduct(each, 1, is_difficult=False).answering for each in MANY}

    assert difficult == set(Answering)
    assert ordinary == {Answering.ACCEPT}


def test_even_a_difficult_office_takes_most_documents_in_the_end() -> None:
    taken = [each for each in MANY if conduct(each, 4, is_difficult=True).answering is Answering.ACCEPT]

    assert len(MANY) * 0.8 < len(taken) < len(MANY)
