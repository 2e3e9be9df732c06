"""A consumer as a developer would write it with FastStream: verify, validate, insert, publish, acknowledge.

Each message by itself, with the libraries that one finds first, or with this project's checks in their place.
No receipts, no order, no retries, no outbox: what it does not do, nobody pays for. Its addresses come in the
environment (BENCH_AMQP_URL, BENCH_DSN), the rest as arguments: SOURCE TARGET COUNT PREFETCH CHECKS FILE.
"""

import asyncio
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import asyncpg
import uvloop
import xmlschema
from cryptography import x509
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from hub.catalogue import SCHEMAS, Catalogue
from hub.intake.parse import ParseLimits, parse
from hub.intake.verify import verify
from hub.message.edxml import EDXML_NAMESPACE
from hub.message.identifiers import MailboxName, SubmissionId, digest_of
from hub.message.stages import ReceivedMessage
from hub.signature.certificates import TrustAnchors

Check: TypeAlias = Callable[[bytes], None]
"""Raises where a message is not signed, or not as the schema says."""

HEADER = f"./{{{EDXML_NAMESPACE}}}edXMLEnvelope/{{{EDXML_NAMESPACE}}}edXMLHeader/"
TABLE = """
    create table if not exists taken (
        digest bytea primary key, received_at timestamptz not null default now(), body bytea not null)
"""
INSERT = "insert into taken (digest, body) values ($1, $2) on conflict do nothing"


def found_first(certificate_file: Path) -> Check:
    """Check with signxml, against the one certificate in *certificate_file*, and with xmlschema."""
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    configuration = SignatureConfiguration(location=HEADER)
    schema = xmlschema.XMLSchema11(SCHEMAS / "edxml" / "2016" / "judge.xsd", allow="local")

    def check(body: bytes) -> None:
        verified = XMLVerifier().verify(body, x509_cert=certificate, expect_config=configuration)
        if isinstance(verified, list):
            raise TypeError
        schema.validate(etree.fromstring(verified.signed_data))

    return check


def this_project(anchors_file: Path) -> Check:
    """Check with the functions of this project: hardened parser, signature, certificate path, schema."""
    anchors = TrustAnchors.from_bytes(anchors_file.read_bytes())
    catalogue = Catalogue()

    def check(body: bytes) -> None:
        verified = verify(parse(_received(body), ParseLimits()), anchors)
        if catalogue.violations(verified.signed_tree):
            raise ValueError

    return check


CHECKS = {"signxml": found_first, "project": this_project}


async def consume(source: str, target: str, count: int, prefetch: int, check: Check) -> dict[str, float]:
    """Consume *count* messages and tell when the first came and the last was done."""
    done = asyncio.Event()
    begun_at: list[float] = []
    taken_at: list[float] = []
    broker = RabbitBroker(
        os.environ["BENCH_AMQP_URL"],
        default_channel=Channel(prefetch_count=prefetch),
        logger=None,
    )
    pool = await asyncpg.create_pool(os.environ["BENCH_DSN"], min_size=1, max_size=10)

    @broker.subscriber(RabbitQueue(source, queue_type=QueueType.QUORUM, durable=True, declare=False))
    async def take(message: RabbitMessage) -> None:
        body = message.body
        begun_at.append(time.time())
        check(body)
        await pool.execute(INSERT, hashlib.sha256(body).digest(), body)
        await broker.publish(body, routing_key=target, persist=True)
        taken_at.append(time.time())
        if len(taken_at) == count:
            done.set()

    await asyncio.to_thread(_wait_for_the_word)
    used = time.process_time()
    await broker.start()
    await done.wait()
    used = time.process_time() - used
    await broker.stop()
    await pool.close()
    return {"first": begun_at[0], "last": taken_at[-1], "relayed": count, "cpu_seconds": used}


def _received(body: bytes) -> ReceivedMessage:
    return ReceivedMessage(
        body=body,
        digest=digest_of(body),
        mailbox=MailboxName(""),
        submission_id=SubmissionId(""),
        transport_id="",
        reported_delivery=None,
        received_at=datetime.now(UTC),
    )


def _wait_for_the_word() -> None:
    _tell("ready")
    sys.stdin.readline()


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Consume as the command line says."""
    source, target, count, prefetch, checks, file = sys.argv[1:]
    check = CHECKS[checks](Path(file))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _tell(json.dumps(runner.run(consume(source, target, int(count), int(prefetch), check))))


if __name__ == "__main__":
    main()
