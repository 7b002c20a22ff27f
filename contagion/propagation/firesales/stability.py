"""Where does contagion begin and end as networks grow denser? Thresholds that need no simulation.

Overlapping portfolios: above a critical leverage one failure brings down everybody who shares an asset with it. Claims
between banks: contagion runs between two mean degrees, too few links below, too much diversification above.

References
----------
Caccioli, Shrestha, Moore, Farmer (2014), Journal of Banking & Finance 46; the regular case is derived for this project.
Gai, Kapadia (2010), Proceedings of the Royal Society A 466.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from contagion.arrays import real
from contagion.errors import TooLargeError, ValueRangeError

__all__ = ["ContagionWindow", "RegularOverlap", "caccioli_regular", "gai_kapadia_window", "whole"]

SLACK = 1e-12  # a loss exceeds a buffer when it does so by more than this
WHOLE = 1e-9
LARGEST = 1e300  # beyond, a critical leverage is none
MOST = 2**53  # beyond, not every whole number is a float


@dataclass(frozen=True)
class RegularOverlap:
    """Stability of regular overlapping portfolios.

    `price_return_one_failure` is the return of an asset when one of its holders sells; `critical_leverage` the assets
    over equity up to which the others stand it, None without price impact. `regime` is ``stable``, ``marginal`` (the
    cascade runs round a ring) or ``unstable``, None without a leverage; `leverage_gap` is critical leverage less
    leverage.
    """

    asset_degree: int
    price_return_one_failure: float
    critical_leverage: float | None
    offspring_first: int
    offspring_later: int
    regime: str | None
    leverage_gap: float | None


@dataclass(frozen=True)
class ContagionWindow:
    """Mean degrees between which one default spreads; None where there is no such edge.

    `max_vulnerable_in_degree` is the largest number of debtors of which one can bring a bank down, None without
    capital: then everybody is vulnerable and the window has no upper edge.
    """

    max_vulnerable_in_degree: int | None
    window_lower: float | None
    window_upper: float | None


def caccioli_regular(
    bank_degree: Any, banks_per_asset: Any, *, price_elasticity: Any, leverage: Any = None
) -> RegularOverlap:
    """Critical leverage where every bank holds equally many assets in equal shares.

    Parameters
    ----------
    bank_degree
        Assets that a bank holds, a whole number k >= 1.
    banks_per_asset
        Banks over assets in the system, > 0; ``d = k banks_per_asset``, holders of an asset, must be a whole number.
    price_elasticity
        Fall of the log price if all of an asset is sold, >= 0.
    leverage
        Assets over equity, > 0, if the regime is wanted.

    Returns
    -------
    RegularOverlap
        ``critical_leverage = k / (1 - exp(-elasticity / d))``. The first failure exposes k (d - 1) banks
        (`offspring_first`), each later one (k - 1)(d - 1) more.

    Raises
    ------
    InputError
        If a number is not finite or out of range, or the holders of an asset are no whole number.

    Examples
    --------
    >>> found = caccioli_regular(5, 1.0, price_elasticity=1.0536, leverage=20.0)
    >>> round(found.critical_leverage, 3), found.regime
    (26.316, 'stable')
    """
    assets = whole(bank_degree, "bank_degree", least=1)
    holders = holders_of(assets, real(banks_per_asset, "banks_per_asset", above=0.0))
    elasticity = real(price_elasticity, "price_elasticity", low=0.0)
    chosen = None if leverage is None else real(leverage, "leverage", above=0.0)
    fall = -math.expm1(-elasticity / holders)
    critical = assets / fall if fall > assets / LARGEST else None
    first, later = assets * (holders - 1), (assets - 1) * (holders - 1)
    gap = None if chosen is None or critical is None else critical - chosen
    return RegularOverlap(holders, -fall, critical, first, later, _regime(chosen, critical, later), gap)


def holders_of(assets: int, banks_per_asset: float) -> int:
    """Holders of each asset, if every bank holds `assets` of them.

    Raises
    ------
    ValueRangeError
        If they are no whole number.
    """
    holders = assets * banks_per_asset
    if not math.isfinite(holders) or round(holders) < 1 or abs(holders - round(holders)) > WHOLE * holders:
        raise ValueRangeError(
            "is no whole number >= 1",
            where="bank_degree * banks_per_asset",
            value=holders,
            allowed="a whole number of holders of each asset",
        )
    return round(holders)


def _regime(leverage: float | None, critical: float | None, later: int) -> str | None:
    if leverage is None:
        return None
    if critical is None or leverage <= critical * (1.0 + SLACK) or later < 1:
        return "stable"
    return "marginal" if later == 1 else "unstable"


def gai_kapadia_window(capital: Any, interbank_assets: Any) -> ContagionWindow:
    """Mean degrees of a random network between which one default can spread, claims on defaulters being lost.

    Parameters
    ----------
    capital, interbank_assets
        Shares of total assets, in [0, 1].

    Returns
    -------
    ContagionWindow
        Edges solve ``z P(Pois(z) <= J - 1) = 1``, where J is the largest in-degree of which one claim exceeds capital.

    Raises
    ------
    InputError
        If a number is not finite or outside [0, 1].

    Examples
    --------
    >>> found = gai_kapadia_window(0.04, 0.2)
    >>> found.max_vulnerable_in_degree, round(found.window_lower, 4), round(found.window_upper, 4)
    (4, 1.0207, 5.7647)
    """
    own = real(capital, "capital", low=0.0, high=1.0)
    claims = real(interbank_assets, "interbank_assets", low=0.0, high=1.0)
    if own == 0.0 and claims > SLACK:
        return ContagionWindow(None, 1.0, None)
    most = _vulnerable(own, claims)
    if most <= 2:
        return ContagionWindow(most, None, None)
    return ContagionWindow(most, *_edges(most))


def _vulnerable(capital: float, claims: float) -> int:
    """Largest number of equal claims of which one alone exceeds capital."""
    most = int(claims / (capital + SLACK)) + 1
    while most > 0 and claims / most - capital <= SLACK:
        most -= 1
    return most


def _edges(most: int) -> tuple[float, float]:
    """Both roots around the maximum of ``z P(Pois(z) <= most - 1)``, which exceeds 1 from most = 3 on."""
    from scipy.optimize import brentq
    from scipy.special import gammaincc

    def surplus(mean: float) -> float:
        return float(mean * gammaincc(most, mean) - 1.0)

    peak = max(2.0, 0.5 * most)
    lower = float(brentq(surplus, 1.0, peak, xtol=1e-15)) if surplus(1.0) < 0.0 else 1.0
    return lower, float(brentq(surplus, peak, 2.0 * most + 10.0, xtol=1e-12))


def whole(value: Any, where: str, *, least: int = 0, most: int = MOST) -> int:
    """Check a whole number.

    Raises
    ------
    InputError
        If it is none, below `least` or above `most`.

    Examples
    --------
    >>> whole(3.0, "bank_degree")
    3
    """
    number = real(value, where, low=float(least))
    if number != math.floor(number):
        raise ValueRangeError("is not a whole number", where=where, value=value)
    if number > most:
        raise TooLargeError("is too large", where=where, value=value, allowed=f"at most {most:,}")
    return int(number)
