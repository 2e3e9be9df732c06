"""One call of the X-Road style face that was authenticated, and what answers it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from starlette.responses import Response

from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a system asks for; who it is has been proven, and that it may ask so often."""

    system: System
    parameters: Mapping[str, str]
    """Those that were signed, in lower case, without their prefix; earlier calls' are among them."""
    body: bytes = field(default=b"", repr=False)
    file: Path | None = None
    """Where the body is instead, where it is large."""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """HTTP's own, in lower case, such as `accept-encoding`."""

    def parameter(self, name: str) -> str:
        """Return the parameter; raises `Refused` where it is not there."""
        found = self.parameters.get(name.lower(), "").strip()
        if not found:
            raise Refused(Reason.MISSING_PARAMETER, name=name)
        return found


HandleCall: TypeAlias = Callable[[Asked], Awaitable[Response]]
"""Answers a call; what it raises as `Refused` becomes `status: FAIL`."""
Calls: TypeAlias = Mapping[str, HandleCall]
"""By the name of the call, as it stands in the path: `getAgenciesList`."""
