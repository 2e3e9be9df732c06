"""What was dropped, as the signed envelope that travels."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.folder.complaint import complaint_of, said
from adapters.folder.metadata import Defaults, Making, draft_of, read_metadata
from adapters.folder.naming import safe_name
from adapters.folder.taken import TakenFile
from adapters.folder.tray import is_envelope
from adapters.kit.envelope import compose_document
from adapters.kit.error import UnfitDraft
from adapters.kit.keyring import KeyRing, SignedEnvelope, seal
from hub.errors import MessageRejected
from hub.message.edxml import DocumentHeader, Header
from hub.message.edxml_elements import outline
from hub.message.edxml_reading import find_header
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import AgencyCode, AgencyKey, DocumentId, MailboxName, agency_key
from hub.message.refusal import presentable

_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the settings give."""

    keys: KeyRing
    defaults: Defaults
    mailbox: MailboxName
    max_octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A signed envelope and what the books keep of it."""

    body: bytes
    title: str
    document_id: DocumentId
    sender: AgencyKey


def identity_of(files: Iterable[TakenFile]) -> str:
    """Return what tells one drop from another: the names and the contents of its files."""
    known = hashlib.sha256()
    for part in sorted(files, key=lambda each: os.fsencode(each.name)):
        name = os.fsencode(part.name)
        known.update(len(name).to_bytes(4, "big") + name + part.digest)
    return known.hexdigest()


def compose(files: Sequence[tuple[str, bytes]], sources: Sources, *, name: str, at: datetime) -> Composed:
    """Return the envelope of a drop whose leader comes first; raises `Complaint` where it cannot be one."""
    leader, content = files[0]
    try:
        body = content if is_envelope(leader) else _enclosed(files, sources, name, at)
        sealed = seal(body, sources.keys)
        header = find_header(outline(parse_hardened(sealed.body)))
    except MessageRejected as rejection:
        raise complaint_of(rejection) from rejection
    except (UnfitDraft, ValueError) as error:
        raise said(
            f"{safe_name(leader)} không thành văn bản edXML được ({error}); hãy kiểm tra nội dung tệp.",
            f"{safe_name(leader)} makes no edXML document: {error}; check what the file says.",
        ) from error
    _check_size(sealed, sources.max_octets)
    return _composed(sealed, header, fallback=safe_name(leader))


def _enclosed(files: Sequence[tuple[str, bytes]], sources: Sources, name: str, at: datetime) -> bytes:
    leader, content = files[0]
    making = Making(defaults=sources.defaults, mailbox=AgencyCode(sources.mailbox), name=name, at=at)
    attachments = [(safe_name(each), octets) for each, octets in files[1:]]
    return compose_document(draft_of(read_metadata(safe_name(leader), content), attachments, making))


def _check_size(sealed: SignedEnvelope, limit: int) -> None:
    if len(sealed.body) > limit:
        raise said(
            f"văn bản dài {len(sealed.body)} byte sau khi ký, vượt giới hạn {limit}; hãy giảm dung lượng.",
            f"the signed document has {len(sealed.body)} bytes, more than {limit}; make the files smaller.",
        )


def _composed(sealed: SignedEnvelope, header: Header | None, *, fallback: str) -> Composed:
    if header is None:  # the axis says what is wrong with it
        return Composed(body=sealed.body, title=fallback, document_id=DocumentId(""), sender=AgencyKey(""))
    title = fallback
    if isinstance(header, DocumentHeader):
        title = f"{header.code_number}/{header.code_notation} · {header.subject}"
    return Composed(
        body=sealed.body,
        title=presentable(title, longest=_LONGEST_TITLE),
        document_id=header.document_id,
        sender=agency_key(header.sender),
    )
