"""The settings that the pages show are settings: what is missing is only what an agency alone has."""

import re
from pathlib import Path

import pytest

from adapters.folder.settings import read_folder_settings
from adapters.vxp.settings import read_vxp_settings
from adapters.webhook.settings import read_hook_settings
from hub.errors import ConfigurationError
from tests.support.hook_endpoint import SECRET

PAGES = Path(__file__).resolve().parents[3] / "docs" / "how-to"
READ = {"folder": read_folder_settings, "vxp": read_vxp_settings, "webhook": read_hook_settings}
GIVEN = ("roots.pem", "hub.pem", "h41.pem", "gateway.pem", "gateway.key", "adapter.pem", "adapter.key")
"""Files that an agency has, and a test has not."""


def shown(page: str, name: str) -> str:
    blocks = re.findall(r"```toml\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if f"# {name}.toml" in block]
    if re.search(r"^\[kit\]", found, re.MULTILINE):
        return found
    (kit,) = [block for block in blocks if block.startswith("[kit]")]
    return found + kit


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("connect-an-agency.md", "folder"),
        ("connect-an-agency.md", "vxp"),
        ("connect-an-agency.md", "webhook"),
        ("use-a-webhook.md", "webhook"),
    ],
)
def test_nothing_but_an_agencys_own_files_is_missing(tmp_path: Path, page: str, name: str) -> None:
    text = shown(page, name).replace("whsec_…", SECRET).replace('"…"', f'"{"x" * 40}"')
    path = tmp_path / f"{name}.toml"
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")

    with pytest.raises(ConfigurationError) as complaint:
        READ[name](path)

    _, *told = str(complaint.value).splitlines()
    assert [each for each in told if not any(file in each for file in GIVEN)] == []
