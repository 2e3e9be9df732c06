"""The story itself, act by act."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from deploy.cluster.node import ClusterNode
from hub.backends.postgres.pool import Database
from hub.commands import shown
from hub.commands.cluster_demonstration.audit import Audit
from hub.commands.cluster_demonstration.stage import (
    WRITES_TO,
    Stage,
    copies,
    leader_of_intake,
    load,
    set_up,
    unencrypted,
)
from hub.commands.demonstration.checks import Checks, StoryBroken
from hub.errors import TemporaryFailure

PATIENCE_SECONDS: Final = 300.0
"""On a machine that is short of processors a copy may have to be sent anew before a queue has a leader."""
WARM_UP: Final = 60
"""Documents that arrive before anything is killed."""
AFTERWARDS: Final = 40
"""Documents that must arrive after a server was killed, before it may come back …"""
AT_LEAST_SECONDS: Final = 6.0
"""… and how long it stays away in any case: what was on its way already hides a silence for a while."""
CAUGHT_UP_SECONDS: Final = 6.0
"""RabbitMQ 3.10 calls a copy online before its leader speaks to it again, which a tick of 5 s sees to."""
STALE_SECONDS: Final = 6.0
"""How long the former primary takes itself for the primary."""


async def play(home: Path, *, per_second: float, tls: bool, as_json: bool) -> bool:
    """Play the whole story; returns whether everything came as expected."""
    checks = Checks(is_quiet=as_json)
    silences: dict[str, float] = {}
    checks.tell(
        "0. Dựng cụm: ba nút RabbitMQ, PostgreSQL chính và dự phòng đồng bộ, hai tiến trình hub\n"
        "   Setting up: three RabbitMQ nodes, a PostgreSQL primary and its synchronous standby, two hubs"
    )
    async with set_up(home, checks, per_second=per_second, tls=tls) as stage:
        async with load(stage):
            await _arrivals(stage, WARM_UP)
            await _every_copy_lives(stage)
            await _kill_each_node(stage, silences)
            await _promote_the_standby(stage, silences)
            await _former_primary_comes_back(stage)
            if tls:
                await _everybody_speaks_tls(stage)
        audit = await _settled(stage)
    _conclude(checks, audit, silences, as_json=as_json)
    return not checks.failed


async def _kill_each_node(stage: Stage, silences: dict[str, float]) -> None:
    """Kill the node that leads the intake first, then each of the others; each comes back in between."""
    leader = await leader_of_intake(stage)
    nodes = sorted(stage.cluster.nodes, key=lambda node: node.record.node_name != leader)
    for number, node in enumerate(nodes, start=1):
        role = ", nút dẫn đầu hàng đợi tiếp nhận" if number == 1 else ""
        led = ", which leads the intake queue" if number == 1 else ""
        stage.checks.tell(
            f"\n{number}. kill -9 nút RabbitMQ {_short(node)}{role} (đang gửi, nhận)\n"
            f"   kill -9 for RabbitMQ node {_short(node)}{led}, under load"
        )
        silences[f"RabbitMQ {_short(node)}"] = await _under_load(stage, partial(asyncio.to_thread, node.kill))
        await asyncio.to_thread(node.start)
        await _every_copy_lives(stage)


async def _promote_the_standby(stage: Stage, silences: dict[str, float]) -> None:
    cluster, checks = stage.cluster, stage.checks
    checks.tell(
        f"\n4. kill -9 PostgreSQL chính {cluster.primary.name}; {cluster.standby.name} trở thành máy chính\n"
        f"   kill -9 for the primary {cluster.primary.name}; the standby {cluster.standby.name} is promoted"
    )

    async def fail_over() -> None:
        await asyncio.to_thread(cluster.primary.kill)
        await asyncio.to_thread(cluster.promote)

    silences["PostgreSQL"] = await _under_load(stage, fail_over)


async def _former_primary_comes_back(stage: Stage) -> None:
    """Start the former primary as if nothing had happened: nobody may write to it; then let it join again."""
    former, checks = stage.cluster.standby, stage.checks
    checks.tell(
        f"\n5. {former.name} khởi động lại và vẫn tưởng mình là máy chính; một hub khởi động lại\n"
        f"   {former.name} comes back and takes itself for the primary still; a hub starts anew meanwhile"
    )
    await asyncio.to_thread(former.start)
    before = await _written_to(stage, former.record.postgres_port)
    await stage.replace_hub()
    arrived, done = stage.arrived, time.monotonic() + STALE_SECONDS
    await _until(stage, "the time of two primaries", lambda: time.monotonic() > done)
    after = await _written_to(stage, former.record.postgres_port)
    checks.expect(
        "không hub nào ghi vào máy chính cũ / no hub writes to the former primary", found=after, wanted=before
    )
    checks.expect(
        "việc gửi, nhận vẫn tiếp tục / deliveries go on", found=stage.arrived > arrived, wanted=True
    )
    await asyncio.to_thread(former.stop)
    await asyncio.to_thread(stage.cluster.rejoin)
    checks.expect(
        "máy cũ làm dự phòng đồng bộ / the former primary follows, and every commit waits for it",
        found=stage.cluster.status().is_alone,
        wanted=False,
    )
    await _arrivals(stage, AFTERWARDS)


async def _everybody_speaks_tls(stage: Stage) -> None:
    """Count who is connected without TLS, to broker and database, the standby included."""
    stage.checks.expect(
        "mọi kết nối đều mã hóa / every connection is encrypted",
        found=await unencrypted(stage),
        wanted={"broker": 0, "database": 0},
    )


async def _under_load(stage: Stage, harm: Callable[[], Awaitable[object]]) -> float:
    """Do *harm* while documents flow, wait until they flow again, and return the longest silence."""
    begun = time.monotonic()
    await harm()
    await _arrivals(stage, AFTERWARDS)
    await _until(stage, "the pause's end", lambda: time.monotonic() > begun + AT_LEAST_SECONDS)
    silence = stage.longest_silence(begun)
    stage.checks.tell(
        f"   … lâu nhất {silence:.1f} giây không có văn bản đến / at most {silence:.1f} s without a delivery"
        f"; {_progress(stage)}"
    )
    return silence


async def _arrivals(stage: Stage, count: int) -> None:
    wanted = stage.arrived + count
    await _until(stage, f"{count} documents to arrive", lambda: stage.arrived >= wanted)


async def _every_copy_lives(stage: Stage) -> None:
    """Wait until every queue is complete again, and say so."""
    nodes = len(stage.cluster.nodes)
    found: dict[str, int] = {}
    limit = time.monotonic() + PATIENCE_SECONDS
    while set(found.values()) != {nodes} and time.monotonic() < limit:
        await asyncio.sleep(0.5)
        found = await copies(stage)
    stage.checks.expect(
        f"mỗi hàng đợi có {nodes} bản / every queue has {nodes} living copies",
        found={name: count for name, count in found.items() if count != nodes},
        wanted={},
    )
    await asyncio.sleep(CAUGHT_UP_SECONDS)


async def _written_to(stage: Stage, port: int) -> int:
    """Count the messages at one server, whatever it takes itself for."""
    try:
        database = await Database.open(stage.axis.operator_dsn_at(port), name="truc cluster demo", size=1)
    except TemporaryFailure as error:
        raise StoryBroken(f"the former primary does not answer: {error}") from error
    try:
        async with database.connection() as connection:
            return int(str(await connection.fetchval("select count(*) from messages")))
    finally:
        await database.close()


async def _until(stage: Stage, what: str, came: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while not came():
        stage.ensure_hubs_run()
        if time.monotonic() > limit:
            raise StoryBroken(f"waited {PATIENCE_SECONDS:.0f} s for {what} in vain; {_progress(stage)}")
        await asyncio.sleep(0.1)


async def _settled(stage: Stage) -> Audit:
    """Wait until every document is decided, delivered and signed for, or time is up; then count."""
    stage.checks.tell(
        "\n6. Ngừng gửi, đợi mọi thứ đến nơi, rồi đếm / The load ends; everything arrives; counting"
    )
    recipients = {code: len(each) for code, each in WRITES_TO.items()}
    limit = time.monotonic() + PATIENCE_SECONDS
    while True:
        audit = await Audit.of(stage.correspondents, recipients)
        if audit.is_settled or time.monotonic() > limit:
            return audit
        stage.ensure_hubs_run()
        await asyncio.sleep(0.5)


def _conclude(checks: Checks, audit: Audit, silences: dict[str, float], *, as_json: bool) -> None:
    wanted = {
        "mọi văn bản đều được trả lời / every document was answered": (audit.undecided, 0),
        "không văn bản nào bị từ chối / none was refused": (audit.refused, 0),
        "không mất văn bản đã tiếp nhận / nothing that was accepted is lost": (audit.lost, 0),
        "mỗi nơi nhận đúng một lần / one effect at each recipient": (audit.double_effects, 0),
        "đúng thứ tự trên từng luồng / the order of every lane is kept": (audit.order_violations, 0),
        "mọi lần giao đều có biên nhận đã ký / a signed handover for every delivery": (
            audit.handed_over,
            audit.owed,
        ),
    }
    for what, (found, expected) in wanted.items():
        checks.expect(what, found=found, wanted=expected)
    if as_json:
        shown.emit(
            {"went_well": not checks.failed, "audit": audit, "silences": silences, "checks": checks.all}
        )
        return
    _show(audit, silences)
    shown.say(f"{len(checks.all) - len(checks.failed)} of {len(checks.all)} expectations were met")


def _show(audit: Audit, silences: dict[str, float]) -> None:
    shown.say("")
    shown.table(
        "",
        [
            "đã gửi / sent",
            "tiếp nhận / accepted",
            "đến nơi / delivered",
            "mất / lost",
            "trùng / double",
            "sai thứ tự / disorder",
        ],
        [
            (
                audit.sent,
                audit.accepted,
                audit.delivered,
                audit.lost,
                audit.double_effects,
                audit.order_violations,
            )
        ],
    )
    shown.say("")
    shown.table(
        "",
        ["bị giết / killed", "giây không có văn bản đến / seconds without a delivery"],
        [(what, f"{seconds:.1f}") for what, seconds in silences.items()],
    )


def _progress(stage: Stage) -> str:
    sent = sum(len(each.sent) for each in stage.correspondents)
    accepted = sum(len(each.accepted) for each in stage.correspondents)
    return f"gửi/sent {sent}, tiếp nhận/accepted {accepted}, đến/delivered {stage.arrived}"


def _short(node: ClusterNode) -> str:
    return node.folder.parent.name
