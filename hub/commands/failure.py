"""What a person reads when a command does not do what was asked, and the exit code that a program reads."""

import json
import sys
from enum import IntEnum

import click

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
    match error:
        case BaseExceptionGroup() if len(error.exceptions) == 1:
            return explain(error.exceptions[0], as_json=as_json)
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return ExitCode.USAGE
        case click.ClickException():
            _tell(error.format_message(), ExitCode.USAGE, (), as_json=as_json)
            return ExitCode.USAGE
        case KeyboardInterrupt() | click.Abort():
            return ExitCode.INTERRUPTED
        case TemporaryFailure():
            advice = f"{error}; `truc status` shows what runs, `truc up` starts the local stack"
            _tell(advice, ExitCode.AWAY, (), as_json=as_json)
            return ExitCode.AWAY
        case MessageRejected():
            _tell(str(error), ExitCode.FAILED, error.violations, as_json=as_json)
            return ExitCode.FAILED
        case HubError() | StackError():
            _tell(str(error), ExitCode.FAILED, (), as_json=as_json)
            return ExitCode.FAILED
        case _:
            return None


def _tell(sentence: str, code: ExitCode, violations: tuple[Violation, ...], *, as_json: bool) -> None:
    if as_json:
        found = [{"code": each.code, "path": each.path, "vi": each.vi, "en": each.en} for each in violations]
        answer = {"error": sentence, "exit_code": int(code), "violations": found}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return
    sys.stderr.write(_red(f"{sentence}\n"))
    for each in violations:
        sys.stderr.write(f"  {each.code} {each.path}\n    {each.vi}\n    {each.en}\n")


def _red(text: str) -> str:
    return f"\x1b[31m{text}\x1b[0m" if sys.stderr.isatty() else text
