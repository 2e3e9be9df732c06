from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.kit.settings import read_settings
from hub.errors import ConfigurationError
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode
from tests.support.authority import agency_signing_key, session_authority

GOOD = """
broker = "amqp://H41:secret@localhost/axis"
mailbox = "H41"
journal = "h41.journal"
keys = [{ file = "own.pem", password = "p" }, { file = "unit.pem", password = "p", agency = "00.07.H41" }]
anchors = ["anchor.pem"]
hub_certificates = ["hub.pem"]
acknowledge_with = ["01", "03"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.pem").write_bytes(agency_signing_key("H41").to_pem(b"p"))
    (tmp_path / "unit.pem").write_bytes(agency_signing_key("H41.07").to_pem(b"p"))
    (tmp_path / "anchor.pem").write_bytes(session_authority().anchor_pem)
    certificate = agency_signing_key("TRUC").certificate
    (tmp_path / "hub.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "kit.toml"
    path.write_text(text, "utf-8")
    return path


def test_paths_start_from_the_files_folder_and_keys_know_their_agencies(folder: Path) -> None:
    settings = read_settings(write(folder, GOOD))

    assert settings.journal == folder / "h41.journal"
    assert settings.keys.key_for(AgencyCode("H41.07")).fingerprint == agency_signing_key("H41.07").fingerprint
    assert settings.keys.key_for(AgencyCode("H41.08")).fingerprint == agency_signing_key("H41").fingerprint
    assert settings.trust.hub_certificates == {agency_signing_key("TRUC").fingerprint}
    assert settings.acknowledge_with == (StatusCode.ARRIVED, StatusCode.ACCEPTED)


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (GOOD.replace('mailbox = "H41"', ""), "mailbox"),
        (GOOD + 'colour = "red"', "colour"),
        (GOOD.replace("own.pem", "nowhere.pem"), "nowhere.pem"),
        (GOOD.replace(', agency = "00.07.H41"', ""), "exactly one"),
        (GOOD.replace('"hub.pem"', '"own.pem"').replace("H41.07", "x") + "\n[", "kit.toml"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, bad: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read_settings(write(folder, bad))


def test_several_complaints_come_together(folder: Path) -> None:
    bad = GOOD.replace('mailbox = "H41"', "").replace('journal = "h41.journal"', "")

    with pytest.raises(ConfigurationError, match=r"(?s)mailbox.*journal"):
        read_settings(write(folder, bad))


def test_a_complaint_does_not_show_the_password(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(write(folder, 'broker = "amqp://h:geheim@h"'))

    assert "geheim" not in str(caught.value)
