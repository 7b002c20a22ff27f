"""Banks that always go back to their leverage: who is vulnerable to the others' sales, and who makes them so?

References
----------
Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np

from contagion.arrays import whole, word
from contagion.errors import SchemaError
from contagion.propagation.firesales.engine import clear, follow
from contagion.propagation.firesales.targeting_results import TargetingRounds, Vulnerability
from contagion.propagation.firesales.targeting_sheet import read_sheet

__all__ = ["greenwood_iterated", "greenwood_landier_thesmar"]


def greenwood_landier_thesmar(
    total_assets: Any,
    equity: Any,
    weights: Any,
    shock: Any,
    price_impact: Any,
    *,
    selling_order: str = "pro_rata",
    cap_sales_at_assets: bool = False,
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> Vulnerability:
    """One round of sales after a shock: every bank goes back to its leverage, prices fall in proportion to sales.

    Parameters
    ----------
    total_assets, equity : array_like, Series or mapping, shape (n_banks,)
        Money; equity > 0.
    weights : array_like, sparse or DataFrame, shape (n_banks, n_securities)
        Share of total assets in each security, >= 0.
    shock : array_like, Series or mapping, shape (n_securities,), or one scenario a row
        Return of each security, signed. With rows every result has a leading axis of scenarios.
    price_impact : array_like, Series or mapping, shape (n_securities,)
        Fall of the return per unit of money sold, >= 0.
    selling_order : {"pro_rata", "liquid_first"}
        The same share of everything, or securities of least impact first (of equal ones the first column).
    cap_sales_at_assets : bool
        Whether nobody sells more than its assets.
    banks, securities : sequence of labels, optional
        Labels of rows and columns; a frame has its own, and then everything else must be labelled too.
    units : mapping, optional
        Money of `total_assets`, `equity` and (per money) `price_impact`; different ones are refused.

    Raises
    ------
    InputError
        If a number is not finite, assets, weights or impact are negative, equity is not above 0, shapes differ, labels
        do not match, or units differ.

    Examples
    --------
    >>> found = greenwood_landier_thesmar([100, 200], [5, 8], [[1, 0], [0.5, 0.5]], [-0.02, 0], [1e-4, 1e-4])
    >>> found.bank_sales.round(9).tolist(), round(found.aggregate_vulnerability, 9)
    ([38.0, 48.0], 0.113846154)

    References
    ----------
    Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115.
    """
    liquid = word(selling_order, "selling_order", ("pro_rata", "liquid_first")) == "liquid_first"
    sheet = read_sheet(total_assets, equity, weights, shock, price_impact, banks, securities, units)
    rank = sheet.by_impact() if liquid else None
    sale, state = sheet.sale(capped=_switch(cap_sales_at_assets, "cap_sales_at_assets"), rank=rank)
    cleared = clear(sale, state, sale.response.act(state))
    return Vulnerability.of(sheet.book, cleared, not liquid, sheet.many)


def greenwood_iterated(
    total_assets: Any,
    equity: Any,
    weights: Any,
    shock: Any,
    price_impact: Any,
    *,
    rounds: int,
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> TargetingRounds:
    """Round after round of `greenwood_landier_thesmar` with frozen weights: a linear series, and whether it converges.

    Parameters
    ----------
    total_assets, equity, weights, price_impact, banks, securities, units
        As in `greenwood_landier_thesmar`.
    shock : array_like, Series or mapping, shape (n_securities,)
        Return of each security.
    rounds : int
        How many rounds to follow one by one, >= 0.

    Raises
    ------
    InputError
        As in `greenwood_landier_thesmar`, or if `rounds` is not a whole number >= 0.

    Examples
    --------
    >>> found = greenwood_iterated([100.0], [5.0], [[1.0]], [-0.02], [1e-4], rounds=2)
    >>> round(found.spectral_radius, 9), round(found.critical_impact_multiple, 9)
    (0.19, 5.263157895)

    References
    ----------
    Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115.
    """
    sheet = read_sheet(total_assets, equity, weights, shock, price_impact, banks, securities, units)
    if sheet.many:
        raise SchemaError("has rows", where="shock", allowed="one number a security")
    number = whole(rounds, "rounds")
    sale, state = sheet.sale()
    with np.errstate(over="ignore", invalid="ignore"):
        lost = [cleared.loss[:, 0].sum() for cleared, _ in islice(follow(sale, state), number)]
        vulnerability = np.array(lost) / sheet.book.equity.sum()
    return TargetingRounds(
        av_by_round=vulnerability,
        names=sheet.book.holdings.securities.names,
        _book=sheet.book,
        _shock=sheet.shock[:, 0],
    )


def _switch(value: Any, where: str) -> bool:
    """Check a truth value."""
    if not isinstance(value, (bool, np.bool_)):
        raise SchemaError("is neither true nor false", where=where, value=value, allowed="True or False")
    return bool(value)
