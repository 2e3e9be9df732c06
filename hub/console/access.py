"""Who asks, whether it is really their own act, and whether they may."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import UploadFile

from hub.console.console import Console, console_of
from hub.console.languages import Language, language_of
from hub.console.navigation import places_for
from hub.console.problems import Asked, Problem
from hub.console.words import ACTS
from hub.operations.entrance import Session, csrf_token
from hub.operations.rights import Account, Right

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
API_PREFIX: Final = "/api/"
LANGUAGE_COOKIE: Final = "truc_language"
LONGEST_COUNT: Final = 9
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
WITHOUT_SESSION: Final = frozenset({"/login"})
"""Where acts come from people who are not logged in yet: their origin alone has to be ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks: by a session's cookie, by a token of the REST API, or nobody known."""

    account: Account | None = None
    session: Session | None = None
    token: str | None = None
    """Of the session."""
    is_program: bool = False
    """Whether a bearer token was sent; cookies count for nothing then."""


def session_cookie(console: Console) -> str:
    """Return the name of the cookie; over TLS one that no other host can set."""
    return "__Host-truc_session" if console.address.is_https else "truc_session"


async def identify(request: Request) -> Identity:
    """Find out who asks; a bearer token outweighs every cookie."""
    console = console_of(request)
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme:
        account = await console.doorkeeper.find_bearer(bearer.strip()) if scheme.lower() == "bearer" else None
        return Identity(account=account, is_program=True)
    token = request.cookies.get(session_cookie(console))
    session = await console.doorkeeper.find(token) if token else None
    if session is None:
        return Identity()
    return Identity(account=session.account, session=session, token=token)


Known: TypeAlias = Annotated[Identity, Depends(identify)]


async def guard(request: Request, identity: Known) -> None:
    """Refuse acts that did not come from a page of this session, whichever route they go to.

    Browsers send cookies along with what other sites make them send. They also say which origin made them,
    and know the session's token only from its own pages; both have to be right. A program shows its bearer
    token, which no browser sends by itself.
    """
    if request.method in SAFE or (identity.is_program and request.url.path not in WITHOUT_SESSION):
        return
    if is_for_program(request) and identity.session is None:
        raise Asked(Problem.NOT_LOGGED_IN)
    console = console_of(request)
    if request.headers.get("origin") != console.address.origin(request):
        raise Asked(Problem.FOREIGN_FORM)
    if request.url.path in WITHOUT_SESSION:
        return
    if identity.session is None:
        raise Asked(Problem.NOT_LOGGED_IN)
    if not identity.session.has_sent(await _sent_token(request)):
        raise Asked(Problem.FOREIGN_FORM)


async def _sent_token(request: Request) -> str:
    if (sent := request.headers.get(CSRF_HEADER)) is not None:
        return sent
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    field: UploadFile | str | None = (await request.form()).get(CSRF_FIELD)
    return field if isinstance(field, str) else ""


def spoken(request: Request) -> Language:
    """Return the language that the person chose."""
    return language_of(request.cookies.get(LANGUAGE_COOKIE))


def is_for_program(request: Request) -> bool:
    """Whether the answer is read by a program."""
    return request.url.path.startswith(API_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One question of somebody who may ask it."""

    request: Request
    console: Console
    account: Account
    csrf: str
    language: Language

    def say(self, sentence: str) -> str:
        """Return the English *sentence* in the language of the visit."""
        return self.console.templates.say(self.language)(sentence)

    def require(self, right: Right) -> None:
        """Refuse where the account's role does not go as far as *right*."""
        if not self.account.may(right):
            raise Asked(Problem.NOT_ALLOWED)

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Return the page of *template*; it knows who reads it, and where else they may go."""
        return page(self.request, template, status=status, visitor=self.account, csrf=self.csrf, **values)

    def redirect(self, path: str) -> RedirectResponse:
        """Show another page of the console after an act."""
        return RedirectResponse(path, status_code=303)


def having(right: Right) -> Callable[[Request, Identity], Awaitable[Visit]]:
    """Return what a route depends on that takes *right*."""

    async def visit(request: Request, identity: Known) -> Visit:
        if identity.account is None:
            raise Asked(Problem.NOT_LOGGED_IN)
        if not identity.account.may(right):
            raise Asked(Problem.NOT_ALLOWED)
        return Visit(
            request=request,
            console=console_of(request),
            account=identity.account,
            csrf=csrf_token(identity.token) if identity.token is not None else "",
            language=spoken(request),
        )

    return visit


Seeing: TypeAlias = Annotated[Visit, Depends(having(Right.SEE))]
Working: TypeAlias = Annotated[Visit, Depends(having(Right.WORK))]
Deciding: TypeAlias = Annotated[Visit, Depends(having(Right.DECIDE))]
Administering: TypeAlias = Annotated[Visit, Depends(having(Right.ADMINISTER))]


def unlimited(visit: Seeing) -> Visit:
    """Refuse accounts that are limited to agencies: what follows belongs to no agency."""
    if visit.account.visible_to is not None:
        raise Asked(Problem.NOT_ALLOWED)
    return visit


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    visitor: Account | None = None,
    csrf: str = "",
    **values: object,
) -> HTMLResponse:
    """Return the page of *template*, for *visitor* or for somebody who is not logged in."""
    path = request.url.path
    frame: dict[str, object] = {
        "visitor": visitor,
        "csrf": csrf,
        "places": places_for(visitor) if visitor is not None else (),
        "path": path,
        "here": quote(f"{path}?{request.url.query}" if request.url.query else path),
        "told": _told(request),
        "may": {right.value: visitor.may(right) for right in Right} if visitor is not None else {},
    }
    content = console_of(request).templates.render(template, spoken(request), frame | values)
    return HTMLResponse(content, status_code=status)


def _told(request: Request) -> tuple[str, str] | None:
    """Return what the last act did, in words of ours alone: anybody can write an address."""
    act, count = request.query_params.get("told", ""), request.query_params.get("count", "")
    return (ACTS[act], count) if act in ACTS and count.isdecimal() and len(count) <= LONGEST_COUNT else None


def local_path(wanted: str | None) -> str:
    """Return *wanted* where it is a page of this console, else the first page: nobody is sent elsewhere."""
    if wanted is None or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    return wanted if wanted.isprintable() and "\\" not in wanted else "/"
