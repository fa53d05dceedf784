"""How much memory one call takes: blocks it leaves in its result, and bytes at the highest point of it."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable

CALLS = 200


def blocks_held(work: Callable[[], object]) -> float:
    """Return the memory blocks that the result of one call consists of."""
    work()
    held: list[object] = [None] * CALLS
    gc.collect()
    before = sys.getallocatedblocks()
    for number in range(CALLS):
        held[number] = work()
    return (sys.getallocatedblocks() - before) / CALLS


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the bytes of Python's memory that one call holds at its highest point, the result included."""
    work()
    gc.collect()
    tracemalloc.start()
    try:
        work()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        kept = work()
        _, peak = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return peak - before
