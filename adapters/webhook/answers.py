"""What the endpoint's answer means for a document: taken, refused for good, or to be tried again."""

import json
from dataclasses import dataclass
from typing import Final, TypeAlias

from adapters.kit.delivery import Accepted, Refused
from adapters.kit.reporting import LONGEST_REASON
from adapters.webhook.posting import Reply
from hub.message.edxml import StatusCode
from hub.message.refusal import presentable

_SUCCESS: Final = range(200, 300)
_REFUSALS: Final = frozenset({409, 410, 422})
_REDIRECTS: Final = range(300, 400)
_NEEDS_REASON: Final = frozenset({StatusCode.REFUSED, StatusCode.CHANGE_REFUSED})
_KNOWN: Final = frozenset(each.value for each in StatusCode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Not now, for a reason that may pass."""

    reason: str
    pause: float = 0.0
    """Seconds that the endpoint asks us to wait."""


Verdict: TypeAlias = Accepted | Refused | Failed


def read_reply(reply: Reply) -> Verdict:
    """Return what *reply* says about the document that was POSTed.

    A refusal is final: it is one only where the endpoint says why, in `reason`.
    """
    said = _read(reply.content)
    if reply.status in _SUCCESS:
        return _taken(said)
    reason = _text(said, "reason")
    if reply.status in _REFUSALS and reason:
        return Refused(reason=reason)
    return Failed(reason=failure(reply), pause=_pause(reply.retry_after))


def failure(reply: Reply) -> str:
    """Return in one sentence that *reply* is no success."""
    if reply.status in _REDIRECTS:
        return f"the endpoint answers {reply.status}: redirects are not followed"
    if reply.status in _REFUSALS:
        return f"the endpoint answers {reply.status} without a JSON object that has a reason"
    return f"the endpoint answers {reply.status}"


def _taken(said: dict[str, object]) -> Verdict:
    code, description = said.get("status"), _text(said, "description")
    if code not in _KNOWN:  # many frameworks answer {"status": "ok"}
        return Accepted(description=description)
    status, reason = StatusCode(str(code)), _text(said, "reason") or description
    if status is StatusCode.RECALL_REQUESTED or (status in _NEEDS_REASON and not reason):
        return Failed(reason=f"the endpoint answers with status {status.value}, without what that needs")
    if status is StatusCode.REFUSED:
        return Refused(reason=reason)
    return Accepted(statuses=(status,), description=reason)


def _read(content: bytes) -> dict[str, object]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(said: dict[str, object], name: str) -> str:
    value = said.get(name)
    return presentable(value, longest=LONGEST_REASON) if isinstance(value, str) else ""


def _pause(retry_after: str) -> float:
    """Return the seconds of a `Retry-After`; an instant of the calendar is not worth reading."""
    is_number = retry_after.isascii() and retry_after.isdigit()
    return float(retry_after[:6]) if is_number else 0.0
