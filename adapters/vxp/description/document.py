"""The OpenAPI document of the gateway (3.1): both faces, with all their codes."""

from functools import cache
from typing import Final

from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.vxp.description import xroad
from adapters.vxp.description.xroad import Json
from adapters.vxp.provincial.application import FAILURES, PREFIX
from adapters.vxp.provincial.calls import router
from adapters.vxp.provincial.problems import LOGIN_REFUSED, NOT_LOGGED_IN, NUMBERS, Failure
from adapters.vxp.refusals import SENTENCES, Reason

ADDRESS: Final = "/openapi.json"
_TITLE: Final = "Trục: cổng tương thích VXP / VXP gateway"
_PROTECTED: Final = ("bearer", "systemId", "secretKey")


@cache
def description() -> Json:
    """Return the OpenAPI document."""
    found = get_openapi(title=_TITLE, version="1", description=_text(), routes=router.routes)
    own = _mapping(found["components"])
    schemas = {**_mapping(own["schemas"]), **xroad.schemas()}
    schemas["Failure"] = Failure.model_json_schema()
    return {
        **found,
        "paths": {**xroad.paths(), **_provincial_paths(_mapping(found["paths"]))},
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "parameters": xroad.headers(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "systemId": {"type": "apiKey", "in": "header", "name": "X-SystemId"},
                "secretKey": {"type": "apiKey", "in": "header", "name": "X-SecretKey"},
            },
        },
    }


async def describe(_request: Request) -> Response:
    """Answer with the document; everybody may read it."""
    return JSONResponse(description())


def _provincial_paths(paths: Json) -> Json:
    told: Json = {}
    for path, operations in paths.items():
        is_login = path.startswith("/auth/")
        told[f"{PREFIX}{path}"] = {
            method: _operation(_mapping(operation), is_login=is_login)
            for method, operation in _mapping(operations).items()
        }
    return told


def _operation(operation: Json, *, is_login: bool) -> Json:
    responses = _mapping(operation["responses"])
    done = _mapping(responses["200"])
    content = _mapping(_mapping(done["content"])["application/json"])
    failure = {"$ref": "#/components/schemas/Failure"}
    for status, told in FAILURES.items():
        responses[str(status)] = {
            "description": told["description"],
            "content": {"application/json": {"schema": failure}},
        }
    responses.pop("422", None)
    done["description"] = "Done, or refused with one of the interface's own codes."
    content["schema"] = {"oneOf": [content["schema"], failure]}
    return {
        **operation,
        "responses": responses,
        "security": [] if is_login else [{each: [] for each in _PROTECTED}],
    }


def _text() -> str:
    numbers = sorted(
        [
            *((number.code, number.status, _meaning(reason)) for reason, number in NUMBERS.items()),
            (NOT_LOGGED_IN.code, NOT_LOGGED_IN.status, "Not logged in, or the token has ended"),
            (LOGIN_REFUSED.code, LOGIN_REFUSED.status, "Username or password are wrong"),
        ]
    )
    rows = "\n".join(f"| {code} | {status} | {said} |" for code, status, said in numbers)
    return f"""The interfaces that agencies' systems speak already, in front of one mailbox of the axis.

**X-Road style** (`/sendEdoc` …): parameters are headers `XroadVnpt-…`, in any case, signed with HMAC-SHA256;
the answer is HTTP 200 always and says in `status` whether it worked. Headers that earlier calls have left
behind are ignored.

{xroad.table_of_codes()}

**Provincial** (`/v1/…`): log in, then show the token beside `X-SystemId` and `X-SecretKey`.

| code | HTTP | means |
| --- | --- | --- |
| 0 | 200 | Done |
{rows}
"""


def _meaning(reason: Reason) -> str:
    """Say what a number means; this face has no hash, and calls by that number a form that is none."""
    return (
        "The form or the file in it cannot be read" if reason is Reason.WRONG_HASH else SENTENCES[reason].en
    )


def _mapping(value: object) -> Json:
    if not isinstance(value, dict):
        raise TypeError("an OpenAPI document is made of mappings")
    return value
