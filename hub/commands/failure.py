"""What a person reads when a command does not do what was asked, and the exit code that a program reads."""

import asyncio
import json
import sys
from collections.abc import Sequence
from enum import IntEnum

import typer
from typer.exceptions import TyperException

from deploy.local import StackError
from hub.errors import HubError, MessageRejected, TemporaryFailure, Violation


class ExitCode(IntEnum):
    """What a program reads."""

    DONE = 0
    FAILED = 1
    """Refused or failed; the sentence says what to do next."""
    USAGE = 2
    AWAY = 3
    """Something does not answer; the same command may succeed later."""
    INTERRUPTED = 130


def explain(error: BaseException, *, as_json: bool) -> int | None:
    """Tell *error* on the right stream and return the exit code; None for what a developer has to see."""
    while isinstance(error, BaseExceptionGroup) and _says_one_thing(error):
        error = error.exceptions[0]
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError | typer.Abort):
        return ExitCode.INTERRUPTED
    if (code := _code_of(error)) is None:
        return None
    violations = error.violations if isinstance(error, MessageRejected) else ()
    _tell(_sentence(error), code, violations, as_json=as_json)
    return code


def _says_one_thing(group: BaseExceptionGroup[BaseException]) -> bool:
    """Whether one of *group* may speak for all: tasks side by side meet the same refusal, each by itself."""
    return len(group.exceptions) == 1 or all(_code_of(each) is not None for each in group.exceptions)


def _code_of(error: BaseException) -> ExitCode | None:
    match error:
        case TyperException():
            return ExitCode.USAGE
        case TemporaryFailure():
            return ExitCode.AWAY
        case HubError() | StackError():
            return ExitCode.FAILED
        case _:
            return None


def _sentence(error: BaseException) -> str:
    match error:
        case TyperException():
            message = error.format_message()
            return message if message.startswith("Usage:") else f"{message} (--help shows how)"
        case TemporaryFailure():
            return f"{error}; `truc status` shows what runs, `truc up` starts the local stack"
        case _:
            return str(error)


def _tell(sentence: str, code: ExitCode, violations: Sequence[Violation], *, as_json: bool) -> None:
    if as_json:
        found = [{"code": each.code, "path": each.path, "vi": each.vi, "en": each.en} for each in violations]
        answer = {"error": sentence, "exit_code": int(code), "violations": found}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return
    sys.stderr.write(sentence + "\n" if code is ExitCode.USAGE else _red(sentence) + "\n")
    for each in violations:
        sys.stderr.write(f"  {each.code} {each.path}\n    {each.vi}\n    {each.en}\n")


def _red(text: str) -> str:
    return f"\x1b[31m{text}\x1b[0m" if sys.stderr.isatty() else text
