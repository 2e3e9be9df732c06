"""The console as an ASGI application: its pages, its REST API, and the rules that hold for all of them."""

from typing import Final

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from hub.console import answers, login, openid
from hub.console.access import guard
from hub.console.api import accounts as api_accounts
from hub.console.api import campaigns as api_campaigns
from hub.console.api import catalogue as api_catalogue
from hub.console.api import deadletters as api_deadletters
from hub.console.api import documents as api_documents
from hub.console.api import records, version_1, watching
from hub.console.api.description import describing
from hub.console.console import Console
from hub.console.headers import SecurityHeaders
from hub.console.pages import (
    accounts,
    agencies,
    alerts,
    audit,
    campaigns,
    deadletters,
    document,
    first,
    invalid,
    late,
    now,
    settings,
)
from hub.console.templating import STATIC

LARGEST_QUESTION: Final = 1_000_000
PAGES: Final = (
    first,
    now,
    document,
    deadletters,
    campaigns,
    late,
    agencies,
    alerts,
    invalid,
    audit,
    settings,
    accounts,
)
API: Final = tuple(
    each.router
    for each in (
        version_1,
        watching,
        api_catalogue,
        api_documents,
        api_deadletters,
        api_campaigns,
        records,
        api_accounts,
    )
)
ROUTERS: Final = (
    *(each.router for each in (login, openid, *PAGES)),
    *API,
    describing([route for router in API for route in router.routes]),
)


def application(console: Console) -> ASGIApp:
    """Return the console as a whole: nothing leaves it without its headers, the answer to a fault neither."""
    return SecurityHeaders(routes(console), is_https=console.address.is_https)


def routes(console: Console) -> FastAPI:
    """Return the pages and the REST API.

    Every route, those of later pages too, stands behind the guard against forged acts; each of them names the
    right that it needs.
    """
    app = FastAPI(
        title="Trục – console",
        version="1",
        dependencies=[Depends(guard)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=LARGEST_QUESTION,
        form_limits={"max_files": 0, "max_fields": 5000, "max_part_size": 100_000},
    )
    app.state.console = console
    app.state.routes = [each for router in ROUTERS for each in router.routes if isinstance(each, APIRoute)]
    answers.add_to(app)
    for router in ROUTERS:
        app.include_router(router)
    app.mount(STATIC, StaticFiles(packages=[("hub.console", "static")]))
    return app
