"""Hub and adapters sign with keys in tokens, and a token that is away costs time, not documents."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hub.commands.failure import ExitCode
from hub.commands.local_axis import LocalAgency
from hub.commands.local_keys import HUB_CODE, HUB_NAME
from hub.message.identifiers import AgencyCode
from hub.message.receipt import ReceiptEvent
from hub.signature.signing import SigningKey
from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.hub_process import HubProcess
from tests.support.ledger import every_document_has_its_effects
from tests.support.raw_agency import RawAgency
from tests.support.soft_token import LABEL, PIN, SoftToken, certificates_of, module
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A token with new keys that lie in no file, the hub's own among them."""

    world: World
    folder: Path
    token: SoftToken

    @classmethod
    def furnished(cls, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> "Office":
        office = cls(world=world, folder=folder, token=SoftToken.made(folder / "token", monkeypatch))
        office.put("hub", office.issue(HUB_CODE, HUB_NAME, "ec"), "01")
        return office

    def issue(self, code: AgencyCode, name: str, key_type: Literal["rsa", "ec"]) -> SigningKey:
        """Let the axis's authority certify a new key."""
        at = datetime.now(UTC) - timedelta(minutes=5)
        authority = self.world.axis.keys.authority
        return authority.issue(agency_code=code, name=name, at=at, key_type=key_type)

    def put(self, name: str, key: SigningKey, identifier: str) -> None:
        """Bring a key into the token; outside stays what everybody may know."""
        self.token.put(key, name, identifier)
        self.certificates(name).write_bytes(certificates_of(key))
        self.certificate(name).write_bytes(key.certificate.public_bytes(Encoding.PEM))

    def certificates(self, name: str) -> Path:
        return self.folder / f"{name}-certificates.pem"

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def hub_environment(self, **changes: str) -> dict[str, str]:
        """Return what makes a hub sign with its key in the token."""
        return {
            "HUB_HUB_KEY": f"pkcs11:token={LABEL};object=hub",
            "HUB_HUB_KEY_MODULE": str(module()),
            "HUB_HUB_KEY_CERTIFICATES": str(self.certificates("hub")),
            "HUB_HUB_KEY_PASSWORD": PIN,
        } | changes

    async def agency(self, key_type: Literal["rsa", "ec"], identifier: str) -> LocalAgency:
        """Connect an agency whose software signs with a key in the token, and has no other."""
        (agency,) = await self.world.connected(1)
        key = self.issue(agency.code, agency.code, key_type)
        async with self.world.axis.registry() as registry:
            await registry.register_certificate(agency.code, key.certificate)
        self.put(agency.code, key, identifier)
        kit = tomllib.loads(agency.kit_file.read_text("utf-8"))
        name = {"token": f"pkcs11:token={LABEL};id=%{identifier}", "module": str(module())}
        opens = {"certificates": str(self.certificates(agency.code)), "password": PIN}
        changed = kit | {"keys": [name | opens], "hub_certificates": [str(self.certificate("hub"))]}
        return replace(agency, kit_file=_written(self.folder / f"{agency.code}.toml", changed))

    async def raw_agencies(self, number: int) -> tuple[LocalAgency, ...]:
        """Connect agencies that know the hub by the key in its token."""
        connected = await self.world.connected(number)
        return tuple(replace(each, hub_certificate_file=self.certificate("hub")) for each in connected)


@pytest.fixture
def office(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office.furnished(world, tmp_path, monkeypatch)


async def test_documents_travel_between_keys_in_tokens(world: World, office: Office) -> None:
    sender, recipient = await office.agency("rsa", "a1"), await office.agency("ec", "b2")
    hub = await world.hub(**office.hub_environment())
    receiving = world.software(recipient)
    await receiving.ready()

    sending = world.software(sender, sends=2, to=(recipient,))

    # The kit takes receipts only where they verify with the certificate of the key in the hub's token.
    await every_document_has_its_effects(sending, [receiving], count=2, seconds=60)
    assert PIN not in hub.log.read_text("utf-8")
    assert await hub.stop() == 0


async def test_a_token_that_is_pulled_out_is_sat_out_and_nothing_is_lost(
    world: World, office: Office
) -> None:
    sender, recipient = await office.raw_agencies(2)
    hub = await world.hub(**office.hub_environment())
    async with RawAgency.open(sender) as raw, RawAgency.open(recipient) as other:
        office.token.remove()
        submission = await raw.submit_signed(a_letter(sender, recipient).unsigned())
        await until(lambda: hub.lines("intake.paused"), what="the hub to wait for its token")
        assert raw.receipts(submission) == []
        answer = await hub.get("/health/ready")
        assert answer is not None
        assert (answer.status_code, answer.json()["token"], answer.json()["database"]) == (503, False, True)

        office.token.bring_back()

        await raw.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        await raw.receipt(submission, ReceiptEvent.CONTENT_CONSIGNMENT)
        assert len(await other.arrival("document")) == 1
    assert hub.lines("token.lost")
    assert hub.lines("message.failed") == []
    assert await world.cases() == []
    assert await hub.stop() == 0


async def test_a_hub_does_not_start_without_its_key_and_goes_on_with_it(world: World, office: Office) -> None:
    sender, recipient = await office.raw_agencies(2)
    async with RawAgency.open(sender) as raw:
        submission = await raw.submit_signed(a_letter(sender, recipient).unsigned())

        wrong_pin = world.launch_hub(**office.hub_environment(HUB_HUB_KEY_PASSWORD="wrong-canary-pin"))
        assert await wrong_pin.ended() == ExitCode.FAILED
        no_key = world.launch_hub(**office.hub_environment(HUB_HUB_KEY=f"pkcs11:token={LABEL};object=gone"))
        assert await no_key.ended() == ExitCode.FAILED
        office.token.remove()
        no_token = world.launch_hub(**office.hub_environment())
        assert await no_token.ended() == ExitCode.FAILED
        assert raw.receipts(submission) == []

        office.token.bring_back()
        await world.hub(**office.hub_environment())

        await raw.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE)
    assert "the token refuses the PIN" in told(wrong_pin)
    assert "wrong-canary-pin" not in told(wrong_pin)
    assert "the token has no such private key" in told(no_key)
    assert "there is no such token: plug it in" in told(no_token)


def told(hub: HubProcess) -> str:
    return hub.log.read_text("utf-8")


def _written(file: Path, kit: Mapping[str, object]) -> Path:
    *plain, keys = [*(item for item in kit.items() if item[0] != "keys"), ("keys", kit["keys"])]
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in plain]
    assert isinstance(keys[1], list)
    for key in keys[1]:
        lines += [
            "[[keys]]",
            *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in key.items()),
        ]
    file.touch(0o600)
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file
