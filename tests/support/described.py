"""Ask a server all that its OpenAPI document allows, and what it does not allow, by schemathesis."""

from collections.abc import Callable, Iterator, Mapping

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

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def operations(document: Mapping[str, object], url: str, **generation: object) -> Iterator[APIOperation]:
    """Return what *document* says can be asked at *url*."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    # HTTP leaves parameters alone that it does not know.
    schema.config.generation.update(allow_extra_parameters=False, **generation)
    for found in schema.get_all_operations():
        yield found.ok()


def asked(
    operation: APIOperation, mode: GenerationMode, count: int, ask: Callable[[Case], None]
) -> str | None:
    """Let *ask* put up to *count* cases of *operation*; return what did not come as described."""

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def put(case: Case) -> None:
        ask(case)

    try:
        put()
    except (FailureGroup, AssertionError) as failure:
        return f"{operation.label}: {failure}"
    return None
