"""Answers requests for time stamps as the development CA's time-stamping authority does (RFC 3161)."""

from datetime import datetime
from typing import Final

from asn1crypto import algos, cms, tsp
from asn1crypto.core import ParsableOctetString, UTCTime
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, Hash

from hub.signature.path import MALFORMED, asn1_of
from hub.signature.signing import SigningKey

POLICY: Final = "1.3.6.1.4.1.55738.666.1"
"""Of a development authority, which promises nothing."""
_SEQUENCE: Final = 0x30
_IMPRINTS: Final = {"sha256": 32, "sha384": 48, "sha512": 64}


def answer_stamp_request(request: bytes, key: SigningKey, at: datetime, serial: int) -> bytes:
    """Return the response to *request*, in DER form; what cannot be stamped is refused in it."""
    try:
        asked = tsp.TimeStampReq.load(request, strict=True)
        imprint = asked["message_imprint"]
        method = imprint["hash_algorithm"]["algorithm"].native
        if _IMPRINTS.get(method) != len(imprint["hashed_message"].native):
            return _refused("bad_alg")
        info = _info(asked, at, serial)
        wants_certificate = bool(asked["cert_req"].native)
    except MALFORMED:
        return _refused("bad_data_format")
    token = _token(info, key, at, with_certificates=wants_certificate)
    granted = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})
    return bytes(granted.dump())


def _info(asked: tsp.TimeStampReq, at: datetime, serial: int) -> tsp.TSTInfo:
    parts: dict[str, object] = {
        "version": "v1",
        "policy": asked["req_policy"].native or POLICY,
        "message_imprint": asked["message_imprint"],
        "serial_number": serial,
        "gen_time": at.replace(microsecond=0),
    }
    if asked["nonce"].native is not None:
        parts["nonce"] = asked["nonce"]
    return tsp.TSTInfo(parts)


def _token(info: tsp.TSTInfo, key: SigningKey, at: datetime, *, with_certificates: bool) -> cms.ContentInfo:
    content = info.dump()
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "signing_time", "values": [cms.Time({"utc_time": UTCTime(at)})]},
            {"type": "message_digest", "values": [_sha256(content)]},
            {"type": "signing_certificate_v2", "values": [_signing_certificate(key.certificate)]},
        ]
    )
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier({"issuer_and_serial_number": _name_and_serial(key.certificate)}),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "signed_attrs": attributes,
            "signature_algorithm": _signature_algorithm(key),
            "signature": _sign(attributes.dump(), key),
        }
    )
    signed = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "tst_info", "content": ParsableOctetString(content)},
        "signer_infos": [signer],
    }
    if with_certificates:
        signed["certificates"] = [asn1_of(each) for each in (key.certificate, *key.chain)]
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})


def _signing_certificate(certificate: x509.Certificate) -> tsp.SigningCertificateV2:
    return tsp.SigningCertificateV2({"certs": [{"cert_hash": certificate.fingerprint(SHA256())}]})


def _name_and_serial(certificate: x509.Certificate) -> cms.IssuerAndSerialNumber:
    loaded = asn1_of(certificate)
    return cms.IssuerAndSerialNumber({"issuer": loaded.issuer, "serial_number": loaded.serial_number})


def _signature_algorithm(key: SigningKey) -> algos.SignedDigestAlgorithm:
    name = "sha256_rsa" if isinstance(key.private_key, rsa.RSAPrivateKey) else "sha256_ecdsa"
    return algos.SignedDigestAlgorithm({"algorithm": name})


def _sign(octets: bytes, key: SigningKey) -> bytes:
    if isinstance(key.private_key, rsa.RSAPrivateKey):
        return key.private_key.sign(octets, padding.PKCS1v15(), SHA256())
    return key.private_key.sign(octets, ec.ECDSA(SHA256()))


def _sha256(octets: bytes) -> bytes:
    digest = Hash(SHA256())
    digest.update(octets)
    return digest.finalize()


def _refused(reason: str) -> bytes:
    """Return a response without a token, which the library's own type has no way to write."""
    status = bytes(tsp.PKIStatusInfo({"status": "rejection", "fail_info": {reason}}).dump())
    return bytes([_SEQUENCE, len(status)]) + status
