"""The adapter is killed between each pair of its effects: nothing is lost and nothing doubled."""

from collections import Counter

import httpx
import pytest

from hub.commands.local_axis import LocalAgency
from tests.acceptance.speaking import a_letter
from tests.integration.webhook.conftest import Adapters
from tests.support.hook_endpoint import HookEndpoint
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

Two = tuple[LocalAgency, LocalAgency]
RECEIVING = ["after-kept-before-post", "after-post-before-answer", "after-handler-before-commit"]
SENDING = ["after-key-before-journal", "after-journal-before-reply"]
RECEIVING_IN_THE_KIT = ["after-received", "after-commit-before-ack", "after-ack-before-status"]
SENDING_IN_THE_KIT = ["after-journal-before-publish", "after-publish-before-confirm-mark"]
TWICE = 2
"""What was POSTed when the process died is POSTed again, under the same name."""


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(RECEIVING, id="adapter"),
        pytest.param(RECEIVING_IN_THE_KIT, id="kit", marks=pytest.mark.long),
    ],
)
async def test_what_arrives_has_one_name_and_one_answer_wherever_the_adapter_dies(
    points: list[str], agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    adapter = adapters(office, endpoint)
    async with RawAgency.open(ministry) as raw:
        for point in points:
            await raw.submit_signed(a_letter(ministry, office).unsigned())
            await adapter.start(crash_at=point)
            await adapter.crashed()
        await (await adapter.start()).ready()
        statuses = await raw.arrival("status", len(points))
        await adapter.stop()

    posted = Counter(each.identity for each in endpoint.documents)
    documents = {str(each.data["delivery_id"]): each.body for each in endpoint.documents}
    assert len(posted) == len(points)
    assert posted.total() <= len(points) + len(points)
    assert {each.body for each in endpoint.documents} == set(documents.values())
    assert set(Counter(each.document_id for each in statuses).values()) == {1}
    assert endpoint.unverified == []


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(SENDING, id="adapter"),
        pytest.param(SENDING_IN_THE_KIT, id="kit", marks=pytest.mark.long),
    ],
)
async def test_what_is_asked_under_one_key_is_sent_once_wherever_the_adapter_dies(
    points: list[str], agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    adapter = adapters(office, endpoint)
    letters = [a_letter(office, ministry).unsigned() for _ in points]
    async with RawAgency.open(ministry) as raw:
        for point, letter in zip(points, letters, strict=True):
            await (await adapter.start(crash_at=point)).ready()
            async with adapter.client() as program:
                await ask_in_vain(program, point, letter)
            await adapter.crashed()
        await (await adapter.start()).ready()
        async with adapter.client() as program:
            replies = [
                await ask(program, point, letter) for point, letter in zip(points, letters, strict=True)
            ]
        arrived = await raw.arrival("document", len(points))
        accepted = "SubmissionAcceptance"
        await until(
            lambda: (
                sum(each.data["event"] == accepted for each in endpoint.of_kind("receipt.issued"))
                >= len(points)
            ),
            what=adapter.story,
        )
        await adapter.stop()

    submissions = [reply.json()["submission"] for reply in replies]
    assert {reply.status_code for reply in replies} == {202}
    assert len(set(submissions)) == len(points)
    assert set(Counter(each.document_id for each in arrived).values()) == {1}
    told = Counter(each.identity for each in endpoint.of_kind("receipt.issued"))
    assert set(told.values()) == {1}


async def ask(program: httpx.AsyncClient, key: str, letter: bytes) -> httpx.Response:
    headers = {"Idempotency-Key": key, "Content-Type": "application/xml"}
    return await program.post("/v1/documents", headers=headers, content=letter)


async def ask_in_vain(program: httpx.AsyncClient, key: str, letter: bytes) -> None:
    """Ask an adapter that dies before or after its answer."""
    try:
        await ask(program, key, letter)
    except httpx.TransportError:
        return


async def test_an_event_that_was_told_when_the_adapter_died_is_told_again_under_the_same_name(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    adapter = adapters(office, endpoint)
    await (await adapter.start(crash_at="after-event-posted-before-mark")).ready()
    async with adapter.client() as program:
        await ask(program, "k", a_letter(office, ministry).unsigned())
    await adapter.crashed()
    await (await adapter.start()).ready()
    await until(lambda: len(endpoint.of_kind("receipt.issued")) >= 3, what=adapter.story)
    await adapter.stop()

    told = Counter(each.identity for each in endpoint.of_kind("receipt.issued"))
    assert sorted(told.values()) == [1, TWICE]
    events = list(dict.fromkeys(each.data["event"] for each in endpoint.of_kind("receipt.issued")))
    assert events == ["SubmissionAcceptance", "ContentConsignment"]
