"""Takes the references of a signature apart: the whole document, and with XAdES the signature's own parts."""

from dataclasses import dataclass
from typing import Final

from lxml import etree

from hub.errors import RejectionCode, SignatureRejected, Violation
from hub.message.refusal import Sentence, violation
from hub.signature import profile
from hub.signature.profile import ds
from hub.signature.qualifying import Qualification
from hub.signature.shape import algorithm, children, octets, refuse, unless_in

_URI_RULE: Final = "XMLDSIG 1.1 §4.4.3.1: URI='' means the whole document"
_METHODS: Final = 2
"""Children of SignedInfo before its references."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReference:
    """The digest of the whole document without its signature."""

    digest_method: str
    digest_value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReference:
    """The digest of a part of the signature itself, found by its place and not by its name."""

    element: etree._Element
    is_exclusive: bool
    """Exclusive canonical form; without transforms it is the inclusive one (XMLDSIG 1.1 §4.4.3.2)."""
    digest_method: str
    digest_value: bytes


def take_references(
    signature: etree._Element, path: str, qualification: Qualification | None
) -> tuple[DocumentReference, tuple[OwnReference, ...]]:
    """Return what *signature* covers; raises `SignatureRejected` for anything but the profile's references.

    A plain signature has one reference, to the document. With XAdES there is exactly one more to the signed
    properties, and may be one to the key.
    """
    signed_info, key_info = signature[0], signature[2]
    references = list(signed_info)[_METHODS:]
    if qualification is None or any(each.tag != ds("Reference") for each in references):
        children(signed_info, path, "CanonicalizationMethod", "SignatureMethod", "Reference")
    path = f"{path}/Reference"
    documents = [each for each in references if each.get("URI") == ""]
    others = [each for each in references if each.get("URI") != ""]
    targets = {} if qualification is None else _targets(qualification, key_info)
    for each in others:
        if each.get("URI") not in targets:
            _refuse_uri(each, path)
    _once(documents, others, path, qualification)
    own = tuple(_own(each, targets[each.get("URI", "")], path) for each in others)
    return _document(documents[0], path), own


def _targets(qualification: Qualification, key_info: etree._Element) -> dict[str, etree._Element]:
    targets = {f"#{qualification.signed.get('Id')}": qualification.signed}
    if key_info.get("Id"):
        targets.setdefault(f"#{key_info.get('Id')}", key_info)
    return targets


def _once(
    documents: list[etree._Element],
    others: list[etree._Element],
    path: str,
    qualification: Qualification | None,
) -> None:
    """Refuse references that are missing or repeated."""
    uris = [each.get("URI") for each in others]
    typed = [each for each in others if each.get("Type") == profile.SIGNED_PROPERTIES_TYPE]
    if len(documents) != 1 or len(set(uris)) != len(uris):
        reason = Sentence("cần đúng một Reference tới tài liệu", "it needs one reference to the document")
        refuse(path, _URI_RULE, reason)
    if qualification is None:
        return
    if [each.get("URI") for each in typed] != [f"#{qualification.signed.get('Id')}"]:
        reason = Sentence(
            "thiếu Reference tới SignedProperties",
            "there is no reference of the right Type to SignedProperties",
        )
        refuse(path, "ETSI EN 319 132-1 §4.4.2: Type of the reference to SignedProperties", reason)


def _document(reference: etree._Element, path: str) -> DocumentReference:
    transforms, digest, value = children(reference, path, "Transforms", "DigestMethod", "DigestValue")
    _admit(_transform_faults(transforms, profile.TRANSFORMS, path))
    if tuple(algorithm(step) for step in transforms) != profile.TRANSFORMS:
        rule = "decision 0003: enveloped-signature, then exclusive canonicalisation"
        reason = Sentence(
            "Transforms không phải enveloped-signature rồi exclusive C14N",
            "the transforms are not enveloped-signature, then exclusive C14N",
        )
        refuse(f"{path}/Transforms", rule, reason)
    for element in (digest, *transforms):
        children(element, path)
    return DocumentReference(
        digest_method=algorithm(digest), digest_value=octets(value, f"{path}/DigestValue")
    )


def _own(reference: etree._Element, target: etree._Element, path: str) -> OwnReference:
    has_transforms = len(reference) > 0 and reference[0].tag == ds("Transforms")
    names = ("DigestMethod", "DigestValue")
    *before, digest, value = children(reference, path, *(["Transforms"] * has_transforms), *names)
    steps = [step for transforms in before for step in transforms]
    _admit([fault for each in before for fault in _transform_faults(each, profile.OWN_TRANSFORMS, path)])
    if len(steps) > 1 or (before and not steps):
        reason = Sentence("cần đúng một phép chuẩn hóa", "one canonicalisation is enough")
        refuse(f"{path}/Transforms", "decision 0003: one canonicalisation", reason)
    for element in (digest, *steps):
        children(element, path)
    return OwnReference(
        element=target,
        is_exclusive=any(algorithm(step) == profile.EXCLUSIVE_C14N for step in steps),
        digest_method=algorithm(digest),
        digest_value=octets(value, f"{path}/DigestValue"),
    )


def _transform_faults(transforms: etree._Element, accepted: tuple[str, ...], path: str) -> list[Violation]:
    code, path = RejectionCode.FORBIDDEN_TRANSFORM, f"{path}/Transforms"
    return [
        fault for step in transforms for fault in unless_in(accepted, step, path, "XMLDSIG 1.1 §6.6", code)
    ]


def _admit(faults: list[Violation]) -> None:
    if faults:
        raise SignatureRejected(faults)


def _refuse_uri(reference: etree._Element, path: str) -> None:
    uri = reference.get("URI", "∅")
    rule = f"{_URI_RULE}; ETSI EN 319 102-1 FORMAT_FAILURE"
    raise SignatureRejected([violation(RejectionCode.FORBIDDEN_REFERENCE, path=path, rule=rule, uri=uri)])
