"""Compile everything that runs compile on first use, once, so that later processes find it on disk."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from contagion.generate import perp_market
from contagion.policies.base import Policy
from contagion.propagation.cascade.model import Cascade
from contagion.shocks import PriceShock

__all__ = ["warmup"]


@dataclass(frozen=True)
class _Listener(Policy):
    """A policy written in Python that changes nothing: it makes the round-by-round driver run."""

    def orders(self, world: Any, cap: Any) -> Any:
        """Leave the orders as they are."""
        return cap


def warmup() -> float:
    """Compile the cascade with both of its drivers.

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
    net, shock = perp_market(n_accounts=300, seed=0), PriceShock({"BTC": -0.3}, over=120.0)
    for policies in ((), (_Listener(),)):
        Cascade(step=60.0, horizon=600.0).prepare(net, policies).metrics(shock)
    return time.perf_counter() - started
