"""Keys in tokens, as the signing code takes keys; whatever would need the key itself is refused."""

from collections.abc import Mapping
from typing import Final, NoReturn, Self

import pkcs11
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, Hash, HashAlgorithm

from hub.errors import ConfigurationError, TemporaryFailure
from hub.signature.signing import PrivateKey, SigningKey
from hub.signature.token import TokenPlace, TokenSession

_RSA_MECHANISMS: Final[Mapping[type[object], pkcs11.Mechanism]] = {
    SHA256: pkcs11.Mechanism.SHA256_RSA_PKCS,
    SHA384: pkcs11.Mechanism.SHA384_RSA_PKCS,
}
_TRIAL: Final = b"truc: does this key belong to this certificate?"


def key_in_token(place: TokenPlace, certificates: bytes) -> SigningKey:
    """Return the key at *place*, with its certificate and chain from the PEM text *certificates*.

    It has signed once, for the certificate's owner, when this returns. Raises `ConfigurationError`.
    """
    try:
        certificate, *chain = x509.load_pem_x509_certificates(certificates)
    except ValueError as error:
        raise ConfigurationError(f"the certificate of the {place} is not in PEM form: {error}") from error
    session = TokenSession(place)
    session.open()
    private_key = _key_of(certificate, session, place)
    _try(private_key, place)
    return SigningKey(private_key=private_key, certificate=certificate, chain=tuple(chain))


def is_in_token(key: SigningKey) -> bool:
    """Whether to sign is to wait for a token."""
    return isinstance(key.private_key, _TokenRsaKey | _TokenEcKey)


def _key_of(certificate: x509.Certificate, session: TokenSession, place: TokenPlace) -> PrivateKey:
    match certificate.public_key():
        case rsa.RSAPublicKey() as owner:
            return _TokenRsaKey(session, owner)
        case ec.EllipticCurvePublicKey() as owner:
            return _TokenEcKey(session, owner)
        case _:
            raise ConfigurationError(f"the {place} is neither RSA nor EC, as a signing key is")


def _try(key: PrivateKey, place: TokenPlace) -> None:
    try:
        if isinstance(key, rsa.RSAPrivateKey):
            key.public_key().verify(key.sign(_TRIAL, PKCS1v15(), SHA256()), _TRIAL, PKCS1v15(), SHA256())
        else:
            scheme = ec.ECDSA(SHA256())
            key.public_key().verify(key.sign(_TRIAL, scheme), _TRIAL, scheme)
    except InvalidSignature as error:
        raise ConfigurationError(f"the {place} does not belong to the certificate that is named") from error
    except TemporaryFailure as error:
        raise ConfigurationError(str(error)) from error


def _refuse(*_: object, **__: object) -> NoReturn:
    raise ConfigurationError(
        "a key never leaves its token, and only signs there: a key in a file does the rest"
    )


class _TokenRsaKey(rsa.RSAPrivateKey):
    """An RSA key that signs with PKCS #1 v1.5, as the profile has it, and does nothing else."""

    def __init__(self, session: TokenSession, owner: rsa.RSAPublicKey) -> None:
        self._session = session
        self._owner = owner

    @property
    def key_size(self) -> int:
        return self._owner.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._owner

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:
        """Return the signature value; the token hashes. Raises `TemporaryFailure` where it is away."""
        mechanism = _RSA_MECHANISMS.get(type(algorithm))
        if not isinstance(padding, PKCS1v15) or mechanism is None:
            raise ConfigurationError("a token signs RSA with PKCS #1 v1.5 and SHA-256 or SHA-384 only")
        return self._session.sign(data, mechanism)

    decrypt = _refuse
    private_numbers = _refuse
    private_bytes = _refuse

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class _TokenEcKey(ec.EllipticCurvePrivateKey):
    """An EC key that signs with ECDSA, and does nothing else."""

    def __init__(self, session: TokenSession, owner: ec.EllipticCurvePublicKey) -> None:
        self._session = session
        self._owner = owner

    @property
    def key_size(self) -> int:
        return self._owner.key_size

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._owner.curve

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._owner

    def sign(self, data: object, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Return the signature value in DER; hashed here, as few tokens do it for ECDSA."""
        algorithm = signature_algorithm.algorithm
        if not isinstance(data, bytes) or not isinstance(algorithm, HashAlgorithm):
            raise ConfigurationError("a token signs octets with ECDSA over a hash of ours")
        digest = Hash(algorithm)
        digest.update(data)
        value = self._session.sign(digest.finalize(), pkcs11.Mechanism.ECDSA)
        half = len(value) // 2
        return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))

    exchange = _refuse
    private_numbers = _refuse
    private_bytes = _refuse

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self
