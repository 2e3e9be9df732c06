"""The provincial face as a web application, to be mounted at `/v1`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.vxp.provincial.calls import router
from adapters.vxp.provincial.face import Provincial
from adapters.vxp.provincial.problems import (
    LOGIN_REFUSED,
    NOT_LOGGED_IN,
    NUMBERS,
    Failure,
    LoginRefused,
    NotLoggedIn,
    failure_of,
)
from adapters.vxp.refusals import Reason, Refused
from hub.message.refusal import presentable

PREFIX: Final = "/v1"
_SEND: Final = "/sendEdoc"
_LONGEST: Final = 100
_OF_STATUS: Final = {
    404: Reason.UNKNOWN_CALL,
    405: Reason.UNKNOWN_CALL,
    413: Reason.TOO_LARGE,
}
LARGEST_QUESTION: Final = 64 * 1024
"""Of every call but the one that sends a file."""
_log = structlog.get_logger("adapters.vxp")
FAILURES: Final[Mapping[int | str, dict[str, object]]] = {
    status: {"model": Failure, "description": HTTPStatus(status).phrase}
    for status in sorted({each.status for each in (*NUMBERS.values(), NOT_LOGGED_IN)} - {200})
}


def provincial_application(face: Provincial) -> FastAPI:
    """Return the application of *face*; every answer of it is the face's own."""
    app = FastAPI(
        title="Trục: cổng REST cấp tỉnh",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses={**FAILURES},
    )
    app.state.face = face
    app.include_router(router)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(NotLoggedIn, _not_logged_in)
    app.add_exception_handler(LoginRefused, _login_refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http)
    return app


def bounded(app: ASGIApp) -> ASGIApp:
    """Return *app* with a limit to what every call but the one that sends a file may send."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        left = LARGEST_QUESTION

        async def receive_within() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        is_file = str(scope.get("path", "")).endswith(_SEND)
        await app(scope, receive if is_file else receive_within, send)

    return call


async def _refused(request: Request, error: Exception) -> Response:
    refused = error if isinstance(error, Refused) else Refused(Reason.FAILED)
    _log.warning(
        "call.refused",
        call=presentable(request.url.path, longest=_LONGEST),
        systemid=presentable(request.headers.get("x-systemid", ""), longest=_LONGEST),
        reason=refused.reason,
        client=request.client.host if request.client is not None else None,
    )
    status, failure = failure_of(refused, invalid_file=request.url.path.endswith(_SEND))
    return JSONResponse(failure.model_dump(), status)


async def _not_logged_in(_request: Request, _error: Exception) -> Response:
    said = "Chua dang nhap, hoac phien da het han / Not logged in, or the token has ended"
    failure = Failure(code=NOT_LOGGED_IN.code, message=said)
    return JSONResponse(failure.model_dump(), NOT_LOGGED_IN.status, {"WWW-Authenticate": "Bearer"})


async def _login_refused(_request: Request, _error: Exception) -> Response:
    said = "Sai ten dang nhap hoac mat khau / Username or password are wrong"
    failure = Failure(code=LOGIN_REFUSED.code, message=said)
    return JSONResponse(failure.model_dump(), LOGIN_REFUSED.status, {"WWW-Authenticate": "Bearer"})


async def _not_understood(request: Request, error: Exception) -> Response:
    """Name the part that is wrong; what stood there is not repeated."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    names = ", ".join(sorted({".".join(str(part) for part in each["loc"][1:]) or "body" for each in found}))
    return await _refused(request, Refused(Reason.WRONG_PARAMETER, name=names, value="?"))


async def _http(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    reason = _OF_STATUS.get(status, Reason.MALFORMED_REQUEST)
    refused = Refused(reason, detail=HTTPStatus(status).phrase)
    _, failure = failure_of(refused)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return JSONResponse(failure.model_dump(), status, headers)
