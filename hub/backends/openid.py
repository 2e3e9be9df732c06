"""Logging in by an OpenID provider: authorization code with PKCE, state and nonce (OpenID Connect Core)."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationError

from hub.backends.web import WebClient
from hub.errors import OperationRefused, TemporaryFailure
from hub.ports import Clock
from hub.signature.source import host_of

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
)
"""Signatures alone: a secret that both sides know signs nothing here, and `none` is none."""
FRESH: Final = timedelta(hours=1)
"""How long the provider's addresses and keys are believed to be the same."""
LEEWAY_SECONDS: Final = 60


class ProviderRefused(OperationRefused):
    """The provider, or what came back in its name, does not say who it is that logs in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """How the provider knows the console."""

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = field(default=None, repr=False)
    """None for a public client: PKCE protects the code either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the browser has to bring back, or what comes is not an answer to it."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """What the provider is shown of the verifier (RFC 7636)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Provider(BaseModel):
    """What the provider says about itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class TokenAnswer(BaseModel):
    """What the provider gives for a code."""

    id_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    provider: Provider
    keys: KeySet
    until: datetime


def subject_name(issuer: str, subject: str) -> str:
    """Return what an account keeps: a subject is unique for its provider only."""
    return f"{issuer}#{subject}"


class OpenIdProvider:
    """One provider, asked by the console alone; browsers carry the code and nothing else."""

    def __init__(self, registration: Registration, *, web: WebClient, clock: Clock) -> None:
        """Be known to the provider by *registration*; nothing is asked yet."""
        self._registration = registration
        self._web = web
        self._clock = clock
        self._known: _Known | None = None

    def subject_name(self, subject: str) -> str:
        """Return what an account keeps of *subject*."""
        return subject_name(self._registration.issuer, subject)

    async def begin(self) -> tuple[str, Asking]:
        """Return where the browser is sent, and what it has to bring back."""
        known = await self._provider()
        asking = Asking(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )
        query = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self._registration.client_id,
            "redirect_uri": self._registration.redirect_uri,
            "state": asking.state,
            "nonce": asking.nonce,
            "code_challenge": asking.challenge,
            "code_challenge_method": "S256",
        }
        address = known.provider.authorization_endpoint
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", asking

    async def finish(self, asking: Asking, *, code: str, state: str, issuer: str | None) -> str:
        """Return the name of who logged in, as accounts keep it.

        Raises `ProviderRefused` where the answer is to another question, comes from another provider, or is
        not signed by this one, for this console, now; `TemporaryFailure` where it is away.
        """
        if not secrets.compare_digest(state.encode(), asking.state.encode()):
            raise ProviderRefused("the answer belongs to another login: begin again")
        known = await self._provider()
        if issuer is not None and issuer != known.provider.issuer:
            raise ProviderRefused("the answer is another provider's (RFC 9207)")
        token = await self._redeem(known.provider, code, asking)
        claims = await self._verified(known, token)
        self._check(claims, asking)
        return subject_name(known.provider.issuer, str(claims["sub"]))

    async def _redeem(self, provider: Provider, code: str, asking: Asking) -> str:
        registration = self._registration
        secret = {"client_secret": registration.client_secret} if registration.client_secret else {}
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": registration.redirect_uri,
            "client_id": registration.client_id,
            "code_verifier": asking.verifier,
            **secret,
        }
        answer = await self._web.post(
            provider.token_endpoint,
            urlencode(body).encode(),
            content_type="application/x-www-form-urlencoded",
            hosts=_hosts(provider.token_endpoint),
        )
        try:
            return TokenAnswer.model_validate_json(answer).id_token
        except ValidationError as error:
            raise ProviderRefused("the provider gives no ID token for the code") from error

    async def _verified(self, known: _Known, token: str) -> Mapping[str, object]:
        """Return the claims of *token*; keys may have been changed since they were read, once."""
        for keys in (known.keys, None):
            try:
                used = keys or await self._keys(known.provider)
                return jwt.decode(token, used, algorithms=ALGORITHMS).claims
            except (JoseError, ValueError) as error:
                refusal = error
        raise ProviderRefused("the ID token is not signed by the provider") from refusal

    def _check(self, claims: Mapping[str, object], asking: Asking) -> None:
        now = int(self._clock.now().timestamp())
        registry = jwt.JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._registration.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._registration.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": asking.nonce},
        )
        try:
            registry.validate(dict(claims))
        except JoseError as error:
            raise ProviderRefused(f"the ID token is not for this login: {error.error}") from error
        audience = claims["aud"]
        is_for_several = isinstance(audience, list) and len(audience) > 1
        party = claims.get("azp")
        if (is_for_several or party is not None) and party != self._registration.client_id:
            raise ProviderRefused("the ID token was given to another application")

    async def _provider(self) -> _Known:
        if self._known is not None and self._known.until > self._clock.now():
            return self._known
        issuer = self._registration.issuer
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        answer = await self._web.get(address, hosts=_hosts(issuer))
        try:
            provider = Provider.model_validate_json(answer)
        except ValidationError as error:
            raise TemporaryFailure(f"{host_of(issuer)} is no OpenID provider") from error
        if provider.issuer != issuer:
            raise TemporaryFailure(f"{host_of(issuer)} calls itself something else than console_oidc_issuer")
        keys = await self._keys(provider)
        self._known = _Known(provider=provider, keys=keys, until=self._clock.now() + FRESH)
        return self._known

    async def _keys(self, provider: Provider) -> KeySet:
        answer = await self._web.get(provider.jwks_uri, hosts=_hosts(provider.jwks_uri))
        try:
            return KeySet.import_key_set(json.loads(answer))
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise TemporaryFailure(f"{host_of(provider.jwks_uri)} gives no keys") from error


def _hosts(address: str) -> frozenset[str]:
    return frozenset(filter(None, (host_of(address),)))
