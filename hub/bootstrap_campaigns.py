"""What the work of campaigns takes, composed from the settings, for whichever process does it."""

from concurrent.futures import Executor

from hub.backends.clock import SystemClock, new_id
from hub.bootstrap import intake_line
from hub.bootstrap_blobs import blob_store
from hub.operations.campaign_runner import CampaignTools
from hub.operations.large_reading import Originals
from hub.ports import Attest, Registry, Seal
from hub.settings import Settings


def campaign_tools(
    settings: Settings, registry: Registry, executor: Executor, *, attest: Attest, seal: Seal
) -> CampaignTools:
    """Return the tools of `CampaignRunner` as *settings* describe them; cases are judged on *executor*."""
    return CampaignTools(
        line=intake_line(settings),
        registry=registry,
        attest=attest,
        seal=seal,
        clock=SystemClock(),
        new_id=new_id,
        executor=executor,
        canary_patience=settings.campaign_patience,
        second_person_above=settings.second_person_above,
        originals=Originals(blobs=blob_store(settings)),
    )
