"""The server is what its OpenAPI says: schemathesis asks all that this allows, and what it does not allow."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adapters.webhook.application import application
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
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
FAILURES = (FailureGroup, AssertionError)
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


def operations(url: str) -> Iterator[APIOperation]:
    """Return what can be asked at *url*."""
    schema = schemathesis.openapi.from_dict(application(None, ()).openapi())
    schema.config.update(base_url=url)
    schema.config.generation.update(allow_extra_parameters=False)  # HTTP leaves unknown ones alone
    for found in schema.get_all_operations():
        yield found.ok()


def asked(operation: APIOperation, mode: GenerationMode, count: int) -> str | None:
    """Ask *operation* up to *count* times; return what did not come as described."""

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        if "delivery_id" in case.path_parameters and case.path_parameters["delivery_id"] != KEPT:
            response = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
            case.validate_response(response, checks=CHECKS)
            case.path_parameters["delivery_id"] = str(KEPT)
        response = case.call(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        case.validate_response(response, checks=CHECKS)

    try:
        ask()
    except FAILURES as failure:
        return f"{operation.label}: {failure}"
    return None


@pytest.mark.parametrize(
    "count", [pytest.param(QUICK, id="quick"), pytest.param(LONG, id="long", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_every_operation_answers_as_it_is_described(
    server: Server, mode: GenerationMode, count: int
) -> None:
    server.desk.spool.keep(a_delivery(("a.pdf", PDF), delivery_id=KEPT), AT)

    told = [await asyncio.to_thread(asked, each, mode, count) for each in operations(server.url)]

    assert [each for each in told if each] == []


async def test_nobody_is_told_anything_without_a_token(server: Server) -> None:
    answers = {}
    async with server.client("none") as stranger:
        for path, methods in application(None, ()).openapi()["paths"].items():
            for method in methods:
                answers[method, path] = (await stranger.request(method, path)).status_code

    assert len(answers) == 7
    assert set(answers.values()) == {401}
