"""What every answer tells the browser to refuse, and how large a question may be."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.console.templating import STATIC

CONTENT_SECURITY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no referrer at all, browsers name no origin either, and forms are known by theirs.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
A_YEAR: Final = 365 * 24 * 3600


class SecurityHeaders:
    """Adds `ALWAYS` to every answer; nothing that an account sees stays in a cache."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        """Stand before *app*."""
        self._app = app
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the question on, and the answer back with its headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caching = (
            f"public, max-age={A_YEAR}, immutable" if str(scope["path"]).startswith(STATIC) else "no-store"
        )

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers[name] = value
                headers["Cache-Control"] = caching
                if self._is_https:
                    headers["Strict-Transport-Security"] = f"max-age={A_YEAR}"
            await send(message)

        await self._app(scope, receive, send_with_headers)
