"""Sealing a large envelope: signed into the spool with the sender's key, or kept as it was signed."""

import os
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from adapters.kit.envelope import compose_pieces
from adapters.kit.error import JournalFailed, UnfitDraft
from adapters.kit.keyring import KeyRing, seal
from adapters.kit.schema import bring_up_to_date
from adapters.kit.sealing import Source, seal_large
from adapters.kit.spool import Spool
from hub.errors import MalformedMessage
from hub.message.edxml import MessageKind
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import AgencyKey, digest_of
from hub.signature.profile import ENVELOPE
from hub.signature.signing import sign_envelope
from hub.signature.verification import verify_signature
from tests.support.authority import agency_signing_key
from tests.support.envelopes import a_document, a_status

OWN, UNIT = agency_signing_key("G22"), agency_signing_key("G22.01")
KEYS = KeyRing(own=OWN, units={AgencyKey("G22.01"): UNIT})
DOCUMENT = a_document().with_attachment("b.bin", bytes(range(256)) * 2_000)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "m.journal")


@pytest.fixture
def journal() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    bring_up_to_date(connection)
    yield connection
    connection.close()


def source_of(body: bytes) -> Source:
    return partial(iter, [body[:1_000], body[1_000:]])


def files_in(spool: Spool, name: str) -> list[Path]:
    return sorted((spool.folder / name).iterdir())


@pytest.mark.parametrize(("sender", "key"), [("G22", OWN), ("G22.01", UNIT)], ids=["own", "unit"])
def test_the_key_of_the_sender_signs(spool: Spool, sender: str, key: object) -> None:
    sealed = seal_large(partial(compose_pieces, DOCUMENT.from_(sender).draft), KEYS, None, spool)

    body = spool.sent(sealed.claim.digest).read_bytes()
    content = verify_signature(parse_hardened(body), location=ENVELOPE)
    assert content.certificate == getattr(key, "certificate", None)
    assert (sealed.claim.digest, sealed.claim.octets) == (digest_of(body), len(body))
    assert sealed.kind is MessageKind.DOCUMENT
    assert files_in(spool, "work") == []


def test_what_is_signed_already_stays_byte_for_byte(spool: Spool) -> None:
    body = sign_envelope(DOCUMENT.unsigned(), OWN)

    sealed = seal_large(source_of(body), KEYS, None, spool)

    assert spool.sent(sealed.claim.digest).read_bytes() == body


def test_a_status_is_told_from_a_document(spool: Spool) -> None:
    assert seal_large(source_of(a_status().unsigned()), KEYS, None, spool).kind is MessageKind.STATUS


@pytest.mark.parametrize("body", [b"", b"<a/>", b"<!DOCTYPE a><a/>", DOCUMENT.unsigned()[:-20]], ids=range(4))
def test_what_is_no_envelope_is_not_sealed_and_leaves_nothing_behind(spool: Spool, body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        seal_large(source_of(body), KEYS, None, spool)

    assert files_in(spool, "work") == files_in(spool, "sent") == []


def test_a_draft_without_a_sender_is_unfit(spool: Spool) -> None:
    with pytest.raises(UnfitDraft):
        seal_large(source_of(DOCUMENT.from_("").unsigned()), KEYS, None, spool)


OTHERS_NAME = b"<From><OrganId>G22.01</OrganId></From>"


def test_a_second_sender_elsewhere_gets_nobody_the_signature_of_another_unit() -> None:
    body, envelope = a_document().from_("G22").unsigned(), b"<edXML:edXMLEnvelope"
    elsewhere = b"<MessageHeader>" + OTHERS_NAME + b"</MessageHeader>"

    sealed = seal(body.replace(envelope, elsewhere + envelope), KEYS)

    content = verify_signature(parse_hardened(sealed.body), location=ENVELOPE)
    assert content.certificate == OWN.certificate


@pytest.mark.parametrize("first", ["G22", "G22.01"])
def test_a_large_envelope_with_two_senders_is_signed_for_neither(spool: Spool, first: str) -> None:
    body = DOCUMENT.from_(first).unsigned()
    body = body.replace(b"</edXML:From>", b"</edXML:From>" + OTHERS_NAME)

    with pytest.raises(UnfitDraft, match="more than one sender"):
        seal_large(source_of(body), KEYS, None, spool)

    assert files_in(spool, "work") == files_in(spool, "sent") == []


def test_a_disk_that_cannot_be_written_is_told_as_the_journals(spool: Spool) -> None:
    spool.folder.write_text("a file where the folder should be", "utf-8")

    with pytest.raises(JournalFailed):
        seal_large(source_of(DOCUMENT.unsigned()), KEYS, None, spool)


def test_what_nobody_journalled_is_cleared_once_it_is_old(spool: Spool, journal: sqlite3.Connection) -> None:
    first = seal_large(source_of(DOCUMENT.unsigned()), KEYS, None, spool)
    second = seal_large(source_of(DOCUMENT.about("khác").unsigned()), KEYS, None, spool)
    before = time.time() - 7_200
    os.utime(spool.sent(first.claim.digest), (before, before))

    spool.clear(journal)

    assert files_in(spool, "sent") == [spool.sent(second.claim.digest)]


def test_what_is_journalled_is_kept(spool: Spool, journal: sqlite3.Connection) -> None:
    sealed = seal_large(source_of(DOCUMENT.unsigned()), KEYS, None, spool)
    before = time.time() - 7_200
    os.utime(spool.sent(sealed.claim.digest), (before, before))
    journal.execute(
        "INSERT INTO outgoing (submission_id, kind, digest, state, journalled_at) VALUES (?, ?, ?, ?, ?)",
        ("s-1", "document", sealed.claim.digest, "uploading", ""),
    )

    spool.clear(journal)

    assert spool.sent(sealed.claim.digest).exists()


def test_the_workplaces_of_the_dead_are_cleared_and_those_of_the_living_kept(
    spool: Spool, journal: sqlite3.Connection
) -> None:
    mine = spool.workplace()
    (spool.folder / "work" / "999999999-dead").mkdir()

    spool.clear(journal)

    assert files_in(spool, "work") == [mine]


def test_what_another_delivery_still_reads_is_not_forgotten(spool: Spool) -> None:
    spool.make()
    digest = digest_of(b"x")
    spool.fetched(digest).write_bytes(b"x")
    reading = spool.workplace() / "envelope"
    os.link(spool.fetched(digest), reading)

    spool.forget(digest)
    is_kept = spool.fetched(digest).exists()
    spool.leave(reading.parent)
    spool.forget(digest)

    assert is_kept
    assert not spool.fetched(digest).exists()


@pytest.mark.parametrize(("state", "is_kept"), [("received", True), ("answered", False)])
def test_what_was_fetched_is_cleared_once_it_is_handed_over(
    spool: Spool, journal: sqlite3.Connection, state: str, *, is_kept: bool
) -> None:
    spool.make()
    digest = digest_of(b"x")
    spool.fetched(digest).write_bytes(b"x")
    journal.execute(
        "INSERT INTO incoming (delivery_id, kind, attempt, state, digest, received_at)"
        " VALUES ('d-1', 'document', 1, ?, ?, '')",
        (state, digest),
    )

    spool.clear(journal)

    assert spool.fetched(digest).exists() == is_kept
