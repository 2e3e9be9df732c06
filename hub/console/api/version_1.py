"""Version 1 of the REST API: what it says about itself, and who asks."""

from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hub.console.access import API_PREFIX, Seeing
from hub.operations.rights import Role

PREFIX: Final = f"{API_PREFIX}v1"
router = APIRouter(prefix=PREFIX, tags=["axis"])


class Me(BaseModel):
    """The account that asks."""

    model_config = ConfigDict(frozen=True)

    login: str
    name: str
    role: Role
    agencies: list[str] | None = Field(
        description="Those that it is limited to, with all below; null for all."
    )


@router.get("/me")
async def show_me(visit: Seeing) -> Me:
    """Return who asks, and what they may see."""
    account = visit.account
    return Me(
        login=account.login,
        name=account.display_name,
        role=account.role,
        agencies=list(account.visible_to) if account.visible_to is not None else None,
    )
