"""The webhook adapter as a process of its own, and the agency's programs that ask its server."""

from pathlib import Path

import httpx

from deploy.local.ports import free_ports
from hub.commands.local_axis import LocalAgency
from tests.support.adapter_process import AdapterProcess
from tests.support.hook_endpoint import SECRET

TOKEN = "a-token-of-the-tests-that-is-long-enough"
QUICK: dict[str, object] = {
    "secrets": [SECRET],
    "allow_private": True,
    "patience_seconds": 5.0,
    "first_pause": 0.1,
    "longest_pause": 0.5,
}


class WebhookAdapter(AdapterProcess):
    """One agency's adapter; the process may be killed and started again, its home stays."""

    name = "webhook"
    opened = "webhook.opened"

    def __init__(
        self,
        agency: LocalAgency,
        home: Path,
        endpoint: str,
        *,
        max_body_octets: int = 16_000_000,
        **terms: object,
    ) -> None:
        super().__init__(agency, home)
        (self.port,) = free_ports(1)
        self._set(
            [
                ("", {"public_url": self.url}),
                ("[endpoint]", {"url": endpoint, **QUICK, **terms}),
                ("[http]", {"port": self.port, "max_body_octets": max_body_octets}),
                ("[[tokens]]", {"name": "tests", "token": TOKEN}),
            ]
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, trust_env=False
        )
