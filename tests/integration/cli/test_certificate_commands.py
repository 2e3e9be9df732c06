from itertools import count
from pathlib import Path

import pytest

from tests.integration.cli.conftest import CommandLine

_NUMBERS = count(1)


@pytest.fixture
def code() -> str:
    """Make up a code that nobody in this session has."""
    return f"K{next(_NUMBERS):02}"


@pytest.fixture
async def ca(truc: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a CA, and let the commands of this test trust it and nobody else."""
    folder = tmp_path / "ca"
    await truc("ca", "create", str(folder))
    monkeypatch.setenv("HUB_TRUST_ANCHORS", str(folder / "root.pem"))
    return folder


async def test_a_certificate_is_imported_watched_weighed_and_retired(
    truc: CommandLine, ca: Path, code: str
) -> None:
    await truc("agency", "add", code, "UBND tỉnh", "--behind")
    issued = await truc.json("ca", "issue", str(ca), code, "UBND tỉnh", "--days", "20")
    file, serial = issued["key, certificate, chain"], issued["serial"]

    imported = await truc.json("certificates", "import", code, file, "--kind", "officer")
    ending = await truc.json("certificates", "expiring", "--within", "30")
    impact = await truc.json("certificates", "impact", serial)
    await truc("certificates", "retire", serial, "--reason", "replaced")
    listed = await truc.json("certificates", "list", code)

    assert imported["serial"] == serial
    assert [each["days_left"] for each in ending if each["serial"] == serial] == [19]
    assert [each["serial"] for each in impact["lost"]] == [serial]
    retired = next(each for each in listed if each["serial"] == serial)
    assert (retired["kind"], retired["days_left"] < 0) == ("officer", True)


async def test_a_certificate_that_leads_nowhere_is_refused_with_a_sentence(
    truc: CommandLine, ca: Path, code: str, tmp_path: Path
) -> None:
    await truc("agency", "add", code, "UBND tỉnh", "--behind")
    await truc("ca", "create", str(tmp_path / "other"))
    issued = await truc.json("ca", "issue", str(tmp_path / "other"), code, "UBND tỉnh")

    ended = await truc.run("certificates", "import", code, issued["key, certificate, chain"])

    assert ended.code == 1
    assert "leads to no anchor" in ended.err
    assert "Traceback" not in ended.err


async def test_what_the_ca_keeps_is_for_its_owner_alone(truc: CommandLine, ca: Path, code: str) -> None:
    await truc("ca", "issue", str(ca), code, "UBND tỉnh")

    files = [each for each in ca.rglob("*") if each.is_file()]

    assert len(files) > 5
    assert {each.stat().st_mode & 0o077 for each in files} == {0}
    keys = [each for each in files if b"PRIVATE KEY" in each.read_bytes()]
    assert all(b"ENCRYPTED PRIVATE KEY" in each.read_bytes() for each in keys)
