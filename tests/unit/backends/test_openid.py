"""What the console believes of an OpenID provider, and what it does not."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from hub.backends.openid import Asking, OpenIdProvider, ProviderRefused, Registration
from hub.backends.web import WebClient, WebLimits
from hub.errors import TemporaryFailure

ISSUER = "https://sso.gov.example"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASKING = Asking(state="state", nonce="nonce", verifier="verifier")


class StandingClock:
    def now(self) -> datetime:
        return NOW


@dataclass(slots=True)
class Provider:
    """Answers as a provider; tests change what it says."""

    keys: list[RSAKey] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "1"})])
    header: dict[str, object] = field(default_factory=lambda: {"alg": "RS256", "kid": "1"})
    claims: dict[str, object] = field(default_factory=dict)
    signer: RSAKey | OctKey | None = None
    says: str = ISSUER
    token: Callable[[str], str] = lambda token: token
    asked: dict[str, list[str]] = field(default_factory=dict)
    published: int = 1

    def answer(self, request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/.well-known/openid-configuration":
                names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                return _told({"issuer": self.says, **{each: f"{ISSUER}/{each}" for each in names}})
            case "/jwks_uri":
                keys = [each.as_dict(private=False) for each in self.keys[: self.published]]
                self.published = len(self.keys)
                return _told({"keys": keys})
            case _:
                self.asked = parse_qs(request.content.decode())
                return _told({"id_token": self.token(self.signed()), "token_type": "Bearer"})

    def signed(self) -> str:
        seconds = int(NOW.timestamp())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": "lan",
            "aud": "truc",
            "nonce": "nonce",
            "iat": seconds,
            "exp": seconds + 300,
        }
        return jwt.encode(
            self.header,
            {**claims, **self.claims},
            self.signer or self.keys[-1],
            algorithms=["RS256", "HS256"],
        )


def _told(value: object) -> httpx.Response:
    async def parts() -> AsyncIterator[bytes]:
        yield json.dumps(value).encode()

    return httpx.Response(200, content=parts())


async def log_in(provider: Provider, *, state: str = "state", issuer: str | None = None) -> str:
    registration = Registration(
        issuer=ISSUER,
        client_id="truc",
        client_secret="known to both",
        redirect_uri="https://console/openid/back",
    )
    async with httpx.AsyncClient(transport=httpx.MockTransport(provider.answer)) as client:
        openid = OpenIdProvider(registration, web=WebClient(client, WebLimits()), clock=StandingClock())
        await openid.begin()
        return await openid.finish(ASKING, code="code", state=state, issuer=issuer)


async def test_who_logged_in_is_told_with_the_provider_that_says_so() -> None:
    provider = Provider()

    assert await log_in(provider, issuer=ISSUER) == f"{ISSUER}#lan"
    assert provider.asked["code_verifier"] == ["verifier"]


async def test_the_provider_is_shown_the_hash_of_what_only_the_console_knows() -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(Provider().answer)) as client:
        registration = Registration(
            issuer=ISSUER, client_id="truc", redirect_uri="https://console/openid/back"
        )
        openid = OpenIdProvider(registration, web=WebClient(client, WebLimits()), clock=StandingClock())
        address, asking = await openid.begin()

    shown = parse_qs(urlsplit(address).query)
    digest = hashlib.sha256(asking.verifier.encode()).digest()
    assert shown["code_challenge"] == [base64.urlsafe_b64encode(digest).decode().rstrip("=")]
    assert asking.verifier not in address


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another application"},
        {"aud": ["truc", "another"]},
        {"azp": "another application"},
        {"nonce": "of another login"},
        {"nonce": None},
        {"exp": int(NOW.timestamp()) - 3600},
        {"iat": int(NOW.timestamp()) + 3600},
        {"sub": None},
    ],
    ids="-".join,
)
async def test_a_token_for_something_else_is_refused(claims: dict[str, object]) -> None:
    with pytest.raises(ProviderRefused):
        await log_in(Provider(claims=claims))


async def test_a_token_that_somebody_else_signed_is_refused() -> None:
    with pytest.raises(ProviderRefused):
        await log_in(Provider(signer=RSAKey.generate_key(2048, {"kid": "1"})))


async def test_a_token_that_is_signed_with_a_secret_is_refused() -> None:
    secret = OctKey.import_key("known to both, and long enough to be one")

    with pytest.raises(ProviderRefused):
        await log_in(Provider(signer=secret, header={"alg": "HS256", "kid": "1"}))


async def test_a_token_without_a_signature_is_refused() -> None:
    def unsigned(token: str) -> str:
        head = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
        return f"{head}.{token.split('.')[1]}."

    with pytest.raises(ProviderRefused):
        await log_in(Provider(token=unsigned))


async def test_a_key_that_is_new_since_the_last_look_is_found() -> None:
    keys = [RSAKey.generate_key(2048, {"kid": name}) for name in ("1", "2")]

    assert await log_in(Provider(keys=keys, header={"alg": "RS256", "kid": "2"})) == f"{ISSUER}#lan"


async def test_an_answer_to_another_question_is_refused() -> None:
    with pytest.raises(ProviderRefused):
        await log_in(Provider(), state="another")


async def test_an_answer_in_another_providers_name_is_refused() -> None:
    with pytest.raises(ProviderRefused):
        await log_in(Provider(), issuer="https://evil.example")


async def test_a_provider_that_calls_itself_something_else_is_not_believed() -> None:
    with pytest.raises(TemporaryFailure):
        await log_in(Provider(says="https://evil.example"))
