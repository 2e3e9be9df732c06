"""One settings file says everything; what is wrong with it is said at once, and never a secret."""

from pathlib import Path

import pytest

from adapters.vxp.settings import read_systems, read_vxp_settings
from adapters.vxp.systems import FailMeans
from hub.errors import ConfigurationError
from hub.message.identifiers import agency_key
from tests.support.authority import agency_signing_key, session_authority

KEY_WORD = "khoa"
SECRET = "bi-mat-cua-phan-mem"
OTHER = "another-secret"
KIT = f"""
[kit]
broker = "amqp://H41:x@127.0.0.1:5672/axis"
mailbox = "H41"
journal = "journal"
keys = [{{ file = "key.pem", password = "{KEY_WORD}" }}]
anchors = ["roots.pem"]
hub_certificates = ["roots.pem"]
"""
SYSTEM = '[[systems]]\nsystemid = "{systemid}"\nsecret = "{secret}"\nagency = "{agency}"\n'
OFFICE = SYSTEM.format(systemid="qlvb", secret=SECRET, agency="000.00.00.H41")
WHOLE = f"[http]\nport = 8443\n{KIT}\n{OFFICE}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "key.pem").write_bytes(agency_signing_key("H41").to_pem(KEY_WORD.encode()))
    (tmp_path / "roots.pem").write_bytes(session_authority().anchor_pem)
    return tmp_path


def written(folder: Path, text: str, *, mode: int = 0o600, name: str = "vxp.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_vxp_settings(path)
    return str(refused.value)


def test_what_is_needed_is_enough(folder: Path) -> None:
    settings = read_vxp_settings(written(folder, WHOLE))

    system = settings.systems.serving(agency_key("H41"))
    assert system is settings.systems.find("qlvb")
    assert system is not None
    assert system.secret == SECRET
    assert system.fail_means is FailMeans.REFUSAL
    assert settings.documents == folder / "documents"
    assert (settings.http.host, settings.http.port, settings.http.scheme) == ("127.0.0.1", 8443, "http")


def test_hundreds_of_systems_come_from_files_of_their_own(folder: Path) -> None:
    many = "".join(
        SYSTEM.format(systemid=f"xa-{number}", secret=OTHER, agency=f"H41.{number}")
        for number in range(1, 301)
    )
    written(folder, many, name="xa.toml")

    path = written(folder, f'include = ["xa.toml"]\n{WHOLE}')

    assert len(read_vxp_settings(path).systems.all()) == 301
    assert len(read_systems(path).all()) == 301


def test_everything_that_is_wrong_is_said_at_once(folder: Path) -> None:
    twice = OFFICE + SYSTEM.format(systemid="qlvb", secret=OTHER, agency="H17")
    claimed = SYSTEM.format(systemid="khac", secret=OTHER, agency="H41")
    spaced = SYSTEM.format(systemid="phan mem", secret=OTHER, agency="H18")
    kit = KIT.replace('anchors = ["roots.pem"]', 'anchors = ["missing.pem"]')
    head = 'include = ["none.toml"]\n[http]\nhost = "0.0.0.0"\nport = 80\n'
    text = f"{head}{kit}{twice}{claimed}{spaced}"

    said = complaint(written(folder, text, mode=0o644))

    expected = ["chmod 600", "behind_proxy", "none.toml", "qlvb", "H41", "phan mem", "missing.pem"]
    assert [each for each in expected if each not in said] == []


@pytest.mark.parametrize("wrong", ["7", '"ngan"', '"x"\nunknown = 1'])
def test_what_is_wrong_with_a_system_is_said_without_its_secret(folder: Path, wrong: str) -> None:
    text = WHOLE.replace(f'"{SECRET}"', wrong)

    said = complaint(written(folder, text))

    assert "systems[1]" in said
    assert "ngan" not in said


def test_a_file_of_systems_that_others_can_read_is_refused(folder: Path) -> None:
    written(folder, "", mode=0o640, name="xa.toml")

    assert "chmod 600" in complaint(written(folder, f'include = ["xa.toml"]\n{WHOLE}'))
