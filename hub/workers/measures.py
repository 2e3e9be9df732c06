"""What the hub counts, for Prometheus; gauges that need the database are filled when they are asked for."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED: Final = Counter("hub_messages_accepted_total", "Messages accepted and committed.", ["kind"])
REJECTED: Final = Counter("hub_messages_rejected_total", "Messages refused, by their first code.", ["code"])
REPEATED: Final = Counter("hub_messages_repeated_total", "Submissions that had been decided before.")
QUARANTINED: Final = Counter("hub_messages_quarantined_total", "Messages that nobody vouches for.")
FAILED: Final = Counter("hub_messages_failed_total", "Messages that the hub itself failed on.")
PUBLISHED: Final = Counter(
    "hub_deliveries_published_total", "Publish attempts, by what the broker said.", ["result"]
)
RETURNED: Final = Counter("hub_deliveries_returned_total", "Deliveries that came back.", ["reason"])
COMMIT_SECONDS: Final = Histogram(
    "hub_commit_seconds",
    "Time of one intake commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
BATCH_MESSAGES: Final = Histogram(
    "hub_batch_messages", "Messages in one intake commit.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
HELD: Final = Gauge("hub_relay_held_entries", "Outbox entries in the relay's memory.")
OLDEST_WAITING: Final = Gauge(
    "hub_oldest_waiting_seconds", "Age of the oldest delivery that waits for the mailbox.", ["mailbox"]
)
WAITING: Final = Gauge("hub_waiting_deliveries", "Deliveries that wait in the outbox.", ["mailbox"])
BREAKER: Final = Gauge(
    "hub_mailbox_breaker",
    "2 while the mailbox gets nothing, 1 while it is probed or drained slowly, else 0.",
    ["mailbox"],
)
OPEN_CASES: Final = Gauge("hub_open_cases", "Dead letters that wait for an operator.")
INVALID: Final = Gauge("hub_invalid_messages", "Messages kept that nobody vouches for.")
BROKER_BLOCKED: Final = Gauge(
    "hub_broker_blocked", "1 while the broker is low on memory or disk and takes no messages."
)
DATABASE_FULL: Final = Gauge("hub_database_full", "1 while the database's disk is full.")
CERTIFICATES_EXPIRING: Final = Gauge(
    "hub_certificates_expiring", "Certificates in use that end within so many days.", ["days"]
)
REVOCATION_FETCHES: Final = Counter(
    "hub_revocation_fetches_total", "Inquiries for CRLs and OCSP responses.", ["kind", "result"]
)
SEALED: Final = Counter("hub_audit_sealed_total", "Events that this process has sealed.")
AUDIT_LAG: Final = Gauge("hub_audit_lag_seconds", "Age of the oldest event that is not sealed yet.")
STAMPS: Final = Counter(
    "hub_time_stamps_total", "Requests for time stamps over receipts, by what became of them.", ["result"]
)
STAMP_LAG: Final = Gauge(
    "hub_time_stamp_lag_seconds", "Age of the oldest receipt sheet that waits for its time stamp."
)
OPEN_ALERTS: Final = Gauge("hub_open_alerts", "Incidents that are going on, as of the last look.")
ALERT_NOTICES: Final = Counter(
    "hub_alert_notices_total", "Notices of alerts, by channel and what became of them.", ["channel", "result"]
)
TASKS: Final = Gauge("hub_tasks", "asyncio tasks of the process: as many as are in flight, and a dozen.")
