"""An axis on a RabbitMQ and a PostgreSQL that somebody else runs, from its first command to its last."""

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from deploy.local import LocalStack
from hub.commands.demonstration.pdf import one_page
from tests.integration.cli.conftest import CommandLine
from tests.support.hub_process import hub_processes
from tests.support.waiting import until

CHECKOUT = Path(__file__).parents[3]
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Run the servers of somebody else."""
    stack = LocalStack(tmp_path_factory.mktemp("theirs") / "home")
    try:
        stack.up()
        yield stack
    finally:
        stack.purge()


def services_file(stack: LocalStack, folder: Path, **changed: object) -> Path:
    """Write down where the servers of *stack* are."""
    values = {name: value for name, value in asdict(stack.address()).items() if name != "prometheus_port"}
    file = folder / "given.toml"
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in (values | changed).items())
    file.write_text("".join(lines))
    return file


async def test_a_document_travels_on_servers_of_somebody_else(theirs: LocalStack, tmp_path: Path) -> None:
    truc = CommandLine(home=tmp_path / "ours")
    document = tmp_path / "cong-van.pdf"
    document.write_bytes(one_page(["CONG VAN"]))
    await truc("up", "--services", str(services_file(theirs, tmp_path)))
    await truc("agency", "add", "H01", "UBND tỉnh A")
    await truc("agency", "add", "H02", "UBND tỉnh B")
    assert await truc.json("topology", "check") == []

    with hub_processes(truc.home / "hub.toml", tmp_path) as start_hub:
        await start_hub().ready()
        sent = await truc.json("send", str(document), "--as", "H01", "--to", "H02")
        received = await until(lambda: truc("inbox", "H02", "--json"), what="the document at H02")
        told = await until(lambda: truc("inbox", "H01", "--json"), what="an answer at H01")

    (found,) = await truc.json("trace", sent["submission_id"])
    assert [each["kind"] for each in found["dossier"]["deliveries"]].count("document") == 1
    assert len(received.splitlines()) == 1
    assert "SubmissionAcceptance" in told


async def test_what_somebody_else_runs_is_shown_and_never_stopped(theirs: LocalStack, tmp_path: Path) -> None:
    truc = CommandLine(home=tmp_path / "ours")
    before = theirs.status()
    await truc("up", "--services", str(services_file(theirs, tmp_path)))

    found = await truc.json("down")

    assert found == {"home": str(truc.home), "running": True}
    assert (await truc.json("status"))["address"]["amqp_port"] == theirs.address().amqp_port
    assert theirs.status() == before
    assert psutil.pid_exists(before.broker_pid or 0)
    assert not (truc.home / "stack.toml").exists()


async def test_later_commands_keep_to_the_servers_and_change_nothing(
    theirs: LocalStack, tmp_path: Path
) -> None:
    truc = CommandLine(home=tmp_path / "ours")
    await truc("up", "--services", str(services_file(theirs, tmp_path)))
    files = {path: path.read_bytes() for path in sorted(truc.home.rglob("*.toml"))}

    await truc("up")

    assert {path.name for path in files} == {"hub.toml", "operator.toml", "services.toml"}
    assert {path: path.read_bytes() for path in sorted(truc.home.rglob("*.toml"))} == files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


@pytest.mark.parametrize("name", ["postgres_password", "broker_admin_password"])
async def test_a_server_that_refuses_the_password_is_named_at_once(
    theirs: LocalStack, tmp_path: Path, name: str
) -> None:
    truc = CommandLine(home=tmp_path / "ours")

    ended = await truc.run("up", "--services", str(services_file(theirs, tmp_path, **{name: "wrong-one"})))

    assert ended.code == 1
    assert "refuses" in ended.err
    assert "wrong-one" not in ended.err
    assert "Traceback" not in ended.err


@pytest.fixture(scope="module")
def shared(theirs: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Put an axis up as the operator's container does, in a place that other users can reach."""
    if os.geteuid() != 0:
        pytest.skip("files are given to another user's group, and read as that user: only root can")
    with TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        variables = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TRUC_HOME": str(home),
            "SERVICES_FILE": str(services_file(theirs, tmp_path_factory.mktemp("given"))),
            "HUB_GROUP": str(NOBODY.pw_gid),
        }
        subprocess.run([CHECKOUT / "deploy/operate.sh"], check=True, env=variables)
        yield home


def as_nobody(script: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a shell script as a user without any rights."""
    return subprocess.Popen(
        ["sh", "-c", script, "sh", *arguments],
        user=NOBODY.pw_uid,
        group=NOBODY.pw_gid,
        extra_groups=(),
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_hubs_user_reads_what_a_hub_needs_and_nothing_else(shared: Path) -> None:
    files = [path for path in sorted(shared.rglob("*")) if path.is_file()]

    looking = as_nobody('for file; do test -r "$file" && echo "$file"; done; true', *files)

    found, _ = looking.communicate(timeout=30)
    readable = {Path(line).relative_to(shared) for line in found.splitlines()}
    assert readable == {Path("hub.toml"), Path("keys/hub.pem"), Path("keys/anchors.pem")}


def test_a_hub_runs_as_a_user_who_reads_nothing_else(shared: Path) -> None:
    trying = as_nobody('"$1" -c "import hub.bootstrap"', sys.executable)
    trying.communicate(timeout=30)
    if trying.returncode:
        pytest.skip("no other user can reach this interpreter or checkout")

    hub = as_nobody('exec "$1" -m hub serve --home "$2"', sys.executable, shared)

    assert hub.stdout is not None
    told = next((line for line in hub.stdout if "health.listening" in line), "")
    hub.terminate()
    rest, _ = hub.communicate(timeout=40)
    assert told, rest
    assert hub.returncode == 0
    assert "hub.stopped" in rest
