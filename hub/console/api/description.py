"""What the REST API says about itself (OpenAPI 3.1)."""

from typing import Final

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from hub.console.api.version_1 import PREFIX
from hub.console.problems import ProblemDetails

ADDRESS: Final = f"{PREFIX}/openapi.json"
TEXT: Final = """The operations of the console, for programs.

Show a token of an account (`truc accounts token`) as `Authorization: Bearer …`; what it may do is what the
account may do, and everything that it does is recorded in the account's name. Errors are problem details
(RFC 9457) with a code and a sentence in Vietnamese and English."""


def describing(routes: list[BaseRoute]) -> APIRouter:
    """Return the route that describes *routes*."""
    router = APIRouter(include_in_schema=False)

    @router.get(ADDRESS)
    async def describe() -> Response:
        """Return the description; everybody may read it."""
        return JSONResponse(description(routes))

    return router


def description(routes: list[BaseRoute]) -> dict[str, object]:
    """Return the OpenAPI document of *routes*."""
    found: dict[str, object] = get_openapi(
        title="Trục", version="1", summary="The operators' console", description=TEXT, routes=routes
    )
    components = found["components"]
    if not isinstance(components, dict):
        raise TypeError("an OpenAPI document with models has components")
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"]["ProblemDetails"] = problem
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"token": []}]
    return found
