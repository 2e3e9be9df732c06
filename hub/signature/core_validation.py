"""Core validation (XMLDSIG 1.1 §3.2) of the one shape that the profile takes, on lxml and cryptography.

signxml does the same for every shape there is, at three times the cost; in the tests it is the judge: what is
accepted here must be accepted there.
"""

from functools import cache
from hmac import compare_digest
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, Hash, HashAlgorithm
from lxml import etree

from hub.signature import profile
from hub.signature.profile import SIGNATURE
from hub.signature.references import DocumentReference, OwnReference
from hub.signature.structure import SignatureParts

_DIGESTS: Final = MappingProxyType(
    {profile.SHA256: SHA256(), profile.SHA384: SHA384(), profile.SHA512: SHA512()}
)


def canonical(element: etree._Element, *, is_exclusive: bool = True) -> bytes:
    """Return *element* in canonical form without comments, the exclusive one unless told.

    Raises `etree.C14NError` where there is none.
    """
    return etree.tostring(element, method="c14n", exclusive=is_exclusive, with_comments=False)


def covered_octets(root: etree._Element) -> bytes:
    """Return what the signature of *root* covers: its canonical form without that signature.

    Takes the signature out of *root*: nobody needs it any more, and a copy of a megabyte costs as much as
    parsing it. Raises `etree.C14NError` where there is no canonical form.
    """
    remove_element(next(root.iter(SIGNATURE)))
    return canonical(root)


def remove_element(element: etree._Element) -> None:
    """Remove *element* but not the text after it, which lxml counts as part of it."""
    parent, previous, tail = element.getparent(), element.getprevious(), element.tail or ""
    if parent is None:
        raise AssertionError("a root cannot be removed from itself")
    if previous is None:
        parent.text = (parent.text or "") + tail
    else:
        previous.tail = (previous.tail or "") + tail
    parent.remove(element)


def reference_holds(octets: bytes, reference: DocumentReference | OwnReference) -> bool:
    """Whether *octets* have the digest that was signed (§3.2.1)."""
    return compare_digest(digest_of(octets, reference.digest_method), reference.digest_value)


def own_references_hold(parts: SignatureParts) -> bool:
    """Whether the parts of the signature itself that it refers to are what was signed."""
    return all(
        reference_holds(canonical(each.element, is_exclusive=each.is_exclusive), each) for each in parts.own
    )


def digest_of(octets: bytes, method: str) -> bytes:
    """Return the digest of *octets* by a *method* of the profile."""
    digest = Hash(_DIGESTS[method])
    digest.update(octets)
    return digest.finalize()


def signature_holds(key: PublicKeyTypes, parts: SignatureParts) -> bool:
    """Whether *key*, of the kind that the method wants, signed the SignedInfo of *parts* (§3.2.2)."""
    octets = canonical(parts.signed_info)
    algorithm = _hash_of(parts.signature_method)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(
                parts.signature_value, octets, _padding_of(parts.signature_method, algorithm), algorithm
            )
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_in_der(parts.signature_value, key), octets, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


@cache
def _hash_of(method: str) -> HashAlgorithm:
    return next(algorithm for algorithm in _DIGESTS.values() if algorithm.name in method)


def _padding_of(method: str, algorithm: HashAlgorithm) -> PKCS1v15 | PSS:
    """PSS with a salt as long as the hash, as RFC 9231 §2.3.10 wants it; else PKCS #1 v1.5."""
    if method.endswith("MGF1"):
        return PSS(mgf=MGF1(algorithm), salt_length=algorithm.digest_size)
    return PKCS1v15()


def _in_der(value: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """Turn r and s side by side (XMLDSIG 1.1 §6.4.3) into DER; any other length is no signature."""
    size = (key.key_size + 7) // 8
    if len(value) != 2 * size:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))
