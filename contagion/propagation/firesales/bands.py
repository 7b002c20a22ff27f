"""Banks that default below one capital ratio and pay back debt below another: who defaults when prices fall?

References
----------
Farmer, Kleinnijenhuis, Nahai-Williamson, Wetzer, Foundations of system-wide stress testing (simplified model).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real, whole
from contagion.errors import ValueRangeError
from contagion.holdings import Holdings, read_holdings, same_money
from contagion.labels import Axis
from contagion.propagation.firesales.engine import Cleared, Sale, follow, opening
from contagion.propagation.firesales.impacts import ExponentialInShare
from contagion.propagation.firesales.responses import Action, LeverageBands

__all__ = ["BandSteps", "leverage_bands"]

MONEY = ("holdings", "cash", "total_assets", "loan", "other_liabilities")
MID = 0.5
SYSTEMIC = 0.05  # a smaller share of banks in default is no systemic event


@dataclass(frozen=True)
class BandSteps:
    """What happened in each step.

    Parameters
    ----------
    defaults_per_step : numpy.ndarray of int64, shape (steps,)
        Banks that default.
    fraction_sold_by_step : numpy.ndarray, shape (steps,)
        Units sold until then over units at the start.
    final_price : numpy.ndarray, shape (n_securities,)
        Price after the last step; 1 before the shock.
    price_by_step : numpy.ndarray, shape (steps, n_securities)
        Price after each step.
    in_default : numpy.ndarray of bool, shape (n_banks,)
        Who is in default in the end.
    equity : numpy.ndarray, shape (n_banks,)
        Assets less debts at the last prices.
    shock_loss, total_loss : numpy.ndarray, shape (n_banks,)
        Money lost by the shock alone, and by shock and sales.
    banks, securities : pandas.Index, optional
        Labels.
    """

    defaults_per_step: NDArray[np.int64]
    fraction_sold_by_step: FloatArray
    final_price: FloatArray
    price_by_step: FloatArray
    in_default: NDArray[np.bool_]
    equity: FloatArray
    shock_loss: FloatArray
    total_loss: FloatArray
    banks: pd.Index | None = None
    securities: pd.Index | None = None

    @property
    def total_defaults(self) -> int:
        """Banks in default in the end."""
        return int(self.defaults_per_step.sum())

    @property
    def systemic_share(self) -> float:
        """Share of banks in default; 0 if below 0.05."""
        share = self.total_defaults / len(self.in_default)
        return share if share >= SYSTEMIC else 0.0

    @property
    def amplification(self) -> float:
        """All loss over the loss by the shock; nan without such a loss."""
        direct = float(self.shock_loss.sum())
        return float(self.total_loss.sum()) / direct if direct != 0.0 else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """Every bank: loss by the shock, all loss, equity, whether in default."""
        names = ("shock_loss", "total_loss", "equity", "in_default")
        return pd.DataFrame({name: getattr(self, name) for name in names}, index=self.banks)


def leverage_bands(
    holdings: Any,
    cash: Any,
    total_assets: Any,
    loan: Any,
    other_liabilities: Any,
    shock: Any,
    *,
    price_impact: Any,
    min_ratio: Any,
    trigger_ratio: Any,
    target_ratio: Any,
    steps: int,
    reference_share: Any = 0.05,
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> BandSteps:
    """Steps of default and deleveraging by bands of equity over assets; orders clear in the step after.

    Parameters
    ----------
    holdings : array_like, sparse or DataFrame, shape (n_banks, n_securities)
        Units, each worth 1 before the shock, >= 0.
    cash, total_assets, loan, other_liabilities : array_like, Series or mapping, shape (n_banks,)
        Money, >= 0; `loan` is what can be repaid. What is neither held nor cash is worth the same throughout.
    shock : array_like, Series or mapping, shape (n_securities,)
        First return of each security, >= -1.
    price_impact : float, array_like, Series or mapping, shape (n_securities,)
        Fall when `reference_share` of all units is sold, in [0, 1).
    min_ratio, trigger_ratio, target_ratio : float
        Below the first (strictly) a bank defaults and sells all; below the second it pays back debt, out of cash, then
        out of sales, until the third. ``0 <= min <= trigger <= 1``, ``min <= target <= 1``. A trigger of 1 is leverage
        targeting.
    steps : int
        Number of steps, >= 0. Orders of the last never clear.
    reference_share : float
        In (0, 1].
    banks, securities, units
        As in `greenwood_landier_thesmar`; units of `holdings`, `cash`, `total_assets`, `loan`, `other_liabilities`.

    Raises
    ------
    InputError
        If a number is refused, bands are out of order, shapes differ, labels do not match, or units differ.

    Examples
    --------
    >>> found = leverage_bands([[50], [50]], [5, 5], [100, 100], [48, 46], [48, 46], [-0.04], price_impact=0.05,
    ...     min_ratio=0.03, trigger_ratio=0.04, target_ratio=0.05, steps=3)
    >>> found.defaults_per_step.tolist(), found.final_price.round(4).tolist()
    ([1, 1, 0], [0.3441])

    References
    ----------
    Farmer, Kleinnijenhuis, Nahai-Williamson, Wetzer, Foundations of system-wide stress testing.
    """
    same_money(units, MONEY)
    table = read_holdings(holdings, "holdings", banks, securities)
    money = {
        name: table.banks.vector(values, name, low=0.0)
        for name, values in zip(MONEY[1:], (cash, total_assets, loan, other_liabilities), strict=True)
    }
    move = table.securities.vector(shock, "shock", low=-1.0)
    fall = _impact(price_impact, table.securities)
    share = real(reference_share, "reference_share", above=0.0, high=1.0)
    response = _bands(min_ratio, trigger_ratio, target_ratio)
    number = whole(steps, "steps")
    held = np.asarray(table.matrix.sum(axis=1)).ravel()
    total = np.asarray(table.matrix.sum(axis=0), dtype=np.float64).ravel()
    sheet, state = opening(
        table,
        cash=money["cash"],
        illiquid=money["total_assets"] - held - money["cash"],
        loan=money["loan"],
        other_debt=money["other_liabilities"],
        price=1.0 + move,
        move=move,
    )
    impact = ExponentialInShare(0.0 - np.log1p(-fall) / share, total)
    sale = Sale(sheet, response, impact, MID, delayed=True, proceeds="kept")
    done = list(islice(follow(sale, state), number))
    before = money["total_assets"] - money["loan"] - money["other_liabilities"]
    return _collected(table, done, 1.0 + move, before)


def _collected(
    table: Holdings, done: list[tuple[Cleared, Action]], price: FloatArray, before: FloatArray
) -> BandSteps:
    """Read the steps of the engine."""
    banks, securities = table.banks.back, table.securities.back
    all_units = float(table.matrix.sum())
    sold = np.cumsum([float(cleared.units.sum()) for cleared, _ in done])
    failing = [action.failing[:, 0] for _, action in done]
    prices = np.array([cleared.after.price[:, 0] for cleared, _ in done]).reshape(-1, len(price))
    shock_loss = table.matrix @ (1.0 - price)
    total_loss = shock_loss + sum((cleared.loss[:, 0] for cleared, _ in done), np.zeros(len(before)))
    return BandSteps(
        defaults_per_step=np.array([part.sum() for part in failing], dtype=np.int64),
        fraction_sold_by_step=sold / all_units if all_units > 0.0 else np.zeros(len(done)),
        final_price=securities(prices[-1] if done else price),
        price_by_step=securities(prices, axis=1),
        in_default=banks(np.any(failing, axis=0) if done else np.zeros(len(before))).astype(np.bool_),
        equity=banks(before - total_loss),
        shock_loss=banks(shock_loss),
        total_loss=banks(total_loss),
        banks=table.banks.names,
        securities=table.securities.names,
    )


def _impact(values: Any, axis: Axis) -> FloatArray:
    """One fall for all securities, or one for each."""
    if np.ndim(values) == 0 and not isinstance(values, Mapping):
        return np.full(axis.n, real(values, "price_impact", low=0.0, below=1.0))
    return axis.vector(values, "price_impact", low=0.0, below=1.0)


def _bands(min_ratio: Any, trigger_ratio: Any, target_ratio: Any) -> LeverageBands:
    """Check that bands are in order."""
    lowest = real(min_ratio, "min_ratio", low=0.0, high=1.0)
    for value, name in ((trigger_ratio, "trigger_ratio"), (target_ratio, "target_ratio")):
        if real(value, name, low=0.0, high=1.0) < lowest:
            raise ValueRangeError(
                f"is below min_ratio {lowest:g}", where=name, value=value, allowed=f"min_ratio <= {name}"
            )
    return LeverageBands(lowest, float(trigger_ratio), float(target_ratio))
