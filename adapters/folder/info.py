"""`info.toml`: what the header of a document says, for whoever reads the folder by program."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from adapters.folder.naming import SafeName
from adapters.kit.delivery import Delivery, ReceivedAttachment

Value: TypeAlias = str | int | bool | date | datetime | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """An attachment and what it is called on the disk."""

    attachment: ReceivedAttachment
    safe: SafeName


def info_text(delivery: Delivery, files: Iterable[Unpacked], at: datetime) -> str:
    """Return the header of *delivery* and its files as TOML."""
    header, mandate = delivery.header, delivery.signature.mandate
    values: dict[str, Value | None] = {
        "delivery_id": str(delivery.delivery_id),
        "received_at": at,
        "sender": header.sender,
        "recipient": delivery.recipient,
        "recipients": header.recipients,
        "document_id": header.document_id,
        "number": f"{header.code_number}/{header.code_notation}",
        "date": header.promulgated_on,
        "subject": header.subject,
        "business": header.business_type.name.lower(),
        "priority": header.priority,
        "due": header.due_on,
        "affects": header.affects,
        "signed_under_mandate_for": None if mandate is None else mandate.system,
    }
    tables = [_table("files", _file(each)) for each in files]
    return "\n".join([*_lines(values), "", *tables])


def _file(each: Unpacked) -> Mapping[str, Value | None]:
    warning = each.safe.warning
    return {
        "name": each.safe.name,
        "sent_as": each.attachment.name,
        "type": each.attachment.content_type,
        "octets": each.attachment.octets,
        "warning": None if warning is None else f"{warning.vi} / {warning.en}",
    }


def _table(name: str, values: Mapping[str, Value | None]) -> str:
    return "\n".join([f"[[{name}]]", *_lines(values), ""])


def _lines(values: Mapping[str, Value | None]) -> list[str]:
    return [f"{key} = {written(value)}" for key, value in values.items() if value is not None]


def written(value: Value) -> str:
    """Return *value* as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _string(value)
        case date():
            return value.isoformat()
        case _:
            return f"[{', '.join(_string(each) for each in value)}]"


def _string(text: str) -> str:
    """Write *text* as a basic string: JSON escapes as TOML does, but for DEL."""
    sound = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(sound, ensure_ascii=False).replace("\x7f", "\\u007f")
