from pathlib import Path

from tests.integration.cli.conftest import CommandLine


def contents(home: Path) -> dict[str, bytes]:
    """Read all that provisioning writes."""
    folders = [home / "keys", home / "secrets", home / "agencies"]
    files = [
        path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".pem", ".toml", ""}
    ]
    return {str(path): path.read_bytes() for path in [*files, home / "hub.toml"] if path.is_file()}


async def test_a_second_up_changes_nothing(truc: CommandLine) -> None:
    before = contents(truc.home)

    await truc("up")

    assert contents(truc.home) == before
    assert await truc.json("topology", "check") == []


async def test_secrets_are_readable_by_their_owner_only_and_never_shown(truc: CommandLine) -> None:
    secrets = [path.read_text() for path in (truc.home / "secrets").iterdir()]

    shown = [
        await truc(*command) for command in (("up", "--json"), ("status", "--json"), ("keys", "authority"))
    ]

    modes = {
        path.stat().st_mode & 0o777 for path in [*(truc.home / "secrets").iterdir(), truc.home / "hub.toml"]
    }
    assert modes == {0o600}
    assert not [secret for secret in secrets for text in shown if secret in text]


async def test_status_tells_what_runs(truc: CommandLine) -> None:
    found = await truc.json("status")

    assert found["running"] is True
    assert found["broker_pid"] > 0
    assert "password" not in str(found)


async def test_a_home_without_a_stack_is_not_running(tmp_path: Path) -> None:
    truc = CommandLine(home=tmp_path / "nothing")

    ended = await truc.run("status")

    assert ended.code == 3
    assert "truc up" in ended.out


async def test_a_command_without_an_axis_says_how_to_get_one(tmp_path: Path) -> None:
    truc = CommandLine(home=tmp_path / "nothing")

    ended = await truc.run("agency", "list")

    assert ended.code == 1
    assert "truc up" in ended.err
    assert "Traceback" not in ended.err


async def test_a_database_that_is_away_is_told_with_exit_code_three(
    truc: CommandLine, tmp_path: Path
) -> None:
    text = (truc.home / "hub.toml").read_text()
    moved = tmp_path / "hub.toml"
    moved.write_text("\n".join(_elsewhere(line) for line in text.splitlines()))

    answer = await truc.json("deadletter", "list", "--settings", str(moved), wants=3)

    assert answer["exit_code"] == 3


def _elsewhere(line: str) -> str:
    """Point the operators' database at a port where nobody listens."""
    if not line.startswith("operator_dsn"):
        return line
    head, _, tail = line.rpartition(":")
    return f"{head}:9/{tail.partition('/')[2]}"
