"""The table `[provincial]`: who may log in, and what their tokens are signed with."""

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from hub.errors import ConfigurationError

_KEY_OCTETS: Final = 32
_OURS: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or program that logs in, and then works for systems."""

    username: str
    password_hash: str = field(repr=False)
    systems: frozenset[str]
    """Names of the systems that it may work for."""
    is_admin: bool
    """Whether it may apply for agencies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvincialSettings:
    """What the face needs beside the gateway."""

    users: Mapping[str, User]
    token_life: timedelta
    key: bytes = field(repr=False)
    """What tokens are signed with."""


class _User(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    username: Annotated[str, Field(min_length=1, max_length=100)]
    password: SecretStr
    """Its argon2 hash, as `truc-vxp … password` prints it."""
    systems: tuple[str, ...]
    admin: bool = False


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    users: Annotated[tuple[_User, ...], Field(min_length=1)]
    token_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 30.0
    key_file: Path = Path("provincial.key")
    """Made when it is not there; tokens are worth nothing any more once it is deleted."""


def read_provincial(table: Mapping[str, object], folder: Path) -> ProvincialSettings | None:
    """Read the table; None where there is none. Raises `ConfigurationError` with all complaints."""
    if not table:
        return None
    try:
        read = _Table.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"[provincial]: {error}") from error
    if complaints := list(_complaints(read)):
        raise ConfigurationError("\n  ".join(complaints))
    users = {
        each.username: User(
            username=each.username,
            password_hash=each.password.get_secret_value(),
            systems=frozenset(each.systems),
            is_admin=each.admin,
        )
        for each in read.users
    }
    return ProvincialSettings(
        users=MappingProxyType(users),
        token_life=timedelta(minutes=read.token_minutes),
        key=_key(folder / read.key_file),
    )


def _complaints(table: _Table) -> Iterator[str]:
    names = [each.username for each in table.users]
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield f"[provincial]: tài khoản {name} có hai lần / the user {name} stands there twice"
    for each in table.users:
        try:
            extract_parameters(each.password.get_secret_value())
        except InvalidHashError:
            yield (
                f"[provincial]: mật khẩu của {each.username} phải là mã băm argon2 / the password of "
                f"{each.username} has to be an argon2 hash: `truc-vxp --settings FILE password` makes one"
            )


def _key(path: Path) -> bytes:
    """Return the key at *path*; the first process makes it."""
    try:
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OURS), "wb") as file:
                file.write(secrets.token_bytes(_KEY_OCTETS))
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            pass
        key = path.read_bytes()
        is_ours = path.stat().st_mode & 0o077 == 0
    except OSError as error:
        raise ConfigurationError(
            f"[provincial]: không dùng được {path} / {path} cannot be used: {error.strerror}"
        ) from error
    if len(key) < _KEY_OCTETS or not is_ours:
        raise ConfigurationError(
            f"[provincial]: {path} không phải là khóa của riêng ta / {path} is no key of ours alone: "
            "delete it, and it is made anew"
        )
    return key
