"""One development CA for a whole test session, and quick keys from it."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

from hub.message.identifiers import AgencyCode
from hub.signature.authority import DevelopmentAuthority
from hub.signature.certificates import TrustAnchors
from hub.signature.signing import SigningKey

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""When the session's CA and its certificates begin to be valid."""
AT = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
"""An instant at which they are valid."""
LIFETIME = timedelta(days=5 * 365)


@cache
def session_authority() -> DevelopmentAuthority:
    """Return the CA of this session, the same for all tests."""
    return DevelopmentAuthority.create("Trục test CA", SINCE)


@cache
def session_anchors() -> TrustAnchors:
    """Return trust in the CA of this session."""
    return TrustAnchors.from_bytes(session_authority().anchor_pem)


@cache
def agency_signing_key(agency_code: str, key_type: Literal["rsa", "ec"] = "ec") -> SigningKey:
    """Return the signing key of an agency, made once in a session; EC unless asked, since RSA takes long."""
    return session_authority().issue(
        agency_code=AgencyCode(agency_code),
        name=f"Agency {agency_code}",
        at=SINCE,
        key_type=key_type,
        lifetime=LIFETIME,
    )
