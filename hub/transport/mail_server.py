"""Where mail is handed over, and which addresses may be spoken to without TLS."""

from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote, urlsplit

_SUBMISSION_PORT: Final = 587
_SUBMISSIONS_PORT: Final = 465
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A submission server: `smtps://` speaks TLS at once, `smtp://` turns to it or hands nothing over."""

    host: str
    port: int
    is_tls_from_start: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    is_plain: bool = False
    """Whether TLS is done without, as `smtp://localhost?plain=yes` asks: for a relay on the same machine."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `smtps://user:password@host:port`; raises `ValueError` that does not repeat it."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            msg = "has to be smtps://user:password@host:port (or smtp:// for STARTTLS)"
            raise ValueError(msg)
        is_tls = parts.scheme == "smtps"
        is_plain = parts.query == "plain=yes"
        if is_plain and parts.hostname not in _THIS_MACHINE:
            msg = "may do without TLS (plain=yes) on this machine only"
            raise ValueError(msg)
        return cls(
            host=parts.hostname,
            port=parts.port or (_SUBMISSIONS_PORT if is_tls else _SUBMISSION_PORT),
            is_tls_from_start=is_tls,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            is_plain=is_plain,
        )


def is_safe_address(url: str) -> bool:
    """Whether what is sent to *url* is protected on its way: `https`, or on this machine."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
