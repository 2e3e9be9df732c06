import pytest

from tests.integration.cli.conftest import CommandLine

PASSWORD = "một mật khẩu đủ dài"


async def test_an_account_is_made_with_a_password_that_stands_in_no_argument(truc: CommandLine) -> None:
    made = await truc.run(
        "accounts", "add", "Hoa", "--role", "operator", "--password-stdin", typed=f"{PASSWORD}\n"
    )

    (account,) = [each for each in await truc.json("accounts", "list") if each["login"] == "hoa"]
    assert made.code == 0, made
    assert (account["role"], account["has_password"], account["agencies"]) == ("operator", True, None)
    assert PASSWORD not in made.out + made.err


async def test_an_account_is_changed_and_kept_out(truc: CommandLine) -> None:
    await truc.run("accounts", "add", "mai", "--role", "viewer", "--password-stdin", typed=f"{PASSWORD}\n")

    await truc("accounts", "role", "mai", "supervisor")
    token = await truc.json("accounts", "token", "mai", "--name", "monitor")
    await truc("accounts", "revoke", "mai", "--name", "monitor")
    await truc("accounts", "disable", "mai")

    (account,) = [each for each in await truc.json("accounts", "list") if each["login"] == "mai"]
    assert account["role"] == "supervisor"
    assert account["disabled_at"]
    assert len(token["token"]) >= 43


@pytest.mark.parametrize(
    "arguments",
    [
        ("role", "nobody-there", "viewer"),
        ("disable", "nobody-there"),
        ("agencies", "nobody-there", "--agency", "Z99"),
        ("add", "x", "--role", "viewer", "--subject", "s"),
    ],
)
async def test_what_cannot_be_done_is_told_in_a_sentence(
    truc: CommandLine, arguments: tuple[str, ...]
) -> None:
    ended = await truc.run("accounts", *arguments)

    assert ended.code == 1
    assert ended.err
    assert "Traceback" not in ended.err
