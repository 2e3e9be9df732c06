"""Whether what lies in a folder is complete: it has looked the same for a while, or a marker says so."""

from collections.abc import Hashable, Iterable


class Settling:
    """Remembers since when things have looked as they do, on our own clock and not on the file server's."""

    def __init__(self, seconds: float) -> None:
        """Call something settled once it has looked the same for *seconds*."""
        self._seconds = seconds
        self._seen: dict[str, tuple[Hashable, float]] = {}

    def is_settled(self, name: str, look: Hashable, now: float) -> bool:
        """Whether *name* has looked like *look* for long enough at *now*."""
        before = self._seen.get(name)
        if before is None or before[0] != look:
            self._seen[name] = (look, now)
            return self._seconds <= 0
        return now - before[1] >= self._seconds

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget everything that is not there any more."""
        kept = set(names)
        self._seen = {name: seen for name, seen in self._seen.items() if name in kept}
