"""Will the workers fit into memory? Their scratch space is estimated before anything is run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import joblib
import numpy as np

from contagion.errors import TooLargeError
from contagion.experiments.carry import KEPT

if TYPE_CHECKING:
    from contagion.propagation.run import Prepared

__all__ = ["available_memory", "check_memory", "scratch_bytes"]

PROCESS: Final = 200_000_000
"""Bytes of a worker process before it holds a network: the interpreter and its packages (measured 150 to 190 MB)."""

LIMITS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def scratch_bytes(prepared: Prepared) -> int:
    """Return the bytes that one worker needs for a prepared network's state besides the shared arrays.

    A state and the opening it is compared with took 2.7 times the bytes of the opening's arrays (measured at 3,000
    accounts); three times are taken.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> scratch_bytes(SimpleNamespace(opening=SimpleNamespace(cash=np.zeros(10))))
    240
    """
    return 3 * _bytes(getattr(prepared, "opening", None), set(), 0)


def _bytes(thing: Any, seen: set[int], depth: int) -> int:
    """Bytes of all different arrays inside an object, three levels down."""
    if id(thing) in seen or depth > 3:
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return int(thing.nbytes)
    if isinstance(thing, (tuple, list)) and isinstance(next(iter(thing), None), (str, float, int)):
        return 0  # a list of names or numbers
    inside = thing if isinstance(thing, (tuple, list)) else getattr(thing, "__dict__", {}).values()
    return sum(_bytes(item, seen, depth + 1) for item in inside)


def available_memory() -> int | None:
    """Return the bytes that can still be used on this machine, or None where that cannot be known."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        told = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        free = told["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        except (AttributeError, OSError, ValueError):
            return None
    for file in LIMITS:
        try:
            free = min(free, int(Path(file).read_text()))
        except (OSError, ValueError):
            continue
    return free


def check_memory(prepared: Sequence[Sequence[Prepared]], n_jobs: int) -> None:
    """Refuse a study whose workers would need more memory than is left.

    Parameters
    ----------
    prepared : sequence of sequences of Prepared
        Every policy set on every network.
    n_jobs : int
        Workers.

    Raises
    ------
    TooLargeError
        With the numbers.
    """
    workers = max(1, joblib.effective_n_jobs(n_jobs))
    sizes = sorted((scratch_bytes(ready), ready.compiled) for row in prepared for ready in row)
    threads = sum(size for size, compiled in sizes if compiled)
    processes = sum([size for size, compiled in sizes if not compiled][-KEPT:])
    extra = PROCESS if workers > 1 and not all(compiled for _, compiled in sizes) else 0
    each = max(threads, processes + extra)
    needed = workers * each
    left = available_memory()
    if left is not None and _here() and needed > left:
        raise TooLargeError(
            f"{workers} workers need about {needed / 1e9:,.2f} GB ({each / 1e6:,.0f} MB each), "
            f"and {left / 1e9:,.2f} GB are left",
            where="n_jobs",
            remedy="take fewer workers or a smaller network",
        )


def _here() -> bool:
    """Whether the workers run on this machine."""
    backend, _ = joblib.parallel.get_active_backend()
    return type(backend).__module__.startswith("joblib._parallel_backends")
