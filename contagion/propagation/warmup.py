"""Compile everything that runs compile on first use, once, so that later processes find it on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contagion.compiled import INTERPRETED, is_on_disk
from contagion.generate import overlapping_portfolios, perp_market
from contagion.policies.base import Policy
from contagion.propagation.cascade import phases
from contagion.propagation.cascade.model import Cascade, Prepared
from contagion.propagation.cascade.packing import pack_state
from contagion.propagation.clearing import clearing_range
from contagion.propagation.firesales.model import FireSale
from contagion.shocks import PriceShock

__all__ = ["compile_phase", "warmup"]

LONGEST = ("trade", "order", "end", "receive")
"""Phases that take long to compile, longest first; each is compiled in a process of its own."""
SHOCK = PriceShock({"BTC": -0.3}, over=120.0)
SALE = PriceShock({"asset-0": -0.1}, over=0.0)


@dataclass(frozen=True)
class _Listener(Policy):
    """A policy written in Python that changes nothing: it makes the round-by-round driver run."""

    def orders(self, world: Any, cap: Any) -> Any:
        """Leave the orders as they are."""
        return cap


def prepared(policies: tuple[Policy, ...] = ()) -> Prepared:
    """The smallest market that can be made, ready to run."""
    return Cascade(step=60.0, horizon=600.0).prepare(perp_market(n_accounts=300, seed=0), policies)


def compile_phase(name: str) -> None:
    """Compile one phase of a round and leave it on disk; nothing is run.

    Parameters
    ----------
    name
        One of the functions of `contagion.propagation.cascade.phases` that take a book and a state.
    """
    ready = prepared()
    book, state = ready.opening.packed, pack_state(ready.blank(SHOCK))
    getattr(phases, name).compile((book._numba_type_, state._numba_type_))


def _in_a_process(name: str) -> None:
    """`compile_phase` in a new process; where none can be started the phase is compiled later, in this one."""
    code = f"from contagion.propagation.warmup import compile_phase; compile_phase({name!r})"
    place = str(Path(__file__).parents[2])
    paths = os.pathsep.join([place, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            check=False,
            cwd=place,
        )
    except OSError:
        return


def warmup() -> float:
    """Compile the cascade with both of its drivers, on as many cores as there are, clearing and fire sales.

    The compiled code stays on disk (in the package's own folder, or where ``NUMBA_CACHE_DIR`` says), so this is
    needed once per installation and never required: whatever is missing is compiled on first use.

    Returns
    -------
    float
        Seconds it took.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.warmup() > 0.0
    True
    """
    started = time.perf_counter()
    clearing_range([[0.0, 1.0], [0.0, 0.0]], [0.0, 0.0])
    missing = [] if INTERPRETED else [name for name in LONGEST if not is_on_disk(getattr(phases, name))]
    if missing:
        with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, len(missing)))) as pool:
            list(pool.map(_in_a_process, missing))
    for policies in ((), (_Listener(),)):
        prepared(policies).metrics(SHOCK)
    for rounds in ("until_no_sales", "least"):
        FireSale(rounds=rounds).prepare(overlapping_portfolios(4, 2, seed=0)).metrics(SALE)
    return time.perf_counter() - started
