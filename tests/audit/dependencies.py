"""What is known of the packages in requirements.lock: python -m tests.audit.dependencies.

The advisories are PyPI's, by pip-audit. Without them (offline, or a mirror that has packages only) one line
says so and nothing fails: a machine that cannot ask is no reason not to work. What can be said without asking
is said always: every package is pinned and hashed, and what is installed is what is locked.
"""

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
REMEMBERED = ROOT / "build" / "audit"
ANSWER_HOLDS = 24 * 3600.0
SILENCE_HOLDS = 3600.0
"""Seconds for which an answer, or that there was none, is not asked for again."""
PATIENCE = 40
UNLOCKED = {"pip", "truc"}
_PINNED = re.compile(r"^([a-z0-9._-]+)==(\S+)(?: ; .*)? \\$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the advisories say."""

    asked: int
    answered: int
    advisories: tuple[str, ...]

    @property
    def line(self) -> str:
        if self.advisories:
            return "\n".join(("dependencies: known vulnerabilities", *self.advisories))
        if not self.answered:
            return "dependencies: the registry gives no advisories here; NOT audited, pinned and hashed only"
        return f"dependencies: {self.answered} of {self.asked} audited, no known vulnerability"


def pinned(lock: str) -> dict[str, str]:
    """Return name and version of every package in *lock*; raises `ValueError` where one has no hash."""
    found = {}
    for block in re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^\s*#.*$", "", lock).strip()):
        match = _PINNED.match(block)
        if match is None or "--hash=sha256:" not in block:
            raise ValueError(f"neither pinned nor hashed: {block.splitlines()[0]}")
        found[match[1]] = match[2]
    return found


def foreign(locked: dict[str, str]) -> tuple[str, ...]:
    """Return what is installed here in another version than *locked*."""
    installed = {
        re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version for each in distributions()
    }
    return tuple(
        f"{name} {version} is installed, {locked[name]} is locked"
        for name, version in sorted(installed.items())
        if name not in UNLOCKED and name in locked and locked[name] != version
    )


def read(answer: str) -> Audit:
    """Return what *answer*, pip-audit's JSON, says; nothing where it is none."""
    try:
        dependencies = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        return Audit(asked=0, answered=0, advisories=())
    advisories = tuple(
        f"  {each['name']} {each['version']}: {found['id']}, mended in {' '.join(found['fix_versions'])}"
        for each in dependencies
        for found in each.get("vulns", ())
    )
    answered = sum("skip_reason" not in each for each in dependencies)
    return Audit(asked=len(dependencies), answered=answered, advisories=advisories)


def ask() -> Audit:
    """Ask for advisories, or return what was answered not long ago about the same lock."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    kept = REMEMBERED / f"advisories-{digest}.json"
    if kept.exists():
        audit, age = read(kept.read_text(encoding="utf-8")), time.time() - kept.stat().st_mtime
        if not audit.advisories and age < (ANSWER_HOLDS if audit.answered else SILENCE_HOLDS):
            return audit
    answer = _pip_audit(["-r", str(LOCK), "--require-hashes", "--disable-pip"])
    REMEMBERED.mkdir(parents=True, exist_ok=True)
    kept.write_text(answer, encoding="utf-8")
    return read(answer)


def _pip_audit(what: Sequence[str]) -> str:
    command = [sys.executable, "-m", "pip_audit", "-f", "json", "--progress-spinner", "off", "--timeout", "5"]
    try:
        return subprocess.run(
            [*command, *what], capture_output=True, text=True, check=False, timeout=PATIENCE
        ).stdout
    except subprocess.TimeoutExpired:
        return ""


def main() -> int:
    locked = pinned(LOCK.read_text(encoding="utf-8"))
    strangers = foreign(locked)
    audit = ask()
    sys.stdout.write("\n".join((*strangers, audit.line)) + "\n")
    return 1 if strangers or audit.advisories else 0


if __name__ == "__main__":
    sys.exit(main())
