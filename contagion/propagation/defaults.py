"""Who defaults because others did? Rounds of default by losses (Furfine, Gai and Kapadia) and by thresholds (Watts).

Every defaulter passes its debts on once, all defaulters of a round at the same time. Sums that decide are taken in the
order of debtors, so that neither the order of nodes nor the number of scenarios at once can change a default.

References
----------
Furfine (2003), Journal of Money, Credit and Banking 35(1). Gai, Kapadia (2010), Proceedings of the Royal Society A 466.
Watts (2002), Proceedings of the National Academy of Sciences 99(9).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.arrays import real, word
from contagion.claims import Claims, as_claims
from contagion.errors import InputError
from contagion.propagation.default_rounds import Defaults, Rounds, defaults_of
from contagion.propagation.starting import begin, need_equity

__all__ = ["Defaults", "furfine", "gai_kapadia", "threshold_cascade", "watts"]


def furfine(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    lgd: float = 1.0,
    trigger: str | None = None,
    initial_defaults: Any = None,
    equity: Any = None,
    weights: Any = None,
    history: bool = False,
) -> Defaults:
    """Rounds in which nodes lose more on defaulters than their face equity.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, equity, weights
        Balance sheets, as in `contagion.balance_sheets.balance_sheets`.
    lgd : float
        Share of every claim on a defaulter that is lost, from 0 to 1.
    trigger : str, optional
        ``fundamental``: round 0 is all with negative face equity. ``chosen``: it is `initial_defaults`. By default
        ``chosen`` where there are any.
    initial_defaults : sequence, optional
        Names or positions.
    history : bool
        Whether to keep the stress of every round.

    Raises
    ------
    InputError
        If the sheets, `lgd`, `trigger` or `initial_defaults` are refused.

    Examples
    --------
    >>> found = furfine([[0, 4, 0], [0, 0, 3], [2, 0, 0]], [18, 18, 9], [17, 18, 8], lgd=0.6)
    >>> found.waves
    [[0], [1]]
    >>> found.signed_equity.round(9).tolist()
    [-1.0, -1.4, 0.2]

    References
    ----------
    Furfine (2003), Journal of Money, Credit and Banking 35(1).
    """
    given = initial_defaults is not None
    default = "chosen" if given else "fundamental"
    chosen = word(default if trigger is None else trigger, "trigger", ("fundamental", "chosen")) == "chosen"
    if chosen != given:
        what = "is missing" if chosen else "is given"
        raise InputError(what, where="initial_defaults", allowed="nodes if trigger is 'chosen', else none")
    share = real(lgd, "lgd", low=0.0, high=1.0)
    start = begin(
        liabilities,
        external_assets,
        external_liabilities,
        equity=equity,
        weights=weights,
        initial_defaults=initial_defaults,
    )
    return defaults_of(Rounds(start, share, None, only_forced=chosen), history=history)


def threshold_cascade(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    threshold: Any = 1.0,
    lgd: float = 1.0,
    shock: Any = None,
    initial_defaults: Any = None,
    equity: Any = None,
    weights: Any = None,
    history: bool = False,
) -> Defaults:
    """Rounds in which the stress of nodes, their relative loss of face equity, reaches a threshold.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, equity, weights
        Balance sheets, as in `contagion.balance_sheets.balance_sheets`; face equity above 0.
    threshold : float or one per node
        Stress from which a node defaults and passes its whole debt on as a loss, above 0.
    lgd : float
        Share of every claim on a defaulter that is lost, from 0 to 1.
    shock : float, one per node, or a matrix with one scenario a row, optional
        Relative loss of face equity outside the network, >= 0. A matrix adds an axis to the results.
    initial_defaults : sequence, optional
        Names or positions of nodes that default in any case, with a shock of 1.
    history : bool
        Whether to keep the stress of every round (one scenario only).

    Raises
    ------
    InputError
        If the sheets or an argument are refused, or face equity is not above 0.

    Examples
    --------
    >>> found = threshold_cascade([[0, 4, 0], [0, 0, 3], [2, 0, 0]], equity=[5, 4, 6], initial_defaults=[0])
    >>> found.waves
    [[0], [1]]
    >>> found.stress.tolist()
    [1.0, 1.0, 0.5]
    """
    share = real(lgd, "lgd", low=0.0, high=1.0)
    start = begin(
        liabilities,
        external_assets,
        external_liabilities,
        equity=equity,
        weights=weights,
        shock=shock,
        initial_defaults=initial_defaults,
    )
    levels = start.sheets.vector(threshold, "threshold", above=0.0)
    need_equity(start)
    return defaults_of(Rounds(start, share, levels), history=history)


def gai_kapadia(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    initial_defaults: Any,
    lgd: float = 1.0,
    equity: Any = None,
    history: bool = False,
) -> Defaults:
    """`furfine` with every node's claims spread evenly over its debtors and, by default, nothing recovered.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, equity
        Balance sheets; who owes whom and all that a node is owed are taken from them, single amounts are not.
    initial_defaults : sequence
        Names or positions.
    lgd, history
        As in `furfine`.

    Raises
    ------
    InputError
        As `furfine`.

    Examples
    --------
    >>> found = gai_kapadia([[0, 0, 3], [0, 0, 1], [0, 0, 0]], equity=[1, 1, 2], initial_defaults=[0])
    >>> found.waves, found.signed_equity.tolist()
    ([[0]], [1.0, 1.0, 0.0])

    References
    ----------
    Gai, Kapadia (2010), Proceedings of the Royal Society A 466, section 2.
    """
    share = real(lgd, "lgd", low=0.0, high=1.0)
    start = begin(
        liabilities, external_assets, external_liabilities, equity=equity, initial_defaults=initial_defaults
    )
    claims = start.sheets.claims
    debtors = np.bincount(claims.creditor, minlength=claims.n)[claims.creditor]
    even = Claims(claims.indptr, claims.creditor, claims.claimed[claims.creditor] / debtors, claims.names)
    return defaults_of(Rounds(start, share, None, only_forced=True, debts=even), history=history)


def watts(links: Any, *, threshold: Any, initial_defaults: Any, history: bool = False) -> Defaults:
    """Nodes fail when the fraction of their neighbours that have failed reaches a threshold.

    Parameters
    ----------
    links : array_like, sparse, DataFrame or Claims, shape (n, n)
        Positive where two nodes are neighbours; both directions count as one link.
    threshold : float or one per node
        Fraction above 0, at most 1.
    initial_defaults : sequence
        Names or positions.
    history : bool
        Whether to keep the stress of every round.

    Raises
    ------
    InputError
        If the links, `threshold` or `initial_defaults` are refused.

    Examples
    --------
    >>> ring = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    >>> watts(ring, threshold=0.5, initial_defaults=[0]).waves
    [[0], [1, 3], [2]]

    References
    ----------
    Watts (2002), Proceedings of the National Academy of Sciences 99(9), 5766-5771: "adopts state 1 if at least a
    threshold fraction of its k neighbors are in state 1".
    """
    claims = as_claims(links, "links")
    both = np.concatenate([claims.debtor, claims.creditor]), np.concatenate([claims.creditor, claims.debtor])
    pairs = np.unique(np.stack(both), axis=1)
    friends = Claims.from_arrays(pairs[0], pairs[1], np.ones(pairs.shape[1]), claims.n, claims.names)
    degree = np.maximum(friends.claimed, 1.0)
    start = begin(friends, equity=_labelled(degree, claims), initial_defaults=initial_defaults)
    levels = start.sheets.vector(threshold, "threshold", above=0.0, high=1.0)
    return defaults_of(Rounds(start, 1.0, levels), history=history)


def _labelled(values: Any, claims: Claims) -> Any:
    return values if claims.names is None else dict(zip(claims.names, values, strict=True))
