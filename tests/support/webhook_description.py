"""The OpenAPI document of the webhook adapter as the reference keeps it.

python -m tests.support.webhook_description       writes it anew
"""

import json
from pathlib import Path

from adapters.webhook.application import application

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "webhook-openapi.json"


def page() -> str:
    """Return what the page should hold."""
    return json.dumps(application(None, ()).openapi(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
