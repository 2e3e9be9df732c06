"""Which kit.toml belongs to an agency of the local axis."""

from pathlib import Path

from hub.commands.place import home_of
from hub.errors import ConfigurationError
from hub.message.identifiers import AgencyCode, agency_key


async def kit_file_of(home: Path | None, code: str) -> Path:
    """Return the kit.toml of the mailbox that speaks for *code*; raises `ConfigurationError`."""
    folder = home_of(home)
    own = folder / "agencies" / agency_key(code) / "kit.toml"
    if own.exists():
        return own
    if not (folder / "hub.toml").exists():
        raise ConfigurationError(f"there is no local axis in {folder}; --kit names the kit.toml of a mailbox")
    from deploy.local import LocalStack
    from hub.commands.local_axis import LocalAxis

    agency = await LocalAxis.at(LocalStack(folder)).agency(AgencyCode(code))
    return agency.kit_file
