"""Whose default hurts most? Every node defaults alone once, and the rest of the network answers.

All scenarios run over the same prepared debts, a bounded number of them at a time; each row has the bits of the call
with that node alone in `initial_defaults`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, real, word
from contagion.claims import IntArray
from contagion.errors import InputError, SchemaError
from contagion.measures.rankings import tie_groups
from contagion.propagation.default_rounds import Rounds
from contagion.propagation.distress_results import Spread
from contagion.propagation.starting import Start, begin, need_equity, singly

__all__ = ["ranking", "single_defaults"]

AT_ONCE = 1_000_000  # numbers per array that are held at a time: 8 MB
TAKEN = {
    "furfine": ("lgd",),
    "threshold_cascade": ("lgd", "threshold"),
    "debtrank_linear": ("nonpositive_equity",),
    "debtrank_single_hit": ("nonpositive_equity", "cap_w"),
    "debtrank_nonlinear": ("nonpositive_equity", "alpha"),
}


def single_defaults(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    model: str = "debtrank_linear",
    equity: Any = None,
    weights: Any = None,
    **rule: Any,
) -> pd.DataFrame:
    """What every node does to the network when it alone defaults.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, equity, weights
        Balance sheets, as in `contagion.balance_sheets.balance_sheets`.
    model : str
        ``furfine`` (its trigger is the node), ``threshold_cascade``, ``debtrank_linear``, ``debtrank_single_hit`` or
        ``debtrank_nonlinear``.
    **rule
        The model's own arguments: `lgd`; `lgd`, `threshold`; `nonpositive_equity`, and `cap_w` or `alpha`.

    Returns
    -------
    pandas.DataFrame
        A row per node: `n_additional_defaults`, `total_losses` (money), `debtrank` or, for rounds of default,
        `additional_stress` (shares of all weights), and `rank` by the latter, 1 for the largest, ties by position.

    Raises
    ------
    InputError
        As the model, or if it is not known or does not take an argument.

    Examples
    --------
    >>> found = single_defaults([[0, 4, 0], [0, 0, 3], [2, 0, 0]], equity=[5, 4, 6], model="threshold_cascade")
    >>> found["n_additional_defaults"].tolist(), found["total_losses"].tolist(), found["rank"].tolist()
    ([1, 0, 0], [7.0, 3.0, 2.0], [1, 2, 3])
    """
    word(model, "model", tuple(TAKEN))
    for name in rule:
        if name not in TAKEN[model]:
            raise SchemaError("is not taken", where=name, allowed=", ".join(TAKEN[model]))
    start = begin(liabilities, external_assets, external_liabilities, equity=equity, weights=weights)
    played = _rounds(start, model, rule) if "lgd" in TAKEN[model] else _distress(start, model, rule)
    n = start.sheets.n
    size = max(1, AT_ONCE // n)
    parts = [_part(played, first, min(n, first + size)) for first in range(0, n, size)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    measure = "debtrank" if "debtrank" in columns else "additional_stress"
    rank = np.empty(n, dtype=np.int64)
    rank[ranking(columns[measure])] = np.arange(1, n + 1)
    names = start.sheets.names
    index = pd.RangeIndex(n, name="node") if names is None else names
    shown = ("n_additional_defaults", "total_losses", measure)
    return pd.DataFrame({name: columns[name] for name in shown} | {"rank": rank}, index=index)


def ranking(values: Sequence[float] | FloatArray) -> IntArray:
    """Positions by value, largest first; values that differ by rounding only are ties, by position.

    Examples
    --------
    >>> ranking([0.1, 0.30000000000000004, 0.3]).tolist()
    [1, 2, 0]
    """
    groups = tie_groups(values)
    return np.asarray(np.lexsort((np.arange(len(groups)), groups)), dtype=np.int64)


def _rounds(start: Start, model: str, rule: dict[str, Any]) -> Rounds:
    share = real(rule.get("lgd", 1.0), "lgd", low=0.0, high=1.0)
    if model == "furfine":
        return Rounds(start, share, None, only_forced=True)
    levels = start.sheets.vector(rule.get("threshold", 1.0), "threshold", above=0.0)
    need_equity(start)
    return Rounds(start, share, levels)


def _distress(start: Start, model: str, rule: dict[str, Any]) -> Spread:
    choice = word(rule.get("nonpositive_equity", "error"), "nonpositive_equity", ("error", "default"))
    if choice == "error":
        need_equity(start, "nonpositive_equity='default' starts such nodes at h = 1")
    if model == "debtrank_single_hit":
        return Spread(start, "single_hit", cap=bool(rule.get("cap_w", True)))
    if model == "debtrank_linear":
        return Spread(start, "linear")
    if "alpha" not in rule:
        raise InputError("is missing", where="alpha", allowed="a number >= 0")
    return Spread(start, "nonlinear", alpha=real(rule["alpha"], "alpha", low=0.0))


def _part(played: Rounds | Spread, first: int, last: int) -> dict[str, Any]:
    """Numbers of the scenarios in which the nodes `first` to `last` - 1 default alone."""
    forced = singly(played.start, first, last)
    shock = forced.astype(np.float64)
    if isinstance(played, Spread):
        begun = played.first(shock)
        return played.summary(begun, np.stack([played.play(row) for row in begun]))
    found = [played.play(row, chosen) for row, chosen in zip(shock, forced, strict=True)]
    return played.summary(shock, np.stack([when for when, _ in found]), np.stack([lost for _, lost in found]))
