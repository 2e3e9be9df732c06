"""Sessions with tokens (PKCS #11), in which private keys are that never leave them.

A session is lost whenever the token is: then it is opened again, once for each signature. A wrong PIN is
never tried twice, since tokens lock themselves after a few.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

import pkcs11
import structlog
from pkcs11.exceptions import (
    MultipleObjectsReturned,
    MultipleTokensReturned,
    NoSuchKey,
    NoSuchToken,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
    UserPinNotInitialized,
)

from hub.errors import ConfigurationError, TemporaryFailure
from hub.signature.token_uri import TokenUri

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_PIN_ERRORS: Final = (PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked, UserPinNotInitialized)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """Where a key is, and what opens it there."""

    uri: TokenUri
    module: Path
    """The library of the token's maker."""
    pin: str = field(repr=False)

    def __str__(self) -> str:
        """Name it for people."""
        return f"key {self.uri.object or (self.uri.id or b'').hex()!r} in token {self.uri.token or '(any)'!r}"


class _Key(Protocol):
    def sign(self, data: bytes, *, mechanism: pkcs11.Mechanism) -> bytes: ...


class _Library(Protocol):
    def get_token(
        self, *, token_label: str | None, token_serial: bytes | None, token_flags: pkcs11.TokenFlag
    ) -> pkcs11.Token: ...

    def reinitialize(self) -> None: ...


class TokenSession:
    """One key in its token; one signature at a time."""

    def __init__(self, place: TokenPlace) -> None:
        """Prepare; the first use opens the session."""
        self._place = place
        self._lock = _lock_of(place.module)
        self._session: pkcs11.Session | None = None
        self._key: _Key | None = None
        self._is_refused = False

    def open(self) -> None:
        """Find token and key, and log in; raises `ConfigurationError` where that cannot be."""
        with self._lock:
            try:
                self._open()
            except PKCS11Error as error:
                raise ConfigurationError(f"{self._place} cannot be used: {_advice(error)}") from error

    def sign(self, octets: bytes, mechanism: pkcs11.Mechanism) -> bytes:
        """Return the token's signature; raises `TemporaryFailure` where the token is away or will not."""
        with self._lock:
            try:
                return self._sign(octets, mechanism)
            except PKCS11Error as error:
                self._give_up(error)
            try:
                return self._sign(octets, mechanism)
            except PKCS11Error as error:
                self._give_up(error)
                raise TemporaryFailure(f"{self._place} does not sign: {_advice(error)}") from error

    def _sign(self, octets: bytes, mechanism: pkcs11.Mechanism) -> bytes:
        if self._key is None:
            self._open()
        if self._key is None:
            raise NoSuchKey
        return bytes(self._key.sign(octets, mechanism=mechanism))

    def _open(self) -> None:
        if self._is_refused:
            raise PinIncorrect
        token = _token(self._place)
        try:
            self._session = _logged_in(token, self._place.pin)
        except _PIN_ERRORS:
            self._is_refused = True
            raise
        self._key = _private_key(self._session, self._place.uri)

    def _give_up(self, error: PKCS11Error) -> None:
        log.warning("token.lost", key=str(self._place), reason=_advice(error))
        session, self._session, self._key = self._session, None, None
        if session is not None:
            _close(session)


def _private_key(session: pkcs11.Session, uri: TokenUri) -> _Key:
    key: object = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=uri.object, id=uri.id)
    if not isinstance(key, pkcs11.PrivateKey) or not isinstance(key, pkcs11.SignMixin):
        raise NoSuchKey
    return key


def _token(place: TokenPlace) -> pkcs11.Token:
    library = _library(place.module)
    try:
        return _found(library, place.uri)
    except PKCS11Error:
        # Some modules see a token that was plugged in later, or again, only when they begin anew.
        library.reinitialize()
        return _found(library, place.uri)


def _found(library: _Library, uri: TokenUri) -> pkcs11.Token:
    in_use = pkcs11.TokenFlag.TOKEN_INITIALIZED
    return library.get_token(token_label=uri.token, token_serial=uri.serial, token_flags=in_use)


def _library(module: Path) -> _Library:
    try:
        library: _Library = pkcs11.lib(str(module))
    except (OSError, RuntimeError) as error:
        if isinstance(error, PKCS11Error) and type(error) is not PKCS11Error:
            raise  # what the module answers has a class of its own
        raise ConfigurationError(
            f"{module} is not a PKCS #11 module that can be loaded: name the library of the token's maker"
        ) from error
    return library


def _logged_in(token: pkcs11.Token, pin: str) -> pkcs11.Session:
    try:
        return token.open(user_pin=pin)
    except UserAlreadyLoggedIn:  # with another key of the same token
        return token.open()


def _close(session: pkcs11.Session) -> None:
    try:
        session.close()
    except PKCS11Error as error:
        log.info("token.left", reason=type(error).__name__)


@cache
def _lock_of(_module: Path) -> Lock:
    """Return the lock of everybody who speaks to tokens of one maker: beginning anew ends all sessions."""
    return Lock()


def _advice(error: PKCS11Error) -> str:
    match error:
        case PinLocked():
            return "the token is locked after wrong PINs: its security officer must unlock it"
        case _ if isinstance(error, _PIN_ERRORS):
            return "the token refuses the PIN, and it is not tried again: set the right one and start anew"
        case NoSuchToken():
            return "there is no such token: plug it in, or name another in the pkcs11: name"
        case NoSuchKey():
            return "the token has no such private key: look with `pkcs11-tool --list-objects --login`"
        case MultipleTokensReturned() | MultipleObjectsReturned():
            return "there are several: name token, serial, object and id more closely"
        case _:
            return f"the token answers {type(error).__name__}: see that it is plugged in and works"
