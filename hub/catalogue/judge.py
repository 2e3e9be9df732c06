"""The judge: XSD 1.1, every violation with its path and a sentence that a developer can act on."""

import gc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import xmlschema
from lxml import etree
from lxml.etree import _Attrib, _Element
from xmlschema.validators import (
    XMLSchemaChildrenValidationError,
    XMLSchemaValidationError,
    XsdAssert,
    XsdAttributeGroup,
    XsdComponent,
    XsdFacet,
    XsdGroup,
    XsdPatternFacets,
)

from hub.errors import RejectionCode, Violation
from hub.message.edxml import EDXML_NAMESPACE
from hub.message.refusal import presentable, violation
from hub.message.xml_path import path_of

_MOST_VIOLATIONS: Final = 100
"""A list that a person can work through; whoever breaks more rules has broken them by one mistake."""
_FORGETS_EVERY: Final = 4
"""Messages; beside four judgements it is not to be measured."""
_LONGEST_VALUE: Final = 40
_TEXT: Final = frozenset({"NonEmptyLine", "NonEmptyParagraph"})
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_RULES: Final = "schemas/edxml/2016/judge.xsd"


class _Reason(NamedTuple):
    vi: str
    en: str
    rule: str


class Judge:
    """Decides by XSD 1.1 whether a message has the structure of QCVN 102:2016."""

    def __init__(self, schema: Path) -> None:
        """Compile *schema*, which takes a fifth of a second."""
        self._schema = xmlschema.XMLSchema11(schema, allow="local", defuse="never")
        self._judged = 0

    def violations(self, tree: etree._Element) -> tuple[Violation, ...]:
        """Return the violations in *tree* in its order, up to a number that one can work through."""
        try:
            return tuple(islice(self._violations(tree), _MOST_VIOLATIONS))
        finally:
            self._judged += 1
            if self._judged % _FORGETS_EVERY == 0:
                self._forget()

    def _forget(self) -> None:
        """Let go of what the library keeps of the messages themselves.

        It remembers for good what it found out about each name that it met, whoever made it up; and it leaves
        each message in a cycle of nodes, which by itself goes after fifty thousand objects: thirty messages,
        of whatever size.
        """
        self._schema.maps.cache.clear()
        gc.collect(1)

    def _violations(self, tree: etree._Element) -> Iterator[Violation]:
        for error in self._schema.iter_errors(tree, use_location_hints=False):
            reason = _reason(error)
            yield violation(
                RejectionCode.SCHEMA_VIOLATION,
                path=_path(error, tree),
                rule=reason.rule,
                reason_vi=reason.vi,
                reason_en=reason.en,
            )


def _path(error: XMLSchemaValidationError, tree: etree._Element) -> str:
    place: object = error.invalid_child if error.invalid_child is not None else error.elem
    return path_of(place if isinstance(place, _Element) else tree)


def _reason(error: XMLSchemaValidationError) -> _Reason:
    match error.validator:
        case XsdAssert() as assertion:
            return _documented(assertion, _rule(assertion.elem.get("id")), vi="", en="")
        case XsdFacet() as facet:
            return _wrong_value(facet, error.obj)
        case XsdAttributeGroup() as attributes:
            return _wrong_attribute(attributes, error.obj)
        case XsdGroup() as group if isinstance(error, XMLSchemaChildrenValidationError):
            return _wrong_child(error, group)
        case _:
            return _Reason(
                "nội dung không đúng kiểu của phần tử này.",
                "the content is not of this element's type.",
                _RULES,
            )


def _wrong_child(error: XMLSchemaChildrenValidationError, group: XsdGroup) -> _Reason:
    rule = _rule(group.parent.local_name if group.parent is not None else None)
    if error.invalid_tag is None:
        missing = ", ".join(sorted({_local(tag) for tag in error.expected_tags})) or "?"
        return _Reason(f"thiếu phần tử {missing}.", f"the element {missing} is missing.", rule)
    name = etree.QName(error.invalid_tag)
    shown = presentable(name.localname, longest=_LONGEST_VALUE)
    if name.namespace != EDXML_NAMESPACE:
        return _Reason(
            f"phần tử {shown} không thuộc không gian tên của QCVN 102:2016.",
            f"the element {shown} is not in the namespace of QCVN 102:2016.",
            rule,
        )
    if any(known.name == error.invalid_tag for known in group.iter_elements()):
        return _Reason(
            f"phần tử {shown} đứng sai chỗ hoặc lặp lại quá số lần cho phép.",
            f"the element {shown} is in the wrong place or repeated too often.",
            rule,
        )
    return _Reason(f"không có phần tử {shown} ở đây.", f"there is no element {shown} here.", rule)


def _wrong_attribute(attributes: XsdAttributeGroup, given: object) -> _Reason:
    names = [str(name) for name in given] if isinstance(given, _Attrib) else []
    unknown = presentable(", ".join(_local(name) for name in names), longest=_LONGEST_VALUE)
    return _Reason(
        f"thuộc tính không được phép ở đây ({unknown}).",
        f"an attribute that is not allowed here ({unknown}).",
        _rule(attributes.parent.local_name if attributes.parent is not None else None),
    )


def _wrong_value(facet: XsdFacet, given: object) -> _Reason:
    kind = facet.parent
    rule = _rule(kind.local_name if kind is not None else None)
    # Only codes, numbers and dates are shown; text that is too long stays unsaid, since it is content.
    shown = ""
    is_code = isinstance(facet, XsdPatternFacets) and kind is not None and kind.local_name not in _TEXT
    if is_code and isinstance(given, str):
        shown = f" “{presentable(given, longest=_LONGEST_VALUE)}”"
    prefix = (f"giá trị{shown} không hợp lệ; cần ", f"the value{shown} is not valid; expected: ")
    return _documented(kind, rule, vi=prefix[0], en=prefix[1])


def _documented(component: XsdComponent | None, rule: str, *, vi: str, en: str) -> _Reason:
    """Let the schema speak: its documentation of *component* is the sentence."""
    said = {"vi": "", "en": ""}
    if component is not None and component.annotation is not None:
        for documentation in component.annotation.documentation:
            said[documentation.get(_LANGUAGE, "en")] = " ".join((documentation.text or "").split())
    return _Reason(f"{vi}{said['vi']}.", f"{en}{said['en']}.", rule)


def _rule(name: str | None) -> str:
    return f"{_RULES}#{name}" if name else _RULES


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2]
