"""An OpenID provider as a process of its own: oidc-provider-mock, made of Authlib, which is not ours."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from deploy.local.ports import free_ports

START_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProvider:
    """The provider, and a person at its login page."""

    issuer: str

    async def log_in(self, address: str, subject: str) -> str:
        """Log in as *subject* at *address*; returns where the provider sends the browser back to."""
        async with httpx.AsyncClient(follow_redirects=False) as client:
            answer = await client.post(address, data={"sub": subject})
        assert answer.is_redirect, answer.text
        return answer.headers["location"]


@contextmanager
def openid_provider() -> Iterator[RunningProvider]:
    """Run the provider for as long as the block lasts."""
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        issuer = f"http://127.0.0.1:{port}"
        _wait(f"{issuer}/.well-known/openid-configuration", process)
        yield RunningProvider(issuer=issuer)
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the provider has ended"
        try:
            if httpx.get(address).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError(address)
