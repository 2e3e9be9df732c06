"""Writes `docs/reference/settings.md` from the code: `python -m tests.support.settings_page`."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hub import settings
from hub.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
HEAD = """# Settings

From the environment (`HUB_` and the name in capitals) over one TOML file (`truc … --settings FILE`).
All complaints come at once, and no value is repeated in them. Durations are ISO 8601 (`PT10S`) or seconds.

This page is written by `python -m tests.support.settings_page`; a test holds it to the code.

| setting | default | meaning |
| --- | --- | --- |
"""


def page() -> str:
    notes = _notes()
    rows = [_row(name, field, notes.get(name, "")) for name, field in Settings.model_fields.items()]
    return HEAD + "".join(rows)


def _row(name: str, field: FieldInfo, note: str) -> str:
    return f"| `{name}` | {_default(field)} | {note} |\n"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required, secret" if field.annotation is SecretStr else "required"
    if field.default is None:
        return "–"
    if isinstance(field.default, tuple):
        return ", ".join(f"`{each}`" for each in field.default) or "–"
    return f"`{field.default}`"


def _notes() -> dict[str, str]:
    """Return the sentence below each setting, which Python itself does not keep."""
    tree = ast.parse(inspect.getsource(settings))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    notes = {}
    for before, after in pairwise(body):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            note = getattr(getattr(after, "value", None), "value", None)
            if isinstance(after, ast.Expr) and isinstance(note, str):
                notes[before.target.id] = " ".join(note.split())
    return notes


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
