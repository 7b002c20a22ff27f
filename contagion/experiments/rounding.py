"""Does the order of failures survive rounding? Waves of a table of debts when its last digits are lost or changed.

A country a hair above its threshold fails in another wave, or not at all, when a matrix is rounded before its use, or
when the printed numbers are not quite the true ones. Both are counted here.

References
----------
Elliott, Golub, Jackson (2014), "Financial networks and contagion", American Economic Review 104(10), for the European
example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contagion import streams
from contagion.arrays import FloatArray, real
from contagion.claims import as_claims
from contagion.errors import SchemaError
from contagion.generate.european import european_debt
from contagion.measures.proportions import share_interval
from contagion.propagation.dependency import dependency_matrix, failure_rounds, worth
from contagion.propagation.holdings import Organisations

__all__ = ["european_rounding", "wave_order_rounding"]


@dataclass(frozen=True)
class _Case:
    """A table of debts in internal order; all arrays may be stacks of draws."""

    liabilities: FloatArray
    assets: FloatArray
    reference: FloatArray
    share: float
    fraction: float

    def dependency(self) -> FloatArray:
        """Unrounded dependency matrix, creditors holding their debtors in proportion to debts."""
        owed = self.liabilities.sum(axis=-1, keepdims=True)
        held = np.divide(self.liabilities, owed, out=np.zeros(self.liabilities.shape), where=owed > 0.0)
        return dependency_matrix(self.share * np.swapaxes(held, -1, -2))

    def waves(self, theta: float, dependency: FloatArray) -> Any:
        """Round in which each fails, -1 where it does not."""
        limits = theta * worth(dependency, self.reference)
        return failure_rounds(dependency, self.assets, limits, self.fraction * limits)[2]


def wave_order_rounding(
    liabilities: Any,
    asset_values: Any,
    reference_asset_values: Any,
    *,
    theta: float | Sequence[float],
    cross_holding_share: float,
    failure_cost_fraction: float,
    decimals: Sequence[int] = (2, 3),
    half_widths: tuple[Any, Any, Any] = (0.5, 0.0, 0.0),
    n_draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Waves of failures of a table of debts, rounded and within its rounding.

    Parameters
    ----------
    liabilities : array_like or DataFrame, shape (n, n)
        What i (row) owes j (column), money >= 0.
    asset_values, reference_asset_values : array_like, Series or mapping, shape (n,)
        Own assets now and when thresholds were set, >= 0.
    theta : float or sequence
        Threshold as a share of the reference value; one row of results each and change.
    cross_holding_share, failure_cost_fraction : float
        As in `contagion.propagation.crossholdings.elliott_golub_jackson`, best case.
    decimals : sequence of int
        Places to which the dependency matrix is rounded.
    half_widths : three of float, array_like or frame
        How far each debt, asset value and reference value may lie from what is printed; draws are uniform within. A
        debt that is not there stays away, and none becomes negative.
    n_draws : int, default 1000
        Tables drawn.
    seed : int, default 0
        Root seed; the draws are the same for every theta.
    confidence : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        theta, change (``none``, ``dependency matrix to 2 decimals``, ``within printed rounding``), waves (names by
        round; the most frequent ones for draws), changed (whether the order differs from ``none``: 0 or 1, or the share
        of draws), low and high (interval of that share), n (tables behind it).

    Raises
    ------
    InputError
        If a number is not finite or out of range, or labels or lengths differ.

    Examples
    --------
    >>> found = wave_order_rounding([[0, 1], [1, 0]], [1, 1.2], [1.2, 1.2], theta=0.95, cross_holding_share=0.4,
    ...     failure_cost_fraction=0.5, half_widths=(0.1, 0, 0), n_draws=50)
    >>> found["waves"][0]
    '0 | 1'
    """
    claims = as_claims(liabilities)
    organisations = Organisations.of(claims)
    ordered = organisations.table(claims, "liabilities")
    case = _Case(
        ordered.dense(),
        organisations.vector(asset_values, "asset_values", low=0.0),
        organisations.vector(reference_asset_values, "reference_asset_values", low=0.0),
        real(cross_holding_share, "cross_holding_share", low=0.0, below=1.0),
        real(failure_cost_fraction, "failure_cost_fraction", low=0.0),
    )
    if isinstance(n_draws, bool) or not isinstance(n_draws, (int, np.integer)) or n_draws < 1:
        raise SchemaError("is no number of draws", where="n_draws", value=n_draws, allowed="1 or more")
    widths = _widths(half_widths, organisations)
    drawn = _drawn(case, widths, int(n_draws), seed)
    plain, many = case.dependency(), drawn.dependency()
    rows = []
    for limit in np.atleast_1d(np.asarray(theta, dtype=np.float64)):
        level = real(float(limit), "theta", low=0.0)
        base = case.waves(level, plain)
        rows.append(_row(level, "none", base[None], base, organisations, confidence))
        for places in decimals:
            rounded = case.waves(level, np.round(plain, places))
            change = f"dependency matrix to {places} decimals"
            rows.append(_row(level, change, rounded[None], base, organisations, confidence))
        found = drawn.waves(level, many)
        rows.append(_row(level, "within printed rounding", found, base, organisations, confidence))
    return pd.DataFrame(rows)


def european_rounding(
    theta: float | Sequence[float] = (0.9, 0.93, 0.935, 0.94), *, n_draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return `wave_order_rounding` of the European table, each number within half of its last printed place.

    Examples
    --------
    >>> found = european_rounding(0.94, n_draws=100)
    >>> found["waves"][0]
    'Greece | Portugal, Spain | France, Germany | Italy'
    >>> found["changed"].tolist()[:2]
    [0.0, 1.0]
    """
    table = european_debt()
    return wave_order_rounding(
        table.liabilities,
        table.gdp_2011,
        table.gdp_2008,
        theta=theta,
        cross_holding_share=table.cross_holding_share,
        failure_cost_fraction=table.failure_cost_fraction,
        half_widths=(table.liabilities_rounding, table.gdp_2011_rounding, table.gdp_2008_rounding),
        n_draws=n_draws,
        seed=seed,
    )


def _widths(given: tuple[Any, Any, Any], organisations: Organisations) -> tuple[Any, FloatArray, FloatArray]:
    debts, assets, reference = given
    if np.ndim(debts) == 0:
        matrix: Any = real(debts, "half_widths[0]", low=0.0)
    else:
        matrix = organisations.table(as_claims(debts, "half_widths[0]"), "half_widths[0]").dense()
    return (
        matrix,
        organisations.vector(assets, "half_widths[1]", low=0.0),
        organisations.vector(reference, "half_widths[2]", low=0.0),
    )


def _drawn(case: _Case, widths: tuple[Any, FloatArray, FloatArray], n_draws: int, seed: int) -> _Case:
    """A stack of tables whose numbers lie uniformly within what rounding leaves open."""
    n = len(case.assets)
    generator = streams.stream(seed, "printed rounding")
    shift = generator.uniform(-1.0, 1.0, (n_draws, n * n + 2 * n))
    debts = np.maximum(case.liabilities + widths[0] * shift[:, : n * n].reshape(n_draws, n, n), 0.0)
    return _Case(
        np.where(case.liabilities > 0.0, debts, 0.0),
        np.maximum(case.assets + widths[1] * shift[:, n * n : n * n + n], 0.0),
        np.maximum(case.reference + widths[2] * shift[:, n * n + n :], 0.0),
        case.share,
        case.fraction,
    )


def _row(
    theta: float, change: str, waves: Any, base: Any, organisations: Organisations, confidence: float
) -> dict[str, Any]:
    different = (waves != base).any(axis=-1)
    kinds, counts = np.unique(waves, axis=0, return_counts=True)
    interval = share_interval(different, confidence=confidence) if len(waves) > 1 else None
    return {
        "theta": theta,
        "change": change,
        "waves": _in_words(kinds[int(counts.argmax())], organisations),
        "changed": float(different.mean()),
        "low": float("nan") if interval is None else interval.low,
        "high": float("nan") if interval is None else interval.high,
        "n": len(waves),
    }


def _in_words(wave: Any, organisations: Organisations) -> str:
    rounds = [np.flatnonzero(wave == k) for k in range(int(wave.max()) + 1)]
    return " | ".join(", ".join(str(organisations.name(int(i))) for i in places) for places in rounds)
