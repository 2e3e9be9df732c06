"""The reply envelope of the X-Road style face: HTTP 200 always, `status` says whether it worked."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from starlette.responses import JSONResponse

from adapters.vxp.refusals import Reason, Refused
from hub.transport.http_serving import Refusal, RefusalAnswer

OK: Final = "0"
CODES: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.FAILED: "1",
        Reason.NOT_READY: "2",
        Reason.TOO_MANY_REQUESTS: "3",
        Reason.UNKNOWN_CALL: "10",
        Reason.MALFORMED_REQUEST: "11",
        Reason.MISSING_PARAMETER: "12",
        Reason.WRONG_PARAMETER: "13",
        Reason.TOO_LARGE: "14",
        Reason.TOO_SLOW: "15",
        Reason.WRONG_CREDENTIALS: "20",
        Reason.CLOCK_SKEW: "21",
        Reason.NOT_ALLOWED: "22",
        Reason.FOREIGN_AGENCY: "23",
        Reason.WRONG_HASH: "30",
        Reason.NOT_EDXML: "31",
        Reason.DISAGREEING_HEADERS: "32",
        Reason.BROKEN_SIGNATURE: "33",
        Reason.UNKNOWN_DOCUMENT: "40",
        Reason.UNKNOWN_AGENCY: "41",
        Reason.CLOSED_AGENCY: "42",
    }
)
"""`ErrorCode` of each reason; published, never given another meaning."""
_OF_TRANSPORT: Final[Mapping[Refusal, Reason]] = MappingProxyType(
    {
        Refusal.TOO_LARGE: Reason.TOO_LARGE,
        Refusal.TOO_SLOW: Reason.TOO_SLOW,
        Refusal.TOO_MANY: Reason.NOT_READY,
        Refusal.MALFORMED: Reason.MALFORMED_REQUEST,
        Refusal.FAILED: Reason.FAILED,
    }
)


def success(**fields: object) -> JSONResponse:
    """Return the envelope of what worked, with *fields* such as `data` or `DocId`."""
    return JSONResponse({"status": "OK", "ErrorCode": OK, "ErrorDesc": "Thanh cong", **fields})


def succeeded_with(rows: Sequence[Mapping[str, object]]) -> JSONResponse:
    """Return the envelope with a list in `data`."""
    return success(data=list(rows))


def failure(refused: Refused) -> JSONResponse:
    """Return the envelope of what was refused."""
    return JSONResponse(_failed(refused))


def refuse(refusal: Refusal) -> RefusalAnswer:
    """Return what a client hears whose request never got as far as a call."""
    reason = _OF_TRANSPORT[refusal]
    body = JSONResponse(_failed(Refused(reason, detail=refusal.value))).body
    return RefusalAnswer(status=200, content_type="application/json", body=bytes(body))


def _failed(refused: Refused) -> dict[str, str]:
    return {
        "status": "FAIL",
        "ErrorCode": CODES[refused.reason],
        "ErrorDesc": f"{refused.vi} / {refused.en}",
    }
