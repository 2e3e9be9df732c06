"""What becomes of an error: a page for people, problem details for programs; never a traceback."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from hub.console.access import is_for_program, page, spoken
from hub.console.console import console_of
from hub.console.languages import Language
from hub.console.problems import MEDIA_TYPE, Asked, Problem, ProblemDetails
from hub.errors import HubError, NothingFound, OperationRefused, StorageRefused, TemporaryFailure
from hub.operations.entrance import LoginRefused, TooManyFailures

log: structlog.stdlib.BoundLogger = structlog.get_logger()
RETRY_SECONDS: Final = 5
_OF_ERROR: Final[Sequence[tuple[type[HubError], Problem]]] = (
    (NothingFound, Problem.NOTHING_FOUND),
    (LoginRefused, Problem.LOGIN_REFUSED),
    (TooManyFailures, Problem.TOO_MANY),
    (OperationRefused, Problem.REFUSED),
    (TemporaryFailure, Problem.AWAY),
    # A value that no column takes: a NUL in a text, a number beyond all bounds.
    (StorageRefused, Problem.NOT_UNDERSTOOD),
)
"""The narrowest first."""
_OF_STATUS: Final[Mapping[int, Problem]] = {
    HTTPStatus.NOT_FOUND: Problem.NOTHING_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Problem.WRONG_METHOD,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Problem.TOO_LARGE,
    HTTPStatus.BAD_REQUEST: Problem.OTHER_REQUEST,
}


def add_to(app: FastAPI) -> None:
    """Let *app* answer every error."""
    app.add_exception_handler(Asked, _asked)
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _fault)


async def _asked(request: Request, error: Exception) -> Response:
    problem = error.problem if isinstance(error, Asked) else Problem.FAILED
    if problem is Problem.NOT_LOGGED_IN and not is_for_program(request):
        return _to_login(request)
    return _answer(request, problem, detail=error.detail if isinstance(error, Asked) else "")


async def _hub_error(request: Request, error: Exception) -> Response:
    problem = _problem_of(error)
    if problem is Problem.FAILED:
        return await _fault(request, error)
    if isinstance(error, StorageRefused):
        log.warning("console.refused_by_database", error=str(error))
    headers = {"Retry-After": str(RETRY_SECONDS)} if problem is Problem.AWAY else {}
    return _answer(request, problem, detail=_detail(error), headers=headers)


def _problem_of(error: Exception) -> Problem:
    return next((problem for kind, problem in _OF_ERROR if isinstance(error, kind)), Problem.FAILED)


def _detail(error: Exception) -> str:
    """Return the sentence that an operation is refused with; what the database says is for the log."""
    return str(error) if isinstance(error, OperationRefused) else ""


async def _not_understood(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    told = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in found]
    return _answer(request, Problem.NOT_UNDERSTOOD, errors=told)


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_at(request))
    return _answer(request, _OF_STATUS.get(status, Problem.OTHER_REQUEST), headers=headers)


async def _fault(request: Request, error: Exception) -> Response:
    log.error("console.failed", path=request.url.path, exc_info=error)
    return _answer(request, Problem.FAILED)


def _methods_at(request: Request) -> list[str]:
    """Return what the address takes; the framework tells of the first route there alone."""
    routes: Sequence[APIRoute] = request.app.state.routes
    at = [each for each in routes if each.path_regex.match(request.url.path)]
    exact = [each for each in at if each.path == request.url.path]
    return sorted({method for each in exact or at for method in each.methods or ()})


def _to_login(request: Request) -> Response:
    """Send a person to the login; a part of a page that htmx asks for sends the whole page there."""
    wanted = request.url.path if request.method == "GET" else "/"
    query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
    address = f"/login?next={quote(wanted + query)}"
    if request.headers.get("hx-request") == "true":
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)


def _answer(
    request: Request,
    problem: Problem,
    *,
    detail: str = "",
    errors: list[str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    kind = problem.value
    given = dict(headers or {})
    if not is_for_program(request):
        answer = page(
            request, "problem.html", status=kind.status, kind=kind, detail=detail, errors=errors or []
        )
        answer.headers.update(given)
        return answer
    if problem is Problem.NOT_LOGGED_IN:
        given["WWW-Authenticate"] = "Bearer"
    say = console_of(request).templates.say
    told = ProblemDetails(
        type=f"urn:truc:problem:{kind.code}",
        title=say(spoken(request))(kind.title),
        status=kind.status,
        code=kind.code,
        vi=say(Language.VIETNAMESE)(kind.title),
        en=kind.title,
        detail=detail,
        errors=errors or [],
    )
    return JSONResponse(told.model_dump(), kind.status, given, MEDIA_TYPE)
