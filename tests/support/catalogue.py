"""Every sentence that the console's templates and modules look up: `python -m tests.support.catalogue`.

Prints what has no place in hub/console/locale/vi.po yet, as entries to be filled.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir

CONSOLE = Path(__file__).parents[2] / "hub" / "console"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "msgid": None}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}


def sentences() -> dict[str, tuple[str, str | None]]:
    """Return each sentence with where it stands first, and its plural where it has one."""
    found: dict[str, tuple[str, str | None]] = {}
    for place, sentence, plural in _extracted():
        found.setdefault(sentence, (place, plural))
    return found


def _extracted() -> Iterator[tuple[str, str, str | None]]:
    for name, line, message, _, _ in extract_from_dir(
        CONSOLE, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS
    ):
        forms = (message,) if isinstance(message, str) else tuple(message)
        yield f"{name}:{line}", forms[0], forms[1] if len(forms) > 1 else None


if __name__ == "__main__":
    from hub.console.languages import catalogue

    known = catalogue()
    for each, (where, many) in sentences().items():
        if each not in known:
            quoted = each.replace("\\", "\\\\").replace('"', '\\"')
            plural = (many or "").replace("\\", "\\\\").replace('"', '\\"')
            target = f'msgid_plural "{plural}"\nmsgstr[0] ""' if many else 'msgstr ""'
            sys.stdout.write(f'#: {where}\nmsgid "{quoted}"\n{target}\n\n')
