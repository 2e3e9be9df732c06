from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hub.commands import shown
from hub.message.delivery_state import DeliveryState

AT = datetime(2026, 1, 15, 18, 30, 5, 123456, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    state: DeliveryState
    password: str = field(repr=False)


def test_instants_are_written_in_vietnam_time() -> None:
    assert shown.instant(AT) == "16.01.2026 01:30:05"
    assert shown.instant(AT, with_date=False) == "01:30:05.123"
    assert shown.instant(None) == ""


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (AT, "2026-01-16T01:30:05.123456+07:00"),
        (b"\x00\xff", "00ff"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("/tmp/x"), "/tmp/x"),
        (DeliveryState.DEAD, "dead"),
        ({1: (None, True)}, {"1": [None, True]}),
        (timedelta(seconds=1), "0:00:01"),
    ],
)
def test_json_gets_values_that_it_knows(value: object, wanted: object) -> None:
    assert shown.plain(value) == wanted


def test_what_a_record_keeps_from_its_text_is_kept_from_json_too() -> None:
    account = Account("G22", DeliveryState.DEAD, "secret")

    assert shown.plain(account) == {"name": "G22", "state": "dead"}


def test_an_empty_table_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    shown.table("", ("case", "cause"), [], nothing="there is no dead letter")

    assert capsys.readouterr().out == "there is no dead letter\n"


def test_a_cell_is_text_and_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    shown.table("", ("subject",), [("[red]V/v báo cáo[/red]",)])

    assert "[red]V/v báo cáo[/red]" in capsys.readouterr().out
