from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.kit.settings import read_settings
from deploy.local.tls import BrokerAuthority
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


TLS_FILES = 'broker_ca = "ca.pem"\nbroker_certificate = "client.pem"'


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


def test_a_complaint_says_where_and_the_way_out_in_both_languages(folder: Path) -> None:
    bad = GOOD.replace("mailbox", "mailbx").replace('["01", "03"]', '["99"]') + "window = 0\nprefetch = true"

    with pytest.raises(ConfigurationError) as caught:
        read_settings(write(folder, bad))

    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert "mailbox: thiếu mục này / this is missing" in lines
    assert (
        "mailbx: không có mục nào tên như vậy / there is no such key; có phải là / do you mean mailbox?"
        in lines
    )
    assert "window: ít nhất là 1 / has to be at least 1" in lines
    (wrong,) = [line for line in lines if line.startswith("acknowledge_with[1]: ")]
    assert "phải là một trong '01', '02'" in wrong


def test_every_file_that_cannot_be_used_is_named_at_once(folder: Path) -> None:
    (folder / "anchor.pem").write_text("no certificate", "utf-8")
    bad = (
        GOOD.replace("unit.pem", "away.pem").replace("hub.pem", "hub-away.pem").replace('"p"', '"geheim"', 1)
    )

    with pytest.raises(ConfigurationError) as caught:
        read_settings(write(folder, bad))

    told = str(caught.value)
    assert "keys[1]: không dùng được khóa / cannot be used" in told
    assert "keys[2]: không dùng được khóa / cannot be used" in told
    assert "anchors: không dùng được / cannot be used" in told
    assert "hub_certificates: không đọc được tệp / cannot be read" in told
    assert "geheim" not in told


def test_a_complaint_does_not_show_the_password(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(write(folder, 'broker = "amqp://h:geheim@h"'))

    assert "geheim" not in str(caught.value)


def test_the_files_of_tls_start_from_the_files_folder(folder: Path) -> None:
    BrokerAuthority(folder).ensure()
    BrokerAuthority(folder).issue_client(folder / "client.pem", "H41")
    text = GOOD.replace(
        'broker = "amqp://H41:secret@localhost/axis"',
        f'broker = "amqps://broker/axis?auth=external"\n{TLS_FILES}',
    )

    settings = read_settings(write(folder, text))

    assert settings.broker.tls.authorities == folder / "ca.pem"
    assert settings.broker.tls.common_name() == "H41"


def test_every_complaint_about_tls_comes_at_once(folder: Path) -> None:
    BrokerAuthority(folder).ensure()
    BrokerAuthority(folder).issue_client(folder / "client.pem", "H50")
    text = GOOD.replace(
        'broker = "amqp://H41:secret@localhost/axis"',
        f'broker = "amqp://broker/axis?auth=external"\n{TLS_FILES}',
    )

    with pytest.raises(ConfigurationError, match=r"for amqps:// only.*needs amqps://.*belongs to 'H50'"):
        read_settings(write(folder, text))


def test_an_address_that_would_weaken_tls_is_refused(folder: Path) -> None:
    text = GOOD.replace("amqp://H41:secret@localhost/axis", "amqps://H41:secret@broker/axis?no_verify_ssl=1")

    with pytest.raises(ConfigurationError, match="may not say no_verify_ssl") as refused:
        read_settings(write(folder, text))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("key", ['{ password = "p" }', '{ file = "own.pem", token = "pkcs11:object=x" }'])
def test_a_key_is_in_one_place(folder: Path, key: str) -> None:
    text = GOOD.replace('{ file = "own.pem", password = "p" }', key)

    with pytest.raises(ConfigurationError, match="in a file or in a token"):
        read_settings(write(folder, text))


def test_a_key_in_a_token_needs_its_module_and_its_certificates(folder: Path) -> None:
    text = GOOD.replace(
        'file = "own.pem", password = "p"', 'token = "pkcs11:object=own", password = "canary"'
    )

    with pytest.raises(ConfigurationError, match="needs the module") as refused:
        read_settings(write(folder, text))
    assert "canary" not in str(refused.value)


def test_the_address_of_the_broker_hides_the_password(folder: Path) -> None:
    settings = read_settings(write(folder, GOOD.replace("secret", "canary")))

    assert "canary" not in repr(settings)
