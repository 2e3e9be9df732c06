from datetime import UTC, datetime

import asyncpg
import pytest

from hub.errors import OperationRefused
from hub.message.directory import Directory
from hub.operations.registry import RegistryDesk
from hub.signature.authority import DevelopmentAuthority
from tests.support.database import OPERATOR, PrivateDatabase
from tests.support.store import PostgresUnderTest

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority() -> DevelopmentAuthority:
    return DevelopmentAuthority.create("Test CA", NOW)


async def directory(store: PostgresUnderTest) -> Directory:
    return await store.registry().directory()


async def test_the_nearest_connected_agency_above_receives_for_a_unit(
    keeper: RegistryDesk, postgres_store: PostgresUnderTest
) -> None:
    await keeper.add(code="000.00.00.H90", name="Tỉnh")
    await keeper.add(code="H90.05", name="Sở", parent="000.00.00.H90")
    await keeper.add(code="H90.05.02", name="Chi cục", parent="H90.05")
    await keeper.connect("H90", kind="lgsp")

    before = (await directory(postgres_store)).mailbox_for("H90.05.02", datetime.now(UTC))
    await keeper.connect("H90.05")
    after = (await directory(postgres_store)).mailbox_for("H90.05.02", datetime.now(UTC))

    assert (before, after) == ("H90", "H90.05")


async def test_entering_an_agency_again_changes_nothing(keeper: RegistryDesk) -> None:
    first = await keeper.add(code="000.00.00.H90", name="Tỉnh")

    again = await keeper.add(code="H90", name="Tỉnh")

    assert (first, again) == (True, False)


async def test_a_code_is_not_given_to_another_agency(keeper: RegistryDesk) -> None:
    await keeper.add(code="H90", name="Tỉnh")

    with pytest.raises(OperationRefused, match="H90"):
        await keeper.add(code="000.00.00.H90", name="Một tỉnh khác")


async def test_an_agency_below_nobody_is_refused(keeper: RegistryDesk) -> None:
    with pytest.raises(OperationRefused, match="H91 is not in the registry"):
        await keeper.add(code="H91.01", name="Sở", parent="H91")


async def test_a_closed_agency_receives_nothing_and_names_its_successor(
    keeper: RegistryDesk, postgres_store: PostgresUnderTest
) -> None:
    for code in ("H90", "H91"):
        await keeper.add(code=code, name=code)
        await keeper.connect(code)

    await keeper.close("H90", successor="H91")

    found = await directory(postgres_store)
    agency = found.agency("H90")
    assert agency is not None
    assert (agency.is_open(datetime.now(UTC)), agency.successor) == (False, "H91")
    assert found.mailbox_for("H90", datetime.now(UTC)) is None


async def test_a_closed_agency_is_neither_closed_again_nor_connected(keeper: RegistryDesk) -> None:
    await keeper.add(code="H90", name="Tỉnh")
    await keeper.close("H90")

    for act in (keeper.close("H90"), keeper.connect("H90")):
        with pytest.raises(OperationRefused, match="closed"):
            await act


async def test_a_registered_certificate_is_in_force_until_it_is_revoked(
    keeper: RegistryDesk, postgres_store: PostgresUnderTest, authority: DevelopmentAuthority
) -> None:
    await keeper.add(code="H90", name="Tỉnh")
    key = authority.issue(agency_code="H90", name="Tỉnh", at=NOW, key_type="ec")

    registered = [await keeper.register_certificate("H90", key.certificate) for _ in range(2)]
    in_force = (await directory(postgres_store)).certificate(key.fingerprint)
    await keeper.revoke_certificate(key.fingerprint.hex()[:12], reason="token lost")
    revoked = (await directory(postgres_store)).certificate(key.fingerprint)

    assert registered == [True, False]
    assert in_force is not None
    assert (in_force.agency, in_force.revoked_at) == ("H90", None)
    assert revoked is not None
    assert revoked.revoked_at is not None


async def test_a_certificate_belongs_to_one_agency(
    keeper: RegistryDesk, authority: DevelopmentAuthority
) -> None:
    key = authority.issue(agency_code="H90", name="Tỉnh", at=NOW, key_type="ec")
    for code in ("H90", "H91"):
        await keeper.add(code=code, name=code)
    await keeper.register_certificate("H90", key.certificate)

    with pytest.raises(OperationRefused, match="another agency"):
        await keeper.register_certificate("H91", key.certificate)


async def test_a_fingerprint_too_short_to_mean_one_certificate_is_refused(keeper: RegistryDesk) -> None:
    with pytest.raises(OperationRefused, match="at least 8"):
        await keeper.revoke_certificate("ab", reason="token lost")


async def test_every_change_of_the_registry_leaves_who_made_it(
    keeper: RegistryDesk, postgres_store: PostgresUnderTest
) -> None:
    await keeper.add(code="H90", name="Tỉnh")
    await keeper.connect("H90")
    await keeper.close("H90")

    rows = await postgres_store.fetch("select operator, action from operator_actions order by action_id")

    assert [tuple(row) for row in rows] == [
        ("Lan", "agency.add"),
        ("Lan", "agency.connect"),
        ("Lan", "agency.close"),
    ]


@pytest.mark.parametrize(
    "table", ["receipts", "events", "operator_actions", "messages", "attempts", "statuses"]
)
async def test_an_operator_cannot_alter_evidence(private_database: PrivateDatabase, table: str) -> None:
    async with private_database.connect(OPERATOR) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"delete from {table}")
        column = await connection.fetchval(
            "select column_name from information_schema.columns"
            " where table_name = $1 and is_identity = 'NO' limit 1",
            table,
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"update {table} set {column} = {column}")
