"""The server that the agency's programs speak to: documents and statuses in, deliveries and receipts out."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.webhook.access import client_of
from adapters.webhook.calls import ROUTER
from adapters.webhook.desk import Desk
from adapters.webhook.problems import MEDIA_TYPE, Asked, Problem, told
from adapters.webhook.settings import Token
from adapters.webhook.told import TOLD
from hub.message.refusal import presentable

_OPEN: Final = frozenset({"/openapi.json"})
_LONGEST: Final = 300
_MOST_ERRORS: Final = 20
_PROBLEMS: Final = {
    HTTPStatus.NOT_FOUND: Problem.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Problem.WRONG_METHOD,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: Problem.MALFORMED,
}
DESCRIPTION: Final = (
    "Bộ nối webhook: gửi văn bản, báo trạng thái, tải văn bản đến. Mỗi văn bản đến được POST tới địa chỉ của "
    "cơ quan theo Standard Webhooks.\n\n"
    "The webhook adapter: send documents, report statuses, fetch what arrived. Each document that arrives is "
    "POSTed to the agency's endpoint in the form of the Standard Webhooks; see `webhooks`."
)


class Server(FastAPI):
    """A server that describes its problems as what they are."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document; it is made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def application(desk: Desk | None, tokens: Sequence[Token]) -> Server:
    """Return the server over *desk* for the holders of *tokens*; without a desk it only describes itself."""
    app = Server(
        title="Trục · webhook",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            Asked: _asked,
            HTTPException: _http,
            RequestValidationError: _invalid,
        },
    )
    app.state.desk = desk
    app.include_router(ROUTER)
    app.webhooks.routes.extend(TOLD.routes)
    app.add_middleware(Gate, tokens=tokens)
    return app


def _with_problems(found: dict[str, Any]) -> dict[str, Any]:
    """Leave of each described problem the one media type that it has."""
    paths = found["paths"].values()
    answers = (each for path in paths for call in path.values() for each in call["responses"].values())
    for answer in answers:
        if MEDIA_TYPE in answer.get("content", {}):
            answer["content"].pop("application/json", None)
    return found


class Gate:
    """Lets in whoever holds a token, before anything of the request is read."""

    def __init__(self, app: ASGIApp, tokens: Sequence[Token]) -> None:
        """Stand before *app*."""
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request over, with the name of who asks."""
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            try:
                name = client_of(Headers(scope=scope).get("authorization"), self._tokens)
            except Asked as asked:
                await _response(asked)(scope, receive, send)
                return
            scope.setdefault("state", {})["client"] = name
        await self._app(scope, receive, send)


def _response(asked: Asked) -> Response:
    kind = asked.problem.value
    headers = {"WWW-Authenticate": "Bearer"} if kind.status == HTTPStatus.UNAUTHORIZED else {}
    content = told(asked.problem, asked.errors)
    return Response(content, status_code=kind.status, headers=headers, media_type=MEDIA_TYPE)


async def _asked(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Asked)  # noqa: S101 - it is registered for nothing else
    return _response(error)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
    response = _response(
        Asked(
            _PROBLEMS.get(HTTPStatus(error.status_code), Problem.MALFORMED),
            presentable(str(error.detail), longest=_LONGEST),
        )
    )
    response.headers.update(error.headers or {})
    return response


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for nothing else
    return _response(Asked(Problem.NOT_UNDERSTOOD, *sentences(error.errors()[:_MOST_ERRORS])))


def sentences(errors: Sequence[object]) -> Sequence[str]:
    """Return what pydantic complains about, without the values."""
    return [
        presentable(f"{'.'.join(map(str, each['loc']))}: {each['msg']}", longest=_LONGEST)
        for each in errors
        if isinstance(each, dict)
    ]
