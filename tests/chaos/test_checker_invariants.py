"""The page of invariants names what there is, and its table takes the figures of campaigns."""

import pytest

from tests.chaos.invariants import BEGIN, END, PAGE, Row, entered, row_of
from tests.chaos.laws.violation import Law
from tests.chaos.planted_hub import FAULTS as HUB_FAULTS
from tests.chaos.planted_kit import FAULTS as KIT_FAULTS

EMPTY = f"# Invariants\n\n{BEGIN}\n{END}\n"


def a_row(*, seed: int = 7, date: str = "2026-05-30", **figures: object) -> Row:
    counts: dict[str, object] = {
        "submitted": 1200,
        "accepted": 1100,
        "refused": 100,
        "deliveries": 2500,
        "delivered": 2480,
        "receipts": 6000,
    }
    laws = dict.fromkeys((law.value for law in Law), 0)
    campaign = {
        "seed": seed,
        "minutes": 5.0,
        "nemesis": {"kill hub": 3, "cut hub>broker": 2},
        "is_clean": True,
    }
    return row_of({**counts, **laws, **campaign, **figures}, date=date, revision="abc1234")


def test_every_law_and_every_planted_fault_stands_on_the_page() -> None:
    page = PAGE.read_text("utf-8")

    assert [law for law in Law if f"`{law.value}`" not in page] == []
    assert [name for name in (*HUB_FAULTS, *KIT_FAULTS) if f"`{name}`" not in page] == []


def test_a_campaign_is_entered_with_its_figures() -> None:
    page = entered(EMPTY, [a_row()])

    assert (
        "| 2026-05-30 | abc1234 | 7 | 5 | 1,200 | 1,100 | 100 | 2,500 | 2,480 | 6,000 | 5 | **none** |"
        in page
    )


def test_the_same_campaign_again_takes_the_place_of_its_row() -> None:
    once = entered(EMPTY, [a_row(seed=1234567)])

    page = entered(once, [a_row(seed=1234567, date="2026-06-01", lost=2, is_clean=False)])

    (line,) = [line for line in page.splitlines() if "| 1234567 |" in line]
    assert line.startswith("| 2026-06-01 |")
    assert line.endswith("| lost 2 |")


def test_the_oldest_rows_give_way() -> None:
    rows = [a_row(seed=seed, date=f"2999-05-{seed:02}") for seed in range(1, 21)]

    page = entered(EMPTY, rows)

    dates = [line.split("|")[1].strip() for line in page.splitlines() if "| abc1234 |" in line]
    assert dates == [f"2999-05-{day:02}" for day in range(20, 8, -1)]


def test_the_page_has_its_table() -> None:
    assert entered(PAGE.read_text("utf-8"), []) == PAGE.read_text("utf-8")


def test_a_page_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="has no table"):
        entered("# Invariants", [a_row()])
