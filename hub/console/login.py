"""Coming in with a password, going out, and choosing a language."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.console.access import (
    LANGUAGE_COOKIE,
    Known,
    Seeing,
    local_path,
    page,
    session_cookie,
)
from hub.console.console import Console, console_of
from hub.console.languages import Language
from hub.console.problems import Problem
from hub.operations.entrance import LoginRefused, TooManyFailures

router = APIRouter(include_in_schema=False)
A_YEAR = 365 * 24 * 3600


@router.get("/login")
async def show_login(request: Request, identity: Known, next: str = "/") -> Response:  # noqa: A002
    """Show the form; who is logged in already goes on."""
    if identity.account is not None:
        return RedirectResponse(local_path(next), status_code=303)
    return _form(request, local_path(next))


@router.post("/login")
async def log_in(
    request: Request,
    login: Annotated[str, Form(max_length=300)],
    password: Annotated[str, Form(max_length=2000)],
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Begin a session under a new name, whatever name the browser came with."""
    console = console_of(request)
    before = request.cookies.get(session_cookie(console))
    try:
        token = await console.doorkeeper.log_in(login, password, address=address_of(request), before=before)
    except LoginRefused:
        return _form(request, local_path(next), login=login, problem=Problem.LOGIN_REFUSED)
    except TooManyFailures:
        return _form(request, local_path(next), login=login, problem=Problem.TOO_MANY)
    answer = RedirectResponse(local_path(next), status_code=303)
    keep_session(answer, console, token)
    return answer


@router.post("/logout")
async def log_out(request: Request, visit: Seeing) -> Response:
    """End the session, here and in the database."""
    token = request.cookies.get(session_cookie(visit.console))
    if token is not None:
        await visit.console.doorkeeper.log_out(token)
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(session_cookie(visit.console), secure=visit.console.address.is_https, httponly=True)
    return answer


@router.get("/language/{language}")
async def choose_language(
    request: Request,
    language: Language,
    next: str = "/",  # noqa: A002
) -> Response:
    """Show the same page in another language, this one and those that follow."""
    answer = RedirectResponse(local_path(next), status_code=303)
    answer.set_cookie(
        LANGUAGE_COOKIE,
        language.value,
        max_age=A_YEAR,
        secure=console_of(request).address.is_https,
        httponly=True,
        samesite="lax",
    )
    return answer


def keep_session(answer: Response, console: Console, token: str) -> None:
    """Let the browser keep *token* until it is closed; no script sees it, no other site sends it along."""
    answer.set_cookie(
        session_cookie(console), token, secure=console.address.is_https, httponly=True, samesite="lax"
    )


def address_of(request: Request) -> str:
    """Return from where somebody asks."""
    return request.client.host if request.client is not None else "?"


def _form(request: Request, wanted: str, *, login: str = "", problem: Problem | None = None) -> Response:
    return page(
        request,
        "login.html",
        status=problem.value.status if problem is not None else 200,
        wanted=wanted,
        login=login,
        problem=problem.value if problem is not None else None,
        has_openid=console_of(request).openid is not None,
    )
