"""What the record says in its own words, in those that people read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hub.console.languages import msgid
from hub.message.alert import AlertKind
from hub.message.alert import Moment as Notified
from hub.message.breaker import ParkedBecause
from hub.message.campaign import CampaignKind, CampaignState
from hub.message.delivery_state import DeliveryState
from hub.message.lateness import Lateness
from hub.operations.trace import Moment, Source

EVENTS: Final = {
    "received": msgid("received"),
    "message.accepted": msgid("accepted"),
    "message.rejected": msgid("refused by the axis"),
    "message.repeated": msgid("submitted once more"),
    "signed under mandate": msgid("signed under mandate"),
    "message.reinstated": msgid("brought back after a restore"),
    "delivery.consigned": msgid("in the recipient's queue"),
    "delivery.returned": msgid("came back"),
    "delivery.returned_late": msgid("came back too late to matter"),
    "delivery.retried": msgid("will be tried again"),
    "delivery.failed": msgid("an attempt failed"),
    "delivery.given_up": msgid("given up: a dead letter"),
    "delivery.dead": msgid("given up: a dead letter"),
    "delivery.expired": msgid("expired: nobody collected it"),
    "delivery.parked": msgid("parked with its mailbox"),
    "delivery.reported": msgid("reported on by the recipient"),
    "delivery.reported_late": msgid("reported on too late"),
    "delivery.replayed": msgid("replayed by an operator"),
    "delivery.sent_again": msgid("sent again after its queue was lost"),
    "delivery.discarded": msgid("discarded by an operator"),
    "delivery.restored": msgid("restored by an operator"),
    "delivery.rerouted": msgid("sent another way"),
    "delivery.reconciled": msgid("reconciled after a restore"),
    "case.opened": msgid("a case for operators"),
    "SubmissionAcceptance": msgid("signed: accepted"),
    "SubmissionRejection": msgid("signed: refused"),
    "ContentConsignment": msgid("signed: in the recipient's queue"),
    "ContentHandover": msgid("signed: handed over"),
    "ContentConsignmentFailure": msgid("signed: not delivered"),
}
SOURCES: Final = {
    Source.MESSAGE: msgid("message"),
    Source.EVENT: msgid("event"),
    Source.ATTEMPT: msgid("attempt"),
    Source.STATUS: msgid("status"),
    Source.RECEIPT: msgid("receipt"),
    Source.OPERATOR: msgid("operator"),
}
STATES: Final = {
    DeliveryState.WAITING: msgid("waiting"),
    DeliveryState.CONSIGNED: msgid("in the recipient's queue"),
    DeliveryState.ARRIVED: msgid("arrived (01)"),
    DeliveryState.ACCEPTED: msgid("accepted (03)"),
    DeliveryState.ASSIGNED: msgid("assigned (04)"),
    DeliveryState.PROCESSING: msgid("being processed (05)"),
    DeliveryState.FINISHED: msgid("finished (06)"),
    DeliveryState.REFUSED: msgid("refused (02)"),
    DeliveryState.RECALLED: msgid("recalled (15)"),
    DeliveryState.DEAD: msgid("dead letter"),
    DeliveryState.EXPIRED: msgid("expired"),
    DeliveryState.DISCARDED: msgid("discarded"),
}
"""A test holds it to `DeliveryState`."""
VERDICTS: Final = {"accepted": msgid("accepted"), "refused": msgid("refused by the axis")}
KINDS: Final = {
    "document": msgid("document"),
    "status": msgid("status"),
    "receipt": msgid("receipt"),
}
ROLES: Final = {
    "viewer": msgid("viewer"),
    "operator": msgid("operator"),
    "supervisor": msgid("supervisor"),
    "administrator": msgid("administrator"),
}
CAUSES: Final = {
    "rejected": msgid("the recipient's system refused it"),
    "delivery_limit": msgid("the recipient's system crashed on it"),
    "expired": msgid("nobody collected it in time"),
    "unroutable": msgid("the mailbox has no queue"),
    "hub_failure": msgid("the hub failed on it"),
    "hub": msgid("the hub could not process it"),
    "unknown": msgid("unknown"),
}
OUTCOMES: Final = {
    "replayed": msgid("replayed"),
    "discarded": msgid("discarded"),
    "acknowledged": msgid("acknowledged after all"),
}
ACTS: Final = {
    "replay": msgid("Sent again: %(count)s"),
    "reroute": msgid("Sent another way: %(count)s"),
    "discard": msgid("Discarded: %(count)s"),
    "restore": msgid("Restored: %(count)s"),
    "assign": msgid("Given to somebody: %(count)s"),
    "snooze": msgid("Put off: %(count)s"),
    "ticket": msgid("Linked: %(count)s"),
    "note": msgid("Noted: %(count)s"),
    "alert_test": msgid("A hub process tells a test on every channel."),
}
"""What a page says after an act."""
CAMPAIGNS: Final = {
    CampaignKind.REPLAY: msgid("replay"),
    CampaignKind.DISCARD: msgid("discard"),
    CampaignState.JUDGING: msgid("being judged"),
    CampaignState.READY: msgid("judged: to be started"),
    CampaignState.AWAITING_SECOND: msgid("waits for the second person"),
    CampaignState.CANARY: msgid("under way, as a canary"),
    CampaignState.RUNNING: msgid("under way"),
    CampaignState.PAUSED: msgid("paused"),
    CampaignState.STOPPED: msgid("stopped by itself"),
    CampaignState.CANCELLED: msgid("cancelled"),
    CampaignState.DONE: msgid("done"),
}
ITEMS: Final = {
    "pending": msgid("still to come"),
    "sent": msgid("on its way"),
    "done": msgid("done"),
    "refused": msgid("left as it is"),
    "failed_again": msgid("failed again"),
}
BREAKERS: Final = {
    "closed": msgid("parked"),
    "open": msgid("parked: it fails"),
    "half_open": msgid("being probed"),
    "draining": msgid("being drained"),
}
PARKED: Final = {
    ParkedBecause.FAILING: msgid("everything comes back"),
    ParkedBecause.FULL: msgid("its queue takes nothing more"),
}
"""A test holds it to `ParkedBecause`."""
MAILBOX_KINDS: Final = {"agency": msgid("agency"), "lgsp": msgid("LGSP")}
LATE: Final = {
    Lateness.NOT_COLLECTED: msgid("not collected"),
    Lateness.NOT_DELIVERED: msgid("not delivered yet"),
    Lateness.NOT_ACKNOWLEDGED: msgid("not acknowledged"),
    Lateness.OVERDUE: msgid("overdue"),
}
ALERTS: Final = {
    AlertKind.RECIPIENT_FAILING: msgid("a recipient fails"),
    AlertKind.QUEUE_LOST: msgid("a queue was lost"),
    AlertKind.QUEUE_GROWING: msgid("deliveries wait too long"),
    AlertKind.CERTIFICATE_ENDING: msgid("a certificate ends soon"),
    AlertKind.DEADLINE_AT_RISK: msgid("documents fall due"),
    AlertKind.INVALID_RISING: msgid("unusually many invalid messages"),
    AlertKind.CASES_RISING: msgid("unusually many dead letters"),
    AlertKind.AUDIT_UNSEALED: msgid("the audit log is not sealed"),
    AlertKind.TEST: msgid("a test"),
}
MOMENTS: Final = {
    Notified.START: msgid("begun"),
    Notified.END: msgid("over"),
    Notified.TEST: msgid("a test"),
}
"""What a notice of an alert tells."""
_OUTCOMES_OF_ATTEMPTS: Final = CAUSES | {"consigned": EVENTS["delivery.consigned"]}
_ATTEMPT: Final = re.compile(r"(?P<carried>.*)attempt (?P<number>\d+): (?P<outcome>.+)")

WORDS: Final = {
    **{str(key): word for key, word in STATES.items()},
    **{f"verdict {key}": word for key, word in VERDICTS.items()},
    **{f"kind {key}": word for key, word in KINDS.items()},
    **{f"cause {key}": word for key, word in CAUSES.items()},
    **{f"outcome {key}": word for key, word in OUTCOMES.items()},
    **{f"receipt {key}": word for key, word in EVENTS.items()},
    **{f"role {key}": word for key, word in ROLES.items()},
    **{f"campaign {key}": word for key, word in CAMPAIGNS.items()},
    **{f"item {key}": word for key, word in ITEMS.items()},
    **{f"breaker {key}": word for key, word in BREAKERS.items()},
    **{f"parked {key}": word for key, word in PARKED.items()},
    **{f"mailbox {key}": word for key, word in MAILBOX_KINDS.items()},
    **{f"late {key}": word for key, word in LATE.items()},
    **{f"alert {key}": word for key, word in ALERTS.items()},
    **{f"moment {key}": word for key, word in MOMENTS.items()},
}
"""For templates: what is not here is shown as it is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a timeline for people."""

    at: datetime
    source: str
    kind: str
    """The source's own name, which styles know."""
    what: str
    recipient: str
    detail: str


def moment_lines(moments: Sequence[Moment], say: Callable[[str], str], *, every: bool) -> tuple[Line, ...]:
    """Return the lines of a timeline; *every* one, or those that say something new."""
    return tuple(
        Line(
            at=each.at,
            source=say(SOURCES[each.source]),
            kind=each.source.value,
            what=_what(each, say),
            recipient=each.recipient or "",
            detail=each.detail,
        )
        for each in moments
        if every or not each.is_repetition
    )


def _what(moment: Moment, say: Callable[[str], str]) -> str:
    if (found := _ATTEMPT.fullmatch(moment.what)) is not None:
        outcome = say(_OUTCOMES_OF_ATTEMPTS.get(found["outcome"], found["outcome"]))
        return f"{found['carried']}{say(msgid('attempt'))} {found['number']}: {outcome}"
    return say(EVENTS.get(moment.what, moment.what))
