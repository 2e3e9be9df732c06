"""Takes a signature apart, exactly as the profile wants it, before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final

from lxml import etree

from hub.errors import RejectionCode, SignatureRejected
from hub.message.edxml import EDXML_NAMESPACE, XMLDSIG_NAMESPACE
from hub.message.refusal import Sentence, violation
from hub.signature import profile
from hub.signature.known_shapes import KNOWN_SHAPES, LONGEST_SHAPE, KnownShapes, Places, shape_of
from hub.signature.profile import SIGNATURE, Location, ds
from hub.signature.qualifying import Qualification, take_qualification
from hub.signature.references import DocumentReference, OwnReference, take_references
from hub.signature.shape import algorithm, children, local, octets, octets_again, refuse, unless_in

_LIMIT: Final = profile.MAX_NAMESPACE_CHARACTERS
_COMMENT: Final = "boolean(/*/descendant::comment())"
_INSTRUCTION_OUTSIDE: Final = "boolean(/processing-instruction())"
# Looking at every namespace name is slow, so elements are counted first: most messages know but these two.
# An ampersand in one: libxml2 writes it as it is, which is no canonical form (C14N 1.0 §2.3) and no XML.
_UNFIT: Final = f"[string-length(namespace-uri()) > {_LIMIT} or contains(namespace-uri(), '&')]"
_ALL, _OURS, _THEIRS = (f"count(/descendant::{each})" for each in ("*", "edxml:*", "ds:*"))
_UNFIT_NAMESPACE: Final = (
    f"(({_ALL} > {_OURS} + {_THEIRS} and /descendant::*{_UNFIT})"
    f" or /descendant::*/@*[namespace-uri() != '']{_UNFIT})"
)
_MANY_ATTRIBUTES: Final = f"boolean(/descendant::*/@*[{profile.MAX_ATTRIBUTES + 1}])"


def _condition(*alternatives: str) -> etree.XPath:
    namespaces = {"edxml": EDXML_NAMESPACE, "ds": XMLDSIG_NAMESPACE}
    return etree.XPath(" or ".join(alternatives), namespaces=namespaces, regexp=False)


_HAS_COMMENT: Final = _condition(_COMMENT)
_HAS_INSTRUCTION_OUTSIDE: Final = _condition(_INSTRUCTION_OUTSIDE)
_HAS_UNFIT_NAMESPACE: Final = _condition(_UNFIT_NAMESPACE)
_HAS_MANY_ATTRIBUTES: Final = _condition(_MANY_ATTRIBUTES)
# One question for all four: each evaluation lets go of the interpreter lock, and then waits for it.
_HAS_UNCOVERED: Final = _condition(_COMMENT, _INSTRUCTION_OUTSIDE, _UNFIT_NAMESPACE, _MANY_ATTRIBUTES)
_PLAIN: Final = ("SignedInfo", "SignatureValue", "KeyInfo")
_KEY_HINTS: Final = frozenset({ds("X509SubjectName"), ds("X509IssuerSerial"), ds("X509SKI")})
"""Vendors write these beside the certificate; nothing is read from them."""
_ALGORITHMS: Final = MappingProxyType(
    {
        "CanonicalizationMethod": (frozenset({profile.EXCLUSIVE_C14N}), "", "XMLDSIG 1.1 §6.5"),
        "SignatureMethod": (profile.SIGNATURE_METHODS, "", "XMLDSIG 1.1 §6.4"),
        "DigestMethod": (profile.DIGEST_METHODS, "/Reference", "XMLDSIG 1.1 §6.2"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureParts:
    """A signature that has the shape of the profile; whether it holds is not known yet."""

    signed_info: etree._Element
    """In its place in the document, which its canonical form depends on."""
    signature_method: str
    signature_value: bytes
    value: etree._Element
    """The element of the signature value: what a time stamp is for."""
    document: DocumentReference
    own: tuple[OwnReference, ...]
    """References to parts of the signature itself: its qualifying properties, its key."""
    certificates: tuple[bytes, ...]
    """DER, as they stand in X509Data; the first is the signer's."""
    qualification: Qualification | None
    """What makes it a XAdES signature; None for a plain one."""


def take_apart(
    root: etree._Element, location: Location, shapes: KnownShapes = KNOWN_SHAPES
) -> SignatureParts:
    """Return the parts of the one signature of *root*; raises `SignatureRejected` where the shape differs.

    A plain signature of a shape that *shapes* remembers was judged when it was seen first.
    """
    signature, path = _the_signature(root, location), location.path
    _refuse_uncovered(root, path)
    if len(signature) != len(_PLAIN):
        return _take_apart(signature, path)
    elements = tuple(islice(signature.iter(), LONGEST_SHAPE + 1))
    shape = shape_of(elements)
    known = shapes.get(shape)
    if known is not None:
        return _plain_parts(elements, known, path)
    parts = _take_apart(signature, path)
    if len(elements) <= LONGEST_SHAPE:
        shapes.put(shape, _places(signature, elements, parts))
    return parts


def _take_apart(signature: etree._Element, path: str) -> SignatureParts:
    is_qualified = len(signature) == len(_PLAIN) + 1 and signature[-1].tag == ds("Object")
    signed_info, value, key_info, *_ = children(signature, path, *_PLAIN, *(["Object"] * is_qualified))
    qualification = take_qualification(signature, f"{path}/Object") if is_qualified else None
    method = _method(signed_info, f"{path}/SignedInfo")
    document, own = take_references(signature, f"{path}/SignedInfo", qualification)
    return SignatureParts(
        signed_info=signed_info,
        signature_method=method,
        signature_value=octets(value, f"{path}/SignatureValue"),
        value=value,
        document=document,
        own=own,
        certificates=_certificates(key_info, f"{path}/KeyInfo/X509Data"),
        qualification=qualification,
    )


def _places(signature: etree._Element, elements: Sequence[etree._Element], parts: SignatureParts) -> Places:
    """Return where in a plain signature that was taken apart the values stand."""
    (data,) = signature[2]
    encoded = [child for child in data if child.tag not in _KEY_HINTS]
    return Places(
        signature_method=parts.signature_method,
        digest_method=parts.document.digest_method,
        signed_info=elements.index(signature[0]),
        value=elements.index(signature[1]),
        digest=elements.index(signature[0][-1][-1]),
        certificates=tuple(elements.index(child) for child in encoded),
    )


def _plain_parts(elements: Sequence[etree._Element], known: Places, path: str) -> SignatureParts:
    """Return the parts of a plain signature of a *known* shape: its values alone are still to be read."""
    value = elements[known.value]
    digest = octets(elements[known.digest], f"{path}/SignedInfo/Reference/DigestValue")
    certificate_path = f"{path}/KeyInfo/X509Data/X509Certificate"
    return SignatureParts(
        signed_info=elements[known.signed_info],
        signature_method=known.signature_method,
        signature_value=octets(value, f"{path}/SignatureValue"),
        value=value,
        document=DocumentReference(digest_method=known.digest_method, digest_value=digest),
        own=(),
        certificates=tuple([octets_again(elements[each], certificate_path) for each in known.certificates]),
        qualification=None,
    )


def _the_signature(root: etree._Element, location: Location) -> etree._Element:
    found = list(root.iter(SIGNATURE))
    if not found or (len(found) == 1 and not len(found[0])):
        rule = "XMLDSIG 1.1 §4.1: a ds:Signature in the W3C namespace"
        raise SignatureRejected([violation(RejectionCode.NO_SIGNATURE, path=location.path, rule=rule)])
    if len(found) > 1:
        reason = Sentence(f"có {len(found)} chữ ký", f"there are {len(found)} signatures")
        _misplaced(location.path, "decision 0003: exactly one signature", reason)
    ancestors = [ancestor.tag for ancestor in found[0].iterancestors()]
    if tuple(reversed(ancestors)) != location.names or any(True for _ in found[0].itersiblings("*")):
        parent = local(ancestors[0]) if ancestors else "?"
        reason = Sentence(f"chữ ký nằm trong {parent}", f"it stands in {parent}, or is not the last there")
        _misplaced(location.path, "decision 0003: the signature's one place", reason)
    if (found[0].tail or "").strip():
        reason = Sentence("có văn bản sau chữ ký", "text stands after the signature")
        _misplaced(location.path, "decision 0003: the signature is the last in its element", reason)
    return found[0]


def _misplaced(path: str, rule: str, reason: Sentence) -> None:
    refuse(path, rule, reason, RejectionCode.SIGNATURE_MISPLACED)


def _refuse_uncovered(root: etree._Element, path: str) -> None:
    if not _HAS_UNCOVERED(root):
        return
    uncovered = RejectionCode.CONTENT_NOT_COVERED
    if _HAS_COMMENT(root):
        rule = "Exclusive C14N 1.0 §4: comments are left out of what is signed"
        refuse(path, rule, Sentence("chú thích <!-- -->", "a comment"), uncovered)
    if _HAS_INSTRUCTION_OUTSIDE(root):
        rule = "decision 0003: nothing stands beside the root element"
        reason = Sentence(
            "chỉ thị xử lý nằm ngoài phần tử gốc", "a processing instruction outside the root element"
        )
        refuse(path, rule, reason, uncovered)
    if _HAS_UNFIT_NAMESPACE(root):
        rule = f"decision 0003: namespace names of at most {_LIMIT} characters, none of them &"
        reason = Sentence(
            "tên không gian tên quá dài hoặc có ký tự &", "a namespace name is too long or holds &"
        )
        refuse(path, rule, reason)
    if _HAS_MANY_ATTRIBUTES(root):
        rule = f"decision 0003: at most {profile.MAX_ATTRIBUTES} attributes on an element"
        refuse(path, rule, Sentence("phần tử có quá nhiều thuộc tính", "an element has too many attributes"))


def _method(signed_info: etree._Element, path: str) -> str:
    """Return the signature method, where every algorithm is in the profile; all others are named at once."""
    names = ("CanonicalizationMethod", "SignatureMethod")
    methods = list(signed_info)[: len(names)]
    if [child.tag for child in methods] != [ds(name) for name in names]:
        children(signed_info, path, *names, "Reference")
    faults = [
        fault
        for name, (accepted, where, clause) in _ALGORITHMS.items()
        for element in signed_info.iter(ds(name))
        for fault in unless_in(accepted, element, f"{path}{where}", clause)
    ]
    if faults:
        raise SignatureRejected(faults)
    for element in methods:
        children(element, f"{path}/{local(element.tag)}")
    return algorithm(signed_info[1])


def _certificates(key_info: etree._Element, path: str) -> tuple[bytes, ...]:
    (data,) = children(key_info, path.rpartition("/")[0], "X509Data")
    encoded = [child for child in data if child.tag not in _KEY_HINTS]
    rule = "XMLDSIG 1.1 §4.5.4; ETSI EN 319 102-1 NO_SIGNING_CERTIFICATE_FOUND"
    if not encoded:
        raise SignatureRejected([violation(RejectionCode.NO_SIGNING_CERTIFICATE, path=path, rule=rule)])
    if any(child.tag != ds("X509Certificate") for child in encoded):
        reason = Sentence("X509Data chứa thành phần không được chấp nhận", "X509Data holds something else")
        refuse(path, "XMLDSIG 1.1 §4.5.4: certificates only", reason)
    if len(encoded) > profile.MAX_CERTIFICATES:
        rule = f"decision 0003: at most {profile.MAX_CERTIFICATES} certificates"
        refuse(path, rule, Sentence("quá nhiều chứng thư", "X509Data holds too many certificates"))
    return tuple(octets_again(child, f"{path}/X509Certificate") for child in encoded)
