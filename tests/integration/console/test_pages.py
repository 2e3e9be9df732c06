"""What pages show, to whom, and how harmlessly."""

from datetime import UTC, datetime

from hub.message.identifiers import digest_of
from hub.message.reject_reason import RejectReason
from hub.operations.rights import Role
from hub.ports import InvalidMessage
from tests.support.console import ConsoleUnderTest
from tests.support.decisions import a_submission

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


async def test_a_document_is_found_by_its_name_and_shown_with_its_life(world: ConsoleUnderTest) -> None:
    document = a_submission().with_(subject="Về việc nghỉ Tết")
    accepted, _ = await world.hub.accept(document.admitted())
    browser = await world.visitor(Role.VIEWER)

    found = await browser.get(f"/documents?name={document.document_id}")
    page = await browser.get(found.headers["location"])

    assert found.headers["location"] == f"/documents/{accepted.message_id}"
    assert "Về việc nghỉ Tết" in page.text
    assert "đã tiếp nhận" in page.text
    assert str(accepted.deliveries[0]) in page.text


async def test_the_exact_bytes_and_the_receipts_are_to_be_had(world: ConsoleUnderTest) -> None:
    document = a_submission()
    accepted, _ = await world.hub.accept(document.admitted())
    ((receipt, sheet),) = await world.store.fetch(
        "select receipt_id, s.body from receipts join receipt_sheets s using (sheet_id)"
    )
    browser = await world.visitor(Role.VIEWER)

    octets = await browser.get(f"/documents/{accepted.message_id}/bytes")
    signed = await browser.get(f"/documents/{accepted.message_id}/receipts/{receipt}")
    evidence = await browser.get(f"/documents/{accepted.message_id}/evidence")

    assert digest_of(octets.content) == digest_of(document.body)
    assert signed.content == sheet
    assert evidence.content.startswith(b"PK")
    for each in (octets, signed, evidence):
        assert each.headers["content-disposition"].startswith("attachment")
        assert each.headers["content-type"] == "application/octet-stream"


async def test_what_a_sender_wrote_is_text_and_nothing_else(world: ConsoleUnderTest) -> None:
    document = a_submission().with_(subject=HOSTILE, code=("1", HOSTILE))
    accepted, _ = await world.hub.accept(document.admitted())
    (case,) = await world.dead_letters(a_submission().with_(subject=HOSTILE))
    browser = await world.visitor(Role.SUPERVISOR)
    await browser.act("/deadletters/note", case=case, text=HOSTILE)

    for path in (f"/documents/{accepted.message_id}", "/deadletters/cases", f"/deadletters/cases/{case}"):
        page = (await browser.get(path)).text
        assert "&lt;script&gt;" in page, path
        assert "<script>alert" not in page
        assert "<img" not in page


async def test_the_recipients_words_are_shown_as_text_wherever_a_case_is(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission())
    ((delivery, mailbox, message),) = await world.store.fetch(
        "select delivery_id, c.mailbox, message_id from cases c join deliveries using (delivery_id)"
    )
    told = RejectReason.of(delivery, 1, f"hết chỗ {HOSTILE}")
    await world.store.reject_reasons().keep([(mailbox, told)])
    browser = await world.visitor(Role.SUPERVISOR)

    for path in ("/deadletters", "/deadletters/cases", f"/deadletters/cases/{case}", f"/documents/{message}"):
        page = (await browser.get(path)).text
        assert "hết chỗ &lt;script&gt;" in page, path
        assert "<script>alert" not in page
        assert "<img" not in page
    assert "Lời của bên nhận:" in (await browser.get("/deadletters")).text


async def test_what_somebody_asks_for_is_text_too(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.VIEWER)

    for path in (
        "/documents?name=",
        "/invalid?reason=",
        "/audit?operator=",
        "/deadletters?mailbox=",
        "/login?next=/",
    ):
        page = (await browser.get(path + '"><script>alert(1)</script>')).text
        assert "<script>alert" not in page, path


async def test_an_invalid_message_is_shown_as_harmless_text(world: ConsoleUnderTest) -> None:
    body = HOSTILE.encode() + b"\x1b[31m\x00" + "\u202eexe.fdp".encode() + b"x" * 10_000 + b"the end"
    message = InvalidMessage(
        queue="hub.invalid", body=body, claimed_by="H41", reason="no route", at=datetime.now(UTC)
    )
    await world.store.quarantine().keep([message])
    browser = await world.visitor(Role.VIEWER)

    listed = await browser.get("/invalid")
    ((number,),) = await world.store.fetch("select invalid_id from invalid_messages")
    page = await browser.get(f"/invalid/{number}")
    octets = await browser.get(f"/invalid/{number}/bytes")

    assert "no route" in listed.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "␛[31m␀⟨U+202E⟩exe.fdp" in page.text
    assert "the end" not in page.text
    assert octets.content == body
    assert octets.headers["content-disposition"].startswith("attachment")


async def test_who_works_for_some_agencies_sees_their_documents_only(world: ConsoleUnderTest) -> None:
    theirs, _ = await world.hub.accept(a_submission().to("H41").admitted())
    others, _ = await world.hub.accept(a_submission().to("H42").admitted())
    await _registry(world)
    browser = await world.visitor(Role.VIEWER, agencies=("H41",))

    seen = await browser.get(f"/documents/{theirs.message_id}")
    hidden = [
        await browser.get(f"/documents/{others.message_id}{part}") for part in ("", "/bytes", "/evidence")
    ]
    named = await browser.get(f"/documents?name={others.message_id}")

    assert seen.status_code == 200
    assert [each.status_code for each in hidden] == [404, 404, 404]
    assert named.status_code == 200
    assert f"/documents/{others.message_id}" not in named.text


async def test_limits_hold_for_agencies_below(world: ConsoleUnderTest) -> None:
    below, _ = await world.hub.accept(a_submission().to("H41.02").admitted())
    await _registry(world)
    browser = await world.visitor(Role.VIEWER, agencies=("H41",))

    assert (await browser.get(f"/documents/{below.message_id}")).status_code == 200


async def test_who_is_limited_to_agencies_has_no_pages_that_belong_to_none(world: ConsoleUnderTest) -> None:
    await _registry(world)
    browser = await world.visitor(Role.SUPERVISOR, agencies=("H41",))

    answers = [(await browser.get(path)).status_code for path in ("/invalid", "/audit", "/settings")]

    assert answers == [403, 403, 403]
    assert 'href="/audit"' not in (await browser.get("/documents")).text


async def test_settings_are_shown_and_secrets_are_not(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.VIEWER)

    page = (await browser.get("/settings")).text

    assert "prefetch" in page
    assert "bí mật; đã đặt" in page


async def test_the_audit_page_shows_who_did_what_and_can_be_narrowed(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)
    await world.account("lan", Role.VIEWER)

    all_of_it = (await browser.get("/audit")).text
    narrowed = (await browser.get("/audit?operator=provisioning&action=account")).text
    nothing = (await browser.get("/audit?until=2020-01-01T00:00")).text

    assert "session.begin" in all_of_it
    assert "session.begin" not in narrowed
    assert "account.add" in narrowed
    assert "account.add" not in nothing


async def test_a_form_whose_fields_are_left_empty_asks_for_everything(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)
    forms = (
        "/documents?name=&sender=&recipient=&since=&until=&state=",
        "/deadletters?mailbox=&owner=",
        "/deadletters/cases?mailbox=&sender=&owner=&cause=&put=",
        "/late?recipient=&lateness=",
        "/invalid?reason=",
        "/audit?operator=&action=&since=&until=",
    )

    answers = {form: (await browser.get(form)).status_code for form in forms}

    assert answers == dict.fromkeys(forms, 200)


async def test_the_language_changes_and_the_page_stays(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.VIEWER)

    vietnamese = await browser.get("/invalid?reason=x")
    switched = await browser.get("/language/en?next=/invalid%3Freason%3Dx")
    english = await browser.get(switched.headers["location"])

    assert '<html lang="vi">' in vietnamese.text
    assert "Thông điệp không hợp lệ" in vietnamese.text
    assert switched.headers["location"] == "/invalid?reason=x"
    assert '<html lang="en">' in english.text
    assert "Invalid messages" in english.text


async def test_an_error_is_a_page_with_a_code_and_never_a_traceback(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.VIEWER)

    missing = await browser.get("/documents/00000000-0000-0000-0000-000000000000")
    broken = await browser.get("/documents/not-a-name")
    nul = await browser.get("/documents?name=%00")

    assert (missing.status_code, "CONSOLE-4004" in missing.text) == (404, True)
    assert broken.status_code == 422
    assert nul.status_code == 422
    assert "Traceback" not in missing.text + broken.text + nul.text


async def _registry(world: ConsoleUnderTest) -> None:
    """Enter the agencies that accounts are limited to."""
    async with world.store.private.connect() as connection:
        for key, parent in (("H41", None), ("H41.02", "H41"), ("H42", None)):
            await connection.execute(
                "insert into agencies (key, code, name, level, parent) values ($1, $1, $1, $2, $3)"
                " on conflict do nothing",
                key,
                key.count(".") + 1,
                parent,
            )
