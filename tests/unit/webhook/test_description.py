"""The server is what its OpenAPI says: schemathesis asks all that this allows, and what it does not allow."""

import asyncio
from uuid import UUID

import pytest
from schemathesis import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation

from adapters.webhook.application import application
from tests.support.described import CHECKS, asked, operations
from tests.support.webhook_description import PAGE, page
from tests.unit.webhook.conftest import TOKEN, Server
from tests.unit.webhook.places import AT, PDF, a_delivery

pytestmark = [
    pytest.mark.timeout(900),
    # The kit, in the loop's thread, spreads its calls for a broker that is away; no question depends on it.
    pytest.mark.filterwarnings("ignore:Do not use the .random. module"),
]
QUICK, LONG = 5, 200
"""Questions of each kind to each operation."""
KEPT = UUID("01990000-0000-7000-8000-000000000001")


def test_the_page_in_the_reference_is_the_servers_own() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python -m tests.support.webhook_description"


def test_what_the_endpoint_is_told_is_described_too() -> None:
    found = application(None, ()).openapi()

    assert sorted(found["webhooks"]) == ["document.delivered", "receipt.issued", "status.received"]
    told = found["webhooks"]["document.delivered"]["post"]
    assert sorted(each["name"] for each in told["parameters"]) == [
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    ]


def all_asked(operation: APIOperation, mode: GenerationMode, count: int) -> str | None:
    """Ask *operation* up to *count* times; return what did not come as described."""

    def ask(case: Case) -> None:
        if "delivery_id" in case.path_parameters and case.path_parameters["delivery_id"] != KEPT:
            response = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
            case.validate_response(response, checks=CHECKS)
            case.path_parameters["delivery_id"] = str(KEPT)
        response = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        case.validate_response(response, checks=CHECKS)

    return asked(operation, mode, count, ask)


@pytest.mark.parametrize(
    "count", [pytest.param(QUICK, id="quick"), pytest.param(LONG, id="long", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_every_operation_answers_as_it_is_described(
    server: Server, mode: GenerationMode, count: int
) -> None:
    server.desk.spool.keep(a_delivery(("a.pdf", PDF), delivery_id=KEPT), AT)

    described = operations(application(None, ()).openapi(), server.url)
    told = [await asyncio.to_thread(all_asked, each, mode, count) for each in described]

    assert [each for each in told if each] == []


async def test_nobody_is_told_anything_without_a_token(server: Server) -> None:
    answers = {}
    async with server.client("none") as stranger:
        for path, methods in application(None, ()).openapi()["paths"].items():
            for method in methods:
                answers[method, path] = (await stranger.request(method, path)).status_code

    assert len(answers) == 7
    assert set(answers.values()) == {401}
