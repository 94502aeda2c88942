"""Whatever a server does: a verdict or *incomplete* in bounded time and memory, and nothing of it gets out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.cases import CASES, Hostile
from tests.hostile.panel import Worker, face
from tests.hostile.scripts import SMALL


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    process = Worker()
    yield process
    process.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_hostile_server_gets_a_verdict_and_nothing_else(
    case: Hostile, worker: Worker, tmp_path: Path
) -> None:
    assert face(case, SMALL, worker, tmp_path).wrong == ()


def test_panel_is_as_large_as_it_says() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 45
