"""Delta CRLs and CRLs split by scope: what they may say together, and what hostile ones may not."""

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from hub.message.trust import RevocationPolicy, TrustMaterial, TrustObject, TrustObjectKind
from hub.signature.delta import freshest_addresses
from hub.signature.inquiry import Inquiry, plan
from hub.signature.presented import presented
from hub.signature.status_authority import CRL_LIFETIME, ISSUING_CRL, ROOT_CRL
from hub.signature.verdict import Judge, judge_again
from tests.support.authority import AT
from tests.support.revocation_list import RevocationList, point
from tests.support.status_authority import ADDRESS, HOUR, Published, anchors, status_authority, status_key

BASE, DELTA = ADDRESS + ISSUING_CRL, ADDRESS + "/delta.crl"
GOOD, REVOKED, UNKNOWN = ("PASSED", None), ("FAILED", "REVOKED"), ("INDETERMINATE", "TRY_LATER")
ON_HOLD, TAKEN_BACK = x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl


def ours(reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise) -> dict[int, x509.ReasonFlags]:
    return {status_key().certificate.serial_number: reason}


def material(base: RevocationList, delta: RevocationList | None = None) -> TrustMaterial:
    crls = {ADDRESS + ROOT_CRL: Published().crl(of_root=True), BASE: base.made()}
    return TrustMaterial(crls=crls if delta is None else {**crls, DELTA: delta.made()})


def words(known: TrustMaterial) -> tuple[str, str | None]:
    key = status_key()
    validation = (
        Judge(anchors(RevocationPolicy.HARD))
        .judge(presented(key.certificate, key.chain), AT, known)
        .validation
    )
    assert validation is not None
    assert judge_again(validation, AT) == validation, "by what is kept, the verdict is the same"
    return validation.indication.value, validation.sub_indication


COMPLETE = RevocationList(freshest=DELTA)
CHANGES = RevocationList(base=10, number=12)


TOGETHER = [
    pytest.param(COMPLETE, CHANGES, GOOD, id="neither names it"),
    pytest.param(COMPLETE, replace(CHANGES, revoked=ours()), REVOKED, id="revoked since the list"),
    pytest.param(replace(COMPLETE, revoked=ours()), CHANGES, REVOKED, id="revoked in the list"),
    pytest.param(
        replace(COMPLETE, revoked=ours(ON_HOLD)),
        replace(CHANGES, revoked=ours(TAKEN_BACK)),
        GOOD,
        id="a hold that was taken back",
    ),
    pytest.param(COMPLETE, replace(CHANGES, base=8), GOOD, id="made on an older list"),
    pytest.param(COMPLETE, replace(CHANGES, number=10), GOOD, id="made together with the list"),
    pytest.param(replace(COMPLETE, number=20), CHANGES, GOOD, id="older than the list"),
]


@pytest.mark.parametrize(("base", "delta", "expected"), TOGETHER)
def test_a_list_and_its_delta_speak_together(
    base: RevocationList, delta: RevocationList, expected: tuple[str, str | None]
) -> None:
    assert words(material(base, delta)) == expected


UNFITTING = [
    pytest.param(COMPLETE, None, id="no delta"),
    pytest.param(COMPLETE, replace(CHANGES, base=11), id="made on a newer list: what was between is hidden"),
    pytest.param(COMPLETE, replace(CHANGES, at=AT - 3 * CRL_LIFETIME), id="a delta whose time is over"),
    pytest.param(COMPLETE, replace(CHANGES, number=None), id="a delta without a number"),
    pytest.param(replace(COMPLETE, number=None), CHANGES, id="a list without a number"),
    pytest.param(COMPLETE, replace(CHANGES, only="users"), id="a delta of another scope"),
    pytest.param(COMPLETE, replace(CHANGES, signer=status_key("H99")), id="a delta that a stranger signed"),
    pytest.param(replace(COMPLETE, signer=status_key("H99")), CHANGES, id="a list that a stranger signed"),
    pytest.param(replace(CHANGES, freshest=DELTA), CHANGES, id="a delta in the place of the list"),
]


@pytest.mark.parametrize(("base", "delta"), UNFITTING)
def test_a_delta_that_does_not_fit_leaves_the_status_open(
    base: RevocationList, delta: RevocationList | None
) -> None:
    assert words(material(base, delta)) == UNKNOWN


def test_an_old_delta_does_not_take_back_what_a_newer_list_revokes() -> None:
    newer = replace(COMPLETE, number=20, revoked=ours())
    old = replace(CHANGES, revoked=ours(TAKEN_BACK))

    assert words(material(newer, old)) == REVOKED


SCOPES = [
    (RevocationList(points_to=[BASE]), GOOD),
    (RevocationList(points_to=[BASE], only="users"), GOOD),
    (RevocationList(points_to=[ADDRESS + "/part-2.crl"]), UNKNOWN),
    (RevocationList(only="authorities"), UNKNOWN),
    (RevocationList(only="attributes"), UNKNOWN),
    (RevocationList(only="reasons"), UNKNOWN),
    (RevocationList(points_to=[BASE], revoked=ours()), REVOKED),
    (RevocationList(only="reasons", revoked=ours()), REVOKED),
    (RevocationList(only="authorities", revoked=ours()), UNKNOWN),
    (RevocationList(points_to=[ADDRESS + "/part-2.crl"], revoked=ours()), UNKNOWN),
]


def scope_id(each: object) -> str:
    """Name a case."""
    if isinstance(each, RevocationList):
        return f"{each.only} {each.points_to} {len(each.revoked)}"
    return str(each)


@pytest.mark.parametrize(("scope", "expected"), SCOPES, ids=scope_id)
def test_a_list_speaks_for_its_scope_only(scope: RevocationList, expected: tuple[str, str | None]) -> None:
    assert words(material(scope)) == expected


# ——— what is asked ———


def planned(known: TrustMaterial) -> dict[str, Inquiry]:
    key = status_key()
    return plan([key.certificate], key.chain, anchors(RevocationPolicy.HARD), AT, known)


def test_deltas_are_asked_for_where_the_list_names_them() -> None:
    before, after = planned(TrustMaterial()), planned(material(COMPLETE))

    assert set(after) - set(before) == {DELTA}
    assert after[DELTA].is_for_delta
    assert not after[BASE].is_for_delta


def test_only_a_few_addresses_on_the_web_are_taken_from_a_list() -> None:
    issuer = status_authority().issuing
    names = ["ldap://127.0.0.1/x", *(f"{ADDRESS}/{number}.crl" for number in range(1000))]
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(AT).next_update(AT + HOUR)
    builder = builder.add_extension(x509.FreshestCRL([point(each) for each in names]), critical=False)
    body = builder.sign(issuer.private_key, SHA256()).public_bytes(Encoding.DER)

    found = freshest_addresses(TrustObject.of(TrustObjectKind.CRL, body))

    assert found == tuple(f"{ADDRESS}/{number}.crl" for number in range(4))


def test_a_list_is_kept_before_its_delta_was_fetched_and_a_delta_with_its_list_only() -> None:
    known = material(COMPLETE)
    asked = planned(known)

    assert asked[BASE].is_answered_by(COMPLETE.made(), AT)
    assert asked[DELTA].is_answered_by(CHANGES.made(), AT, known)
    assert not asked[DELTA].is_answered_by(CHANGES.made(), AT), "without its list it says nothing"


@pytest.mark.parametrize(
    "answer",
    [
        replace(CHANGES, base=11),
        replace(CHANGES, at=AT - 3 * CRL_LIFETIME),
        replace(CHANGES, signer=status_key("H99")),
        replace(CHANGES, only="authorities"),
        COMPLETE,
        RevocationList(),
    ],
    ids=["wrong base", "over", "a stranger's", "another scope", "the list itself", "another list"],
)
def test_what_is_no_delta_to_the_list_does_not_answer(answer: RevocationList) -> None:
    known = material(COMPLETE)

    assert not planned(known)[DELTA].is_answered_by(answer.made(), AT, known)


def test_a_delta_does_not_answer_for_the_list() -> None:
    assert not planned(material(COMPLETE))[BASE].is_answered_by(CHANGES.made(), AT)
