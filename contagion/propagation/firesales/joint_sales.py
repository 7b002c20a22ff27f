"""Where do defaults on claims and the prices of what is sold settle together, and which channel lost how much?

Given prices claims are cleared; who defaults or is left without net worth sells everything, others by their rule; sales
make prices. The map from prices to prices rises, so iterating from no fall gives the fixed point with the least sales,
from the sale of everything that with the most.

References
----------
Cifuentes, Ferrucci, Shin (2005), Journal of the European Economic Association 3(2-3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from contagion.arrays import FloatArray
from contagion.errors import ConvergenceError
from contagion.propagation.firesales.courses import Course, ended_course, step_at
from contagion.propagation.firesales.engine import decide
from contagion.propagation.firesales.portfolios import sold_entries
from contagion.propagation.firesales.responses import State
from contagion.propagation.solvency.clearing import Clearing
from contagion.propagation.solvency.outcome import Outcome, Steps, lost_on_claims

if TYPE_CHECKING:
    from contagion.propagation.firesales.sales import Sales

__all__ = ["joint_outcome"]

SETTLED = 1e-13
MOST_ROUNDS = 100_000


@dataclass(frozen=True)
class _End:
    """One fixed point: falls of prices after the shock, the state and shares sold there, the cleared claims."""

    fall: FloatArray
    state: State
    fraction: FloatArray
    lost: FloatArray
    cleared: Outcome
    rounds: int


def joint_outcome(sales: Sales, clearing: Clearing, steps: Steps) -> Outcome:
    """Both channels at once; losses by channel from three solutions: both, claims alone, prices alone."""
    from contagion.propagation.firesales.sales import Told

    most = sales.model.most_sales
    end, other = (_settle(sales, clearing, steps, most_sales=which) for which in (most, not most))
    course = _course(sales, steps, end)
    both = sales.limited_loss(steps, end.cleared.equity)
    claims = sales.limited_loss(steps, clearing.solve(sales.book, steps).equity)
    alone = ended_course(sales.sale, sales.start(steps), "most" if most else "least")
    prices = sales.limited_loss(steps, alone.equity) - sales.forced_loss(steps)
    found = end.cleared
    return replace(
        found,
        rounds=end.rounds,
        wave=np.where((found.wave == 0) & ~steps.fundamental, 1, found.wave),
        metrics={
            **sales.metrics(steps, course),
            "claims_loss": claims,
            "interaction_loss": both - claims - prices,
            "other_end_loss": sales.limited_loss(steps, other.cleared.equity),
        },
        columns={**found.columns, **sales.columns(course)},
        course=Told(course),
    )


def _settle(sales: Sales, clearing: Clearing, steps: Steps, *, most_sales: bool) -> _End:
    """Iterate prices from one end.

    Raises
    ------
    ConvergenceError
        If prices do not settle.
    """
    start = sales.start(steps)
    whole = start.held.by_security()
    fall = sales.impact.fall(whole, start.price)[:, 0] if most_sales else np.zeros(len(start.price))
    for rounds in range(1, MOST_ROUNDS + 1):
        end = _at(sales, clearing, steps, start, fall, rounds)
        part = sold_entries(start.held, sales.sale.table, end.fraction[:, None])[:, 0]
        units = np.asarray(sales.sale.table.by_security @ part)[:, None]
        moved = sales.impact.fall(units, start.price)[:, 0]
        gap = float(np.abs(moved - fall).max())
        if gap <= SETTLED:
            return end
        fall = moved
    raise ConvergenceError(
        "prices and payments do not settle together",
        round=MOST_ROUNDS,
        gap=gap,
        worst=str(sales.market.names[int(np.abs(moved - fall).argmax())]),
    )


def _at(sales: Sales, clearing: Clearing, steps: Steps, start: State, fall: FloatArray, rounds: int) -> _End:
    """Cleared claims and what everybody sells at prices that fell by so much after the shock."""
    poorer, lost = sales.at_prices(steps, fall)
    cleared = clearing.solve(sales.book, poorer)
    claims = steps.helped.claims
    short = np.bincount(claims.creditor, lost_on_claims(steps.helped, cleared), len(lost)).astype(np.float64)
    state = replace(
        start,
        price=start.price * (1.0 - fall[:, None]),
        move=0.0 - fall[:, None],
        equity=cleared.equity[:, None],
        illiquid=start.illiquid - short[:, None],
        forced=(cleared.defaulted | (cleared.equity <= 0.0) | steps.forced)[:, None],
    )
    fraction = decide(sales.sale, state).fraction[:, 0]
    return _End(fall, state, fraction, lost, cleared, rounds)


def _course(sales: Sales, steps: Steps, end: _End) -> Course:
    """The fixed point as one step."""
    start = sales.start(steps)
    return step_at(
        sales.sale,
        start,
        end.state,
        end.fall,
        end.fraction,
        equity=end.cleared.equity,
        failed=end.cleared.defaulted,
        rounds=end.rounds,
    )
