"""At which prices does a market of levered buyers clear? Margin spirals and leverage caps, with every solution.

Buyers whose funding shrinks with the price can hold less the lower it falls, so that several prices may clear the
market; the highest counts, and where it ceases to exist the price jumps to the next.

References
----------
Brunnermeier, Pedersen (2009), Review of Financial Studies 22(6), proposition 5 (as recalled).
Thurner, Farmer, Geanakoplos (2012), Quantitative Finance 12(5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, real, reals
from contagion.errors import InputError
from contagion.propagation.firesales.roots import SAME, distinct, quadratic_roots

__all__ = [
    "ClearedPeriod",
    "FundingSpiral",
    "LeveragedFunds",
    "brunnermeier_pedersen",
    "thurner_farmer_geanakoplos",
]


@dataclass(frozen=True)
class FundingSpiral:
    """Prices at which speculators are at their funding limit, and what a little funding does to the highest.

    `price_solutions` descend and start with the fundamental value if the limit is slack there (`binding` False).
    `dp_deta` is the rise of the price per unit of funding, None where the price is about to jump. `loss_spiral_term`
    and `margin_spiral_term` are what losses and rising margins take from its denominator. All None without a price.
    """

    price_solutions: tuple[float, ...]
    price: float | None
    binding: bool
    speculator_position: float | None
    margin: float | None
    dp_deta: float | None
    loss_spiral_term: float | None
    margin_spiral_term: float | None


@dataclass(frozen=True)
class ClearedPeriod:
    """One period: all clearing prices (descending), the one taken, and per fund wealth, leverage and shares."""

    noise_demand: float
    price_solutions: tuple[float, ...]
    price: float
    wealth: FloatArray
    leverage: FloatArray
    shares: FloatArray


@dataclass(frozen=True)
class LeveragedFunds:
    """A market of funds with a leverage cap, period by period."""

    path: tuple[ClearedPeriod, ...]

    @property
    def price(self) -> FloatArray:
        """Prices, shape ``(n_periods,)``."""
        return np.array([period.price for period in self.path])


def brunnermeier_pedersen(
    fundamental_value: Any,
    reference_price: Any,
    customer_slope: Any,
    customer_supply: Any,
    initial_position: Any,
    initial_cash: Any,
    *,
    margin_base: Any,
    margin_slope: Any,
    funding_shock: Any = 0.0,
) -> FundingSpiral:
    """Prices at which speculators absorb what customers sell, as far as their margins allow.

    Parameters
    ----------
    fundamental_value, reference_price
        Value v and the price below which margins rise, money, > 0.
    customer_slope
        Units that customers sell less per unit of discount, >= 0.
    customer_supply
        Units they sell at the fundamental value, >= 0.
    initial_position, initial_cash
        Units held and money, signed.
    margin_base, margin_slope
        Margin per unit held, money, and its rise per unit that the price is below the reference, >= 0.
    funding_shock
        Change of the money available, signed.

    Returns
    -------
    FundingSpiral
        With ``m = base + slope max(p0 - p, 0)`` and ``x = supply - customer_slope (v - p)``: v if
        ``m x <= cash + p x0 + shock`` there, and every p in (0, v) with x > 0 and equality.

    Raises
    ------
    InputError
        If a number is not finite or out of range.

    Examples
    --------
    >>> found = brunnermeier_pedersen(100, 100, 1, 20, 1, -21.35, margin_base=4, margin_slope=0.15)
    >>> round(found.price, 9), round(found.dp_deta, 6)
    (97.0, 1.111111)
    """
    value = real(fundamental_value, "fundamental_value", above=0.0)
    reference = real(reference_price, "reference_price", above=0.0)
    slope = real(customer_slope, "customer_slope", low=0.0)
    supply = real(customer_supply, "customer_supply", low=0.0)
    held = real(initial_position, "initial_position")
    base = real(margin_base, "margin_base", low=0.0)
    rise = real(margin_slope, "margin_slope", low=0.0)
    funds = real(initial_cash, "initial_cash") + real(funding_shock, "funding_shock")
    needed = (base + rise * max(reference - value, 0.0)) * supply
    slack = needed - funds - value * held <= SAME * (needed + abs(funds) + abs(value * held))
    at_zero = supply - slope * value  # position at a price of 0
    steep = base + rise * reference
    above = quadratic_roots(0.0, slope * base - held, base * at_zero - funds)
    below = quadratic_roots(-rise * slope, steep * slope - rise * at_zero - held, steep * at_zero - funds)
    near = SAME * reference
    roots = [
        reference if abs(root - reference) <= near else root for root in above if root >= reference - near
    ]
    roots += [
        reference if abs(root - reference) <= near else root for root in below if root <= reference + near
    ]
    top = value * (1.0 - 10.0 * SAME) if slack else value
    floor = SAME * (supply + slope * value)
    inside = [root for root in roots if 0.0 < root < top and at_zero + slope * root > floor]
    prices = tuple(distinct(inside + [value] * slack, value))
    if not prices:
        return FundingSpiral((), None, True, None, None, None, None, None)
    price = prices[0]
    position = at_zero + slope * price
    margin = base + rise * max(reference - price, 0.0)
    spiral = -rise * position if price < reference else 0.0
    firmness = slope * margin + spiral - held
    sensitivity = 0.0 if slack else (1.0 / firmness if firmness != 0.0 else None)
    return FundingSpiral(prices, price, not slack, position, margin, sensitivity, -held, spiral)


def thurner_farmer_geanakoplos(
    fundamental_value: Any,
    shares_outstanding: Any,
    aggressiveness: Any,
    initial_cash: Any,
    noise_demand: Any,
    *,
    max_leverage: Any,
) -> LeveragedFunds:
    """Prices of a share that funds buy below its value, with borrowed money up to a leverage cap.

    Parameters
    ----------
    fundamental_value, shares_outstanding
        Value V of a share, money, and their number, > 0.
    aggressiveness
        Demand per unit of discount and wealth of each fund, >= 0, shape ``(n_funds,)``; there may be none.
    initial_cash
        Money of every fund, >= 0.
    noise_demand
        Money that others hold in shares in each period, >= 0, shape ``(n_periods,)``.
    max_leverage
        Cap on holdings over wealth, >= 0.

    Returns
    -------
    LeveragedFunds
        In each period the highest price with ``noise + sum_h min(a_h (V - p), cap) W_h(p) = N p`` below V; funds
        hold cash alone at V and above. A fund without wealth stays without.

    Raises
    ------
    InputError
        If a number is not finite or out of range, or no price above 0 clears the market (no noise demand).

    Examples
    --------
    >>> found = thurner_farmer_geanakoplos(1.0, 1000.0, [5.0, 50.0], 2.0, [998.0, 960.0], max_leverage=5.0)
    >>> found.price.round(6).tolist()
    [0.998198, 0.963954]
    """
    value = real(fundamental_value, "fundamental_value", above=0.0)
    number = real(shares_outstanding, "shares_outstanding", above=0.0)
    eager = reals(aggressiveness, "aggressiveness", low=0.0, dimensions=1)
    cash = np.full(len(eager), real(initial_cash, "initial_cash", low=0.0))
    noise = reals(noise_demand, "noise_demand", low=0.0, dimensions=1)
    cap = real(max_leverage, "max_leverage", low=0.0)
    held = np.zeros(len(eager))
    path = []
    for demand in noise.tolist():
        prices = _clearing_prices(demand, value, number, eager, cap, held, cash)
        if not prices:
            raise InputError("leaves no price above 0", where="noise_demand", value=demand, allowed="above 0")
        price = prices[0]
        wealth = np.maximum(held * price + cash, 0.0)
        leverage = np.where(wealth > 0.0, np.clip(eager * (value - price), 0.0, cap), 0.0)
        invested = leverage * wealth
        held, cash = invested / price, wealth - invested
        path.append(ClearedPeriod(demand, tuple(prices), price, wealth, leverage, held))
    return LeveragedFunds(tuple(path))


def _clearing_prices(
    demand: float,
    value: float,
    number: float,
    eager: FloatArray,
    cap: float,
    held: FloatArray,
    cash: FloatArray,
) -> list[float]:
    """All clearing prices, descending: between caps, ruins and the value demand is quadratic in the price."""
    with np.errstate(divide="ignore", invalid="ignore"):
        caps = value - cap / eager[eager > 0.0]
        ruins = -cash[held > 0.0] / held[held > 0.0]
    edges = np.concatenate([[0.0, value], caps, ruins])
    edges = np.unique(edges[(edges >= 0.0) & (edges <= value)])
    near = SAME * value
    roots = [demand / number] if demand / number >= value - near else []
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        middle = 0.5 * (low + high)
        alive = held * middle + cash > 0.0
        capped = alive & (eager * (value - middle) > cap)
        free = alive & ~capped
        shares, money = cap * held[capped].sum(), cap * cash[capped].sum()
        pull, lever = eager[free] * held[free], eager[free] * cash[free]
        square = -pull.sum()
        linear = shares + value * pull.sum() - lever.sum() - number
        found = quadratic_roots(float(square), float(linear), float(demand + money + value * lever.sum()))
        roots += [min(max(root, low), high) for root in found if low - near <= root <= high + near]
    return distinct([root for root in roots if root > near], value)
