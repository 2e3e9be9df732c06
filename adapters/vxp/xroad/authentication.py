"""Who calls: HMAC-SHA256 over the signed headers with the system's secret, and a clock that is right."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System, Systems
from adapters.vxp.xroad.parameters import Parameters
from hub.message.receipt_xml import VIETNAM_TIME

_TIMESTAMP: Final = re.compile(r"(\d{8}T\d{6})(?:[+.]\d{1,4})?")
_NOBODY: Final = "a secret that no system has"


def authenticate(
    parameters: Parameters, systems: Systems, *, now: datetime, skew: timedelta
) -> tuple[System, Mapping[str, str]]:
    """Return who calls and the parameters that it signed; raises `Refused`, which tells no stranger more."""
    system = systems.find(parameters.said.get("systemid", ""))
    secret = system.secret if system is not None else _NOBODY
    expected = hmac.new(secret.encode(), parameters.signed_octets, hashlib.sha256).hexdigest()
    said = parameters.said.get("hash-header", "").strip().lower()
    is_right = hmac.compare_digest(expected.encode(), said.encode())
    signed = parameters.signed()
    if system is None or not is_right or signed.get("systemid") != system.systemid:
        raise Refused(Reason.WRONG_CREDENTIALS)
    _check_time(signed.get("timestamp", ""), now=now, skew=skew)
    return system, signed


def _check_time(written: str, *, now: datetime, skew: timedelta) -> None:
    """Refuse what was signed long ago; software writes local time, and so Vietnam's, or UTC on a server.

    What looks like a zone behind it are milliseconds.
    """
    found = _TIMESTAMP.fullmatch(written.strip())
    if found is None:
        raise Refused(Reason.WRONG_PARAMETER, name="timestamp", value=written)
    try:
        naive = datetime.strptime(found[1], "%d%m%YT%H%M%S")  # noqa: DTZ007 - there is none
    except ValueError as error:
        raise Refused(Reason.WRONG_PARAMETER, name="timestamp", value=written) from error
    if all(abs(now - naive.replace(tzinfo=zone)) > skew for zone in (VIETNAM_TIME, UTC)):
        raise Refused(Reason.CLOCK_SKEW, minutes=int(skew.total_seconds() // 60))
