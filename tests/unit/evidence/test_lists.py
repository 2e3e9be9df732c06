"""Whoever judges evidence reads lists, parts of lists and deltas as the hub does."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from hub.evidence.lists import Status, told_by_lists
from tests.support.authority import AT
from tests.support.revocation_list import RevocationList
from tests.support.status_authority import HOUR, status_authority, status_key
from tests.unit.signature.test_delta import (
    CHANGES,
    COMPLETE,
    GOOD,
    ON_HOLD,
    REVOKED,
    SCOPES,
    TAKEN_BACK,
    TOGETHER,
    UNFITTING,
    UNKNOWN,
    ours,
    scope_id,
)

STATUS = {GOOD: Status.GOOD, REVOKED: Status.REVOKED, UNKNOWN: Status.UNKNOWN}
LATER = AT + timedelta(days=2)


def said(*lists: RevocationList | None) -> Status:
    crls = [x509.load_der_x509_crl(each.made().body) for each in lists if each is not None]
    told = set(told_by_lists(status_key().certificate, status_authority().issuing.certificate, crls, AT))
    return next((each for each in (Status.REVOKED, Status.GOOD) if each in told), Status.UNKNOWN)


@pytest.mark.parametrize(("base", "delta", "expected"), TOGETHER)
def test_a_list_and_its_delta_speak_together(
    base: RevocationList, delta: RevocationList, expected: tuple[str, str | None]
) -> None:
    assert said(base, delta) is said(delta, base) is STATUS[expected]


@pytest.mark.parametrize(("base", "delta"), UNFITTING)
def test_a_delta_that_does_not_fit_leaves_the_status_open(
    base: RevocationList, delta: RevocationList | None
) -> None:
    assert said(base, delta) is Status.UNKNOWN


@pytest.mark.parametrize(("scope", "expected"), SCOPES, ids=scope_id)
def test_a_list_speaks_for_its_scope_only(scope: RevocationList, expected: tuple[str, str | None]) -> None:
    assert said(scope) is STATUS[expected]


def test_an_old_delta_does_not_take_back_what_a_newer_list_revokes() -> None:
    newer = replace(COMPLETE, number=20, revoked=ours())

    assert said(newer, replace(CHANGES, revoked=ours(TAKEN_BACK))) is Status.REVOKED


def test_what_came_before_and_after_may_stand_side_by_side() -> None:
    before = (COMPLETE, CHANGES)
    after = (replace(COMPLETE, number=30, at=LATER), replace(CHANGES, base=30, number=31, at=LATER))

    assert said(*before, *after) is Status.GOOD


def test_a_later_delta_tells_of_a_revocation_before() -> None:
    later = replace(CHANGES, base=30, number=31, at=AT + HOUR, revoked=ours(), revoked_at=AT - HOUR)

    assert said(COMPLETE, CHANGES, later) is Status.REVOKED


def test_a_hold_that_was_over_counts_no_more() -> None:
    once = replace(COMPLETE, number=3, at=AT - timedelta(days=9), freshest=None, revoked=ours(ON_HOLD))

    assert said(once, COMPLETE, CHANGES) is Status.GOOD


def test_a_list_that_asks_for_what_nobody_here_understands_says_nothing() -> None:
    assert said(replace(COMPLETE, freshest=None, is_strange=True)) is Status.UNKNOWN
