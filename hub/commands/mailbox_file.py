"""Which kit.toml belongs to an agency of the local axis."""

from pathlib import Path

from hub.commands.place import HUB_FILE, home_of, stack_of
from hub.errors import ConfigurationError
from hub.message.identifiers import AgencyCode, agency_key


async def kit_file_of(home: Path | None, code: str) -> Path:
    """Return the kit.toml of the mailbox that speaks for *code*; raises `ConfigurationError`."""
    folder = home_of(home)
    own = folder / "agencies" / agency_key(code) / "kit.toml"
    if own.exists():
        return own
    if not (folder / HUB_FILE).exists():
        raise ConfigurationError(f"there is no local axis in {folder}; --kit names the kit.toml of a mailbox")
    from hub.commands.local_axis import LocalAxis

    agency = await LocalAxis.at(stack_of(folder)).agency(AgencyCode(code))
    return agency.kit_file
