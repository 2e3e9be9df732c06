"""The schemas in force: a fast lane admits the usual, a judge decides the rest and gives reasons."""

import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from lxml import etree

from hub.errors import Violation

if TYPE_CHECKING:
    from hub.catalogue.judge import Judge

SCHEMAS: Final = Path(__file__).parents[2] / "schemas"
"""Where an editable install has them."""


class JudgeNeeded(Exception):
    """The fast lane does not admit a message, which says nothing about it yet."""


class Schemas(Protocol):
    """Tells what breaks the schema of edXML."""

    def violations(self, tree: etree._Element) -> tuple[Violation, ...]:
        """Return every violation in *tree*, a message without its signature."""
        ...


class Catalogue:
    """Tells what breaks the schema of edXML; safe to use from several threads.

    The fast lane's language is a subset of the judge's, so what the fast lane accepts is accepted.
    """

    def __init__(self, schemas: Path = SCHEMAS) -> None:
        """Take the schemas from the folder *schemas*; each is compiled when it is first needed."""
        self._folder = schemas / "edxml" / "2016"
        self._of_thread = threading.local()
        self._judging = threading.Lock()

    def violations(self, tree: etree._Element) -> tuple[Violation, ...]:
        """Return every violation of the schema in *tree*, a message without its signature.

        *tree* must have passed the parser: a schema hint in it would be followed.
        """
        return () if self.admits(tree) else self.judge(tree)

    def admits(self, tree: etree._Element) -> bool:
        """Whether the fast lane admits *tree*: where it does, the judge would."""
        return self._fast_lane.validate(tree)

    def judge(self, tree: etree._Element) -> tuple[Violation, ...]:
        """Return what the judge alone says of *tree*."""
        # One at a time: the judge is pure Python and gains nothing from a second thread.
        with self._judging:
            return self._judge.violations(tree)

    def warm(self) -> None:
        """Compile both schemas now, so that the first message that needs the judge does not wait for it."""
        self._fast_lane  # noqa: B018
        with self._judging:
            self._judge  # noqa: B018

    @property
    def _fast_lane(self) -> etree.XMLSchema:
        # One for each thread: lxml keeps the log of the running validation in the schema object.
        schema: etree.XMLSchema | None = getattr(self._of_thread, "schema", None)
        if schema is None:
            schema = etree.XMLSchema(etree.parse(self._folder / "fast.xsd"))
            self._of_thread.schema = schema
        return schema

    @cached_property
    def _judge(self) -> "Judge":
        # Imported here since a hub whose senders are all orderly never pays for it.
        from hub.catalogue.judge import Judge  # noqa: PLC0415

        return Judge(self._folder / "judge.xsd")


class FastLane:
    """`Schemas` without the judge, who may take a second for a message."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Admit what the fast lane of *catalogue* does."""
        self._catalogue = catalogue

    def violations(self, tree: etree._Element) -> tuple[Violation, ...]:
        """Return nothing where *tree* is admitted; raises `JudgeNeeded` where it is not."""
        if not self._catalogue.admits(tree):
            raise JudgeNeeded
        return ()
