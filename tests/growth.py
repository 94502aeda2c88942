"""How the CPU time of a piece of work grows with its input, measured so that a busy machine does not matter."""

import gc
import time
from collections.abc import Callable

GOES = 5
CLOCK_STEP = 0.01  # seconds; less than this says nothing


def growth(work: Callable[[int], Callable[[], object]], small: int, large: int, *, enough: float) -> float:
    """Return how many times the CPU time of `work(small)()` its `work(large)()` takes.

    A neighbour on the machine only ever adds time, so each side keeps its quickest go, and the measuring
    ends as soon as the ratio is below `enough`.
    """
    on_small, on_large = work(small), work(large)
    least_small = least_large = float("inf")
    ratio = float("inf")
    for _ in range(GOES):
        least_large = min(least_large, _seconds(on_large))
        least_small = min(least_small, _seconds(on_small))
        ratio = least_large / max(CLOCK_STEP, least_small)
        if ratio < enough:
            break
    return ratio


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    try:
        begin = time.process_time()
        work()
        return time.process_time() - begin
    finally:
        gc.enable()
