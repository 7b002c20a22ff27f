"""Which numbers of a fire sale that targets leverage decide where equity averts most?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from contagion.propagation.firesales.impacts import LinearImpact
from contagion.propagation.firesales.model import FireSale
from contagion.propagation.firesales.prepared import PreparedFireSale
from contagion.propagation.firesales.recapitalisation import Leverages
from contagion.propagation.firesales.responses import LeverageTarget

if TYPE_CHECKING:
    from contagion.propagation.solvency.prepared import PreparedSheets
    from contagion.shocks import Shock

__all__ = ["Found", "leverages", "targets_leverage", "vulnerability"]

Floats = npt.NDArray[np.float64]

ROUNDING = 1e-9


@dataclass(frozen=True)
class Found:
    """What the convex programme reads.

    Parameters
    ----------
    sheets : Leverages
        Nodes as money put in sees them.
    fixed : float
        Loss through prices by nodes that sell whatever their equity, money, mean over the scenarios.
    equity : float
        Equity that losses are a share of, before any injection, money.
    """

    sheets: Leverages
    fixed: float
    equity: float


def targets_leverage(prepared: PreparedSheets) -> bool:
    """Whether a model is one round back to the leverage before the shock, in proportion, with linear impact."""
    model = prepared.model
    if not isinstance(model, FireSale) or not isinstance(prepared, PreparedFireSale):
        return False
    response = model.response
    return (
        isinstance(response, LeverageTarget)
        and response.total_assets is None
        and not response.capped
        and isinstance(prepared.sales.impact, LinearImpact)
        and (model.order, model.weights, model.rounds) == ("pro_rata", "frozen", 1)
        and model.settled_at == 1.0
    )


def leverages(prepared: PreparedSheets, shocks: Sequence[Shock], shares: Floats, use: str) -> Found | None:
    """What decides on injections, mean over the scenarios; None where that is no matter of leverage alone.

    Equity that a shock takes grows with what is put in, so that such shocks are none of this programme.
    """
    if not targets_leverage(prepared) or not isinstance(prepared, PreparedFireSale):
        return None
    book, sales = prepared.book, prepared.sales
    if any(book.equity_losses(shock).any() for shock in shocks):
        return None
    impact, held = sales.impact, sales.market.holdings.matrix
    assert isinstance(impact, LinearImpact)
    counted = np.asarray(held.T @ book.counted.astype(np.float64)).ravel()
    pull = np.asarray(held @ (counted * impact.price_impact))
    worth, fixed = np.zeros(len(pull)), 0.0
    for shock, share in zip(shocks, shares, strict=True):
        steps, _ = prepared.follow(shock)
        start = sales.start(steps)
        lost = -(held @ start.move[:, 0] + start.gain[:, 0])
        worth += share * np.where(steps.forced, 0.0, lost) * pull
        fixed += share * float(pull[steps.forced].sum())
    holds = sales.market.held > 0.0
    opening = book.opening
    assets, equity = np.where(holds, sales.total_assets, 1.0), np.where(holds, opening.equity, 1.0)
    repayable = np.where(holds, book.debts, 0.0) if use == "debts" else np.zeros(len(pull))
    had = float(np.maximum(opening.equity, 0.0)[book.counted & holds].sum())
    return Found(Leverages(worth, assets, equity, np.minimum(repayable, assets - equity)), fixed, had)


def vulnerability(
    found: Found, amounts: Floats, lost: float, marginal: float, budget: float
) -> tuple[Floats, float, float] | None:
    """The best amounts with losses as a share of equity, what is put in included; None where money is left over.

    The same amounts are best while all of the budget averts something: equity grows by the budget at the most.
    """
    total = found.equity + float(amounts.sum())
    if lost > 0.0 and amounts.sum() < budget * (1.0 - ROUNDING):
        return None
    return amounts, lost / total, marginal / total + lost / total**2
