"""What does a model of balance sheets answer, and which numbers are made of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contagion.balance_sheets import TOLERANCE
from contagion.propagation.solvency.book import Book, Sheets

__all__ = [
    "METRICS",
    "Outcome",
    "Steps",
    "beyond_the_shock",
    "by_the_shock",
    "closing",
    "lost_on_claims",
    "measured",
    "worths",
]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

METRICS = (
    "system_loss",
    "system_gain",
    "direct_loss",
    "loss_amplification",
    "node_defaults",
    "fundamental_defaults",
    "contagion_defaults",
    "rounds",
    "converted",
    "lent",
    "support_lost",
    "policy_cost",
)
"""What every model of balance sheets yields; its own metrics come after them."""


@dataclass(frozen=True)
class Outcome:
    """What a model says about every node; arrays of shape (n,) in the order of the sheets.

    Parameters
    ----------
    equity : numpy.ndarray
        Signed equity at the end; negative for a shortfall.
    defaulted : numpy.ndarray of bool
        Who fails.
    wave : numpy.ndarray of int64
        Round in which a node fails, -1 for the others.
    recovery : numpy.ndarray
        Worth of claims on each node at the end, share of face value.
    rounds : int
        Rounds that were needed.
    metrics : mapping
        The model's own metrics by name.
    columns : mapping
        Further values per node, for `run.nodes`.
    losses : sequence of float
        Loss of equity in the whole network after each round, if the model has rounds.
    worth : tuple of two numpy.ndarray, optional
        What nodes are worth before and after the shock, where that is not their face equity.
    at_once : numpy.ndarray of bool, optional
        Who fails by the shock alone, where that is not a matter of face equity below 0.
    course : object, optional
        What else the model's own tables are made of.
    unpaid : numpy.ndarray, optional
        Money lost on each claim of the sheets, where claims on a debtor are not worth the same share.
    """

    equity: Floats
    defaulted: Flags
    wave: Integers
    recovery: Floats
    rounds: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    losses: Sequence[float] = ()
    worth: tuple[Floats, Floats] | None = None
    at_once: Flags | None = None
    course: object = None
    unpaid: Floats | None = None


@dataclass(frozen=True)
class Steps:
    """Balance sheets on the way of one run.

    Parameters
    ----------
    opening, shocked, helped : Sheets
        Before the shock, after it, and after conversions and loans.
    forced : numpy.ndarray of bool
        Nodes that the shock lets fail.
    converted, given : numpy.ndarray
        Debts of each node that became equity, and claims each creditor gave up for shares, money.
    stake : numpy.ndarray
        Worth of the shares each creditor got, money.
    lent : numpy.ndarray
        Money lent to each node.
    price_factors : numpy.ndarray, shape (n_assets,)
        Prices of assets after the shock over those before.
    depth_factors : numpy.ndarray, shape (n_assets,), optional
        Depth of the assets' markets after the shock over that before, for models with markets.
    """

    opening: Sheets
    shocked: Sheets
    helped: Sheets
    forced: Flags
    converted: Floats
    given: Floats
    stake: Floats
    lent: Floats
    price_factors: Floats
    depth_factors: Floats | None = None

    @property
    def fundamental(self) -> Flags:
        """Nodes that fail by the shock alone: forced, or with less than nothing after it."""
        sheets = self.shocked
        return np.asarray(self.forced | (sheets.equity < -TOLERANCE * sheets.size))


def lost_on_claims(sheets: Sheets, outcome: Outcome) -> Floats:
    """Money lost on each claim of the sheets, in their order."""
    if outcome.unpaid is not None:
        return outcome.unpaid
    claims = sheets.claims
    return np.asarray(claims.amount * (1.0 - outcome.recovery[claims.debtor]))


def closing(steps: Steps, outcome: Outcome) -> tuple[Floats, Floats]:
    """Equity of every node at the end, at least 0, after loans are repaid, and what is repaid of them."""
    left = np.maximum(outcome.equity, 0.0)
    repaid = np.minimum(steps.lent, left)
    return left - repaid, repaid


def worths(steps: Steps, outcome: Outcome) -> tuple[Floats, Floats]:
    """What nodes are worth before and after the shock, claims at face value, shape (n,) each."""
    return outcome.worth if outcome.worth is not None else (steps.opening.equity, steps.shocked.equity)


def by_the_shock(steps: Steps, outcome: Outcome) -> Flags:
    """Who of those that fail does so by the shock alone, shape (n,)."""
    alone = steps.fundamental if outcome.at_once is None else outcome.at_once
    return np.asarray(outcome.defaulted & alone)


def beyond_the_shock(steps: Steps, outcome: Outcome) -> tuple[Floats, Floats]:
    """What the shock changes every node's worth by, and how far it falls beyond that, shape (n,) each.

    What is lost in rounding sums as large as the balance sheets is no loss.
    """
    final, _ = closing(steps, outcome)
    before, after = worths(steps, outcome)
    outside = after - before
    gap = outside - (final - before)
    return outside, np.where(np.abs(gap) > TOLERANCE * steps.opening.size, gap, 0.0)


def measured(
    book: Book, steps: Steps, outcome: Outcome, own: Sequence[str], cost: float
) -> npt.NDArray[np.float64]:
    """All metrics in the order of METRICS, then the model's own.

    A node's loss is what its equity fell by beyond the shock: claims at face value, limited liability at the end.
    """
    counted = book.counted
    _, repaid = closing(steps, outcome)
    outside, gap = (values[counted] for values in beyond_the_shock(steps, outcome))
    lost, direct = float(np.maximum(gap, 0.0).sum()), float(np.maximum(-outside, 0.0).sum())
    fundamental, failed = by_the_shock(steps, outcome) & counted, outcome.defaulted & counted
    values = {
        "system_loss": lost,
        "system_gain": float(np.maximum(-gap, 0.0).sum()),
        "direct_loss": direct,
        "loss_amplification": (direct + lost) / direct if direct > 0.0 else np.nan,
        "node_defaults": float(failed.sum()),
        "fundamental_defaults": float((failed & fundamental).sum()),
        "contagion_defaults": float((failed & ~fundamental).sum()),
        "rounds": float(outcome.rounds),
        "converted": float(steps.converted.sum()),
        "lent": float(steps.lent.sum()),
        "support_lost": float((steps.lent - repaid).sum()),
        "policy_cost": cost,
    }
    return np.array([*(values[name] for name in METRICS), *(outcome.metrics[name] for name in own)])
