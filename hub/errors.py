"""The taxonomy of what can go wrong, ordered by who has to act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class RejectionCode(StrEnum):
    """Every reason for which the hub refuses a message; published, never reused, never renumbered."""

    EMPTY_MESSAGE = "HUB-1001"
    MESSAGE_TOO_LARGE = "HUB-1002"
    NOT_WELL_FORMED = "HUB-1003"
    FORBIDDEN_XML = "HUB-1004"
    NOT_AN_ENVELOPE = "HUB-1005"
    TOO_COMPLEX = "HUB-1006"
    WRONG_ENCODING = "HUB-1007"
    WRONG_CLAIM = "HUB-1008"
    BODY_NOT_CHECKED_IN = "HUB-1009"

    NO_SIGNATURE = "HUB-2001"
    FORBIDDEN_ALGORITHM = "HUB-2002"
    HASH_FAILURE = "HUB-2003"
    SIG_CRYPTO_FAILURE = "HUB-2004"
    SIGNATURE_FORMAT_FAILURE = "HUB-2005"
    NO_SIGNING_CERTIFICATE = "HUB-2006"
    NO_CERTIFICATE_CHAIN = "HUB-2007"
    CERTIFICATE_EXPIRED = "HUB-2008"
    CERTIFICATE_NOT_YET_VALID = "HUB-2009"
    CERTIFICATE_REVOKED = "HUB-2010"
    CERTIFICATE_NOT_REGISTERED = "HUB-2011"
    CERTIFICATE_OF_ANOTHER_AGENCY = "HUB-2012"
    CERTIFICATE_CONSTRAINTS = "HUB-2013"
    WEAK_KEY = "HUB-2014"
    SIGNATURE_MISPLACED = "HUB-2015"
    FORBIDDEN_REFERENCE = "HUB-2016"
    FORBIDDEN_TRANSFORM = "HUB-2017"
    CONTENT_NOT_COVERED = "HUB-2018"
    DUPLICATE_ID = "HUB-2019"
    SIGNING_CERTIFICATE_MISMATCH = "HUB-2020"
    SIGNING_TIME_IMPLAUSIBLE = "HUB-2021"
    TIMESTAMP_INVALID = "HUB-2022"
    CERTIFICATE_RETIRED = "HUB-2023"
    REVOCATION_UNKNOWN = "HUB-2024"

    SCHEMA_VIOLATION = "HUB-3001"
    NO_RECIPIENT = "HUB-3002"
    DUPLICATE_RECIPIENT = "HUB-3003"
    NO_ATTACHMENT = "HUB-3004"
    ATTACHMENT_MISSING = "HUB-3005"
    ATTACHMENT_NOT_IN_MANIFEST = "HUB-3006"
    ATTACHMENT_NOT_BASE64 = "HUB-3007"
    ATTACHMENT_TOO_LARGE = "HUB-3008"
    ATTACHMENT_EMPTY = "HUB-3009"
    DUPLICATE_CONTENT_ID = "HUB-3010"
    STATE_SECRET = "HUB-3011"  # noqa: S105 - a code, not a password
    UNKNOWN_STATUS_CODE = "HUB-3012"
    TOO_MANY_RECIPIENTS = "HUB-3013"
    FORBIDDEN_FILE = "HUB-3014"
    UNSAFE_FILE_NAME = "HUB-3015"
    ARCHIVE_BOMB = "HUB-3016"
    NESTED_ARCHIVE = "HUB-3017"

    NOT_VOUCHED_FOR = "HUB-4001"
    NO_MANDATE = "HUB-4002"
    UNKNOWN_SENDER = "HUB-4003"
    SENDER_CLOSED = "HUB-4004"
    NO_SUCH_DELIVERY = "HUB-4005"

    SUBMISSION_ID_REUSED = "HUB-5001"
    DOCUMENT_ID_REUSED = "HUB-5002"

    UNKNOWN_RECIPIENT = "HUB-6001"
    RECIPIENT_CLOSED = "HUB-6002"
    RECIPIENT_NOT_CONNECTED = "HUB-6003"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule: its code, where it was broken, which rule, and a sentence in both languages."""

    code: RejectionCode
    path: str
    rule: str
    vi: str
    en: str


class HubError(Exception):
    """Root of the hub's own errors; never raised itself."""


class MessageRejected(HubError):
    """The sender acts: the message is refused for good, with every violation found."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        """Refuse for *violations*, of which there is at least one; the first gives the error its text."""
        super().__init__(violations[0].en)
        self.violations = tuple(violations)

    @property
    def code(self) -> RejectionCode:
        """Code of the first violation."""
        return self.violations[0].code


class MalformedMessage(MessageRejected):
    """HUB-1xxx: not an envelope, too large, or forbidden XML."""


class SignatureRejected(MessageRejected):
    """HUB-2xxx: the signature or its certificate does not hold."""


class SchemaViolation(MessageRejected):
    """HUB-3xxx: the envelope breaks the schema or a rule of intake."""


class NotAuthorized(MessageRejected):
    """HUB-4xxx: the connection may not speak for the sender, or the sender is not party to the delivery."""


class ConflictingDuplicate(MessageRejected):
    """HUB-5xxx: an identifier was reused for other content."""


class UnknownRecipient(MessageRejected):
    """HUB-6xxx: a recipient does not exist, is closed, or is reached by no mailbox."""


class TemporaryFailure(HubError):
    """Nobody acts: a database, broker or source is away; the same work may succeed later."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        """Say what is away; *retry_after* is the other side's wish, if it stated one."""
        super().__init__(message)
        self.retry_after = retry_after


class StorageFull(TemporaryFailure):
    """The operator acts, and nothing is lost meanwhile: the database's disk is full."""


class AnswerLost(TemporaryFailure):
    """Nobody acts: a commit was asked for, and nobody knows whether it happened."""


class StorageRefused(HubError):
    """A developer acts: the database refuses what the hub wants to write; trying again will not help."""


class StatementTooSlow(TemporaryFailure):
    """The database gave a statement up after its time: it is loaded, or the question was too wide."""


class ConfigurationError(HubError):
    """The operator acts: the process does not start."""


class OperationRefused(HubError):
    """The operator acts: the operation would break a guarantee; the sentence says what to do instead."""


class NothingFound(OperationRefused):
    """What was asked for is not there, or not for who asks."""
