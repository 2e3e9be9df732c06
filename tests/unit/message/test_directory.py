from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.directory import Agency, Directory, Mandate
from hub.message.identifiers import AgencyCode, AgencyKey, MailboxName

NOW = datetime(2026, 3, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def agency(key: str, parent: str | None) -> Agency:
    return Agency(
        key=AgencyKey(key), code=AgencyCode(key), name=key, parent=AgencyKey(parent) if parent else None
    )


def mandate(
    mailbox: str, root: str, *, valid_from: datetime = NOW, valid_to: datetime | None = None
) -> Mandate:
    return Mandate(
        mailbox=MailboxName(mailbox), root=AgencyKey(root), valid_from=valid_from, valid_to=valid_to
    )


def directory(*mandates: Mandate, closed: tuple[str, ...] = ()) -> Directory:
    names = {held.mailbox for held in mandates} - set(closed)
    return Directory(
        agencies=[
            agency("H41", None),
            agency("H41.07", "H41"),
            agency("H41.07.02", "H41.07"),
            agency("moved", "H41.07"),
            agency("H41.08", None),
        ],
        mandates=mandates,
        open_mailboxes=names,
    )


def reached(registry: Directory, key: str, at: datetime = NOW) -> str | None:
    return registry.mailbox_for(AgencyKey(key), at)


def test_the_nearest_mailbox_above_receives() -> None:
    registry = directory(mandate("province", "H41"), mandate("district", "H41.07"))

    assert reached(registry, "H41") == "province"
    assert reached(registry, "H41.07") == "district"
    assert reached(registry, "H41.07.02") == "district"


def test_the_tree_of_parents_decides_and_not_the_text_of_codes() -> None:
    registry = directory(mandate("province", "H41"))

    assert reached(registry, "moved") == "province"
    assert reached(registry, "H41.08") is None
    assert not registry.is_within(AgencyKey("H41.08"), AgencyKey("H41"))


def test_a_closed_mailbox_is_passed_over() -> None:
    registry = directory(mandate("province", "H41"), mandate("district", "H41.07"), closed=("district",))

    assert reached(registry, "H41.07.02") == "province"
    assert not registry.is_open(MailboxName("district"))


@pytest.mark.parametrize(
    ("at", "expected"), [(NOW - SECOND, None), (NOW, "p"), (NOW + SECOND, "p"), (NOW + 2 * SECOND, None)]
)
def test_a_mandate_holds_from_its_beginning_until_just_before_its_end(
    at: datetime, expected: str | None
) -> None:
    registry = directory(mandate("p", "H41", valid_to=NOW + 2 * SECOND))

    assert reached(registry, "H41", at) == expected
    assert registry.roots_of(MailboxName("p"), at) == ({"H41"} if expected else frozenset())


def test_a_mailbox_may_hold_several_mandates() -> None:
    registry = directory(mandate("p", "H41"), mandate("p", "H41.08"))

    assert registry.roots_of(MailboxName("p"), NOW) == {"H41", "H41.08"}


def test_an_unknown_agency_is_reached_by_nobody() -> None:
    assert reached(directory(mandate("p", "H41")), "H77") is None


def test_an_agency_is_open_until_it_is_closed() -> None:
    closing = Agency(key=AgencyKey("a"), code=AgencyCode("a"), name="a", parent=None, closed_at=NOW)

    assert closing.is_open(NOW - SECOND)
    assert not closing.is_open(NOW)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_a_tree_with_a_mistake_in_it_is_walked_only_once_around(edges: list[tuple[int, int]]) -> None:
    registry = Directory(agencies=[agency(str(child), str(parent)) for child, parent in edges])

    for child in range(7):
        assert registry.mailbox_for(AgencyKey(str(child)), NOW) is None
        registry.is_within(AgencyKey(str(child)), AgencyKey("0"))
