"""A broker that is low on memory or disk: the kit says so, waits, publishes nothing twice."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import structlog.testing

from adapters.kit import broker as kit_broker
from adapters.kit.mailbox import Mailbox
from adapters.kit.outgoing import OutgoingState
from tests.integration.kit.conftest import SENDER, Axis, a_draft, settings_for
from tests.integration.kit.hub_twin import HubTwin
from tests.support.alarms import DISK, MEMORY, shortage
from tests.support.waiting import until

DOCUMENTS = 12
PATIENCE = timedelta(seconds=1)


async def attempts(mailbox: Mailbox) -> list[int]:
    return await mailbox.journal.write(
        lambda connection: [row[0] for row in connection.execute("SELECT attempts FROM outgoing")]
    )


async def test_what_an_alarm_holds_up_goes_out_once_and_counts_as_one_attempt(
    axis: Axis, hub: HubTwin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_broker, "CALL_SECONDS", PATIENCE.total_seconds())
    with structlog.testing.capture_logs() as told:
        async with Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox:
            await mailbox.send(a_draft())
            async with shortage(axis.broker, DISK):
                posted = [await mailbox.post(a_draft()) for _ in range(3)]
                await until(lambda: _said(told, "broker.blocked"), what="the alarm in the log")
                posted += [await mailbox.post(a_draft()) for _ in range(DOCUMENTS - 3)]
                loop = asyncio.get_running_loop()
                end = loop.time() + 2.5 * PATIENCE.total_seconds()
                await until(lambda: loop.time() > end, what="more than a call may take")
                held = [await mailbox.state(each) for each in posted]
                assert OutgoingState.JOURNALLED in held

            await hub.until_submitted(1 + DOCUMENTS)
            states = [await mailbox.state(each) for each in posted]
            await until(lambda: _said(told, "broker.unblocked"), what="its end in the log")

            async def all_confirmed() -> bool:
                return {await mailbox.state(each) for each in posted} == {OutgoingState.CONFIRMED}

            await until(all_confirmed, what=lambda: f"confirms: {states}")
            assert await attempts(mailbox) == [1] * (1 + DOCUMENTS)

    assert len(hub.submitted) == 1 + DOCUMENTS, "nothing was published twice"
    assert not _said(told, "submissions.postponed")


async def test_an_alarm_does_not_hold_up_the_end_of_a_mailbox(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    settings = settings_for(axis, SENDER, tmp_path)
    with structlog.testing.capture_logs() as told:
        async with shortage(axis.broker, MEMORY):
            async with asyncio.timeout(60):
                async with Mailbox.open(settings) as mailbox:
                    posted = [await mailbox.post(a_draft()) for _ in range(5)]
                    await until(lambda: _said(told, "broker.blocked"), what="the alarm in the log")

    # What the first one had written into its socket comes from there, too: at least once.
    async with Mailbox.open(settings):
        await until(
            lambda: set(posted) <= {message.correlation_id for message in hub.submitted},
            what="everything that was posted",
        )


def _said(told: "list[structlog.typing.EventDict]", event: str) -> bool:
    return any(line["event"] == event for line in told)
