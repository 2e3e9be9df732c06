"""Verifies the signature of a large envelope, of which only the skeleton is read as a whole."""

from collections.abc import Sequence

from cryptography import x509
from lxml import etree

from hub.errors import MalformedMessage, RejectionCode
from hub.message.hardened_xml import parse_hardened
from hub.message.refusal import violation
from hub.message.skimming import Skimmed
from hub.signature.profile import ENVELOPE
from hub.signature.verification import SignedContent, verify_signature


def verify_skimmed(skimmed: Skimmed, *, stamp_anchors: Sequence[x509.Certificate] = ()) -> SignedContent:
    """Return what the signature of *skimmed* covers, as `verify_signature` does, its attachments cut.

    Raises `SignatureRejected` where it does not hold for the whole envelope, `MalformedMessage` where there
    is no skeleton to read. What is true of an attachment beyond its head stands in *skimmed*: the same pass
    over the same octets found it.
    """
    return verify_signature(
        read_skeleton(skimmed), location=ENVELOPE, stamp_anchors=stamp_anchors, covered=skimmed.covered
    )


def read_skeleton(skimmed: Skimmed) -> etree._Element:
    """Return the skeleton as a tree; raises `MalformedMessage` where libxml2 does not take it for XML."""
    try:
        return parse_hardened(skimmed.skeleton)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        code = RejectionCode.NOT_WELL_FORMED
        raise MalformedMessage(
            [violation(code, path="/", rule="XML 1.0", line=line, column=column)]
        ) from error
