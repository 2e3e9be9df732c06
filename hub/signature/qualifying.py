"""Takes the qualifying properties of a XAdES signature apart (ETSI EN 319 132-1, TS 101 903): BES and T.

What the axis has no use for (places, commitments, formats) may stand there and is not read; claimed roles are
read as short lines, for the trail; what would change the meaning of the signature (a policy, archive stamps,
validation data) is refused.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from lxml import etree

from hub.errors import RejectionCode, SignatureRejected
from hub.message.mandate_role import MAX_ROLES, bounded_role
from hub.message.receipt_xml import VIETNAM_TIME
from hub.message.refusal import Sentence, violation
from hub.signature import profile
from hub.signature.profile import ds, xades
from hub.signature.shape import algorithm, local, octets, refuse, unless_in

_RULE: Final = "ETSI EN 319 132-1 §4 and §5 as narrowed by decision 0003"
_UNREAD: Final = frozenset(map(xades, ("SignatureProductionPlace", "SignatureProductionPlaceV2")))
_ROLES: Final = (xades("SignerRole"), xades("SignerRoleV2"))
_UNREAD_OF_DATA: Final = frozenset(xades(name) for name in ("DataObjectFormat", "CommitmentTypeIndication"))
_NAMING_THE_SIGNER: Final = (xades("SigningCertificateV2"), xades("SigningCertificate"))
_IDS: Final = etree.XPath(
    "count(/descendant::*/@*[(local-name()='Id' or local-name()='ID' or local-name()='id') and . = $id])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StampElement:
    """A time stamp as it stands in a signature: the token, and how its subject is canonicalised."""

    token: bytes
    is_exclusive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """The properties that make a signature XAdES; whether they are what was signed is not known yet."""

    signed: etree._Element
    """`SignedProperties`, in its place."""
    digest_method: str
    certificate_digest: bytes
    """Of the certificate that the signer says it signed with."""
    claimed_at: datetime | None
    stamp: StampElement | None
    claimed_roles: tuple[str, ...]


def take_qualification(signature: etree._Element, path: str) -> Qualification:
    """Return the properties in the Object of *signature*; raises `SignatureRejected` for any other Object."""
    holder = signature[-1]
    if [child.tag for child in holder] != [xades("QualifyingProperties")]:
        what = ", ".join(local(child.tag) for child in holder) or "∅"
        reason = Sentence(f"Object chứa {what}", f"an Object with {what}")
        refuse(path, _RULE, reason, RejectionCode.CONTENT_NOT_COVERED)
    properties, path = holder[0], f"{path}/QualifyingProperties"
    if not signature.get("Id") or properties.get("Target") != f"#{signature.get('Id')}":
        reason = Sentence("Target không trỏ tới chữ ký này", "Target does not name this signature")
        refuse(path, "ETSI EN 319 132-1 §4.3.1: Target", reason)
    signed, *unsigned = _only(properties, path, xades("SignedProperties"), xades("UnsignedProperties"))
    _refuse_repeated_ids(signature, signed, path)
    own = _signed_signature_properties(signed, f"{path}/SignedProperties")
    method, digest = _named_certificate(own, f"{path}/SignedProperties/SignedSignatureProperties")
    return Qualification(
        signed=signed,
        digest_method=method,
        certificate_digest=digest,
        claimed_at=_claimed_at(own, path),
        stamp=_stamp(unsigned[0], f"{path}/UnsignedProperties") if unsigned else None,
        claimed_roles=_claimed_roles(own),
    )


def _only(parent: etree._Element, path: str, first: str, *optional: str) -> list[etree._Element]:
    """Return the children of *parent*: *first*, then at most one of each of *optional*, in their order."""
    found = list(parent)
    tags = [child.tag for child in found]
    if not tags or tags[0] != first or tags[1:] != [each for each in optional if each in tags[1:]]:
        got = ", ".join(map(local, tags)) or "∅"
        parent_name = local(parent.tag)
        refuse(path, _RULE, Sentence(f"{parent_name} chứa {got}", f"{parent_name} holds {got}"))
    return found


def _refuse_repeated_ids(signature: etree._Element, signed: etree._Element, path: str) -> None:
    """Refuse an Id that two elements share: what a reference means would depend on who looks for it."""
    key_info = signature[2]
    if not signed.get("Id"):
        refuse(path, _RULE, Sentence("SignedProperties không có Id", "SignedProperties has no Id"))
    for name in filter(None, (signature.get("Id"), signed.get("Id"), key_info.get("Id"))):
        if _IDS(signature, id=name) != 1.0:
            rule = "XML 1.0 §3.3.1: an ID is unique; ETSI EN 319 102-1 FORMAT_FAILURE"
            raise SignatureRejected([violation(RejectionCode.DUPLICATE_ID, path=path, rule=rule, id=name)])


def _signed_signature_properties(signed: etree._Element, path: str) -> etree._Element:
    own, *data = _only(signed, path, xades("SignedSignatureProperties"), xades("SignedDataObjectProperties"))
    admitted = {xades("SigningTime"), *_NAMING_THE_SIGNER, *_ROLES, *_UNREAD}
    _refuse_others(own, admitted, path)
    for each in data:
        _refuse_others(each, _UNREAD_OF_DATA, path)
    return own


def _refuse_others(parent: etree._Element, admitted: set[str] | frozenset[str], path: str) -> None:
    for child in parent:
        if child.tag not in admitted:
            name = local(child.tag)
            reason = Sentence(f"không chấp nhận thuộc tính {name}", f"the property {name} is not accepted")
            refuse(f"{path}/{local(parent.tag)}", _RULE, reason)


def _named_certificate(own: etree._Element, path: str) -> tuple[str, bytes]:
    """Return method and digest of the first certificate named: the signer's (EN 319 132-1 §5.2.2)."""
    named = [child for child in own if child.tag in _NAMING_THE_SIGNER]
    if len(named) != 1 or not len(named[0]) or len(named[0]) > profile.MAX_CERTIFICATES:
        reason = Sentence("cần đúng một SigningCertificateV2", "it needs exactly one SigningCertificateV2")
        refuse(path, "ETSI EN 319 132-1 §5.2.2: SigningCertificateV2", reason)
    path = f"{path}/{local(named[0].tag)}"
    digest = named[0][0].find(xades("CertDigest"))
    if digest is None or [child.tag for child in digest] != [ds("DigestMethod"), ds("DigestValue")]:
        refuse(path, _RULE, Sentence("CertDigest không đọc được", "CertDigest cannot be read"))
    faults = unless_in(profile.DIGEST_METHODS, digest[0], path, "XMLDSIG 1.1 §6.2")
    if faults:
        raise SignatureRejected(faults)
    return algorithm(digest[0]), octets(digest[1], path)


def _claimed_at(own: etree._Element, path: str) -> datetime | None:
    """Return the signing time that is claimed; without a zone it is Vietnam's."""
    found = own.findall(xades("SigningTime"))
    if not found:
        return None
    try:
        (only,) = found
        claimed = datetime.fromisoformat((only.text or "").strip())
    except ValueError:
        reason = Sentence("SigningTime không đọc được", "SigningTime cannot be read")
        refuse(path, "ETSI EN 319 132-1 §5.2.1: SigningTime", reason)
    return claimed if claimed.tzinfo is not None else claimed.replace(tzinfo=VIETNAM_TIME)


def _claimed_roles(own: etree._Element) -> tuple[str, ...]:
    """Return the first roles that the signer claims; certified ones are nobody's word that we could check."""
    holders = [roles for each in own if each.tag in _ROLES for roles in each.iterfind(xades("ClaimedRoles"))]
    found = islice((role for each in holders for role in each.iter(xades("ClaimedRole"))), MAX_ROLES)
    return tuple(line for role in found if (line := bounded_role(map(str, role.itertext()))))


def _stamp(unsigned: etree._Element, path: str) -> StampElement:
    """Return the one time stamp that XAdES-T adds; more properties than that are another level of XAdES."""
    (own,) = _only(unsigned, path, xades("UnsignedSignatureProperties"))
    (stamp,) = _only(own, path, xades("SignatureTimeStamp"))
    path, found = f"{path}/UnsignedSignatureProperties/SignatureTimeStamp", list(stamp)
    method = found.pop(0) if found and found[0].tag == ds("CanonicalizationMethod") else None
    if [child.tag for child in found] != [xades("EncapsulatedTimeStamp")]:
        refuse(path, _RULE, Sentence("cần đúng một dấu thời gian", "it needs exactly one token"))
    faults = [] if method is None else unless_in(profile.OWN_TRANSFORMS, method, path, "XMLDSIG 1.1 §6.5")
    if faults:
        raise SignatureRejected(faults)
    return StampElement(
        token=octets(found[0], path, longest=profile.MAX_STAMP_CHARACTERS),
        is_exclusive=method is not None and algorithm(method) == profile.EXCLUSIVE_C14N,
    )
