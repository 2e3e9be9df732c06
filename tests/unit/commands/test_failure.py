import asyncio
import json

import pytest
import typer

from deploy.local import StackError
from hub.commands.failure import explain
from hub.errors import ConfigurationError, MessageRejected, OperationRefused, RejectionCode, TemporaryFailure
from hub.message.refusal import violation

REFUSAL = MessageRejected(
    [violation(RejectionCode.UNKNOWN_RECIPIENT, path="/edXML/To", rule="registry", recipient="H99")]
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationRefused("the case is closed"), 1),
        (ConfigurationError("postgres_dsn is missing"), 1),
        (StackError("there is no stack"), 1),
        (REFUSAL, 1),
        (typer.BadParameter("not a number"), 2),
        (TemporaryFailure("the database is away"), 3),
        (KeyboardInterrupt(), 130),
        (asyncio.CancelledError(), 130),
        (ExceptionGroup("several", [TemporaryFailure("the broker is away")]), 3),
        (ExceptionGroup("side by side", [TemporaryFailure("it is away"), TemporaryFailure("it is away")]), 3),
    ],
)
def test_every_expected_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert explain(error, as_json=False) == code


@pytest.mark.parametrize(
    "error", [ValueError("surprise"), ExceptionGroup("two", [TemporaryFailure("a"), ValueError("surprise")])]
)
def test_what_a_developer_has_to_see_is_left_alone(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(error, as_json=False) is None
    assert capsys.readouterr() == ("", "")


def test_a_refusal_is_told_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    explain(REFUSAL, as_json=False)

    told = capsys.readouterr().err
    assert "HUB-6001" in told
    assert "Nơi nhận H99 không có trong danh mục" in told
    assert "The recipient H99 is not in the registry" in told


def test_a_program_gets_the_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    explain(REFUSAL, as_json=True)

    answer = json.loads(capsys.readouterr().out)
    assert answer["exit_code"] == 1
    assert [each["code"] for each in answer["violations"]] == ["HUB-6001"]
