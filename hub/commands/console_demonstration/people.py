"""The operators of the demonstration: who may log in, and what they have done already."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.campaigning import CampaignTerms
from hub.backends.postgres.desk import Case, CaseFilter
from hub.backends.postgres.pool import Database
from hub.commands.console_demonstration.cast import PLAYERS, Player, Temper, those_who
from hub.commands.console_demonstration.stage import CONSOLE, Stage
from hub.commands.demonstration.checks import StoryBroken
from hub.message.campaign import AT_WORK, CampaignState
from hub.message.identifiers import AgencyCode, MailboxName, agency_key
from hub.operations.accounts import AccountDesk
from hub.operations.campaigns import CampaignDesk
from hub.operations.cases import CaseDesk
from hub.operations.passwords import PasswordKeeper
from hub.operations.rights import Role

NAMES: Final = {
    Role.VIEWER: "Nguyễn Thị Xem",
    Role.OPERATOR: "Trần Văn Trực",
    Role.SUPERVISOR: "Lê Thị Phê",
    Role.ADMINISTRATOR: "Phạm Quản Trị",
}
OF_AN_AGENCY: Final = "ha-noi"
"""Login of somebody who sees one agency's documents only."""
PER_MINUTE: Final = 6
"""So slow is the campaign that it is half way for as long as somebody looks."""
JUDGED_WITHIN: Final = 90
"""Seconds."""


async def let_in(database: Database) -> Mapping[str, str]:
    """Make an account of each role, and one of an agency; return their passwords."""
    desk = AccountDesk(database, operator="console-demo", clock=SystemClock(), passwords=PasswordKeeper())
    passwords = {login: secrets.token_urlsafe(12) for login in (*(role.value for role in Role), OF_AN_AGENCY)}
    for role in Role:
        await desk.add(role.value, name=NAMES[role], role=role, password=passwords[role.value])
    ha_noi = next(each.agency for each in PLAYERS if "Hà Nội" in each.agency.name)
    await desk.add(
        OF_AN_AGENCY,
        name=f"Văn thư {ha_noi.name}",
        role=Role.OPERATOR,
        password=passwords[OF_AN_AGENCY],
        agencies=(agency_key(AgencyCode(ha_noi.code)),),
    )
    return passwords


async def work(stage: Stage) -> None:
    """Do what operators do on such a day: share cases out, write down, put off, begin campaigns."""
    players = _troubled()
    choosy, crashing, mended = [stage.of(each).kit.mailbox for each in players]
    await _care(stage, choosy, crashing)
    stage.of(players[2]).is_mended = True
    await _begin_campaigns(stage, choosy, mended)


def _troubled() -> tuple[Player, Player, Player]:
    (choosy,), (crashing,), (mended,) = (
        those_who(each) for each in (Temper.CHOOSY, Temper.CRASHING, Temper.MENDED)
    )
    return choosy, crashing, mended


async def _care(stage: Stage, choosy: MailboxName, crashing: MailboxName) -> None:
    desk = CaseDesk(stage.database, operator=Role.OPERATOR.value, clock=SystemClock(), new_id=new_id)
    scans = _numbers(await desk.find(CaseFilter(mailbox=choosy)))
    deadly = _numbers(await desk.find(CaseFilter(mailbox=crashing)))
    await desk.assign(scans[:8], Role.OPERATOR.value)
    await desk.note(scans[:3], "Đã gọi văn thư tỉnh: phần mềm của tỉnh không đọc được tệp PDF này.")
    await desk.assign(deadly, Role.SUPERVISOR.value)
    await desk.note(deadly[:1], "Nhà cung cấp phần mềm của tỉnh đang sửa, hẹn chiều mai.")
    await desk.link(deadly, "https://hotro.example/yeu-cau/2417")
    await desk.snooze(deadly[len(deadly) // 2 :], SystemClock().now() + timedelta(days=1))


async def _begin_campaigns(stage: Stage, choosy: MailboxName, mended: MailboxName) -> None:
    asking, confirming = (_campaigns(stage, role) for role in (Role.OPERATOR, Role.SUPERVISOR))
    terms = CampaignTerms(
        is_canary=False, rate_per_minute=PER_MINUTE, reason="Hệ thống của thành phố đã hoạt động trở lại"
    )
    await _judged(asking, (await asking.ask(CaseFilter(mailbox=mended), terms)).campaign_id)
    under_way = (await asking.find(is_open=True))[0]
    if under_way.would_pass:
        started = await asking.start(under_way.campaign_id)
        if started.state is CampaignState.AWAITING_SECOND:
            await confirming.confirm(under_way.campaign_id)
    waiting = await asking.ask(
        CaseFilter(mailbox=choosy), CampaignTerms(reason="Gửi lại sau khi tỉnh nâng cấp")
    )
    await _judged(asking, waiting.campaign_id)


async def _judged(desk: CampaignDesk, campaign_id: int) -> None:
    for _ in range(JUDGED_WITHIN):
        if (await desk.show(campaign_id)).campaign.state not in AT_WORK:
            return
        await asyncio.sleep(1)
    raise StoryBroken(f"campaign {campaign_id} was not judged: does the console run?")


def _campaigns(stage: Stage, role: Role) -> CampaignDesk:
    above = int(CONSOLE["HUB_SECOND_PERSON_ABOVE"])
    return CampaignDesk(stage.database, operator=role.value, second_person_above=above)


def _numbers(cases: tuple[Case, ...]) -> list[int]:
    return [each.case_id for each in cases]
