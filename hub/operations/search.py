"""Finding documents by what they say, as soon as they are indexed."""

from dataclasses import dataclass
from typing import Final

from hub.backends.postgres import searching
from hub.backends.postgres.pool import Database
from hub.backends.postgres.searching import DocumentFilter, FoundDocument
from hub.errors import OperationRefused, StatementTooSlow
from hub.message.identifiers import MessageId
from hub.message.search_terms import folded_words

TOO_WIDE: Final = "this search takes too long: narrow it by a word, a sender, a recipient or days"
MOST: Final = 200
"""Documents of one page, whoever asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of what was found, the newest first."""

    documents: tuple[FoundDocument, ...]
    next_older_than: MessageId | None
    """Where the next page begins; None where nothing is left."""


async def search(
    database: Database, wanted: DocumentFilter, *, older_than: MessageId | None = None, limit: int = 50
) -> Page:
    """Return a page of the documents that *wanted* describes.

    Documents are found by their words some seconds after they are accepted (`SearchIndexer`); by their exact
    names, at once, elsewhere (`hub.operations.document.find`). Raises `OperationRefused` where more than
    `MOST` are asked for.
    """
    if not 1 <= limit <= MOST:
        raise OperationRefused(f"a page has 1 to {MOST} documents, not {limit}")
    if (wanted.text or "").strip() and not folded_words(wanted.text or ""):
        return Page(documents=(), next_older_than=None)
    try:
        found = await searching.find_documents(database, wanted, older_than=older_than, limit=limit + 1)
    except StatementTooSlow as slow:
        raise OperationRefused(TOO_WIDE) from slow
    shown = found[:limit]
    return Page(documents=shown, next_older_than=shown[-1].message_id if len(found) > limit else None)
