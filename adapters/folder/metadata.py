"""The small TOML file beside a document: what a clerk says about it, with complaints that say the way out."""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from adapters.folder.complaint import Complaint, said
from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from hub.message.identifiers import AgencyCode, DocumentId
from hub.message.refusal import Sentence, presentable

_NUMBER: Final = re.compile(r"\s*(?P<number>[^/\s]+)\s*/\s*(?P<notation>\S.*?)\s*")
_PLACE: Final = re.compile(r"at line (?P<line>\d+), column (?P<column>\d+)")
_VALUE: Final = 80


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _number(value: object) -> object:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        msg = "number"
        raise ValueError(msg)
    return value


def _either(english: str, vietnamese: str) -> AliasChoices:
    return AliasChoices(english, vietnamese)


_Several = Annotated[tuple[str, ...], BeforeValidator(_several)]
_STRICT: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)


class Defaults(BaseModel):
    """What no file need say, since it is the same for most."""

    model_config = _STRICT

    sender: Annotated[str | None, Field(validation_alias=_either("from", "noi_gui"), min_length=1)] = None
    sender_name: Annotated[str | None, Field(validation_alias=_either("from_name", "ten_noi_gui"))] = None
    signer: Annotated[str | None, Field(validation_alias=_either("signer", "nguoi_ky"))] = None
    position: Annotated[str | None, Field(validation_alias=_either("position", "chuc_vu"))] = None
    place: Annotated[str, Field(validation_alias=_either("place", "dia_danh"))] = "Hà Nội"
    type_number: Annotated[int, Field(validation_alias=_either("type", "ma_loai"), ge=0)] = 2
    type_name: Annotated[str, Field(validation_alias=_either("type_name", "loai"))] = "Công văn"


class Metadata(BaseModel):
    """What the TOML file beside a document says; every key has an English and a Vietnamese name."""

    model_config = _STRICT

    recipients: Annotated[_Several, Field(validation_alias=_either("to", "noi_nhan"), min_length=1)]
    number: Annotated[str, BeforeValidator(_number), Field(validation_alias=_either("number", "so_ky_hieu"))]
    promulgated_on: Annotated[date, Field(validation_alias=_either("date", "ngay"))]
    subject: Annotated[str, Field(validation_alias=_either("subject", "trich_yeu"), min_length=1)]
    signer: Annotated[str | None, Field(validation_alias=_either("signer", "nguoi_ky"))] = None
    position: Annotated[str | None, Field(validation_alias=_either("position", "chuc_vu"))] = None
    sender: Annotated[str | None, Field(validation_alias=_either("from", "noi_gui"), min_length=1)] = None
    place: Annotated[str | None, Field(validation_alias=_either("place", "dia_danh"))] = None
    type_number: Annotated[int | None, Field(validation_alias=_either("type", "ma_loai"), ge=0)] = None
    type_name: Annotated[str | None, Field(validation_alias=_either("type_name", "loai"))] = None
    priority: Annotated[int, Field(validation_alias=_either("priority", "do_khan"), ge=0, le=4)] = 0
    due_on: Annotated[date | None, Field(validation_alias=_either("due", "han_xu_ly"))] = None
    content: Annotated[str | None, Field(validation_alias=_either("content", "noi_dung"))] = None
    document_id: Annotated[
        str | None, Field(validation_alias=_either("document_id", "ma_van_ban"), min_length=1)
    ] = None
    files: Annotated[_Several, Field(validation_alias=_either("files", "tep"))] = ()


KEYS: Final = MappingProxyType(
    {
        name: (str(field.validation_alias.choices[0]), str(field.validation_alias.choices[1]))
        for name, field in Metadata.model_fields.items()
        if isinstance(field.validation_alias, AliasChoices)
    }
)
"""The names of each key: the English one, the Vietnamese one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What a draft is made of beside what the clerk wrote."""

    defaults: Defaults
    mailbox: AgencyCode
    name: str
    """Of this drop, the same after a crash: the document's id is made from it where none is given."""
    at: datetime


def read_metadata(name: str, content: bytes) -> Metadata:
    """Read the TOML file *name*; raises `Complaint` with every fault, its line and the way out."""
    text = _text(name, content)
    try:
        return Metadata.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(name, str(error)) from error
    except ValidationError as error:
        raise Complaint(*(_fault(name, text, each) for each in error.errors())) from error


def draft_of(metadata: Metadata, attachments: Sequence[tuple[str, bytes]], making: Making) -> DocumentDraft:
    """Return the document; raises `Complaint` where nobody says who signed it."""
    defaults = making.defaults
    signer = metadata.signer or defaults.signer
    if signer is None:
        raise Complaint(_missing("signer"))
    sender = metadata.sender or defaults.sender or making.mailbox
    number = _NUMBER.fullmatch(metadata.number)
    assert number is not None  # noqa: S101 - the model has looked
    made_up = f"{sender},{metadata.promulgated_on:%Y/%m/%d},{making.name}"
    return DocumentDraft(
        sender=Party(code=sender, name=defaults.sender_name),
        recipients=tuple(Party(code=code) for code in metadata.recipients),
        document_id=DocumentId(metadata.document_id or made_up),
        code_number=number["number"],
        code_notation=number["notation"],
        promulgated_on=metadata.promulgated_on,
        subject=metadata.subject,
        signer=Signer(full_name=signer, position=metadata.position or defaults.position),
        at=making.at,
        attachments=tuple(AttachmentDraft(name=name, content=content) for name, content in attachments),
        place=metadata.place or defaults.place,
        type_number=defaults.type_number if metadata.type_number is None else metadata.type_number,
        type_name=metadata.type_name or defaults.type_name,
        content=metadata.content,
        due_on=metadata.due_on,
        priority=metadata.priority,
    )


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise said(
            f"{name} không ghi bằng UTF-8; hãy mở bằng Notepad, chọn Save As, Encoding: UTF-8.",
            f"{name} is not encoded in UTF-8; open it in Notepad, choose Save As, Encoding: UTF-8.",
        ) from error


def _not_toml(name: str, told: str) -> Complaint:
    place = _PLACE.search(told)
    where_vi, where_en = ("ở cuối tệp", "at its end")
    if place is not None:
        where_vi = f"dòng {place['line']}, cột {place['column']}"
        where_en = f"line {place['line']}, column {place['column']}"
    return said(
        f'{name}, {where_vi}: không đúng cú pháp; mỗi dòng là một mục, như: subject = "V/v …" '
        "(chữ trong ngoặc kép, ngày thì không).",
        f'{name}, {where_en}: not TOML ({told}); each line is one entry, as in subject = "…" '
        "(text in double quotes, dates without).",
    )


def _fault(name: str, text: str, error: ErrorDetails) -> Sentence:
    key = str(error["loc"][0]) if error["loc"] else "?"
    match error["type"]:
        case "missing":
            return _at(name, 0, _missing(key))
        case "extra_forbidden":
            return _at(name, _line_of(text, key), _unknown(key))
        case _:
            return _at(name, _line_of(text, key), _wrong(key, error["msg"]))


def _missing(key: str) -> Sentence:
    english, vietnamese = _names(key)
    example = _EXAMPLES.get(english, '"…"')
    return Sentence(
        f"thiếu mục {vietnamese} (hoặc {english}); hãy thêm dòng: {vietnamese} = {example}",
        f"{english} (or {vietnamese}) is missing; add the line: {english} = {example}",
    )


def _unknown(key: str) -> Sentence:
    known = [name for names in KEYS.values() for name in names]
    near = difflib.get_close_matches(key, known, n=1)
    shown = presentable(key, longest=_VALUE)
    if near:
        return Sentence(
            f"không có mục {shown}; có phải là {near[0]}?", f"there is no key {shown}; do you mean {near[0]}?"
        )
    return Sentence(
        f"không có mục {shown}; các mục: {', '.join(known)}",
        f"there is no key {shown}; keys: {', '.join(known)}",
    )


def _wrong(key: str, told: str) -> Sentence:
    english, _ = _names(key)
    example = _EXAMPLES.get(english, '"…"')
    return Sentence(
        f"mục {key} không đúng; hãy viết như: {key} = {example}",
        f"{key} is not right ({told}); write it like {key} = {example}",
    )


def _at(name: str, line: int, sentence: Sentence) -> Sentence:
    if not line:
        return Sentence(f"{name}: {sentence.vi}", f"{name}: {sentence.en}")
    return Sentence(f"{name}, dòng {line}: {sentence.vi}", f"{name}, line {line}: {sentence.en}")


def _names(key: str) -> tuple[str, str]:
    return next((names for names in KEYS.values() if key in names), (key, key))


def _line_of(text: str, key: str) -> int:
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((place for place, line in enumerate(text.split("\n"), 1) if pattern.match(line)), 0)


_EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "to": '["000.00.00.H14", "H41.05"]',
        "number": '"12/TB-VP"',
        "date": "2026-11-22",
        "subject": '"V/v báo cáo quý IV"',
        "signer": '"Trần Văn An"',
        "priority": "0",
        "due": "2026-12-31",
        "type": "2",
        "files": '["phu-luc.xlsx"]',
    }
)
