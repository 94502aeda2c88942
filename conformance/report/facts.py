"""What a report says of a run besides its judgement: who was asked, when, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from conformance import usage
from conformance.baseline import NOTHING_KNOWN, KnownFailures
from conformance.usage import Tokens
from conformance.views import View


class RunFacts(NamedTuple):
    """One run. ``target_url`` has no secret in it; times are Unix seconds, None when nothing was sent.

    ``stopped`` says why the run ended before its plan did, empty when it did not.
    """

    suite_version: str
    target_url: str
    target_name: str = ""
    reference: bool = False
    started: float | None = None
    ended: float | None = None
    requests: int = 0
    tokens: Tokens = Tokens()
    stopped: str = ""
    baseline: KnownFailures = NOTHING_KNOWN

    @property
    def day(self) -> date | None:
        """The day on which it began (UTC), None when nothing was sent."""
        begun = moment(self.started)
        return None if begun is None else date.fromisoformat(begun[:10])


def moment(unix: float | None) -> str | None:
    """Write Unix seconds as UTC with milliseconds; None when there is no such time in the calendar."""
    try:
        read = None if unix is None else datetime.fromtimestamp(unix, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return read.isoformat(timespec="milliseconds").replace("+00:00", "Z") if read else None


def facts_of(
    header: Mapping[str, Any],
    views: Mapping[str, View],
    *,
    unfinished: int = 0,
    stopped: str = "",
    baseline: KnownFailures = NOTHING_KNOWN,
) -> RunFacts:
    """Gather the facts of a recorded run from the header of its evidence and its exchanges.

    ``unfinished`` counts the requests that were sent without their exchange being recorded, also where a resumed run
    sent them again.
    """
    exchanges = [view.exchange for view in views.values()]
    url = str(header["target"]["url"])
    return RunFacts(
        suite_version=str(header["suite"]["version"]),
        target_url=url,
        target_name=str(header["target"].get("name") or urlsplit(url).hostname or ""),
        reference=bool(header["target"]["reference"]),
        started=min((each.started_at for each in exchanges), default=None),
        ended=max((each.started_at + each.elapsed for each in exchanges), default=None),
        requests=len(exchanges) + unfinished,
        tokens=usage.total(views.values()),
        stopped=stopped,
        baseline=baseline,
    )
