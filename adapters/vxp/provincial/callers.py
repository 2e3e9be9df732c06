"""Who calls: a user by its token, and the system that it works for by that one's name and secret."""

import hmac
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from fastapi import Depends, Request

from adapters.vxp.provincial.face import Provincial, face_of
from adapters.vxp.provincial.problems import NotLoggedIn
from adapters.vxp.provincial.settings import User
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import Face, System, Systems

_NOBODY: Final = "a secret that no system has"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who may call."""

    user: User
    system: System
    face: Provincial


async def calling(request: Request) -> Caller:
    """Find out who calls, and let one call of the system pass.

    Raises `NotLoggedIn`, or `Refused` where the system is not who it says, or not the user's.
    """
    face = face_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotLoggedIn
    user = face.entrance.known(token.strip())
    said = (request.headers.get("x-systemid", ""), request.headers.get("x-secretkey", ""))
    system = _system(face.gateway.systems, *said)
    if system.systemid not in user.systems:
        raise Refused(Reason.WRONG_CREDENTIALS)
    face.gateway.admit(system, Face.PROVINCIAL)
    return Caller(user=user, system=system, face=face)


Calling: TypeAlias = Annotated[Caller, Depends(calling)]


def _system(systems: Systems, systemid: str, secret: str) -> System:
    found = systems.find(systemid)
    expected = found.secret if found is not None else _NOBODY
    is_right = hmac.compare_digest(expected.encode(), secret.encode())
    if found is None or not is_right:
        raise Refused(Reason.WRONG_CREDENTIALS)
    return found
