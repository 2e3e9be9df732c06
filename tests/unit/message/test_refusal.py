import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.errors import (
    ConflictingDuplicate,
    MalformedMessage,
    MessageRejected,
    NotAuthorized,
    RejectionCode,
    SchemaViolation,
    SignatureRejected,
    UnknownRecipient,
)
from hub.message.refusal import presentable, rejection_of, violation


def unknown(recipient: str) -> str:
    return violation(RejectionCode.UNKNOWN_RECIPIENT, path="/", rule="r", recipient=recipient).en


def test_a_violation_names_the_offending_value_in_both_languages() -> None:
    broken = violation(RejectionCode.UNKNOWN_RECIPIENT, path="/edXML/To", rule="registry", recipient="H77")

    assert (broken.path, broken.rule) == ("/edXML/To", "registry")
    assert broken.vi.startswith("Nơi nhận H77 ")
    assert broken.en.startswith("The recipient H77 ")


def test_braces_in_a_value_are_just_braces() -> None:
    assert "{size} {0.__class__}" in unknown("{size} {0.__class__}")


@pytest.mark.parametrize("hidden", ["\x00", "\x1b[31m", "\n", "\u202e", "\u2028", "\ud800", "\ufffe", "\x9b"])
def test_a_value_cannot_break_a_line_a_terminal_or_xml(hidden: str) -> None:
    sentence = unknown(f"H{hidden}77")

    assert hidden not in sentence
    assert sentence.isprintable()


@given(st.text(st.characters(), max_size=500))
def test_whatever_a_value_is_its_sentence_can_be_written_as_xml(value: str) -> None:
    element = etree.Element("en")

    element.text = unknown(value)

    assert len(element.text) < 500


@given(st.text(max_size=200), st.integers(1, 100))
def test_what_is_presentable_is_never_too_long(text: str, longest: int) -> None:
    assert len(presentable(text, longest=longest)) <= longest


def test_what_was_shortened_says_so() -> None:
    assert presentable("x" * 50, longest=10) == "xxxxxxxxx…"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (RejectionCode.NOT_WELL_FORMED, MalformedMessage),
        (RejectionCode.HASH_FAILURE, SignatureRejected),
        (RejectionCode.NO_RECIPIENT, SchemaViolation),
        (RejectionCode.NO_MANDATE, NotAuthorized),
        (RejectionCode.SUBMISSION_ID_REUSED, ConflictingDuplicate),
        (RejectionCode.RECIPIENT_NOT_CONNECTED, UnknownRecipient),
    ],
)
def test_a_refusal_is_of_the_class_of_its_first_violation(
    code: RejectionCode, kind: type[MessageRejected]
) -> None:
    names = ("line", "column", "mailbox", "sender", "submission_id", "recipient")
    first = violation(code, path="/", rule="r", **dict.fromkeys(names, "x"))
    second = violation(RejectionCode.NO_RECIPIENT, path="/", rule="r")

    rejection = rejection_of([first, second])

    assert type(rejection) is kind
    assert rejection.violations == (first, second)
    assert str(rejection) == first.en
