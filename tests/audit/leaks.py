"""Looks for secrets in everything that git keeps, by detect-secrets: python -m tests.audit.leaks.

What was found, looked at and is none stands in known.toml with the reason. A file is looked at once for each
content that it has; the memory lies in build/.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[2]
KNOWN = Path(__file__).with_name("known.toml")
REMEMBERED = ROOT / "build" / "audit" / "clean.json"
LARGEST = 1024 * 1024
PLANTED = "canary"
"""How secrets begin that tests plant, to look for them in logs and errors."""
UNREAD = ("requirements", "schemas/", "tests/vectors/", "uv.lock")
"""Hashes, schemas of others, and hostile messages, which hold certificates in base64."""
PLUGINS = re.findall(
    r"\S+",
    """
    ArtifactoryDetector AWSKeyDetector AzureStorageKeyDetector BasicAuthDetector
    DiscordBotTokenDetector GitHubTokenDetector GitLabTokenDetector JwtTokenDetector
    KeywordDetector NpmDetector OpenAIDetector PrivateKeyDetector PypiTokenDetector
    SendGridDetector SlackDetector StripeDetector TelegramBotTokenDetector TwilioKeyDetector
    """,
)
FILTERS = re.findall(
    r"\S+",
    """
    allowlist.is_line_allowlisted heuristic.is_indirect_reference heuristic.is_likely_id_string
    heuristic.is_not_alphanumeric_string heuristic.is_potential_uuid
    heuristic.is_prefixed_with_dollar_sign heuristic.is_sequential_string
    heuristic.is_templated_secret
    """,
)
SETTINGS = {
    "plugins_used": [{"name": name} for name in PLUGINS],
    "filters_used": [{"path": f"detect_secrets.filters.{path}"} for path in FILTERS],
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Leak:
    """Something that looks like a secret."""

    file: str
    kind: str
    digest: str
    """The beginning of its SHA-1: known without being repeated."""
    line: int = 0


def leaks_in(files: Iterable[str]) -> Iterator[Leak]:
    """Return what looks like a secret in *files*."""
    with transient_settings(SETTINGS):
        for file in files:
            for found in scan_file(file):
                if (found.secret_value or "").startswith(PLANTED):
                    continue
                yield Leak(file=file, kind=found.type, digest=found.secret_hash[:12], line=found.line_number)


def known() -> set[str]:
    """Return the digests of what was looked at and is no secret."""
    entries = tomllib.loads(KNOWN.read_text(encoding="utf-8"))["known"]
    return {each["digest"] for each in entries}


def kept_files() -> list[str]:
    """Return what git keeps and is to be read, as paths from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split("\0") if name and not name.startswith(UNREAD)]
    return [name for name in names if (ROOT / name).is_file() and (ROOT / name).stat().st_size <= LARGEST]


def main() -> int:
    seen = _remembered()
    rules = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    digests = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() + rules for name in kept_files()}
    fresh = [name for name, digest in digests.items() if digest not in seen]
    found = sorted(set(leaks_in(fresh)))
    excused = known()
    leaks = [leak for leak in found if leak.digest not in excused]
    clean = set(fresh) - {leak.file for leak in found}
    _remember((seen & set(digests.values())) | {digests[name] for name in clean})
    for leak in leaks:
        sys.stdout.write(f"{leak.file}:{leak.line}: {leak.kind} (digest {leak.digest})\n")
    sys.stdout.write(f"secrets: {len(digests)} files, {len(leaks)} suspicious\n")
    if leaks:
        sys.stdout.write(
            f"what is no secret goes into {KNOWN.relative_to(ROOT)}, with its digest and the reason\n"
        )
    return 1 if leaks else 0


def _remembered() -> set[str]:
    try:
        return set(json.loads(REMEMBERED.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return set()


def _remember(digests: set[str]) -> None:
    REMEMBERED.parent.mkdir(parents=True, exist_ok=True)
    REMEMBERED.write_text(json.dumps(sorted(digests)), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
