"""How much worth is lost before anyone defaults? DebtRank: linear, with a single hit, and non-linear.

A creditor that loses a share of its equity is less likely to pay its own debts, so its creditors write them down. The
members of the family differ in when and how much of a node's distress is passed on.

References
----------
Bardoscia, Battiston, Caccioli, Caldarelli (2015), PLoS ONE 10(6). Battiston, Puliga, Kaushik, Tasca, Caldarelli (2012),
Scientific Reports 2. Bardoscia, Caccioli, Perotti, Vivaldo, Caldarelli (2016), PLoS ONE 11(10).
"""

from __future__ import annotations

from typing import Any

from contagion.arrays import real, word
from contagion.propagation.distress_results import Distress, Spread, distress_of
from contagion.propagation.starting import Start, begin, need_equity

__all__ = ["Distress", "debtrank_linear", "debtrank_nonlinear", "debtrank_single_hit"]


def debtrank_linear(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    equity: Any = None,
    weights: Any = None,
    shock: Any = None,
    initial_defaults: Any = None,
    nonpositive_equity: str = "error",
    history: int = 0,
) -> Distress:
    """Least fixed point of ``h = min(1, shock + Lambda h)``, with claims over equity as Lambda.

    Where up to 200 nodes can be reached it is found by the finite algorithm, a linear solve for every change of the
    set of nodes below 1; else by sweeps in place from below with a bound on what is left. Where these creep it is
    found by the finite algorithm if up to 4 000 nodes are reached; else by long steps along what sweeps add, taken
    only if a sweep from their end lowers nobody, until sweeps change nothing beyond rounding. The matrix is never
    inverted as a whole: a part that is not reached stays at 0 however unstable it is.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, equity, weights
        Balance sheets, as in `contagion.balance_sheets.balance_sheets`.
    shock : float, one per node, or a matrix with one scenario a row, optional
        Relative loss of face equity, from 0 to 1. A matrix adds an axis to the results.
    initial_defaults : sequence, optional
        Names or positions of nodes whose shock is 1.
    nonpositive_equity : {"error", "default"}
        Whether a node without positive face equity is refused or starts at h = 1.
    history : int
        Number of simultaneous rounds to keep (one scenario only); fewer if nothing changes any more.

    Raises
    ------
    InputError
        If the sheets or an argument are refused, or face equity is not above 0.
    ConvergenceError
        If more than 4 000 nodes are reached and sweeps do not settle.

    Examples
    --------
    >>> ring = [[0, 5, 0, 0], [0, 0, 5, 0], [0, 0, 0, 5], [5, 0, 0, 0]]
    >>> found = debtrank_linear(ring, equity=[10, 10, 10, 10], shock=[0.1, 0, 0, 0])
    >>> found.h.round(4).tolist()
    [0.1067, 0.0533, 0.0267, 0.0133]
    >>> round(found.amplification, 9), round(found.spectral_radius, 9)
    (2.0, 0.5)

    References
    ----------
    Bardoscia, Battiston, Caccioli, Caldarelli (2015), PLoS ONE 10(6).
    """
    start = _begin(
        (liabilities, external_assets, external_liabilities),
        (equity, weights, shock, initial_defaults),
        nonpositive_equity,
    )
    return distress_of(Spread(start, "linear"), history=history)


def debtrank_nonlinear(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    alpha: float,
    equity: Any = None,
    weights: Any = None,
    shock: Any = None,
    initial_defaults: Any = None,
    nonpositive_equity: str = "error",
    history: int = 0,
) -> Distress:
    """Least fixed point of ``h = min(1, shock + Lambda f(h))`` with ``f(h) = min(1, h exp(alpha (h - 1)))``.

    It is approached from below, by sweeps in place with a bound on what is left: several fixed points are possible.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, equity, weights
        Balance sheets, as in `contagion.balance_sheets.balance_sheets`.
    alpha : float
        How little small distress is passed on, >= 0: 0 is `debtrank_linear`, without limit it is `furfine` with nothing
        recovered.
    shock, initial_defaults, nonpositive_equity, history
        As in `debtrank_linear`.

    Raises
    ------
    InputError
        As in `debtrank_linear`, or if `alpha` is negative.
    ConvergenceError
        If the sweeps do not settle.

    Examples
    --------
    >>> found = debtrank_nonlinear([[0, 5], [0, 0]], equity=[10, 10], alpha=2.0, shock=[0.5, 0])
    >>> found.h.round(6).tolist()
    [0.5, 0.09197]

    References
    ----------
    Bardoscia, Caccioli, Perotti, Vivaldo, Caldarelli (2016), PLoS ONE 11(10).
    """
    bend = real(alpha, "alpha", low=0.0)
    start = _begin(
        (liabilities, external_assets, external_liabilities),
        (equity, weights, shock, initial_defaults),
        nonpositive_equity,
    )
    return distress_of(Spread(start, "nonlinear", alpha=bend), history=history)


def debtrank_single_hit(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    cap_w: bool = True,
    equity: Any = None,
    weights: Any = None,
    shock: Any = None,
    initial_defaults: Any = None,
    nonpositive_equity: str = "error",
    history: int = 0,
) -> Distress:
    """The first DebtRank: every node passes its distress on once, in the round after it is hit.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, equity, weights
        Balance sheets, as in `contagion.balance_sheets.balance_sheets`.
    cap_w : bool
        Whether a claim counts for at most all equity of the creditor, as in the paper.
    shock, initial_defaults, nonpositive_equity, history
        As in `debtrank_linear`.

    Raises
    ------
    InputError
        As in `debtrank_linear`.

    Examples
    --------
    >>> ring = [[0, 5, 0, 0], [0, 0, 5, 0], [0, 0, 0, 5], [5, 0, 0, 0]]
    >>> debtrank_single_hit(ring, equity=[10, 10, 10, 10], shock=[0.1, 0, 0, 0]).h.tolist()
    [0.10625000000000001, 0.05, 0.025, 0.0125]

    References
    ----------
    Battiston, Puliga, Kaushik, Tasca, Caldarelli (2012), Scientific Reports 2.
    """
    start = _begin(
        (liabilities, external_assets, external_liabilities),
        (equity, weights, shock, initial_defaults),
        nonpositive_equity,
    )
    return distress_of(Spread(start, "single_hit", cap=bool(cap_w)), history=history)


def _begin(sheets: tuple[Any, Any, Any], given: tuple[Any, Any, Any, Any], nonpositive_equity: str) -> Start:
    """Read what all members of the family take."""
    choice = word(nonpositive_equity, "nonpositive_equity", ("error", "default"))
    equity, weights, shock, initial_defaults = given
    start = begin(
        *sheets, equity=equity, weights=weights, shock=shock, initial_defaults=initial_defaults, most=1.0
    )
    if choice == "error":
        need_equity(start, "nonpositive_equity='default' starts such nodes at h = 1")
    return start
