"""The REST API is what it says: schemathesis asks all that its OpenAPI allows, and what it does not allow."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from schemathesis import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import negative_data_rejection

from hub.console.api.description import description
from hub.console.app import API
from hub.operations.rights import Role
from tests.support.console import ConsoleUnderTest, served
from tests.support.decisions import a_submission
from tests.support.described import asked, operations

pytestmark = pytest.mark.timeout(900)
DESCRIPTION = description([route for router in API for route in router.routes])
QUICK, LONG = 12, 300
"""Questions of each kind to each operation."""


def all_asked(operation: APIOperation, mode: GenerationMode, token: str, count: int) -> str | None:
    """Ask *operation* up to *count* times; return what did not come as described."""
    # A question's parts are texts, and of one that comes twice HTTP's servers take one: nothing to reject.
    lenient = [negative_data_rejection] if operation.method.upper() == "GET" else []

    def ask(case: Case) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"}, timeout=30, excluded_checks=lenient
        )

    return asked(operation, mode, count, ask)


@pytest.mark.parametrize(
    "count", [pytest.param(QUICK, id="quick"), pytest.param(LONG, id="long", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_every_operation_answers_as_it_is_described(
    world: ConsoleUnderTest, mode: GenerationMode, count: int
) -> None:
    await world.dead_letters(a_submission().with_(subject="Kế hoạch").to("H41", "H14"))
    await world.account("robot", Role.ADMINISTRATOR)
    token = (await world.desk.issue_token("robot", name="test", lifetime=timedelta(hours=1))).token

    async with served(world) as url:
        told = [
            await asyncio.to_thread(all_asked, operation, mode, token, count)
            for operation in operations(DESCRIPTION, url)
        ]

    assert [each for each in told if each] == []


async def test_nobody_is_told_anything_without_a_token(world: ConsoleUnderTest) -> None:
    client = world.browser().client
    answers = {}
    for path, methods in DESCRIPTION["paths"].items():
        for method in methods:
            address = re.sub(r"{[a-z_]+}", "1", path)
            answers[method, path] = (await client.request(method, address)).status_code

    assert len(answers) > 30
    assert {asked: code for asked, code in answers.items() if code != httpx.codes.UNAUTHORIZED} == {}
