"""Who may use the server: whoever holds one of the tokens."""

import hashlib
import hmac
from collections.abc import Sequence

from adapters.webhook.problems import Asked, Problem
from adapters.webhook.settings import Token


def client_of(authorization: str | None, tokens: Sequence[Token]) -> str:
    """Return whose token *authorization* brings; raises `Asked`. All are compared, each in constant time."""
    scheme, _, text = (authorization or "").partition(" ")
    digest = hashlib.sha256(text.strip().encode()).digest()
    found = [each.name for each in tokens if hmac.compare_digest(each.digest, digest)]
    if scheme.lower() != "bearer" or not found:
        raise Asked(Problem.NOT_KNOWN)
    return found[0]
