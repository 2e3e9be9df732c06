"""The X-Road style face as a web application: one path a call, parameters in headers, HTTP 200 always."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from adapters.vxp.gateway import Gateway
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import Face
from adapters.vxp.uploads import Uploads
from adapters.vxp.xroad.asked import Asked, Calls
from adapters.vxp.xroad.authentication import authenticate
from adapters.vxp.xroad.parameters import read_parameters
from adapters.vxp.xroad.replies import failure
from hub.message.refusal import presentable

_log = structlog.get_logger("adapters.vxp")
_LONGEST: Final = 100
_METHODS: Final = ["GET", "POST"]


class XroadFace:
    """Finds out who calls, lets one call pass, and has it answered."""

    def __init__(
        self,
        gateway: Gateway,
        calls: Calls,
        *,
        uploads: Uploads,
        clock: Callable[[], datetime],
        skew: timedelta,
    ) -> None:
        """Answer *calls* for the systems of *gateway*; what they bring lies in *uploads* meanwhile."""
        self._gateway = gateway
        self._calls = calls
        self._uploads = uploads
        self._clock = clock
        self._skew = skew

    async def answer(self, request: Request) -> Response:
        """Answer one call; what is wrong with it is said in the reply envelope."""
        name = request.path_params["call"]
        try:
            return await self._answer(name, request)
        except Refused as refused:
            _log.warning(
                "call.refused",
                call=presentable(name, longest=_LONGEST),
                systemid=presentable(request.headers.get("xroadvnpt-systemid", ""), longest=_LONGEST),
                reason=refused.reason,
                client=request.client.host if request.client is not None else None,
            )
            await _read_to_the_end(request)
            return failure(refused)

    async def _answer(self, name: str, request: Request) -> Response:
        handle = self._calls.get(name)
        if handle is None:
            raise Refused(Reason.UNKNOWN_CALL)
        parameters = read_parameters(request.headers.raw)
        system, signed = authenticate(parameters, self._gateway.systems, now=self._clock(), skew=self._skew)
        self._gateway.admit(system, Face.XROAD)
        async with self._uploads.taken(request.stream()) as upload:
            return await handle(
                Asked(
                    system=system,
                    parameters=signed,
                    body=upload.body,
                    file=upload.file,
                    content_type=request.headers.get("content-type", ""),
                    headers=parameters.plain,
                )
            )


async def _read_to_the_end(request: Request) -> None:
    """Throw away what the client still sends: it reads no answer before, and uses the connection again."""
    try:
        async for _ in request.stream():
            pass
    except (ClientDisconnect, RuntimeError):
        return  # it is gone, or all of it was read


def xroad_routes(face: XroadFace) -> Sequence[BaseRoute]:
    """Return the one route of the face; it takes every path of one part."""
    return [Route("/{call}", face.answer, methods=_METHODS)]


def application(routes: Sequence[BaseRoute]) -> Starlette:
    """Return the gateway's application; faces with paths of more than one part come before."""
    return Starlette(routes=[*routes], exception_handlers={HTTPException: _no_such_call})


async def _no_such_call(_request: Request, _error: Exception) -> Response:
    return failure(Refused(Reason.UNKNOWN_CALL))
