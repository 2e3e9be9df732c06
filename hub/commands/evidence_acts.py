"""What `truc evidence` does."""

from collections.abc import Sequence
from pathlib import Path

from hub.bootstrap_blobs import blob_store
from hub.commands.place import load_settings, operators_database
from hub.errors import OperationRefused
from hub.evidence.__main__ import read_trust
from hub.evidence.judge import Judgement, judge
from hub.operations.evidence import Evidence, export
from hub.operations.large_reading import Originals


async def export_to(
    home: Path | None, settings: Path | None, name: str, into: Path | None
) -> tuple[Path, Evidence]:
    """Write the evidence for *name* to *into*; a file that exists is never overwritten."""
    loaded = load_settings(home, settings)
    async with operators_database(loaded) as database:
        found = await export(database, name, Originals(blobs=blob_store(loaded)))
    file = into or Path(f"evidence-{found.message_id}.zip")
    try:
        with file.open("xb") as output:
            output.write(found.octets)
    except OSError as error:
        raise OperationRefused(f"{file} cannot be written: {error.strerror}") from error
    return file, found


def judge_file(file: Path, anchors: Sequence[Path], hub: Sequence[Path], stamps: Sequence[Path]) -> Judgement:
    """Judge *file* by the certificates in *anchors*, *hub* and *stamps*."""
    try:
        return judge(file.read_bytes(), read_trust(anchors, hub, stamps))
    except (OSError, ValueError) as error:
        raise OperationRefused(f"cannot be read: {error}") from error
