"""What is decided about an envelope does not depend on whether it came itself, or as a claim check for it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from hub.errors import TemporaryFailure
from hub.intake.line import Failed, Result
from hub.message.claim import ClaimCheck
from hub.message.decision import Admit, Refuse
from hub.message.identifiers import digest_of
from hub.message.large_body import LargeEnvelope
from tests.vectors.hostile.examine import mailbox_of, vectors
from tests.vectors.hostile.world import directory, line, received

PIECE = 1_000
MALFORMED_OTHERWISE = {
    "edxml-empty.xml": "HUB-1003",
    "edxml-white-space.xml": "HUB-1003",
    "structure-giant-name.xml": "HUB-1006",
    "structure-oversize.xml": "HUB-1006",
    "structure-unclosed-comment.xml": "HUB-1003",
}
"""Refused as malformed either way, for what another parser, with other limits, finds first."""


def as_claim(body: bytes) -> tuple[bytes, LargeEnvelope]:
    """Return the claim check for *body*, and *body* as it would be read from a store."""

    def read(start: int, end: int) -> Iterator[bytes]:
        for place in range(start, end, PIECE):
            yield body[place : min(place + PIECE, end)]

    claim = ClaimCheck(digest=digest_of(body), octets=len(body))
    return claim.as_body(), LargeEnvelope(octets=len(body), read=read)


def decided(name: str, body: bytes) -> tuple[Result, Result]:
    """Return what is decided about *body* itself, and about a claim check for it."""
    came = received(body, mailbox_of(name))
    claim, envelope = as_claim(body)
    return (
        line().examine(came, directory()),
        line().examine(replace(came, body=claim, large=envelope), directory()),
    )


def told(result: Result) -> tuple[object, ...]:
    if isinstance(result, Failed):
        return ("failed", result.error)
    if isinstance(result, Admit):
        valid = result.authorized.valid
        files = [
            (each.name, each.content_type, each.digest, each.is_zip_container) for each in valid.attachments
        ]
        return ("admitted", valid.header, valid.content_digest, files, result.authorized.routes)
    return ("refused", [each.code for each in result.violations], result.sender, result.header)


@cache
def corpus() -> dict[str, bytes]:
    return {name: body for name, body in vectors() if not name.startswith("control-")}


@pytest.mark.parametrize("name", sorted(corpus().keys() - MALFORMED_OTHERWISE))
def test_a_vector_is_decided_alike_as_a_claim(name: str) -> None:
    itself, claimed = decided(name, corpus()[name])

    assert told(claimed) == told(itself)


@pytest.mark.parametrize("name", MALFORMED_OTHERWISE)
def test_what_another_parser_judges_otherwise_is_refused_all_the_same(name: str) -> None:
    _, claimed = decided(name, corpus()[name])

    assert isinstance(claimed, Refuse)
    assert [each.code.value for each in claimed.violations] == [MALFORMED_OTHERWISE[name]]


def test_what_the_store_holds_under_a_wrong_digest_is_a_failure_of_the_hub() -> None:
    name = "accepted-pdf.xml"
    came = received(corpus()[name], mailbox_of(name))
    claim, envelope = as_claim(corpus()[name] + b" ")

    result = line().examine(replace(came, body=claim, large=envelope), directory())

    assert isinstance(result, Failed)


def test_a_store_that_is_away_decides_nothing() -> None:
    name = "accepted-pdf.xml"
    came = received(corpus()[name], mailbox_of(name))

    def away(_start: int, _end: int) -> Iterator[bytes]:
        raise TemporaryFailure("the blob store is away")

    with pytest.raises(TemporaryFailure):
        line().examine(replace(came, large=LargeEnvelope(octets=5, read=away)), directory())
