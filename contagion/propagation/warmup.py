"""Compile everything that runs compile on first use, once, so that later processes find it on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numba import types

from contagion.compiled import is_on_disk
from contagion.generate import overlapping_portfolios, perp_market
from contagion.linking import INTERPRETED
from contagion.policies.base import Policy
from contagion.propagation.cascade import phases
from contagion.propagation.cascade.model import Cascade, Prepared
from contagion.propagation.cascade.packing import book_type, pack_state, state_type
from contagion.propagation.clearing import clearing_range
from contagion.propagation.firesales.model import FireSale
from contagion.shocks import PriceShock

__all__ = ["compile_phases", "warmup"]

FOR_TWO = (
    "end receive standing_row status_row",
    "trade order begin look shut reset_rules limits_row orders_row",
)
FOR_FOUR = (
    "trade",
    "end",
    "order begin look",
    "receive standing_row status_row shut reset_rules limits_row orders_row",
)
"""Phases that are compiled side by side on two and on four cores: those that have most functions in common together."""
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


def compile_phases(*names: str) -> None:
    """Compile phases of a round and leave them on disk; nothing is run.

    Parameters
    ----------
    *names
        Functions of `contagion.propagation.cascade.phases` that take a book and a state, and a row if they end so.
    """
    ready = prepared()
    book, state = book_type(ready.opening.book), state_type(ready.blank(SHOCK))
    for name in names:
        row = (types.int64,) if name.endswith("_row") else ()
        getattr(phases, name).compile((book, state, *row))


def _in_a_process(names: str) -> None:
    """`compile_phases` in a new process; where none can be started they are compiled later, in this one."""
    code = f"from contagion.propagation.warmup import compile_phases; compile_phases(*{names.split()!r})"
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


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _missing() -> list[str]:
    """Groups of phases with one that is not on disk; none where one core would have to compile them all."""
    if INTERPRETED or cores() < 2:
        return []
    groups = FOR_TWO if cores() < 4 else FOR_FOUR
    return [one for one in groups if not all(is_on_disk(getattr(phases, name)) for name in one.split())]


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
    with ThreadPoolExecutor(len(FOR_FOUR)) as pool:
        others = [pool.submit(_in_a_process, names) for names in _missing()]
        clearing_range([[0.0, 1.0], [0.0, 0.0]], [0.0, 0.0])
        pack_state(prepared().blank(SHOCK))
        wait(others)
    for policies in ((), (_Listener(),)):
        prepared(policies).metrics(SHOCK)
    for rounds in ("until_no_sales", "least"):
        FireSale(rounds=rounds).prepare(overlapping_portfolios(4, 2, seed=0)).metrics(SALE)
    return time.perf_counter() - started
