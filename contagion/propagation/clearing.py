"""Who can pay whom when claims are mutual? Clearing payments, with or without costs of default.

Every debtor pays what it owes or, failing that, all it has (less the costs of default), shared among its creditors
in proportion or by seniority. The greatest payments that satisfy this at once are found by *fictitious default*:
assume that all pay, find who cannot, solve for what these pay, look again. The least ones are found from below: who
can pay whatever the others do, then who can pay given that, and so on. `clear` is the first of these as a compiled
kernel on sorted debts, which the cascade calls inside its rounds.

References
----------
Eisenberg, Noe (2001), Management Science 47(2), theorem 1 and section 3.2.
Rogers, Veraart (2013), Management Science 59(4), for costs of default.
Elsinger (2009), Oesterreichische Nationalbank working paper 156, for seniority.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real, word
from contagion.balance_sheets import BalanceSheets, balance_sheets
from contagion.errors import SchemaError
from contagion.propagation.clearing_kernels import clear
from contagion.propagation.clearing_layers import clear_layers
from contagion.propagation.clearing_results import ClearingRange, ClearingVector
from contagion.propagation.clearing_sets import Debts, Problem, Solution
from contagion.propagation.reach import reach

__all__ = ["ClearingRange", "ClearingVector", "clear", "clearing_range", "eisenberg_noe", "rogers_veraart"]

PRIORITIES = ("pari_passu", "senior")
FIXED_POINTS = ("greatest", "least")


def eisenberg_noe(
    liabilities: Any = None,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    external_priority: str = "pari_passu",
    fixed_point: str = "greatest",
    liabilities_by_seniority: Any = None,
    external_liabilities_by_seniority: Any = None,
) -> ClearingVector:
    """Payments that clear a network of debts, default being without costs.

    Parameters
    ----------
    liabilities : array_like, sparse, DataFrame or Claims, shape (n, n)
        What node i (row) owes node j (column), money >= 0, zero diagonal.
    external_assets : array_like, Series or mapping, shape (n,)
        What nodes own outside the network, >= 0.
    external_liabilities : array_like, Series or mapping, shape (n,), optional
        What they owe outside it, >= 0; none by default.
    external_priority
        ``pari_passu``: external creditors share like everybody. ``senior``: they are paid first.
    fixed_point
        ``greatest`` (the orderly outcome) or ``least``; they differ only for groups that owe nothing
        outside and get nothing from there.
    liabilities_by_seniority, external_liabilities_by_seniority : lists, optional
        In place of the two above: one matrix and one vector per layer of seniority, most senior first; external
        creditors of a layer share like everybody in it.

    Raises
    ------
    InputError
        If an amount is not finite or negative, a node owes itself, the matrix is not square or of other
        length than the vectors, the network is empty, or a word is unknown.
    ConvergenceError
        If more than 2,000 nodes fail and their payments do not settle.

    Examples
    --------
    >>> found = eisenberg_noe([[0, 4, 0], [0, 0, 3], [2, 0, 0]], [18, 18, 9], [17, 18, 8])
    >>> found.payments
    array([20., 21., 10.])
    >>> found.defaulted.tolist()
    [True, False, False]

    References
    ----------
    Eisenberg, Noe (2001), Management Science 47(2). Elsinger (2009), Oesterreichische Nationalbank working paper
    156, for layers.
    """
    if liabilities_by_seniority is not None or external_liabilities_by_seniority is not None:
        if liabilities is not None or external_liabilities is not None:
            raise SchemaError(
                "are given together with layers",
                where="liabilities, external_liabilities",
                allowed="either these or liabilities_by_seniority and external_liabilities_by_seniority",
            )
        word(external_priority, "external_priority", ("pari_passu",))
        least = word(fixed_point, "fixed_point", FIXED_POINTS) == "least"
        return clear_layers(
            liabilities_by_seniority, external_assets, external_liabilities_by_seniority, least=least
        )
    return rogers_veraart(
        liabilities,
        external_assets,
        external_liabilities,
        external_priority=external_priority,
        fixed_point=fixed_point,
    )


def rogers_veraart(
    liabilities: Any,
    external_assets: Any,
    external_liabilities: Any = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    external_priority: str = "pari_passu",
    fixed_point: str = "greatest",
    initial_defaults: Any = None,
) -> ClearingVector:
    """Payments that clear a network of debts when default has costs.

    A node whose resources are below its debts keeps the share `alpha` of its external assets and `beta` of its
    receipts. Solvency is tested before these costs, so that payments jump and several solutions are usual.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, external_priority
        As for `eisenberg_noe`.
    alpha, beta
        Shares kept in default, in [0, 1]; 1 and 1 is `eisenberg_noe`.
    fixed_point
        ``greatest`` (the orderly outcome) or ``least`` (nobody counts on being paid).
    initial_defaults
        Names or positions of nodes that are in default, with its costs, whatever they have.

    Raises
    ------
    InputError
        As for `eisenberg_noe`, or if a share is outside [0, 1], or one of `initial_defaults` is no node.
    ConvergenceError
        If more than 2,000 nodes fail and their payments do not settle.

    Examples
    --------
    >>> ring = [[0, 10, 0], [0, 0, 10], [10, 0, 0]]
    >>> rogers_veraart(ring, [1, 1, 1], alpha=0.5, beta=0.5).payments
    array([10., 10., 10.])
    >>> rogers_veraart(ring, [1, 1, 1], alpha=0.5, beta=0.5, fixed_point="least").payments
    array([1., 1., 1.])

    References
    ----------
    Rogers, Veraart (2013), Management Science 59(4).
    """
    kept = real(alpha, "alpha", low=0.0, high=1.0), real(beta, "beta", low=0.0, high=1.0)
    senior = word(external_priority, "external_priority", PRIORITIES) == "senior"
    least = word(fixed_point, "fixed_point", FIXED_POINTS) == "least"
    sheets = _sheets(liabilities, external_assets, external_liabilities)
    forced = np.zeros(sheets.n, dtype=bool)
    if initial_defaults is not None:
        forced[sheets.nodes(initial_defaults)] = True
    return _vector(sheets, kept, senior, least, _problem(sheets, kept, senior, forced))


def clearing_range(
    liabilities: Any,
    external_assets: Any,
    external_liabilities: Any = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    external_priority: str = "pari_passu",
) -> ClearingRange:
    """Greatest and least clearing vector and the gap between them; arguments as for `rogers_veraart`.

    Examples
    --------
    >>> found = clearing_range([[0, 1], [1, 0]], [0, 0])
    >>> found.gap, found.unique
    (array([1., 1.]), False)

    References
    ----------
    Rogers, Veraart (2013), Management Science 59(4).
    """
    ends = [
        rogers_veraart(
            liabilities,
            external_assets,
            external_liabilities,
            alpha=alpha,
            beta=beta,
            external_priority=external_priority,
            fixed_point=fixed_point,
        )
        for fixed_point in FIXED_POINTS
    ]
    return ClearingRange(ends[0], ends[1], ends[0].payments - ends[1].payments, ends[0].names)


def _sheets(liabilities: Any, external_assets: Any, external_liabilities: Any) -> BalanceSheets:
    """Checked balance sheets; external assets are needed."""
    for value, where in ((liabilities, "liabilities"), (external_assets, "external_assets")):
        if value is None:
            raise SchemaError("is missing", where=where, allowed="one entry a node")
    return balance_sheets(liabilities, external_assets, external_liabilities)


def _problem(
    sheets: BalanceSheets, kept: tuple[float, float], senior: bool, forced: NDArray[np.bool_]
) -> Problem:
    """The rules of Rogers and Veraart; senior external debts come off the wealth of a node; who is forced fails."""
    alpha, beta = kept
    assets, debts = sheets.external_assets, sheets.external_liabilities
    first = debts if senior else np.zeros(sheets.n)
    due = Debts.of(sheets.claims, np.zeros(sheets.n) if senior else debts)
    test = assets - first
    wealth = test if alpha == 1.0 else alpha * assets - first
    tested = np.where(forced, -np.inf, test) if forced.any() else test
    return Problem(due, assets + first + due.due, tested, 1.0, wealth, beta, sheets.name)


def _vector(
    sheets: BalanceSheets, kept: tuple[float, float], senior: bool, least: bool, problem: Problem
) -> ClearingVector:
    """Solve a problem and say what the solution means."""
    found = problem.least() if least else problem.greatest()
    income = problem.debts.received(found.share)
    inside = sheets.claims.owed * found.share
    outside = _paid_outside(sheets, kept, senior, found, income)
    first = sheets.external_liabilities if senior else 0.0
    signed = sheets.external_assets - first + income - problem.debts.due
    back = sheets.back
    return ClearingVector(
        payments=back(inside + outside if senior else problem.debts.due * found.share),
        interbank_payments=back(inside),
        external_payments=back(outside),
        signed_equity=back(signed),
        equity=back(np.where(found.failed, 0.0, np.maximum(signed, 0.0))),
        defaulted=back(found.failed),
        recovery=back(found.share),
        external_priority="senior" if senior else "pari_passu",
        fixed_point="least" if least else "greatest",
        rounds=found.rounds,
        residual=problem.residual(found.share, found.failed, income),
        names=sheets.names,
        _other=partial(_vector, sheets, kept, senior, not least, problem),
        _waves=partial(_waves, sheets, problem),
        _known_unique=None if senior or problem.costly else partial(_backed, sheets, problem.debts),
    )


def _paid_outside(
    sheets: BalanceSheets, kept: tuple[float, float], senior: bool, found: Solution, income: FloatArray
) -> FloatArray:
    """What external creditors get: their share, or, if they are senior, all there is up to their claim."""
    claims = sheets.external_liabilities
    if not senior:
        return claims * found.share
    left = np.where(
        found.failed, kept[0] * sheets.external_assets + kept[1] * income, sheets.external_assets + income
    )
    return np.minimum(claims, left)


def _waves(sheets: BalanceSheets, problem: Problem) -> list[list[int]]:
    """Positions by the round of fictitious default in which they fail, each round solved to its end."""
    wave = problem.greatest(by_rounds=True).wave
    return [sheets.places_back(np.flatnonzero(wave == k)) for k in range(int(wave.max(initial=-1)) + 1)]


def _backed(sheets: BalanceSheets, debts: Debts) -> bool:
    """Whether from every debtor a chain of debts leads to a node with external assets: payments are then unique."""
    everybody = np.ones(sheets.n, dtype=bool)
    sources = sheets.external_assets > 0.0
    backed = reach(debts.start, debts.debtor.astype(np.int64), sources, everybody)
    owing = debts.due > 0.0
    return bool(backed[owing].all())
