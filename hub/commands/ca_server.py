"""CRLs, OCSP and time stamps of a development CA over HTTP, on the loopback address only."""

import base64
import binascii
import socket
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.commands.ca_folder import AuthorityFolder
from hub.errors import ConfigurationError
from hub.signature.stamp_issuing import answer_stamp_request
from hub.signature.status_authority import ISSUING_CRL, OCSP, ROOT_CRL, TIME_STAMPS

_LONGEST_REQUEST: Final = 10_000
_CRL: Final = "application/pkix-crl"


def application(ca: AuthorityFolder) -> Starlette:
    """Return the web application of *ca*; it answers by the record as it is at that moment."""

    async def root_crl(_: Request) -> Response:
        return Response(ca.crl(of_root=True), media_type=_CRL)

    async def issuing_crl(_: Request) -> Response:
        return Response(ca.crl(), media_type=_CRL)

    async def ocsp(request: Request) -> Response:
        asked = await request.body() if request.method == "POST" else _asked_by_address(request)
        return Response(ca.answer(asked[:_LONGEST_REQUEST]), media_type="application/ocsp-response")

    async def time_stamp(request: Request) -> Response:
        asked = (await request.body())[:_LONGEST_REQUEST]
        serial = x509.random_serial_number()
        answer = answer_stamp_request(asked, ca.authority().stamper, datetime.now(UTC), serial)
        return Response(answer, media_type="application/timestamp-reply")

    return Starlette(
        routes=[
            Route(ROOT_CRL, root_crl),
            Route(ISSUING_CRL, issuing_crl),
            Route(OCSP, ocsp, methods=["POST"]),
            Route(f"{OCSP}/{{asked:path}}", ocsp, methods=["GET"]),
            Route(TIME_STAMPS, time_stamp, methods=["POST"]),
        ]
    )


def server(ca: AuthorityFolder) -> tuple[uvicorn.Server, socket.socket]:
    """Return the server of *ca*, and what it listens on: the address that its certificates name.

    Raises `ConfigurationError` where the address is not of this machine alone, or somebody listens there.
    """
    parts = urlsplit(ca.read().address)
    if parts.hostname not in {"127.0.0.1", "localhost"} or parts.port is None:
        raise ConfigurationError("a development CA serves on 127.0.0.1 only")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", parts.port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"somebody listens on port {parts.port} already") from error
    config = uvicorn.Config(application(ca), log_config=None, lifespan="off", access_log=False)
    return uvicorn.Server(config), listener


def _asked_by_address(request: Request) -> bytes:
    """Return the request that stands in the address (RFC 6960, appendix A.1)."""
    try:
        return base64.b64decode(str(request.path_params["asked"]), validate=True)
    except binascii.Error:
        return b""
