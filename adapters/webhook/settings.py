"""The one settings file: the kit's settings, the agency's endpoint, our server and who may speak to it."""

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from adapters.kit.complaints import complaints_of, or_complain, refused
from adapters.kit.settings import KitSettings, settings_of
from adapters.webhook.endpoint import Endpoint
from hub.errors import ConfigurationError
from hub.transport.address import is_loopback
from hub.transport.hook_signing import HookKeys, read_private_key, read_secret
from hub.transport.http_serving import HttpTable, HttpTerms

_OTHERS: Final = 0o077
_LONGEST_ANSWER: Final = 300
_LONGEST_PATIENCE: Final = 900
"""The broker takes a delivery away from a consumer that is silent for half an hour."""
_SHORTEST_TOKEN: Final = 32
_STRICT: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Whoever holds it may use the adapter's server."""

    name: str
    """Stands in the log, and keeps the idempotency keys of one program apart from another's."""
    digest: bytes = field(repr=False)
    """SHA-256 of the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """Everything that one webhook adapter needs."""

    kit: KitSettings
    spool: Path
    """Where the documents lie that the agency may fetch."""
    documents: Endpoint
    events: Endpoint
    """Where statuses and receipts go; the documents' own endpoint where nothing else is said."""
    http: HttpTerms
    public_url: str
    """How the agency reaches our server; addresses in what we POST begin with it."""
    tokens: tuple[Token, ...]
    kept: timedelta
    """So long documents can be fetched, idempotency keys are known, and events are tried."""


class _Endpoint(BaseModel):
    model_config = _STRICT

    url: SecretStr
    secrets: tuple[SecretStr, ...] = ()
    """`whsec_…`, each in force; two while the receiver changes over."""
    private_keys: tuple[SecretStr, ...] = ()
    """`whsk_…`, ed25519: the receiver knows only the public half."""
    authorities: Path | None = None
    allow_private: bool = False
    answer_seconds: Annotated[float, Field(gt=0, le=_LONGEST_ANSWER)] = 30.0
    patience_seconds: Annotated[float, Field(ge=0, le=_LONGEST_PATIENCE)] = 60.0
    first_pause: Annotated[float, Field(gt=0)] = 1.0
    longest_pause: Annotated[float, Field(gt=0)] = 30.0
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    enclose_octets: Annotated[int, Field(ge=0)] = 256 * 1024

    def value(self, folder: Path) -> Endpoint:
        """Return the endpoint; raises `ValueError` for keys that are none."""
        url = self.url.get_secret_value()
        return Endpoint(
            url=url,
            host=urlsplit(url).hostname or "",
            keys=HookKeys(
                secrets=tuple(read_secret(each.get_secret_value()) for each in self.secrets),
                private_keys=tuple(read_private_key(each.get_secret_value()) for each in self.private_keys),
            ),
            authorities=folder / self.authorities if self.authorities is not None else None,
            allow_private=self.allow_private,
            answer_seconds=self.answer_seconds,
            patience_seconds=self.patience_seconds,
            first_pause=self.first_pause,
            longest_pause=self.longest_pause,
            concurrency=self.concurrency,
            enclose_octets=self.enclose_octets,
        )

    def complaints(self, table: str, folder: Path) -> Iterator[str]:
        """Return everything that keeps us from POSTing as the table says."""
        yield from _complaints_about_url(f"[{table}] url", self.url.get_secret_value())
        if not self.secrets and not self.private_keys:
            yield (
                f"[{table}]: thiếu secrets hoặc private_keys, bên nhận không kiểm được ai gửi / set secrets "
                "or private_keys, or the receiver cannot tell who sends"
            )
        if self.authorities is not None and not (folder / self.authorities).is_file():
            yield f"[{table}] authorities: không có tệp / there is no file {folder / self.authorities}"
        try:
            endpoint = self.value(folder)
        except ValueError as error:
            yield f"[{table}]: secrets hoặc private_keys không đúng dạng / {error}"
            return
        if is_loopback(endpoint.host) and not endpoint.allow_private:
            yield (
                f"[{table}] url: địa chỉ trên chính máy này cần thêm allow_private = true / "
                "an address on this machine also needs allow_private = true"
            )


class _Token(BaseModel):
    model_config = _STRICT

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    token: SecretStr

    def value(self) -> Token:
        """Return the token, without its text."""
        return Token(name=self.name, digest=hashlib.sha256(self.token.get_secret_value().encode()).digest())


class _File(BaseModel):
    model_config = _STRICT

    spool: Path = Path("webhook")
    keep_days: Annotated[float, Field(gt=0)] = 30.0
    public_url: str
    endpoint: _Endpoint
    events: _Endpoint | None = None
    http: HttpTable
    tokens: tuple[_Token, ...]
    kit: dict[str, object]

    def complaints(self, path: Path) -> Iterator[str]:
        """Return everything that is wrong beside the kit's table."""
        yield from _complaints_about_mode(path)
        yield from self.endpoint.complaints("endpoint", path.parent)
        if self.events is not None:
            yield from self.events.complaints("events", path.parent)
        yield from self.http.complaints(path.parent)
        yield from _complaints_about_url("public_url", self.public_url)
        yield from _complaints_about_tokens(self.tokens)


def read_hook_settings(path: Path) -> HookSettings:
    """Read the TOML file at *path*; paths in it start from its folder. Raises `ConfigurationError`."""
    file, folder = _read(path), path.parent
    complaints = list(file.complaints(path))
    kit = or_complain(lambda: settings_of(file.kit, folder), complaints)
    if kit is None or complaints:
        raise refused([f"{path}:", *complaints])
    documents = file.endpoint.value(folder)
    return HookSettings(
        kit=kit,
        spool=folder / file.spool,
        documents=documents,
        events=file.events.value(folder) if file.events is not None else documents,
        http=file.http.terms(folder),
        public_url=file.public_url.rstrip("/"),
        tokens=tuple(each.value() for each in file.tokens),
        kept=timedelta(days=file.keep_days),
    )


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"không đọc được / cannot be read: {path}: {error}") from error
    except ValidationError as error:
        raise refused([f"{path}:", *complaints_of(error, _File)]) from error


def _complaints_about_tokens(tokens: Sequence[_Token]) -> Iterator[str]:
    names = [each.name for each in tokens]
    if not names:
        yield "[[tokens]]: cần ít nhất một / one is needed at least"
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield f"[[tokens]]: {name} dùng hai lần / is used twice"
    for each in tokens:
        if len(each.token.get_secret_value()) < _SHORTEST_TOKEN:
            least = _SHORTEST_TOKEN
            yield f"[[tokens]]: {each.name}: ít nhất {least} ký tự / {least} characters at least"


def _complaints_about_url(name: str, url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not is_safe or parts.username is not None:
        yield (
            f"{name}: phải có dạng https://may.chu/duong-dan, không kèm mật khẩu (http chỉ trên máy này) / "
            "write it like https://host/path, without a password (http on this machine only)"
        )


def _complaints_about_mode(path: Path) -> Iterator[str]:
    """Let nobody but the adapter read secrets."""
    if path.stat().st_mode & _OTHERS:
        yield (
            f"{path} chứa khóa bí mật mà người khác đọc được: chmod 600 {path} / "
            f"{path} holds secrets that others can read: chmod 600 {path}"
        )
