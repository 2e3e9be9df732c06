"""What must not be believed: each document is wrong in one way, and otherwise as good as any."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from adapters.kit.draft import Party
from adapters.kit.envelope import compose_document
from hub.commands.conforming.papers import Paper, a_draft, plain, signed
from hub.commands.conforming.place import NAMES, OWN, PARTNER, THIRD, Place
from hub.message.edxml import XMLDSIG_NAMESPACE, MessageKind
from hub.message.identifiers import AgencyCode, DocumentId
from hub.message.refusal import Sentence
from hub.signature import profile
from hub.signature.signing import SigningKey, sign_envelope, sign_octets

_SUBJECT: Final = "không có giá trị pháp lý".encode()
_FORGED: Final = "CÓ HIỆU LỰC THI HÀNH NGAY".encode()
_ROOT_END: Final = b"?>\n"
_DEPTH: Final = 2_000
_LAUGHS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """A delivery that the adapter must give back, or refuse with 02 and a reason."""

    body: bytes
    document_id: DocumentId
    sender: AgencyCode = PARTNER
    """Whom the axis names beside the bytes."""
    recipient: AgencyCode = OWN
    kind: MessageKind = MessageKind.DOCUMENT


Forge: TypeAlias = Callable[[Place], Forgery]


def _of(paper: Paper) -> Forgery:
    return Forgery(body=paper.body, document_id=paper.document_id)


def altered(place: Place) -> Forgery:
    """Return a document whose subject was changed after it was signed."""
    good = _of(plain(place))
    return replace(good, body=good.body.replace(_SUBJECT, _FORGED))


def broken_value(place: Place) -> Forgery:
    """Return one in whose signature value one octet is another."""
    good = _of(plain(place))
    root = etree.fromstring(good.body)
    value = root.find(f".//{{{XMLDSIG_NAMESPACE}}}SignatureValue")
    text = (value.text if value is not None else None) or ""
    wrong = ("B" if text[10] == "A" else "A").join((text[:10], text[11:]))
    return replace(good, body=good.body.replace(text.encode(), wrong.encode()))


def by_a_stranger(place: Place) -> Forgery:
    """Return one signed with the partner's name in a certificate of an authority that nobody knows."""
    draft = a_draft()
    return Forgery(body=sign_envelope(compose_document(draft), place.stranger), document_id=draft.document_id)


def expired(place: Place) -> Forgery:
    """Return one signed with a certificate of the right authority that ended a day ago."""
    draft, at = a_draft(), datetime.now(UTC).replace(microsecond=0)
    key = place.keys.authority.issue(
        agency_code=PARTNER,
        name=NAMES[PARTNER],
        at=at - timedelta(days=2),
        key_type="ec",
        lifetime=timedelta(days=1),
    )
    return Forgery(body=sign_envelope(compose_document(draft), key), document_id=draft.document_id)


def unsigned(_place: Place) -> Forgery:
    """Return one without a signature."""
    draft = a_draft()
    return Forgery(body=compose_document(draft), document_id=draft.document_id)


def partly_signed(place: Place) -> Forgery:
    """Return one whose true signature covers nothing but its trace of headers: the rest is anybody's."""
    draft = a_draft()
    body = _sign_part(compose_document(draft), "TraceHeaderList", place.key_of(PARTNER))
    return Forgery(body=body, document_id=draft.document_id)


def of_another_sender(place: Place) -> Forgery:
    """Return a true document of the partner's under the name of another sender."""
    return replace(_of(plain(place)), sender=THIRD)


def for_another(place: Place) -> Forgery:
    """Return a true document that is for others only."""
    others = (Party(code=THIRD, name=NAMES[THIRD]),)
    return _of(signed(place, replace(a_draft(), recipients=others)))


def of_another_kind(place: Place) -> Forgery:
    """Return a true document that the axis calls a status."""
    return replace(_of(plain(place)), kind=MessageKind.STATUS)


def with_external_entity(place: Place) -> Forgery:
    """Return one that asks for a file of the machine that reads it."""
    entity = b'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n'
    return _with_entity(place, entity)


def entity_bomb(place: Place) -> Forgery:
    """Return one that would grow to gigabytes where its entities were expanded."""
    laughs = [b'<!ENTITY a0 "haha">']
    laughs += [b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, _LAUGHS)]
    laughs.append(b'<!ENTITY x "&a%d;">' % (_LAUGHS - 1))
    return _with_entity(place, b"<!DOCTYPE e [" + b"".join(laughs) + b"]>\n")


def _with_entity(place: Place, declaration: bytes) -> Forgery:
    good = _of(plain(place))
    body = good.body.replace(_ROOT_END, _ROOT_END + declaration, 1)
    return replace(good, body=body.replace(_SUBJECT, b"&x;"))


def too_deep(_place: Place) -> Forgery:
    """Return one nested so deeply that whoever reads it by recursion ends there."""
    draft = a_draft()
    body = compose_document(draft)
    end = body.rindex(b"</")
    nest = b"<n>" * _DEPTH + b"</n>" * _DEPTH
    return Forgery(body=body[:end] + nest + body[end:], document_id=draft.document_id)


def cut_off(place: Place) -> Forgery:
    """Return the first half of one."""
    good = _of(plain(place))
    return replace(good, body=good.body[: len(good.body) // 2])


def no_xml(_place: Place) -> Forgery:
    """Return octets of chance."""
    return Forgery(body=hashlib.shake_256(b"no XML").digest(4_096), document_id=DocumentId("no XML"))


def _sign_part(body: bytes, name: str, key: SigningKey) -> bytes:
    """Sign the element *name* only, by its Id, in place of the whole envelope."""
    root = etree.fromstring(body)
    part, header = root.find(f".//{{*}}{name}"), root.find(".//{*}edXMLHeader")
    if part is None or header is None:
        raise ValueError(f"the document has no {name}")
    part.set("Id", "part")
    digest = hashlib.sha256(etree.tostring(part, method="c14n", exclusive=True)).digest()
    signature = etree.fromstring(
        f'<ds:Signature xmlns:ds="{XMLDSIG_NAMESPACE}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{profile.EXCLUSIVE_C14N}"/>'
        f'<ds:SignatureMethod Algorithm="{profile.RSA_SHA256}"/><ds:Reference URI="#part"><ds:Transforms>'
        f'<ds:Transform Algorithm="{profile.EXCLUSIVE_C14N}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{profile.SHA256}"/>'
        f"<ds:DigestValue>{b64encode(digest).decode()}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        "<ds:SignatureValue/><ds:KeyInfo><ds:X509Data>"
        + "".join(
            f"<ds:X509Certificate>{b64encode(each.public_bytes(Encoding.DER)).decode()}</ds:X509Certificate>"
            for each in (key.certificate, *key.chain)
        )
        + "</ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    header.append(signature)
    octets = etree.tostring(signature[0], method="c14n", exclusive=True)
    signature[1].text = b64encode(sign_octets(octets, key)).decode()
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


FORGERIES: Final[Mapping[str, tuple[Forge, Sentence]]] = MappingProxyType(
    {
        "altered": (altered, Sentence("bị sửa sau khi ký", "changed after it was signed")),
        "broken-signature": (broken_value, Sentence("giá trị chữ ký sai", "with a wrong signature value")),
        "stranger": (
            by_a_stranger,
            Sentence(
                "ký bằng chứng thư của một CA lạ, mang tên đơn vị gửi",
                "signed with a certificate of an unknown authority in the sender's name",
            ),
        ),
        "expired": (expired, Sentence("ký bằng chứng thư hết hạn", "signed with an expired certificate")),
        "unsigned": (unsigned, Sentence("không có chữ ký", "without a signature")),
        "partly-signed": (
            partly_signed,
            Sentence("chữ ký thật chỉ phủ một phần", "whose true signature covers a part only"),
        ),
        "other-sender": (
            of_another_sender,
            Sentence("dưới tên một đơn vị gửi khác", "under the name of another sender"),
        ),
        "other-recipient": (for_another, Sentence("gửi cho cơ quan khác", "that is for other agencies")),
        "other-kind": (of_another_kind, Sentence("bị gọi là trạng thái", "that is called a status")),
        "external-entity": (
            with_external_entity,
            Sentence("đòi đọc một tệp của máy nhận (XXE)", "that asks for a file of the reader's (XXE)"),
        ),
        "entity-bomb": (entity_bomb, Sentence("là bom thực thể XML", "that is an entity bomb")),
        "too-deep": (too_deep, Sentence("lồng quá sâu", "nested too deeply")),
        "cut-off": (cut_off, Sentence("bị cắt cụt", "that was cut off")),
        "no-xml": (no_xml, Sentence("không phải XML", "that is no XML")),
    }
)
"""By the last part of the scenario's name: how it is made, and what it is called."""
