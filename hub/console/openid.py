"""Coming in by an OpenID provider: there, and back with a code that this browser alone was waiting for."""

import base64
import binascii
from dataclasses import asdict
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from hub.backends.openid import Asking, OpenIdProvider
from hub.console.access import local_path, session_cookie
from hub.console.console import Console, console_of
from hub.console.login import address_of, keep_session
from hub.console.problems import Asked, Problem
from hub.errors import OperationRefused

router = APIRouter(include_in_schema=False)
PATH: Final = "/openid"
MINUTES: Final = 10
"""How long somebody may take at the provider."""


class Waiting(BaseModel):
    """What the browser keeps meanwhile, where no script reads it; without the code it is worth nothing."""

    state: str
    nonce: str
    verifier: str
    wanted: str


@router.get(PATH)
async def begin(request: Request, next: str = "/") -> Response:  # noqa: A002
    """Send the browser to the provider."""
    console, provider = _provider(request)
    address, asking = await provider.begin()
    answer = RedirectResponse(address, status_code=303)
    waiting = Waiting(**asdict(asking), wanted=local_path(next))
    answer.set_cookie(
        _cookie(console),
        base64.urlsafe_b64encode(waiting.model_dump_json().encode()).decode(),
        max_age=MINUTES * 60,
        path="/",
        secure=console.address.is_https,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(f"{PATH}/back")
async def come_back(
    request: Request, state: str, code: str | None = None, iss: str | None = None, error: str | None = None
) -> Response:
    """Begin a session for whom the provider has named, if there is an account for them."""
    console, provider = _provider(request)
    waiting = _waiting(request, console)
    if code is None:
        raise OperationRefused(f"the provider lets nobody in: {error or 'it gives no reason'}"[:200])
    asking = Asking(state=waiting.state, nonce=waiting.nonce, verifier=waiting.verifier)
    subject = await provider.finish(asking, code=code, state=state, issuer=iss)
    before = request.cookies.get(session_cookie(console))
    token = await console.doorkeeper.let_in(subject, address=address_of(request), before=before)
    answer = RedirectResponse(local_path(waiting.wanted), status_code=303)
    keep_session(answer, console, token)
    answer.delete_cookie(_cookie(console), path="/", secure=console.address.is_https, httponly=True)
    return answer


def _provider(request: Request) -> tuple[Console, OpenIdProvider]:
    console = console_of(request)
    if console.openid is None:
        raise Asked(Problem.NOTHING_FOUND)
    return console, console.openid


def _waiting(request: Request, console: Console) -> Waiting:
    kept = request.cookies.get(_cookie(console), "")
    try:
        return Waiting.model_validate_json(base64.urlsafe_b64decode(kept))
    except (ValidationError, binascii.Error, ValueError) as error:
        raise OperationRefused(
            "this browser was not waiting for an answer, or not so long: begin again"
        ) from error


def _cookie(console: Console) -> str:
    return "__Host-truc_openid" if console.address.is_https else "truc_openid"
