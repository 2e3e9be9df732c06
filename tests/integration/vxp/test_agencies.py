"""Agencies through a real hub and console: their catalogue, applications, and the provincial dialect."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.commands.local_axis import LocalAgency
from hub.commands.place import load_settings
from hub.message.edxml import StatusCode
from hub.operations.accounts import AccountDesk
from hub.operations.passwords import PasswordKeeper
from hub.operations.rights import Role
from tests.acceptance.speaking import a_letter
from tests.integration.vxp.conftest import Gateways
from tests.integration.vxp.test_exchange import document_id_in
from tests.support.console_process import console_process
from tests.support.envelopes import A_PDF, a_status
from tests.support.provincial_client import ProvincialSdk, logged_in
from tests.support.served import Served
from tests.support.vxp_client import JavaSdk
from tests.support.vxp_gateway import SECRET, VxpGateway
from tests.support.waiting import until

PASSWORD = "mat khau cua tinh"


@asynccontextmanager
async def console(home: Path, folder: Path) -> AsyncIterator[tuple[str, str]]:
    """Run the console of an axis; return its address and the token of an account that may only look."""
    settings = load_settings(home, None)
    assert settings.operator_dsn is not None
    database = await Database.open(settings.operator_dsn.get_secret_value(), name="truc test", size=1)
    desk = AccountDesk(database, operator="test", clock=SystemClock(), passwords=PasswordKeeper(CHEAPEST))
    login = f"gateway-{os.getpid()}"
    await desk.add(login, name="Gateway", role=Role.VIEWER, password=PASSWORD)
    token = (await desk.issue_token(login, name="catalogue", lifetime=timedelta(hours=1))).token
    await database.close()
    environment = {"HUB_CONSOLE_PORT": "0"}
    with console_process(home / "operator.toml", folder / "console.log", **environment) as process:
        yield await process.ready(), token


async def run(*arguments: str, typed: str = "", **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(typed.encode())
    assert process.returncode == 0, err.decode()
    return out.decode()


def add_table(gateway: VxpGateway, name: str, **values: object) -> None:
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()]
    with gateway.settings.open("a", encoding="utf-8") as file:
        file.write(f"\n[{name}]\n" + "".join(lines))


async def ask(sdk: JavaSdk, call: str, said: dict[str, str] | None = None, body: bytes = b"{}") -> Any:  # noqa: ANN401 - JSON is anything
    return json.loads(await sdk.call(call, said or {}, body=body))


async def units(sdk: JavaSdk) -> dict[str, dict[str, str]]:
    told = await ask(sdk, "getSynchronizeUnit")
    return {each["code"]: each for each in told.get("data", [])}


async def test_systems_see_the_hubs_catalogue_and_what_they_apply_for_enters_it(
    served: Served, agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways, tmp_path: Path
) -> None:
    home, (office, ministry) = served.town.axis.home, agencies
    async with console(home, tmp_path) as (url, token):
        gateway = gateways(office)
        add_table(gateway, "catalogue", url=url, token=token, refresh_seconds=0.3)
        java = (await gateway.start()).java()
        unit = f"{office.code}.77"
        wanted = {"id": None, "pcode": office.code, "code": unit, "name": "Trung tâm mới"}

        await until(lambda: units(java), what=gateway.story)
        listed = {each["code"] for each in (await ask(java, "getAgenciesList"))["data"]}
        applied = await ask(java, "registerAgency", body=json.dumps(wanted).encode())
        foreign = await ask(
            java, "registerAgency", body=json.dumps({**wanted, "pcode": ministry.code}).encode()
        )
        pending = (await units(java))[unit]
        lines = await run("adapters.vxp", "--settings", str(gateway.settings), "--for-import", "applications")
        await run("hub", "agency", "import", "-", typed=lines, TRUC_HOME=str(home))
        registered = await until(lambda: _linked(java, unit), what=gateway.story)
        left = await run("adapters.vxp", "--settings", str(gateway.settings), "applications")

    assert {office.code, ministry.code} <= listed
    assert (applied["status"], foreign["status"], foreign["ErrorCode"]) == ("OK", "FAIL", "23")
    assert (pending["link"], pending["pAction"], pending["valid"]) == ("PENDING", "CREATE", "VALID")
    assert registered["name"] == "Trung tâm mới"
    assert "nothing is pending" in left
    assert token not in gateway.story(whole=True)


async def _linked(java: JavaSdk, code: str) -> dict[str, str] | None:
    found = (await units(java)).get(code)
    return found if found is not None and found["link"] == "REGISTERED" else None


async def test_a_province_sends_to_software_of_the_vendors_and_hears_of_it(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    province, ministry = agencies
    here, there = with_a_user(gateways(province)), await gateways(ministry).start()
    await here.start()
    java = there.java()
    async with software_of(here) as sdk:
        await sdk.send(a_letter(province, ministry).unsigned())
        (row,) = await until(java.get_received_edoc_list, what=there.story)
        fetched = base64.b64decode(str((await java.get_edoc(row["docId"]))["data"]))
        accepted = a_status().from_(ministry.code).for_(document_id_in(fetched), sent_by=province.code)
        told = await java.send_edoc(
            accepted.saying(StatusCode.ACCEPTED, "Đã vào sổ").unsigned(),
            sender=ministry.code,
            to=[province.code],
            messagetype="status",
        )
        (status,) = await until(lambda: sdk.received("status"), what=here.story)

    assert told["status"] == "OK", told
    assert status["from"] == ministry.code
    assert f"system={here.systemid};".encode() in fetched, "signed under mandate, for that system"


async def test_a_province_receives_from_software_of_the_vendors_and_reports(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    province, ministry = agencies
    here, there = with_a_user(gateways(province)), await gateways(ministry).start()
    await here.start()
    java = there.java()
    async with software_of(here) as sdk:
        letter = a_letter(ministry, province).unsigned()
        await java.send_edoc(letter, sender=ministry.code, to=[province.code])
        (row,) = await until(sdk.received, what=here.story)
        opened = await sdk.fetch(row["docId"])
        done = await sdk.report(row["docId"], "done")
        left = await sdk.received()
        (status,) = await until(lambda: java.get_received_edoc_list("status"), what=there.story)
        bearer = sdk.client.headers["Authorization"]

    assert b"<ds:Signature" in base64.b64decode(opened["edxml"])
    assert [base64.b64decode(each["fileContent"]) for each in opened["attachments"]] == [A_PDF]
    assert (done["success"], left) == (True, [])
    assert status["from"] == province.code
    for secret in (SECRET, PASSWORD, bearer.removeprefix("Bearer ")):
        assert secret not in here.story(whole=True)


def with_a_user(gateway: VxpGateway) -> VxpGateway:
    hashed = PasswordHasher.from_parameters(CHEAPEST).hash(PASSWORD)
    user = {"username": "langson", "password": hashed, "systems": [gateway.systemid]}
    fields = ", ".join(f"{key} = {json.dumps(value)}" for key, value in user.items())
    with gateway.settings.open("a", encoding="utf-8") as file:
        file.write(f"\n[provincial]\nusers = [{{ {fields} }}]\n")
    return gateway


def software_of(gateway: VxpGateway) -> AbstractAsyncContextManager[ProvincialSdk]:
    return logged_in(
        gateway.port, username="langson", password=PASSWORD, systemid=gateway.systemid, secret=SECRET
    )
