"""Somebody who works on campaigns, as a process of its own, to be killed; `TRUC_CAMPAIGN_DSN` says where."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.catalogue import Catalogue
from hub.intake.line import IntakeLine
from hub.intake.parse import ParseLimits
from hub.intake.validate import ContentLimits
from hub.operations.campaign_runner import CampaignRunner, CampaignTools
from hub.signature.certificates import TrustAnchors
from tests.support.decisions import plain_pen, plain_seal


async def main() -> None:
    database = await Database.open(os.environ["TRUC_CAMPAIGN_DSN"], name="truc test campaigns", size=4)
    tools = CampaignTools(
        line=IntakeLine(
            anchors=TrustAnchors.from_bytes(sys.stdin.buffer.read()),
            catalogue=Catalogue(),
            parse_limits=ParseLimits(),
            content_limits=ContentLimits(),
        ),
        registry=PostgresRegistry(database, clock=SystemClock(), max_age=timedelta()),
        attest=plain_pen,
        seal=plain_seal,
        clock=SystemClock(),
        new_id=new_id,
        executor=ThreadPoolExecutor(1),
        canary_patience=timedelta(),
    )
    await CampaignRunner(database, tools).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
