"""How were forced fills executed? Weighted distributions of basis, coverage, delay, fill rate, time to close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import reals
from contagion.errors import SchemaError, ValueRangeError, nearest

Floats = npt.NDArray[np.float64]

QUANTITIES: Final = ("liquidation_basis", "coverage", "delay", "fill_rate", "time_to_close")
LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
GROUPS: Final = ("venue", "asset", "market", "side", "kind", "account", "round")
COLUMNS: Final = (*(f"p{100 * level:.0f}" for level in LEVELS), "mean", "notional", "n")


def weighted_quantiles(values: npt.ArrayLike, weights: npt.ArrayLike, levels: npt.ArrayLike) -> Floats:
    """Return the smallest values that hold at least each share of the weight.

    Parameters
    ----------
    values, weights : array_like, shape (n,)
        Weights are at least 0, and some are above 0.
    levels : array_like, shape (k,)
        Shares from 0 to 1.

    Returns
    -------
    ndarray, shape (k,)

    Raises
    ------
    SchemaError, ValueRangeError
        If something is no number, out of range, of another length, or without any weight.

    Examples
    --------
    >>> weighted_quantiles([3.0, 1.0, 2.0], [1.0, 1.0, 2.0], [0.25, 0.5, 0.9]).tolist()
    [1.0, 2.0, 3.0]
    """
    found = reals(values, "values", dimensions=1)
    weight = reals(weights, "weights", low=0.0, dimensions=1)
    shares = reals(levels, "levels", low=0.0, high=1.0, dimensions=1)
    if len(found) != len(weight):
        raise SchemaError(f"has {len(weight)} entries, values has {len(found)}", where="weights")
    if not weight.any():
        raise ValueRangeError("has no weight above 0", where="weights", value=weights)
    order = np.argsort(found, kind="stable")
    order = order[weight[order] > 0.0]
    total = np.cumsum(weight[order])
    wanted = shares * total[-1] * (1.0 - 1e-12)  # a level exactly at a step belongs to the lower value
    places = np.minimum(np.searchsorted(total, wanted), len(order) - 1)
    return np.asarray(found[order][places], dtype=np.float64)


def execution_table(liquidations: pd.DataFrame, by: Sequence[str] = ("venue", "asset")) -> pd.DataFrame:
    """Return how forced fills were executed, per group.

    Parameters
    ----------
    liquidations : DataFrame
        ``run.liquidations``.
    by : sequence of str
        Columns that make a group: any of venue, asset, market, side, kind, account, round.

    Returns
    -------
    DataFrame
        Indexed by the groups and `quantity` (liquidation_basis, coverage and fill_rate: fractions; delay and
        time_to_close: seconds), sorted: p5, p25, p50, p75, p95 and mean, weighted by the money of the fills at the
        mark; notional, that money, and n, the fills. Only fills that have the quantity count: coverage and
        time_to_close belong to those that closed an account. A group without any has NaN. The metrics
        time_to_close_median and time_to_close_95 of a run weigh accounts, not money.

    Raises
    ------
    SchemaError
        If `by` is empty or names something else, or the frame lacks a column.

    Examples
    --------
    >>> fills = pd.DataFrame({"venue": "V", "asset": "BTC", "notional": [3.0, 1.0], "liquidation_basis": [0.0, 0.04]})
    >>> table = execution_table(fills.assign(coverage=1.0, delay=0.0, fill_rate=1.0, time_to_close=10.0))
    >>> float(table.loc[("V", "BTC", "liquidation_basis"), "mean"])
    0.01
    """
    keys = [by] if isinstance(by, str) else list(by)
    for key in keys:
        if key not in GROUPS:
            allowed = f"some of {', '.join(GROUPS)}{nearest(str(key), GROUPS)}"
            raise SchemaError("is no group", where="by", value=key, allowed=allowed)
    if not keys or len(set(keys)) < len(keys):
        raise SchemaError(
            "names no groups", where="by", value=by, allowed=f"some of {', '.join(GROUPS)}, each once"
        )
    for column in (*keys, *QUANTITIES, "notional"):
        if column not in liquidations.columns:
            raise SchemaError(f"has no column {column!r}", where="liquidations", allowed="run.liquidations")
    index, rows = [], []
    for name, fills in liquidations.groupby(keys, sort=True):
        for quantity in QUANTITIES:
            index.append((*name, quantity))
            rows.append(_row(fills[quantity].to_numpy(np.float64), fills["notional"].to_numpy(np.float64)))
    labels = (
        pd.MultiIndex.from_tuples(index, names=[*keys, "quantity"]) if index else _empty([*keys, "quantity"])
    )
    return pd.DataFrame(rows, index=labels, columns=list(COLUMNS)).astype({"n": np.int64})


def _row(values: Floats, money: Floats) -> list[float]:
    """Return quantiles, mean, money and number of the values that exist."""
    known = np.isfinite(values) & (money > 0.0)
    values, money = values[known], money[known]
    if not len(values):
        return [*([np.nan] * (len(LEVELS) + 1)), 0.0, 0]
    mean = float((values * money).sum() / money.sum())
    return [*weighted_quantiles(values, money, LEVELS).tolist(), mean, float(money.sum()), len(values)]


def _empty(names: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([[] for _ in names], names=names)
