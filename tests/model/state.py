"""What the model knows at an instant: everything that is durable, and everything that a crash forgets.

All values are tuples of tuples: they hash, compare and share structure. Fields marked *ghost* exist nowhere
in the product; they remember what happened, so that a law can speak about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

NOBODY: Final = -1
THE_DEAD: Final = -2
"""A claimant whose process is gone; a process that starts draws a new number (`Claimant.draw`)."""


class Kind(StrEnum):
    """What a delivery carries."""

    DOCUMENT = "document"
    ACCEPTANCE = "acceptance"
    CONSIGNMENT = "consignment"
    HANDOVER = "handover"
    FAILURE = "failure"


class Phase(StrEnum):
    """Where an entry in a relay's hand stands."""

    HEAP = "heap"
    """To be published."""
    BEHIND_CLAIM = "heap, behind a claim"
    """To be published once a claim, which was under way when it was offered, has told what it took."""
    BEHIND_COMMIT = "heap, behind a commit"
    WIRE = "wire"
    """Written to the channel; the broker has not seen it yet."""
    TAKEN = "taken"
    """In the recipient's queue; the confirm is on its way."""
    GIVEN_BACK = "given back"
    """Planted: on its way to being a row again."""
    CONFIRMED = "confirmed"
    UNROUTABLE = "unroutable"
    FULL = "full"
    UNKNOWN = "unknown"
    EXPIRED = "expired"


TO_PUBLISH: Final = frozenset({Phase.HEAP, Phase.BEHIND_CLAIM, Phase.BEHIND_COMMIT})
ANSWERED: Final = frozenset({Phase.CONFIRMED, Phase.UNROUTABLE, Phase.FULL, Phase.UNKNOWN, Phase.EXPIRED})


class Delivery(NamedTuple):
    """A row of `deliveries`."""

    kind: Kind
    about: int
    state: str = "waiting"
    attempt: int = 1
    first: int = 1
    episode: int = 1
    is_late: bool = False
    """Ghost: its `expires_at` has passed."""
    has_arrived: bool = False
    """Ghost: the recipient's queue has had it."""
    is_excused: bool = False
    """Ghost: later ones of its lane may overtake it, because its mailbox would not take it."""
    blamed: int = 0
    """Ghost: what its mailbox did to it: rejected, missing."""

    @property
    def tries(self) -> int:
        """As `LockedDelivery.tries`."""
        return self.attempt - self.first + 1


class Entry(NamedTuple):
    """A row of `outbox_entries`; its number is its delivery's."""

    attempt: int
    is_fresh: bool
    owner: int = NOBODY
    is_lapsed: bool = False
    """Whether `claimed_until` has passed."""


GONE: Final = Entry(0, is_fresh=False)
"""Stands for no row."""


class Copy(NamedTuple):
    """A delivery on one attempt, as it lies in a queue or in a memory."""

    delivery: int
    attempt: int


class Held(NamedTuple):
    """An entry in a relay's hand (`_Hold`)."""

    delivery: int
    attempt: int
    phase: Phase


class Return(NamedTuple):
    """What `hub.returned` holds."""

    delivery: int
    attempt: int
    reason: str


class Hub(NamedTuple):
    """One hub process: all of it is memory."""

    is_up: bool = True
    is_present: bool = True
    """Whether its advisory lock is held (`Presence`)."""
    batch: tuple[tuple[int, bool], ...] = ()
    """What intake has in hand, and whether the channel that it came over still lives."""
    stage: str = ""
    """Of the batch: `committed`, or `failed` where no answer came."""
    given: tuple[Copy, ...] = ()
    """What a commit handed over, before the relay has it."""
    hand: tuple[Held, ...] = ()
    wire: tuple[int, ...] = ()
    """What was written to the channel and not taken yet, oldest first."""
    recorded: tuple[Held, ...] = ()
    """What was just recorded; the answer to the commit is on its way."""
    handed: tuple[Copy, ...] = ()
    """What that commit returns."""
    claimed: tuple[Copy, ...] = ()
    """What a claim took; the answer is on its way."""
    claimed_again: tuple[Copy, ...] = ()
    """Those of them that were in hand when the claim was made."""
    reclaimed: tuple[Copy, ...] = ()
    """What a claim took while it was in hand."""
    returning: tuple[Return, ...] = ()
    is_returning_attached: bool = False
    """Whether the broker waits for the acknowledgement of what is returning."""
    is_returned: bool = False
    """Whether its settlement is committed."""
    due: tuple[Copy, ...] = ()
    """What that commit returns."""
    has_strays: bool = False
    """Whether rows may be claimed in its name that it does not know of."""


class Row(NamedTuple):
    """A row of the recipient's journal (`incoming`)."""

    state: str
    attempt: int


UNSEEN: Final = Row("", 0)


class Consumer(NamedTuple):
    """One process of the kit that consumes the recipient's mailbox."""

    copy: tuple[Copy, ...] = ()
    is_attached: bool = False
    step: str = ""
    """`inspected`, `offered`, `handled`, `dropped`, `committed`, `rejected`."""


class Trouble(Enum):
    """What may go wrong; a world says how often."""

    CRASH = auto()
    CONNECTION = auto()
    """A hub process loses its connections to the broker."""
    ANSWER = auto()
    """The answer to a commit is lost."""
    FAILED_COMMIT = auto()
    LAPSE = auto()
    """The lease of a claim ends while its holder lives."""
    ABSENCE = auto()
    """A living hub process loses its advisory lock for a while."""
    UNCONFIRMED = auto()
    """The broker's confirm does not reach the recipient, which publishes its status again."""
    KIT_CRASH = auto()
    KIT_CONNECTION = auto()
    REJECTION = auto()
    """The recipient's handler fails."""
    UNROUTABLE = auto()
    FULL = auto()
    LATENESS = auto()
    """A delivery's time is over before it was published."""
    REPLAY = auto()


class Plant(Enum):
    """A fault planted on purpose: what the code would be without one of its guards."""

    ACK_BEFORE_COMMIT = auto()
    NO_DEDUPE_KEY = auto()
    RECEIPT_BEFORE_COMMIT = auto()
    RECEIPT_BEFORE_CONFIRM = auto()
    CLAIM_WITHOUT_OWNER_CHECK = auto()
    GIVE_BACK_HANDED_OVER = auto()
    NO_LANE_GUARD_AT_COMMIT = auto()
    NO_LANE_GUARD_AT_CLAIM = auto()
    UNANSWERED_IS_LET_GO = auto()
    PUBLISH_PAST_THE_UNANSWERED = auto()
    SUCCESSORS_OF_THE_LOST_STAY = auto()
    LOST_ANSWER_UNNOTICED = auto()
    OFFERED_PAST_ANOTHER_ACT = auto()
    CLAIMED_AGAIN_IS_DROPPED = auto()
    LET_GO_WHILE_CLAIMED_IS_TAKEN = auto()
    LATE_IS_PUBLISHED = auto()
    CONFIRM_WITHOUT_FENCE = auto()
    RETURN_WITHOUT_FENCE = auto()
    RETURN_ACKED_BEFORE_COMMIT = auto()
    OUTAGE_COUNTS_AS_ATTEMPT = auto()
    GIVEN_UP_WITHOUT_CASE = auto()
    REPLAY_UNDER_NEW_ID = auto()
    SEEN_IS_HANDLED = auto()
    KIT_ACKS_BEFORE_COMMIT = auto()
    NAIVE_HANDLER = auto()
    HAND_OVER_WITHOUT_KEY = auto()
    REJECTED_ELSEWHERE_IS_HANDLED = auto()


class State(NamedTuple):
    """Everything at one instant."""

    intake: tuple[int, ...]
    """`hub.intake`, as a bag: documents by their number, statuses by `status_about`."""
    deliveries: tuple[Delivery, ...]
    entries: tuple[Entry, ...]
    receipts: tuple[tuple[Kind, int, int], ...]
    """Signed and stored: event, document, episode (`receipt_subjects`)."""
    cases: tuple[int, ...]
    hubs: tuple[Hub, ...]
    queue: tuple[Copy, ...]
    """The recipient's queue, as a bag."""
    returned: tuple[Return, ...]
    consumers: tuple[Consumer, ...]
    journal: tuple[Row, ...]
    told: tuple[int, ...]
    """Ghost: documents whose acceptance has reached their sender."""
    effects: tuple[int, ...]
    """Ghost: what each document has caused at its recipient."""
    left: tuple[int, ...]
    """Troubles that may still come, in the order of `Trouble`."""
    broken: str = ""
    """Ghost: the law that the last step broke."""


Troubles: TypeAlias = Mapping[Trouble, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A bounded piece of the world: small enough to look at everything that can happen in it."""

    name: str
    documents: int = 1
    duplicates: int = 0
    """Documents that their sender publishes twice, because a confirm was lost."""
    hubs: int = 1
    consumers: int = 0
    """0: the recipient only collects."""
    follows: frozenset[Kind] = frozenset()
    """Receipts whose way out is modelled; the others are signed, stored and supposed to arrive."""
    is_transactional: bool = True
    """Whether the handler writes inside the journal's transaction, or is idempotent by `delivery_id`."""
    max_attempts: int = 2
    claim_limit: int = 9
    troubles: Troubles = field(default_factory=lambda: MappingProxyType({}))
    at_most: int = 99
    """Troubles in one run, of whatever kinds."""
    plants: frozenset[Plant] = frozenset()

    def has(self, plant: Plant) -> bool:
        """Whether *plant* was planted."""
        return plant in self.plants

    def may(self, state: State, trouble: Trouble) -> bool:
        """Whether *trouble* may still come."""
        used = sum(self.troubles.values()) - sum(state.left)
        return state.left[trouble.value - 1] > 0 and used < self.at_most


def begin(world: World) -> State:
    """Return the first state of *world*: the broker has everything that is submitted.

    A document that comes later is one that is taken later: nothing is left out.
    """
    return State(
        intake=tuple(sorted((*range(world.documents), *range(world.duplicates)))),
        deliveries=(),
        entries=(),
        receipts=(),
        cases=(),
        hubs=(Hub(),) * world.hubs,
        queue=(),
        returned=(),
        consumers=(Consumer(),) * world.consumers,
        journal=(),
        told=(),
        effects=(0,) * world.documents,
        left=tuple(world.troubles.get(each, 0) for each in Trouble),
    )


def troubled(state: State, trouble: Trouble) -> State:
    """Return *state* with one *trouble* less to come."""
    place = trouble.value - 1
    return state._replace(left=put(state.left, place, state.left[place] - 1))


def put(values: tuple, place: int, value: object) -> tuple:  # type: ignore[type-arg]
    """Return *values* with *value* at *place*."""
    return (*values[:place], value, *values[place + 1 :])


def without(bag: tuple, value: object) -> tuple:  # type: ignore[type-arg]
    """Return *bag* with one *value* less."""
    place = bag.index(value)
    return (*bag[:place], *bag[place + 1 :])


def status_about(delivery: int) -> int:
    """Return the number under which the status about *delivery* travels."""
    return 100 + delivery


def canonical(state: State) -> tuple[State, bool]:
    """Return the state that stands for *state* and its mirror image, in which the hubs change places."""
    consumers = tuple(sorted(state.consumers))
    if consumers != state.consumers:
        state = state._replace(consumers=consumers)
    if len(state.hubs) < 2:
        return state, False
    first, second = state.hubs
    if first < second:
        return state, False
    owners = {0: 1, 1: 0}
    mirrored = tuple(each._replace(owner=owners.get(each.owner, each.owner)) for each in state.entries)
    if first == second and state.entries <= mirrored:
        return state, False
    return state._replace(hubs=(second, first), entries=mirrored), True
