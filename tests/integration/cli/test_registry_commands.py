import json
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.kit.settings import read_settings
from deploy.local import LocalStack
from hub.backends.rabbitmq.management import ManagementApi
from hub.commands.local_axis import LocalAxis
from tests.integration.cli.conftest import CommandLine

_NUMBERS = count(80)


@pytest.fixture
def code() -> str:
    """Make up a code that nobody in this session has."""
    return f"C{next(_NUMBERS)}"


async def test_an_added_agency_can_speak_at_once(truc: CommandLine, code: str) -> None:
    made = await truc.json("agency", "add", code, "UBND tỉnh thử nghiệm")

    settings = read_settings(Path(made["kit"]))
    assert settings.mailbox == code
    assert (await truc.json("agency", "show", code))["agency"]["mailbox"] == code


async def test_a_unit_behind_an_lgsp_is_reached_through_it(truc: CommandLine, code: str) -> None:
    await truc("agency", "add", code, "UBND tỉnh", "--kind", "lgsp")
    made = await truc.json("agency", "add", f"{code}.05", "Sở Nội vụ", "--parent", code, "--behind")

    shown = await truc.json("agency", "show", f"{code}.05")

    assert shown["reached_through"] == code
    assert f"{code}.05" in read_settings(Path(made["kit"])).keys.units


async def test_adding_the_same_agency_again_changes_nothing(truc: CommandLine, code: str) -> None:
    first = await truc.json("agency", "add", code, "UBND tỉnh")
    key = Path(first["key"]).read_bytes()

    await truc("agency", "add", code, "UBND tỉnh")

    assert Path(first["key"]).read_bytes() == key
    assert len((await truc.json("agency", "show", code))["certificates"]) == 1


async def test_a_code_for_another_agency_is_refused_with_a_sentence(truc: CommandLine, code: str) -> None:
    await truc("agency", "add", code, "UBND tỉnh")

    ended = await truc.run("agency", "add", code, "Một tỉnh khác")

    assert ended.code == 1
    assert f"truc agency show {code}" in ended.err


async def test_a_closed_agency_has_no_mailbox_any_more(truc: CommandLine, code: str) -> None:
    await truc("agency", "add", code, "UBND tỉnh")

    await truc("agency", "close", code)

    entries = {each["code"]: each for each in await truc.json("agency", "list")}
    assert entries[code]["closed_at"] is not None
    assert await truc.json("topology", "check") == []


async def test_a_new_key_is_registered_beside_the_old_one_until_that_is_revoked(
    truc: CommandLine, code: str
) -> None:
    await truc("agency", "add", code, "UBND tỉnh")
    (old,) = await truc.json("certificates", "list", code)

    made = await truc.json("keys", "issue", code, "--type", "ec")
    await truc("certificates", "revoke", old["fingerprint"][:16], "--reason", "token lost")

    found = {
        each["fingerprint"]: each["revoked_at"] for each in await truc.json("certificates", "list", code)
    }
    assert found[made["fingerprint"]] is None
    assert found[old["fingerprint"]] is not None


async def test_a_certificate_is_registered_for_one_agency_and_from_a_file_that_holds_one(
    truc: CommandLine, code: str, tmp_path: Path
) -> None:
    made = await truc.json("agency", "add", code, "UBND tỉnh")
    other = f"{code}.01"
    await truc("agency", "add", other, "Sở", "--parent", code, "--behind")
    key = Path((await truc.json("keys", "issue", other))["key"])
    certificate, *above = x509.load_pem_x509_certificates(key.read_bytes())
    alone, whole = tmp_path / "certificate.pem", tmp_path / "with-issuers.pem"
    alone.write_bytes(certificate.public_bytes(Encoding.PEM))
    whole.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, *above)))

    again = await truc.json("certificates", "import", other, str(whole))
    alone_again = await truc.json("certificates", "import", other, str(alone))
    refused = await truc.run("certificates", "import", code, str(alone))
    nothing = await truc.run("certificates", "import", code, made["kit"])

    assert again["fingerprint"] == certificate.fingerprint(SHA256()).hex()
    assert alone_again["was there before"] == "yes", "its issuers are known by now"
    assert (refused.code, nothing.code) == (1, 1)
    assert f"is registered for {other}" in refused.err
    assert "no certificate in PEM or DER form" in nothing.err


async def test_a_check_at_once_after_a_queue_was_made_finds_it_under_its_policy(
    truc: CommandLine, code: str
) -> None:
    await truc("agency", "add", code, "UBND tỉnh")

    found = await truc.json("topology", "check")
    applied = await truc.json("topology", "apply")

    assert found == []
    assert applied == {"made": [], "left": []}


async def test_drift_is_listed_and_mended(truc: CommandLine, code: str) -> None:
    await truc("agency", "add", code, "UBND tỉnh")
    async with ManagementApi(LocalAxis.at(LocalStack(truc.home)).management()) as api:
        await api.delete(f"permissions/{api.vhost}/{code}")

    found = await truc.json("topology", "check", wants=1)
    await truc("topology", "apply")

    assert found == [f"permission {code} is missing"]
    assert await truc.json("topology", "check") == []


async def test_an_exported_catalogue_tells_of_every_agency_and_can_be_imported_again(
    truc: CommandLine, code: str, tmp_path: Path
) -> None:
    await truc("agency", "add", code, "UBND tỉnh")
    new = tmp_path / "new.jsonl"
    wanted = [
        {"code": f"{code}.01.02", "name": "Chi cục", "parent": f"{code}.01"},
        {"code": f"{code}.01", "name": "Sở", "parent": code},
    ]
    new.write_text("\n".join(json.dumps(each) for each in wanted))

    entered = await truc.json("agency", "import", str(new))
    file = tmp_path / "catalogue.jsonl"
    await truc("agency", "export", "--output", str(file))
    exported = {each["key"]: each for each in map(json.loads, file.read_text().splitlines())}
    again = await truc.json("agency", "import", str(file))

    assert entered == {"entered": 2, "were_there": 0}
    assert (exported[f"{code}.01.02"]["parent"], exported[f"{code}.01.02"]["level"]) == (f"{code}.01", 3)
    assert {each["key"] for each in await truc.json("agency", "list")} == set(exported)
    assert again["entered"] == 0


async def test_a_list_that_cannot_be_read_is_refused_by_its_lines(truc: CommandLine, code: str) -> None:
    ended = await truc.run("agency", "import", "-", typed=f'{{"code": "{code}"}}\nnothing\n')

    assert ended.code == 1
    assert "line 1: name Field required" in ended.err
    assert "line 2" in ended.err
