from pathlib import Path

from hub.commands.local_axis import OPERATOR
from tests.integration.cli.conftest import CommandLine
from tests.support.axis import World


def contents(home: Path) -> dict[str, bytes]:
    """Read all that provisioning writes."""
    folders = [home / "keys", home / "secrets", home / "agencies"]
    files = [
        path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".pem", ".toml", ""}
    ]
    files += [home / "hub.toml", home / "operator.toml"]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


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

    private = [*(truc.home / "secrets").iterdir(), truc.home / "hub.toml", truc.home / "operator.toml"]
    modes = {path.stat().st_mode & 0o777 for path in private}
    assert modes == {0o600}
    assert not [secret for secret in secrets for text in shown if secret in text]


async def test_a_hub_runs_without_what_only_operators_may(truc: CommandLine, world: World) -> None:
    axis = world.axis
    secrets = [axis.management().password, (truc.home / "secrets" / f"postgres-{OPERATOR}").read_text()]

    hub = await world.hub()

    environment = Path(f"/proc/{hub.pid}/environ").read_text()
    assert not [secret for secret in secrets if secret in axis.settings_file.read_text() + environment]
    assert not [secret for secret in secrets if secret not in axis.operator_file.read_text()]


async def test_an_operators_command_with_a_hubs_settings_names_the_right_ones(truc: CommandLine) -> None:
    ended = await truc.run("agency", "list", "--settings", str(truc.home / "hub.toml"))

    assert ended.code == 1
    assert "operator.toml" in ended.err


async def test_a_home_from_before_the_operators_settings_gets_them_by_up(truc: CommandLine) -> None:
    before = contents(truc.home)
    (truc.home / "operator.toml").rename(truc.home / "hub.toml")

    await truc("up")

    assert contents(truc.home) == before


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
    text = (truc.home / "operator.toml").read_text()
    moved = tmp_path / "operator.toml"
    moved.write_text("\n".join(_elsewhere(line) for line in text.splitlines()))

    answer = await truc.json("deadletter", "list", "--settings", str(moved), wants=3)

    assert answer["exit_code"] == 3


def _elsewhere(line: str) -> str:
    """Point the operators' database at a port where nobody listens."""
    if not line.startswith("operator_dsn"):
        return line
    head, _, tail = line.rpartition(":")
    return f"{head}:9/{tail.partition('/')[2]}"
