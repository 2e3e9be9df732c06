"""What is wrong with a settings file, for people: where, and the way out, in Vietnamese and English."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from hub.errors import ConfigurationError

T = TypeVar("T")

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "thiếu mục này / this is missing",
        "extra_forbidden": "không có mục nào tên như vậy / there is no such key",
        "string_type": "phải là chuỗi trong dấu ngoặc kép / has to be text in quotes",
        "path_type": "phải là đường dẫn trong dấu ngoặc kép / has to be a path in quotes",
        "int_type": "phải là số nguyên / has to be a whole number",
        "int_parsing": "phải là số nguyên / has to be a whole number",
        "int_from_float": "phải là số nguyên / has to be a whole number",
        "float_type": "phải là số / has to be a number",
        "float_parsing": "phải là số / has to be a number",
        "bool_type": "phải là true hoặc false / has to be true or false",
        "bool_parsing": "phải là true hoặc false / has to be true or false",
        "list_type": "phải là danh sách trong [ ] / has to be a list in [ ]",
        "tuple_type": "phải là danh sách trong [ ] / has to be a list in [ ]",
        "dict_type": "phải là một bảng / has to be a table",
        "model_type": "phải là một bảng / has to be a table",
        "enum": "phải là một trong {expected} / has to be one of {expected}",
        "literal_error": "phải là một trong {expected} / has to be one of {expected}",
        "greater_than": "phải lớn hơn {gt} / has to be more than {gt}",
        "greater_than_equal": "ít nhất là {ge} / has to be at least {ge}",
        "less_than": "phải nhỏ hơn {lt} / has to be less than {lt}",
        "less_than_equal": "nhiều nhất là {le} / has to be at most {le}",
        "string_pattern_mismatch": "phải có dạng {pattern} / has to have the form {pattern}",
        "string_too_short": "ít nhất {min_length} ký tự / at least {min_length} characters",
        "string_too_long": "nhiều nhất {max_length} ký tự / at most {max_length} characters",
        "too_short": "ít nhất {min_length} mục / at least {min_length} of them",
        "too_long": "nhiều nhất {max_length} mục / at most {max_length} of them",
    }
)
"""By the kinds of pydantic; the value itself is never shown, it may be a secret."""


def complaints_of(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each thing that is wrong with a table read as *model*."""
    return [
        f"{_place(each['loc'])}{_said(each['type'], each['msg'], each.get('ctx', {}))}"
        f"{_meant(each['type'], each['loc'], model)}"
        for each in error.errors(include_url=False, include_input=False)
    ]


def refused(complaints: Sequence[str]) -> ConfigurationError:
    """Return the error that says all *complaints*, of which there is at least one."""
    return ConfigurationError("\n  ".join(complaints))


def or_complain(make: Callable[[], T], complaints: list[str]) -> T | None:
    """Return what *make* makes; where it raises `ConfigurationError`, that goes to the others."""
    try:
        return make()
    except ConfigurationError as error:
        complaints.append(str(error))
        return None


def _place(places: tuple[int | str, ...]) -> str:
    written = "".join(f"[{each + 1}]" if isinstance(each, int) else f".{each}" for each in places)
    return f"{written.removeprefix('.')}: " if written else ""


def _said(kind: str, message: str, context: Mapping[str, object]) -> str:
    if kind == "value_error":  # a validator of ours wrote it in both languages
        return message.removeprefix("Value error, ")
    is_secret = kind == "too_short" and context.get("field_type") == "Value"  # it shows no length of its own
    words = _WORDS.get("string_too_short" if is_secret else kind)
    return f"không hợp lệ / {message}" if words is None else words.format_map(context)


def _meant(kind: str, places: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """Return the key that was probably meant, of a table that is not inside another."""
    if kind != "extra_forbidden" or len(places) != 1:
        return ""
    near = get_close_matches(str(places[0]), model.model_fields, n=1)
    return f"; có phải là / do you mean {near[0]}?" if near else ""
