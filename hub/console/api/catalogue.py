"""The catalogue of agencies, for whoever keeps a copy of it."""

from datetime import datetime
from typing import Annotated, Final, TypeAlias

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import Field

from hub.console.access import Seeing
from hub.console.api.shapes import Resource
from hub.console.api.version_1 import PREFIX, PROBLEMS
from hub.console.asked import LARGEST_NUMBER, MaybeText
from hub.message.identifiers import agency_key
from hub.operations.agency_catalogue import read_page

router = APIRouter(prefix=PREFIX, tags=["catalogue"], responses=PROBLEMS)
LARGEST_PAGE: Final = 5000
UNCHANGED: Final[dict[int | str, dict[str, object]]] = {
    304: {"description": "The catalogue is still that of the ETag in If-None-Match."}
}
Version: TypeAlias = Annotated[
    int, Query(ge=0, le=LARGEST_NUMBER, description="Only what has changed since this version.")
]
Known: TypeAlias = Annotated[str | None, Header(description="The ETag of an earlier answer.")]


class Entry(Resource):
    """An agency, open or closed; closed ones stay, so that copies learn of it."""

    number: int = Field(description="Its own for good.")
    key: str = Field(description="The canonical form of its code; two forms of one code have one key.")
    code: str = Field(description="As the registry writes it.")
    name: str
    level: int
    parent: str | None = Field(description="The key of the agency above it.")
    closed_at: datetime | None
    successor: str | None = Field(description="The key of the agency that follows a closed one.")
    version: int = Field(description="That of the catalogue with which the entry last changed.")
    changed_at: datetime


class Page(Resource):
    """Some of the catalogue in the order of keys, as it was at one instant."""

    version: int = Field(description="That of the whole catalogue; what changes later has a higher one.")
    agencies: list[Entry]
    next_after: str | None = Field(description="Ask with `after` for the next page; null at the end.")


@router.get("/catalogue", response_model=Page, responses=UNCHANGED)
async def show_catalogue(
    visit: Seeing,
    response: Response,
    after: Annotated[MaybeText, Query(description="The code behind which to read.")] = None,
    since: Version = 0,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = LARGEST_PAGE,
    if_none_match: Known = None,
) -> Page | Response:
    """Return agencies, open and closed, to every account: whoever sends has to know them.

    Who keeps a copy reads all pages once, then what has changed `since` the version of the first of them,
    until that is a single page: the copy then is the catalogue of that page's version.
    """
    behind = agency_key(after) if after else None
    page = await read_page(visit.console.database, after=behind, since=since, limit=limit)
    tag = f'"{page.version}"'
    if if_none_match == tag:
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return Page(
        version=page.version,
        agencies=[Entry.model_validate(each) for each in page.entries],
        next_after=page.entries[-1].key if len(page.entries) == limit else None,
    )
