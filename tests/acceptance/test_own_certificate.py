"""Years later a receipt still shows that the hub's certificate was not revoked when it signed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from deploy.local.ports import free_ports
from hub.commands.ca_folder import AuthorityFolder
from hub.commands.ca_server import server
from hub.commands.evidence_acts import judge_file
from hub.commands.local_keys import HUB_CODE, HUB_NAME
from hub.evidence.container import Remark
from hub.evidence.judge import Judgement
from hub.message.receipt import ReceiptEvent
from hub.signature.signing import SigningKey
from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubsAuthority:
    """The CA of the hub's certificate, which publishes CRLs and answers by OCSP."""

    folder: AuthorityFolder
    key: SigningKey
    key_file: Path
    certificate_file: Path
    anchors_file: Path
    """Of agencies and of the hub."""

    def environment(self) -> dict[str, str]:
        """Return what makes a hub sign with its certificate, and ask about it."""
        host = self.folder.read().address.removeprefix("http://")
        return {
            "HUB_HUB_KEY": str(self.key_file),
            "HUB_HUB_KEY_PASSWORD": self.folder.password.decode(),
            "HUB_TRUST_ANCHORS": str(self.anchors_file),
            "HUB_REVOCATION_HOSTS": f'["{host}"]',
            "HUB_REVOCATION_INTERVAL": "PT0.5S",
        }


@pytest.fixture
async def authority(world: World, tmp_path: Path) -> AsyncIterator[HubsAuthority]:
    """Serve the CA of the hub's certificate."""
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    folder = AuthorityFolder.create(tmp_path / "ca", name="Hub CA", address=address)
    _, key_file = folder.issue(HUB_CODE, HUB_NAME, key_type="ec", lifetime=timedelta(days=900))
    key = SigningKey.from_pem(key_file.read_bytes(), folder.password)
    certificate, anchors = tmp_path / "hub.pem", tmp_path / "anchors.pem"
    certificate.write_bytes(key.certificate.public_bytes(Encoding.PEM))
    anchors.write_bytes(world.axis.keys.anchors_file.read_bytes() + folder.anchor_file.read_bytes())
    serving, listener = server(folder)
    task = asyncio.create_task(serving.serve(sockets=[listener]))
    await until(lambda: serving.started, what="the authority")
    yield HubsAuthority(
        folder=folder, key=key, key_file=key_file, certificate_file=certificate, anchors_file=anchors
    )
    serving.should_exit = True
    await task


async def test_evidence_says_that_the_hub_was_not_revoked_when_it_signed_and_later_that_it_was(
    world: World, authority: HubsAuthority, tmp_path: Path
) -> None:
    connected = await world.connected(2)
    sender, recipient = (
        replace(each, hub_certificate_file=authority.certificate_file, anchors_file=authority.anchors_file)
        for each in connected
    )
    hub = await world.hub(**authority.environment())
    await until(lambda: "PASSED" in judged(hub.lines("own_certificate.judged")), what="a good status")

    async def evidence(name: str) -> Judgement:
        async with RawAgency.open(sender) as raw:
            submission = await raw.submit_signed(a_letter(sender, recipient).unsigned())
            receipt = await raw.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        file = tmp_path / f"{name}.zip"
        code, said = await world.truc("evidence", "export", str(receipt.message_id), "--into", str(file))
        assert code == 0, said
        return judge_file(file, [authority.anchors_file], [authority.certificate_file], [])

    good = await evidence("good")
    authority.folder.revoke(f"{authority.key.certificate.serial_number:x}", "keyCompromise")
    await until(lambda: "FAILED" in judged(hub.lines("own_certificate.judged")), what="the revocation")
    bad = await evidence("bad")

    assert good.faults == []
    assert any(each.en.endswith(": PASSED") for each in of_receipts(good.facts))
    assert of_receipts(good.open) == []
    assert of_receipts(bad.faults) == bad.faults
    # Nothing that it signed since then proves anything.
    assert {each.en.rpartition(": ")[2] for each in bad.faults} == {"FAILED/REVOKED", "there is no receipt"}
    assert await hub.stop() == 0


def judged(lines: list[dict[str, object]]) -> str:
    return " ".join(str(line["indication"]) for line in lines)


def of_receipts(remarks: list[Remark]) -> list[Remark]:
    return [each for each in remarks if each.where.startswith("receipts/")]
