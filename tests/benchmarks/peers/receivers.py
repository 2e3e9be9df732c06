"""Receive a signed message and write the signed receipt: what AS2 and AS4 libraries do, without a server.

python -m tests.benchmarks.peers.receivers < the envelopes, as JSON
"""

import base64
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import AnyStr

from tests.benchmarks.peers.credentials import PASSWORD, draw

Step = Callable[[], None]
AS_THEY_ARE = "application/octet-stream"
"""As `application/xml` the library would send other line ends than the sender signed."""
ONE_DIGIT, MORE_DIGITS = r"\d\.\d\.\d[a-z]*", r"\d\.\d\.\d+[a-z]*"


@contextmanager
def a_version_with_two_digits() -> Iterator[None]:
    """Let oscrypto 1.3.0 recognise OpenSSL 3.0.10 and later: else pyas2lib does not import on Debian 12."""
    search = re.search

    def patched(pattern: AnyStr, string: AnyStr, flags: int = 0) -> re.Match[AnyStr] | None:
        wanted = pattern.replace(ONE_DIGIT, MORE_DIGITS) if isinstance(pattern, str) else pattern
        return search(wanted, string, flags)

    re.search = patched  # type: ignore[assignment]
    try:
        yield
    finally:
        re.search = search


def as2(bodies: Sequence[bytes]) -> list[Step]:
    """Return a step for each of *bodies*: parse the signed AS2 message, verify it, build the signed MDN."""
    with a_version_with_two_digits():
        import pyas2lib

    alice, bob = draw("alice"), draw("bob")
    sender = pyas2lib.Organization(as2_name="alice", sign_key=alice.pkcs12(), sign_key_pass=PASSWORD)
    receiver = pyas2lib.Organization(as2_name="bob", sign_key=bob.pkcs12(), sign_key_pass=PASSWORD)
    asked = {"validate_certs": False, "mdn_digest_alg": "sha256", "canonicalize_as_binary": True}
    to_bob = pyas2lib.Partner(
        as2_name="bob", verify_cert=bob.pem(), sign=True, digest_alg="sha256", mdn_mode="SYNC", **asked
    )
    from_alice = pyas2lib.Partner(as2_name="alice", verify_cert=alice.pem(), **asked)

    def step(raw: bytes, body: bytes) -> None:
        message = pyas2lib.Message()
        status, _, mdn = message.parse(
            raw, find_org_cb=lambda _: receiver, find_partner_cb=lambda _: from_alice
        )
        if status != "processed" or message.content != body or not mdn.content:
            raise ValueError(status)

    steps = []
    for body in bodies:
        message = pyas2lib.Message(sender=sender, receiver=to_bob)
        message.build(body, filename="document.edxml", content_type=AS_THEY_ARE)
        raw = message.headers_str + b"\r\n" + message.content
        steps.append(lambda raw=raw, body=body: step(raw, body))
    return steps


def as4(bodies: Sequence[bytes]) -> list[Step]:
    """Return a step for each of *bodies*: parse, verify, decrypt the AS4 message, sign the receipt."""
    from as4 import AS4LocalPrivateKey, SecurityPolicy, pinned_certificates
    from as4.peppol import (
        build_peppol_message,
        create_peppol_external_party,
        create_peppol_internal_party,
        parse_peppol_message,
    )

    first, second = draw("PTE000001"), draw("PTE000002")
    policy = SecurityPolicy(signer_resolver=pinned_certificates(first.certificate))
    sender = create_peppol_internal_party("PTE000001", first.certificate, AS4LocalPrivateKey(first.key))
    receiver = create_peppol_internal_party("PTE000002", second.certificate, AS4LocalPrivateKey(second.key))
    to_second = create_peppol_external_party("PTE000002", second.certificate)

    def step(headers: dict[str, str], data: bytes) -> None:
        exchange = parse_peppol_message(
            request_headers=headers, request_body=data, local_party=receiver, security_policy=policy
        )
        _, receipt = exchange.build_signal()
        if not exchange.successful or b"NonRepudiationInformation" not in receipt:
            raise ValueError(receipt[:300])

    steps = []
    for body in bodies:
        message = build_peppol_message(
            payload=body,
            local_party=sender,
            remote_party=to_second,
            sender="9932:9999999999",
            recipient="9932:1111111111",
            sender_country_id="VN",
            document_type_identifier_scheme="busdox-docid-qns",
            document_type_identifier_value="urn:edxml::edXML##urn:bench::1.0",
            process_identifier="urn:bench:01:1.0",
        )
        data, boundary = message.get_request_data()
        headers = message.get_http_headers(boundary)
        steps.append(lambda headers=headers, data=data: step(headers, data))
    return steps


def cost(steps: Sequence[Step]) -> float:
    """Return the processor milliseconds of one step: the median, after one that does not count."""
    steps[0]()
    taken = []
    for step in steps:
        before = time.thread_time()
        step()
        taken.append(1000 * (time.thread_time() - before))
    return statistics.median(taken)


def main() -> None:
    """Measure both and tell."""
    bodies = [base64.b64decode(each) for each in json.load(sys.stdin)]
    costs: dict[str, float | str] = {}
    for name, make in (("pyas2lib", as2), ("as4", as4)):
        try:
            costs[name] = cost(make(bodies))
        except ImportError as error:
            costs[name] = f"cannot be installed here: {error}"
    json.dump(costs, sys.stdout)


if __name__ == "__main__":
    main()
