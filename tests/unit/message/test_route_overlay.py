"""A changed route, as the XML that the hub signs."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.evidence.reading import read_overlay
from hub.evidence.signed_xml import verify
from hub.message.identifiers import AgencyKey, DeliveryId, MailboxName, MessageId
from hub.message.route_overlay import OverlayId, RouteOverlay, write_overlay
from hub.signature.signing import sign_receipt
from tests.support.authority import agency_signing_key


def an_overlay(*, reason: str = "H14 receives for it", operator: str = "Lan") -> RouteOverlay:
    return RouteOverlay(
        overlay_id=OverlayId(UUID(int=1)),
        delivery_id=DeliveryId(UUID(int=2)),
        message_id=MessageId(UUID(int=3)),
        recipient=AgencyKey("H41.02"),
        from_mailbox=MailboxName("H41"),
        to_mailbox=MailboxName("H14"),
        operator=operator,
        reason=reason,
        at=datetime(2026, 11, 22, 5, 30, tzinfo=UTC),
    )


@given(st.text(max_size=50), st.text(max_size=20))
def test_it_is_written_in_canonical_form_whatever_people_type(reason: str, operator: str) -> None:
    written = write_overlay(an_overlay(reason=reason, operator=operator))

    assert etree.tostring(etree.fromstring(written), method="c14n", exclusive=True) == written


def test_what_is_signed_says_who_sent_what_where_and_why() -> None:
    body = sign_receipt(write_overlay(an_overlay(reason='<a> & "b"')), agency_signing_key("TRUC"))

    overlay = read_overlay(verify(body).root, frozenset({str(UUID(int=3))}))

    assert (overlay.from_mailbox, overlay.to_mailbox, overlay.operator) == ("H41", "H14", "Lan")
    assert (overlay.recipient, overlay.reason) == ("H41.02", '<a> & "b"')
    assert overlay.at == an_overlay().at
