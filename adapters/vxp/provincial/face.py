"""What the calls of the provincial face work with."""

from dataclasses import dataclass

from fastapi import Request

from adapters.vxp.applications.desk import ApplicationDesk
from adapters.vxp.catalogue.catalogue import Catalogue
from adapters.vxp.gateway import Gateway
from adapters.vxp.provincial.entrance import Entrance


@dataclass(frozen=True, slots=True, kw_only=True)
class Provincial:
    """The gateway, the door, and what is known of agencies; None where there is no catalogue."""

    gateway: Gateway
    entrance: Entrance
    catalogue: Catalogue | None
    applications: ApplicationDesk | None
    list_at_most: int


def face_of(request: Request) -> Provincial:
    """Return what the application was made of."""
    face: object = request.app.state.face
    if not isinstance(face, Provincial):
        raise TypeError("the application was made without its face")
    return face
