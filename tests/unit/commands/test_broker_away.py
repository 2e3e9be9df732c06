from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from deploy.local.ports import free_ports
from hub.commands.inbox_acts import Wanted, receive
from hub.commands.send_acts import Letter, send_file
from hub.errors import TemporaryFailure
from tests.support.authority import agency_signing_key, session_authority


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """Write the settings of a mailbox whose broker does not run."""
    (tmp_path / "own.pem").write_bytes(agency_signing_key("H41").to_pem(b"p"))
    (tmp_path / "anchor.pem").write_bytes(session_authority().anchor_pem)
    certificate = agency_signing_key("TRUC").certificate
    (tmp_path / "hub.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    file = tmp_path / "kit.toml"
    file.write_text(f"""
broker = "amqp://H41:secret@127.0.0.1:{free_ports(1)[0]}/axis"
mailbox = "H41"
journal = "h41.journal"
keys = [{{ file = "own.pem", password = "p" }}]
anchors = ["anchor.pem"]
hub_certificates = ["hub.pem"]
""")
    return file


async def test_what_no_broker_confirms_is_told_and_kept(kit: Path) -> None:
    letter = Letter(
        file=kit.with_name("anchor.pem"), sender="H41", recipients=("H14",), number="1/CV", subject="V/v",
        document_id=None, priority=0, signer="Nguyễn Văn An",
    )  # fmt: skip

    with pytest.raises(TemporaryFailure, match="do not send it again"):
        await send_file(None, kit, letter, wait=0, patience=1.0)

    async with Mailbox.open(read_settings(kit)) as mailbox:
        kept = await mailbox.journal.write(
            lambda connection: connection.execute("SELECT count(*) FROM outgoing").fetchone()
        )
    assert kept == (1,)


async def test_a_queue_that_nobody_could_read_is_not_called_empty(kit: Path) -> None:
    with pytest.raises(TemporaryFailure, match="broker"):
        await receive(None, kit, "H41", Wanted(patience=0.2))
