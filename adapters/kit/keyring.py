"""Which key signs for which agency: a mailbox may speak for many units."""

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from adapters.kit.error import UnfitDraft
from hub.message.edxml import XMLDSIG_NAMESPACE, MessageKind
from hub.message.edxml_elements import Field, is_status, message_header, outline, text
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import AgencyCode, AgencyKey, agency_key
from hub.signature.role_claim import RoleClaim
from hub.signature.signing import SigningKey, sign_envelope

_SIGNATURE = f"{{{XMLDSIG_NAMESPACE}}}Signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The mailbox's own key, which also signs for every unit without a key of its own."""

    own: SigningKey
    units: Mapping[AgencyKey, SigningKey] = field(default_factory=dict)

    def key_for(self, code: AgencyCode) -> SigningKey:
        """Return the key that signs what *code* sends."""
        return self.units.get(agency_key(code), self.own)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEnvelope:
    """An envelope as it will travel."""

    kind: MessageKind
    body: bytes


def seal(body: bytes, keys: KeyRing, claim: RoleClaim | None = None) -> SignedEnvelope:
    """Sign *body* with the key of its sender; one that is signed already stays as it is, byte for byte.

    A *claim* is signed with it: the signature then says under which mandate it was made (XAdES-BES).
    Raises `UnfitDraft` where *body* names no sender, `MalformedMessage` where it is no edXML.
    """
    root = _read(body)
    message = outline(root)
    kind = MessageKind.STATUS if is_status(message) else MessageKind.DOCUMENT
    if next(root.iter(_SIGNATURE), None) is not None:
        return SignedEnvelope(kind=kind, body=body)
    key = keys.key_for(sender_of(message))
    return SignedEnvelope(kind=kind, body=sign_envelope(body, key, claim=claim))


def _read(body: bytes) -> etree._Element:
    if b"<!DOCTYPE" in body:
        raise UnfitDraft("an edXML envelope has no document type declaration")
    try:
        return parse_hardened(body.removeprefix(BOM_UTF8))
    except etree.XMLSyntaxError as error:
        raise UnfitDraft(f"the draft is not well-formed XML: {error.msg}") from error


def sender_of(message: Field) -> AgencyCode:
    """Return whose document *message* is, exactly as the axis reads it; raises `UnfitDraft` where nobody's.

    Whoever looked at the sender before it came here, such as a gateway, read it in the same way: a second
    `From` somewhere else gets nobody another unit's signature.
    """
    code = text(message_header(message), "From", "OrganId")
    if not code:
        raise UnfitDraft("the draft names no sender in From/OrganId")
    return AgencyCode(code)
