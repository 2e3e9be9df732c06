"""Pages from templates: whatever comes from outside is escaped, what a template names has to be there."""

import hashlib
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, partial
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.console.languages import Language, day, instant, number, translations
from hub.console.reasons import told
from hub.console.words import WORDS

STATIC: Final = "/static"
_COMMON_NAME: Final = re.compile(r"(?:^|[,+])CN=((?:\\.|[^,+\\])*)")
_ESCAPED: Final = re.compile(r"\\(.)")


class Templates:
    """The templates in each language."""

    def __init__(self) -> None:
        """Read nothing yet; a template is compiled when it is first used."""
        self._of = {language: _environment(language) for language in Language}

    def render(self, name: str, language: Language, values: dict[str, object]) -> str:
        """Return the page of the template called *name*."""
        return self._of[language].get_template(name).render(values)

    def say(self, language: Language) -> Callable[[str], str]:
        """Return what looks sentences up."""
        return _say(language)


@cache
def _say(language: Language) -> Callable[[str], str]:
    return translations(language).gettext


@cache
def static_address(name: str) -> str:
    """Return the address of a file that pages use; another content has another address."""
    octets = files("hub.console").joinpath("static", name).read_bytes()
    return f"{STATIC}/{name}?v={hashlib.sha256(octets).hexdigest()[:12]}"


def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("hub.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    spoken = translations(language)
    install = getattr(environment, "install_gettext_callables")  # noqa: B009 - the extension adds it
    install(spoken.gettext, spoken.ngettext, newstyle=True)
    environment.filters["instant"] = partial(_instant, language=language)
    environment.filters["day"] = partial(_day, language=language)
    environment.filters["reason"] = partial(told, say=spoken.gettext)
    environment.filters["word"] = partial(_word, say=spoken.gettext)
    environment.filters["common_name"] = common_name
    environment.filters["number"] = partial(number, language=language)
    environment.globals["static"] = static_address
    environment.globals["language"] = language.value
    return environment


def common_name(subject: str) -> str:
    """Return whom a certificate with *subject* (RFC 4514) names; all of it where it has no common name."""
    found = _COMMON_NAME.search(subject)
    return _ESCAPED.sub(r"\1", found[1]) if found is not None else subject


def _instant(at: datetime | None, *, language: Language) -> str:
    return instant(at, language)


def _day(on: date | None, *, language: Language) -> str:
    return day(on, language)


def _word(name: str, *, say: Callable[[str], str]) -> str:
    """Return what people call what the record calls *name*."""
    return say(WORDS[name]) if name in WORDS else name.rpartition(" ")[2]
