"""Kills runs at random moments, goes on with them, and counts what was paid for twice."""

from __future__ import annotations

import random
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from conformance.errors import ConformanceError
from conformance.evidence import read
from tests.paying import CONCURRENCY, Counting, Ended, essence, run

SENT_AGAIN = "a recorded exchange was sent again"
MOST_DELAY = 0.03
"""Seconds between the request that a kill is tied to and the kill, at most: an exchange takes less."""


class Kill(Struct, frozen=True):
    """One killed run and its end. ``wrong`` is empty when all is well."""

    at: int
    lost: int
    sent_again: int
    wrong: str


def kill_runs(count: int, *, seed: int = 0, told: Callable[[Kill], None] = lambda _: None) -> list[Kill]:
    """Kill ``count`` runs, each at another random moment, and let each go on to its end."""
    dice = random.Random(seed)
    kills: list[Kill] = []
    with tempfile.TemporaryDirectory() as folder, Counting() as gateway:
        whole = run(gateway, Path(folder) / "whole" / "run")
        for number in range(count):
            at, delay = dice.randint(1, whole.asked.total()), dice.random() * MOST_DELAY
            kills.append(_kill(gateway, whole, Path(folder) / str(number) / "run", at, delay))
            told(kills[-1])
    return kills


def _kill(gateway: Counting, whole: Ended, folder: Path, at: int, delay: float) -> Kill:
    killed = run(gateway, folder, kill_at=at, delay=delay)
    try:
        before = read(folder / "evidence.jsonl")
        resumed = run(gateway, folder, resumed=True)
        after = read(folder / "evidence.jsonl")
    except ConformanceError as error:
        return Kill(at, 0, 0, f"the evidence is not valid: {error.what}")
    again = killed.asked + resumed.asked - whole.asked
    lost = Counter(each.request.body for each in after.exchanges if each.id in before.unfinished)
    wrong = ""
    if killed.code not in {-signal.SIGKILL, whole.code}:
        wrong = f"the killed run ended with {killed.code}"
    elif Counter(body for _, _, body in again.elements()) - lost:
        wrong = SENT_AGAIN
    elif len(before.unfinished) > CONCURRENCY:
        wrong = f"{len(before.unfinished)} exchanges were lost"
    elif resumed.code != whole.code or essence(folder) != essence(whole.folder):
        wrong = "the report is not that of the undisturbed run"
    return Kill(at, len(before.unfinished), again.total(), wrong)
