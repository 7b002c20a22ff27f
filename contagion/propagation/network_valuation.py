"""Which equity is consistent with claims whose value depends on the debtors' equity? One engine for any valuation.

Equity of node i is E_i = e_i - b_i - l_i + sum_j A_ij V_j(E_j): outside assets less debts, plus claims on the others at
the value that the debtor's own equity gives them. Clearing, distress and valuation before default differ only in V.

References
----------
Barucca, Bardoscia, Caccioli, D'Errico, Visentin, Caldarelli, Battiston (2020), Mathematical Finance 30(4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, real, word
from contagion.balance_sheets import BalanceSheets, balance_sheets
from contagion.errors import InputError
from contagion.propagation.fixed_point import Revaluation, settled
from contagion.propagation.neva_results import NetworkValuation
from contagion.propagation.valuations import Books, Valuation
from contagion.propagation.valuations.base import Prepared, prepared
from contagion.propagation.valuations.lines import Line, slack_of
from contagion.propagation.valuations.solving import guess

__all__ = ["neva"]

MAX_ROUNDS = 1_000_000
ROUNDING = 1e-13


def neva(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    valuation: Valuation | Callable[[FloatArray, Books], Any],
    equity: Any = None,
    shock: Any = 0.0,
    fixed_point: str = "greatest",
    max_rounds: int = MAX_ROUNDS,
) -> NetworkValuation:
    """Value all claims of a network consistently, with a valuation function of the literature or your own.

    Parameters
    ----------
    liabilities : array_like, sparse, DataFrame or Claims, shape (n, n)
        What node i (row) owes node j (column), money.
    external_assets, external_liabilities : array_like, Series or mapping, shape (n,), optional
        Money owned and owed outside the network.
    valuation : Valuation or callable
        Of `contagion.propagation.valuations`, or ``function(equity, books)``: worth of claims on each node per unit
        of face value, shape (n,), within [0, 1], never falling in equity, for arrays in your order of nodes.
    equity : array_like, Series or mapping, shape (n,), optional
        Face equity w in place of the one of the balance sheets.
    shock : float, array_like, Series or mapping
        Relative loss s of face equity: external assets fall by s w. Any number, above 1 too.
    fixed_point : str
        ``greatest`` (claims from face value down, the default) or ``least`` (from nothing up).
    max_rounds : int
        Rounds after which to give up.

    Raises
    ------
    InputError
        If an input is refused, or the valuation gives a wrong shape, a value outside [0, 1], or falls in equity.
    ConvergenceError
        If values do not settle; names round, residual and worst node.

    Notes
    -----
    Memory is linear in debts. Valuations that follow lines are solved once at most 1 000 nodes are between full and
    no value; all others by sweeps.

    Examples
    --------
    A valuation of your own:

    >>> def half_in_default(equity, books):
    ...     return np.where(equity >= 0.0, 1.0, 0.5)
    >>> found = neva([[0, 4, 0], [0, 0, 3], [2, 0, 0]], [1, 2, 3], valuation=half_in_default)
    >>> found.signed_equity
    array([-1.,  1.,  4.])
    >>> found.valuation
    array([0.5, 1. , 1. ])

    References
    ----------
    Barucca et al. (2020), Mathematical Finance 30(4), equations 4 and 5.
    """
    least = word(fixed_point, "fixed_point", ("greatest", "least")) == "least"
    limit = int(real(max_rounds, "max_rounds", low=1))
    sheets = balance_sheets(liabilities, external_assets, external_liabilities, equity=equity)
    books = _books(sheets, sheets.vector(shock, "shock"))
    checked = prepared(valuation, books)
    system = Revaluation(sheets, _inside(sheets, books.equity), _inner_value(sheets, checked))
    line = None if checked.line is None else _inner_line(sheets, checked.line)
    if least and line is not None and line.jumps:
        raise InputError(
            "is not offered where values jump",
            where="fixed_point",
            value=fixed_point,
            allowed="greatest, or clearing.rogers_veraart(..., fixed_point='least')",
        )
    found = settled(
        system,
        scale=_scale(books),
        max_rounds=limit,
        least=least,
        jump=None if line is None or least else guess(system, line, _rounding(books)),
    )
    final = np.asarray(sheets.back(found.equity))
    return NetworkValuation(
        signed_equity=final,
        signed_equity_first_round=np.asarray(sheets.back(system.step(system.face))),
        losses=books.equity_before - final,
        shock_losses=books.equity_before - books.equity,
        valuation=checked.value(final),
        defaulted=final < -slack_of(books),
        sigma=checked.sigma,
        rounds=found.rounds,
        residual=found.residual,
        fixed_point=fixed_point,
        names=sheets.names,
    )


def _books(sheets: BalanceSheets, shock: FloatArray) -> Books:
    """Books after a relative loss of face equity, in the caller's order."""
    lost = shock * sheets.equity
    claims = sheets.claims
    return Books(
        external_assets=sheets.back(sheets.external_assets - lost),
        equity=sheets.back(sheets.equity - lost),
        assets_before=sheets.back(sheets.external_assets),
        equity_before=sheets.back(sheets.equity),
        claimed=sheets.back(claims.claimed),
        owed=sheets.back(claims.owed),
        due=sheets.back(sheets.due),
        sheets=sheets,
    )


def _inside(sheets: BalanceSheets, values: FloatArray) -> FloatArray:
    """Values in the caller's order put into the inner one."""
    found = np.empty(sheets.n)
    found[sheets.given] = values
    return found


def _inner_value(sheets: BalanceSheets, checked: Prepared) -> Callable[[FloatArray], FloatArray]:
    return lambda equity: _inside(sheets, checked.value(sheets.back(equity)))


def _inner_line(sheets: BalanceSheets, line: Line) -> Line:
    return Line(*(_inside(sheets, part) for part in (line.threshold, line.intercept, line.slope)))


def _scale(books: Books) -> float:
    """Money against which accuracy is measured: external assets, or all amounts where there are none."""
    largest = float(np.abs(books.external_assets).max())
    return largest if largest > 0.0 else float((np.abs(books.equity) + books.claimed).max())


def _rounding(books: Books) -> float:
    """Money by which sums over these books may be off."""
    return ROUNDING * float((np.abs(books.external_assets) + np.abs(books.equity) + books.claimed).max())
