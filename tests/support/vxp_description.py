"""Writes `docs/reference/vxp-openapi.json` from the code: `python -m tests.support.vxp_description`."""

import json
from pathlib import Path

from adapters.vxp.description.document import description

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "vxp-openapi.json"


def page() -> str:
    return json.dumps(description(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
