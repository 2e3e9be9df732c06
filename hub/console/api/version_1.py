"""Version 1 of the REST API: who asks, and what every route may answer with."""

from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hub.console.access import API_PREFIX, Seeing
from hub.console.problems import MEDIA_TYPE, Problem
from hub.operations.rights import Role

PREFIX: Final = f"{API_PREFIX}v1"
SCHEMA: Final = {"$ref": "#/components/schemas/ProblemDetails"}


def _described(status: int) -> str:
    return "; ".join(sorted(each.value.title for each in Problem if each.value.status == status))


PROBLEMS: Final[dict[int | str, dict[str, object]]] = {
    status: {"description": _described(status), "content": {MEDIA_TYPE: {"schema": SCHEMA}}}
    for status in sorted({each.value.status for each in Problem})
}
"""Every problem that any route may tell."""
router = APIRouter(prefix=PREFIX, tags=["axis"], responses=PROBLEMS)


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
