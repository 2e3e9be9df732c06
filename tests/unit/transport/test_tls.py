"""A connection is to the host that was meant, or there is none, and the error says what to do."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.local.tls import BrokerAuthority
from hub.errors import ConfigurationError
from hub.transport.tls import TlsFiles
from hub.transport.trouble import explain, suspect
from tests.support.tls_server import listening

HERE = ("127.0.0.1",)
LONG_AGO = datetime.now(UTC) - timedelta(days=1000)
SOON = datetime.now(UTC) + timedelta(days=30)


@pytest.fixture
def authority(tmp_path: Path) -> BrokerAuthority:
    made = BrokerAuthority(tmp_path / "authority")
    made.ensure()
    return made


def trusting(authority: BrokerAuthority, client: Path | None = None) -> TlsFiles:
    return TlsFiles(authorities=authority.certificate_file, certificate=client)


async def greet(port: int, files: TlsFiles) -> bytes:
    """Connect as hub and kit do, and read until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=files.context())
    try:
        return await reader.read()
    finally:
        writer.close()


async def trouble_with(port: int, files: TlsFiles) -> str | None:
    with pytest.raises(ssl.SSLError) as failed:
        await greet(port, files)
    return explain(failed.value)


async def test_the_right_server_is_connected_to(authority: BrokerAuthority, tmp_path: Path) -> None:
    authority.issue_server(tmp_path / "server.pem", HERE)

    with listening(tmp_path / "server.pem") as port:
        assert await greet(port, trusting(authority)) == b""


async def test_a_server_of_an_unknown_authority_is_not(authority: BrokerAuthority, tmp_path: Path) -> None:
    stranger = BrokerAuthority(tmp_path / "stranger")
    stranger.ensure()
    stranger.issue_server(tmp_path / "server.pem", HERE)

    with listening(tmp_path / "server.pem") as port:
        assert "let broker_ca name" in str(await trouble_with(port, trusting(authority)))
        assert "let broker_ca name" in str(await trouble_with(port, TlsFiles()))


async def test_a_server_with_another_name_is_not(authority: BrokerAuthority, tmp_path: Path) -> None:
    authority.issue_server(tmp_path / "server.pem", ("broker.example", "127.0.0.2"))

    with listening(tmp_path / "server.pem") as port:
        assert "is for another name" in str(await trouble_with(port, trusting(authority)))


@pytest.mark.parametrize(("at", "sentence"), [(LONG_AGO, "has expired"), (SOON, "is not valid yet")])
async def test_a_server_out_of_its_time_is_not(
    authority: BrokerAuthority, tmp_path: Path, at: datetime, sentence: str
) -> None:
    authority.issue_server(tmp_path / "server.pem", HERE, at=at)

    with listening(tmp_path / "server.pem") as port:
        assert sentence in str(await trouble_with(port, trusting(authority)))


async def test_a_port_without_tls_is_told(authority: BrokerAuthority) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"AMQP\x00\x00\x09\x01")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert "does not speak TLS" in str(await trouble_with(port, trusting(authority)))


async def test_a_server_that_asks_for_a_certificate_is_told(
    authority: BrokerAuthority, tmp_path: Path
) -> None:
    stranger = BrokerAuthority(tmp_path / "stranger")
    stranger.ensure()
    stranger.issue_client(tmp_path / "foreign.pem", "H49")
    authority.issue_client(tmp_path / "own.pem", "H49")
    authority.issue_server(tmp_path / "server.pem", HERE)

    with listening(tmp_path / "server.pem", clients_ca=authority.certificate_file) as port:
        assert "does not take our certificate" in str(await trouble_with(port, trusting(authority)))
        foreign = trusting(authority, tmp_path / "foreign.pem")
        assert "does not take our certificate" in str(await trouble_with(port, foreign))
        assert await greet(port, trusting(authority, tmp_path / "own.pem")) == b""


def test_old_versions_are_never_spoken() -> None:
    context = TlsFiles().context()

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_hang_up_before_a_word_may_be_a_port_for_tls() -> None:
    error = OSError("closed")
    error.__cause__ = asyncio.IncompleteReadError(b"", 1)

    assert "amqps://" in str(suspect(error))
    assert suspect(OSError("refused")) is None
    assert explain(ssl.SSLEOFError(8, "EOF occurred in violation of protocol")) is None, "may pass by itself"


def test_key_and_certificate_may_lie_apart_and_the_key_be_encrypted(
    authority: BrokerAuthority, tmp_path: Path
) -> None:
    authority.issue_client(tmp_path / "both.pem", "H49")
    key = load_pem_private_key((tmp_path / "both.pem").read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"opens"))
    (tmp_path / "key.pem").write_bytes(encrypted)
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("-----BEGIN C" + (tmp_path / "both.pem").read_text().split("-----BEGIN C", 1)[1])

    apart = TlsFiles(certificate=certificate, key=tmp_path / "key.pem", key_password="opens")

    assert apart.context().check_hostname
    assert apart.common_name() == "H49"


@pytest.mark.parametrize("password", [None, "canary"])
def test_an_encrypted_key_is_never_asked_about_on_the_terminal(
    authority: BrokerAuthority, tmp_path: Path, password: str | None
) -> None:
    authority.issue_client(tmp_path / "both.pem", "H49")
    key = load_pem_private_key((tmp_path / "both.pem").read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"opens"))
    (tmp_path / "key.pem").write_bytes(encrypted)

    files = TlsFiles(certificate=tmp_path / "both.pem", key=tmp_path / "key.pem", key_password=password)

    with pytest.raises(ConfigurationError, match="broker_key_password") as refused:
        files.context()
    assert "canary" not in str(refused.value)
    assert "canary" not in repr(files)


def test_all_complaints_come_at_once(tmp_path: Path) -> None:
    files = TlsFiles(authorities=tmp_path / "missing.pem", key=tmp_path / "key.pem")

    complaints = files.complaints("amqp://hub:canary@broker/axis?auth=external")

    told = "\n".join(complaints)
    assert "without broker_certificate" in told
    assert "for amqps:// only" in told
    assert "auth=external needs amqps://" in told
    assert "auth=external needs broker_certificate" in told
    assert "canary" not in told


def test_a_certificate_of_another_mailbox_is_told(authority: BrokerAuthority, tmp_path: Path) -> None:
    authority.issue_client(tmp_path / "client.pem", "H50")

    complaints = trusting(authority, tmp_path / "client.pem").complaints(
        "amqps://b/axis?auth=external", "H49"
    )

    (told,) = complaints
    assert told.startswith("broker_certificate belongs to 'H50', and we are 'H49': name the certificate")


def test_the_authoritys_key_is_its_owners_only(authority: BrokerAuthority, tmp_path: Path) -> None:
    authority.issue_server(tmp_path / "server.pem")

    assert authority.key_file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "server.pem").stat().st_mode & 0o777 == 0o600
