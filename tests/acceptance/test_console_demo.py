"""A newcomer's first look: `truc console-demo` fills an axis, prints logins that work, and stops."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local import LocalStack
from tests.support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(420)]
ADDRESS = re.compile(r"The console: (http://[^ ]+)")
LOGIN = re.compile(r"^supervisor\s+\S\s+(\S+)\s*$", re.MULTILINE)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    LocalStack(tmp_path).purge()


async def test_a_newcomer_sees_a_living_console_and_leaves_nothing_behind(home: Path) -> None:
    told = home / "told"
    command = [sys.executable, "-m", "hub", "console-demo", "--home", str(home), "--documents", "200"]
    with running(command, told) as demo:
        await until(
            lambda: ADDRESS.search(told.read_text("utf-8")) or demo.poll() is not None,
            what=lambda: told.read_text("utf-8")[-2000:],
            seconds=300,
        )
        pages = await looked_at(told.read_text("utf-8"))

    assert demo.returncode == 0, told.read_text("utf-8")
    assert "H21" in pages["/deadletters"]
    assert pages["/campaigns"].count('href="/campaigns/') == 2
    assert not LocalStack(home / "console-demo").status().is_running


@contextmanager
def running(command: Sequence[str], told: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* until the block ends it as Ctrl-C does; what it says goes into *told*."""
    with told.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)


async def looked_at(told: str) -> dict[str, str]:
    """Log in with what was printed and look at some pages."""
    address, password = ADDRESS.search(told), LOGIN.search(told)
    assert address is not None, told
    assert password is not None, told
    url = address[1]
    async with httpx.AsyncClient(base_url=url, headers={"Origin": url}) as client:
        answer = await client.post("/login", data={"login": "supervisor", "password": password[1]})
        assert answer.status_code == httpx.codes.SEE_OTHER
        return {path: (await client.get(path)).text for path in ("/deadletters", "/campaigns")}
