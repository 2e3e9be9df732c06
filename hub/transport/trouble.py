"""What to do when TLS with the broker fails: OpenSSL's errors as sentences for operators."""

import ssl
from collections.abc import Iterator
from typing import Final

_EXPIRED, _NOT_YET_VALID, _OTHER_NAME, _OTHER_IP = 10, 9, 62, 64
"""X509_V_ERR_… of OpenSSL, as Python's `SSLCertVerificationError.verify_code` has them."""
_REFUSES_US: Final = (
    "CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_ACCESS_DENIED",
)
_OLD: Final = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "HANDSHAKE_FAILURE")
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE", "HTTP_REQUEST")
_HUNG_UP: Final = (
    "it hung up at our greeting: if this port is one for TLS, let the address begin with amqps://"
)


def explain(error: BaseException | None) -> str | None:
    """Say what to do about *error* where TLS is what failed; nothing where that may pass by itself."""
    found = _cause(error, ssl.SSLError)
    return _advice(found) if isinstance(found, ssl.SSLError) else None


def suspect(error: BaseException | None) -> str | None:
    """Say what to look at where a broker has closed a connection without TLS before a word was said."""
    hung_up = _cause(error, EOFError) or _cause(error, ConnectionResetError)
    return _HUNG_UP if hung_up is not None else None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and what led to it, each once."""
    seen: set[int] = set()  # the client library raises one error anew, and its causes then go round in a ring
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    return next((each for each in causes(error) if isinstance(each, kind)), None)


def _advice(error: ssl.SSLError) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrust(error)
    reason: str = getattr(error, "reason", None) or ""
    if any(part in reason for part in _REFUSES_US):
        return (
            f"the broker does not take our certificate ({reason}): let broker_certificate name one that an "
            "authority of the broker's has issued and that is valid now"
        )
    if any(part in reason for part in _NO_TLS):
        return "it does not speak TLS at this port: name its port for TLS (5671; 15671 for management)"
    if any(part in reason for part in _OLD):
        return f"no version of TLS could be agreed on ({reason}): the broker must offer TLS 1.2 or 1.3"
    return None


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:
        case code if code == _EXPIRED:
            return "the broker's certificate has expired: its operators must renew it"
        case code if code == _NOT_YET_VALID:
            return "the broker's certificate is not valid yet: set the clocks, ours and the broker's"
        case code if code in {_OTHER_NAME, _OTHER_IP}:
            return (
                f"the broker's certificate is for another name ({error.verify_message}): use a host name "
                "that stands in it, or have one issued for this host"
            )
        case _:
            return (
                f"nobody whom we trust has issued the broker's certificate ({error.verify_message}): let "
                "broker_ca name the certificate of the authority that has"
            )
