"""Two languages: what templates say is English and looked up; the Vietnamese catalogue is read at start."""

import io
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from gettext import NullTranslations
from importlib.resources import files
from typing import Final

from babel.dates import format_date, format_datetime
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

VIETNAM: Final = timezone(timedelta(hours=7))


class Language(StrEnum):
    """What the console speaks."""

    VIETNAMESE = "vi"
    ENGLISH = "en"


DEFAULT: Final = Language.VIETNAMESE


def msgid(text: str) -> str:
    """Mark *text* as one that pages look up; it stays as it is here."""
    return text


def catalogue() -> Catalog:
    """Read the Vietnamese catalogue, in which every sentence of the pages has its place."""
    text = files("hub.console").joinpath("locale", "vi.po").read_bytes()
    return read_po(io.BytesIO(text), locale="vi", charset="utf-8", abort_invalid=True)


def translations(language: Language) -> NullTranslations:
    """Return what turns the English of templates into *language*."""
    if language is Language.ENGLISH:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue())
    compiled.seek(0)
    return Translations(compiled)


def language_of(name: str | None) -> Language:
    """Return the language called *name*; Vietnamese where there is none of that name."""
    try:
        return Language(name or "")
    except ValueError:
        return DEFAULT


def instant(at: datetime | None, language: Language) -> str:
    """Write *at* in Vietnam time, to the second."""
    if at is None:
        return ""
    pattern = "dd/MM/yyyy HH:mm:ss" if language is Language.VIETNAMESE else "d MMM yyyy HH:mm:ss"
    return format_datetime(at.astimezone(VIETNAM), pattern, locale=language.value)


def day(on: date | None, language: Language) -> str:
    """Write the day *on*, which has no hour."""
    if on is None:
        return ""
    return format_date(
        on, "dd/MM/yyyy" if language is Language.VIETNAMESE else "d MMM yyyy", locale=language.value
    )


def number(value: float, language: Language) -> str:
    """Write *value* with the separators of *language*."""
    return format_decimal(value, locale=language.value)
