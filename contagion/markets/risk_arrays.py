"""What does a contract gain or lose if prices and volatilities move so far? Scenarios of venues, and revaluation.

A scenario moves the price of every underlying by a share of it, and all volatilities. Profits are those of one unit
long, at once: no time passes.

References
----------
CME Group, "Standard Portfolio Analysis of Risk": sixteen scenarios, of which the two extreme ones move the price by
twice the scan range and count at 35 % (three times and 33 % in CME advisory 08-303). Deribit, "Portfolio Margin": nine
prices within 16 % and three volatilities, with a table of extreme prices; its numbers for bitcoin (volatility 50 % up,
25 % down, powers 0.30 and 0.13 of 30 days over the days left) as Oreome, "Advanced Risk Scenarios", states them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from contagion.arrays import FloatArray, fitted, real, reals, whole, word
from contagion.errors import SchemaError, nearest
from contagion.markets.options import DAYS_PER_YEAR, black_scholes, times, volatilities

KINDS: Final = ("call", "put", "linear")
UNITS: Final = ("points", "share")
REFERENCE_DAYS: Final = 30.0


@dataclass(frozen=True)
class RiskScenarios:
    """Moves that a margin must cover.

    Parameters
    ----------
    price
        Move of each underlying's price as a share of it, > -1, shape ``(n_scenarios,)``.
    volatility
        Move of volatility, in the same shape.
    share
        Share of the profit or loss that counts, in [0, 1].
    unit
        ``"points"``: added to the volatility per square root of a year; ``"share"``: a share of it.
    powers
        Volatility moves times ``(30 / days left)`` to this power, for options with less and with more than 30 days;
        (0, 0) moves all alike.
    least_days
        Days left count as at least this many, > 0 (assumption: 1).

    Raises
    ------
    InputError
        If a number is out of range or shapes do not fit together.
    """

    price: Any
    volatility: Any
    share: Any = 1.0
    unit: str = "points"
    powers: tuple[float, float] = (0.0, 0.0)
    least_days: float = 1.0

    def __post_init__(self) -> None:
        columns = fitted(
            price=reals(self.price, "price", above=-1.0, dimensions=1),
            volatility=reals(self.volatility, "volatility"),
            share=reals(self.share, "share", low=0.0, high=1.0),
        )
        for name, values in zip(("price", "volatility", "share"), columns, strict=True):
            object.__setattr__(self, name, tuple(values.tolist()))
        word(self.unit, "unit", UNITS)
        powers = reals(self.powers, "powers", low=0.0, dimensions=1)
        if len(powers) != 2:
            raise SchemaError(
                f"has {len(powers)} entries", where="powers", allowed="one below 30 days, one above"
            )
        short, long = powers
        object.__setattr__(self, "powers", (float(short), float(long)))
        object.__setattr__(self, "least_days", real(self.least_days, "least_days", above=0.0))

    def __len__(self) -> int:
        return len(self.price)


def span_scenarios(
    price_range: Any, volatility_range: Any, *, extreme: Any = 2.0, extreme_share: Any = 0.35
) -> RiskScenarios:
    """Sixteen scenarios of SPAN, in its order.

    Parameters
    ----------
    price_range
        Share of the price, > 0; ``price_range extreme < 1``.
    volatility_range
        Points of volatility per square root of a year, >= 0.
    extreme
        Extreme move in ranges, > 0; volatility stays.
    extreme_share
        Share of the extreme loss that counts, in [0, 1].

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> scenarios = span_scenarios(0.15, 0.1)
    >>> len(scenarios), scenarios.price[-1], scenarios.share[-1]
    (16, -0.3, 0.35)
    """
    width = real(price_range, "price_range", above=0.0)
    points = real(volatility_range, "volatility_range", low=0.0)
    far, part = real(extreme, "extreme", above=0.0), real(extreme_share, "extreme_share", low=0.0, high=1.0)
    moves = [(thirds / 3.0, way) for thirds in (0, 1, -1, 2, -2, 3, -3) for way in (1.0, -1.0)]
    price = [width * move for move, _ in moves] + [width * far, -width * far]
    return RiskScenarios(price, [points * way for _, way in moves] + [0.0, 0.0], [1.0] * 14 + [part] * 2)


def grid_scenarios(
    price_range: Any = 0.16,
    *,
    volatility_up: Any = 0.5,
    volatility_down: Any = 0.25,
    steps: Any = 4,
    extreme: Any = (),
    extreme_share: Any = 0.35,
    powers: Any = (0.30, 0.13),
) -> RiskScenarios:
    """Every price of an even grid with volatility up, same and down, as crypto venues scan; defaults are Deribit's.

    Parameters
    ----------
    price_range
        Largest move as a share of the price, in (0, 1).
    volatility_up, volatility_down
        Shares of each option's volatility, >= 0; `volatility_down` at most 1.
    steps
        Prices on either side, >= 1.
    extreme
        Further moves of the price, > -1, with volatility up; Deribit names -0.66, -0.33, 0.5, 1, 2, 3, 4, 5.
    extreme_share
        Share of their loss that counts, in [0, 1] (assumption: SPAN's; Deribit publishes none).
    powers
        As in `RiskScenarios`.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> len(grid_scenarios()), len(grid_scenarios(extreme=(-0.66, 5.0)))
    (27, 29)
    """
    width = real(price_range, "price_range", above=0.0, below=1.0)
    up = real(volatility_up, "volatility_up", low=0.0)
    down = real(volatility_down, "volatility_down", low=0.0, high=1.0)
    each = whole(steps, "steps", low=1)
    grid = list(product([width * step / each for step in range(-each, each + 1)], (up, 0.0, -down)))
    far = reals(extreme, "extreme", above=-1.0, dimensions=1).tolist()
    part = real(extreme_share, "extreme_share", low=0.0, high=1.0)
    return RiskScenarios(
        [move for move, _ in grid] + far,
        [way for _, way in grid] + [up] * len(far),
        [1.0] * len(grid) + [part] * len(far),
        unit="share",
        powers=powers,
    )


def risk_array(
    kind: Any,
    spot: Any,
    strike: Any = 1.0,
    years: Any = 0.0,
    volatility: Any = 0.0,
    *,
    scenarios: RiskScenarios,
    rate: Any = 0.0,
) -> FloatArray:
    """Profit of one unit of each contract in each scenario.

    Parameters
    ----------
    kind
        ``"call"``, ``"put"`` or ``"linear"`` (coins, perpetuals, futures; an inverse contract counts as
        ``contracts / price`` units), shape ``(n_contracts,)``.
    spot, strike, years, volatility
        As in `black_scholes`; linear contracts look only at `spot`.
    scenarios
        Moves, and the share of the profit that counts.
    rate
        Per year.

    Returns
    -------
    numpy.ndarray
        Money per unit long, shape ``(n_contracts, n_scenarios)``.

    Raises
    ------
    InputError
        If a kind is unknown, an option is past expiry or a volatility is negative; the message names the row.

    Examples
    --------
    >>> moves = RiskScenarios([-0.1, 0.1], [0.0, 0.0])
    >>> risk_array(["linear", "put"], 100.0, 100.0, scenarios=moves)
    array([[-10.,  10.],
           [ 10.,   0.]])
    """
    words = np.atleast_1d(np.asarray(kind, dtype=str))
    for row in np.flatnonzero(~np.isin(words, KINDS)):
        listed = ", ".join(KINDS) + nearest(words[row].item(), KINDS)
        raise SchemaError(
            "is no kind of contract", where=f"kind[{row}]", value=str(words[row]), allowed=listed
        )
    linear, price, struck, left, sigma = fitted(
        kind=(words == "linear").astype(np.float64),
        spot=reals(spot, "spot", above=0.0),
        strike=reals(strike, "strike", above=0.0),
        years=times(years),
        volatility=volatilities(volatility, "volatility"),
    )
    if linear.ndim != 1:
        raise SchemaError(f"has {linear.ndim} dimensions", where="kind", allowed="one row per contract")
    words = np.broadcast_to(np.where(words == "put", "put", "call"), linear.shape)
    price, struck, left, sigma = (column[:, None] for column in (price, struck, left, sigma))
    moved = price * (1.0 + np.array(scenarios.price))
    then = _moved(sigma, left, scenarios)
    worth = [
        np.asarray(black_scholes(words[:, None], at, struck, left, width, rate=real(rate, "rate")).price)
        for at, width in ((moved, then), (price, sigma))
    ]
    profit = np.where(linear[:, None] > 0.0, moved - price, worth[0] - worth[1])
    return np.asarray(profit * np.array(scenarios.share))


def _moved(sigma: FloatArray, years: FloatArray, scenarios: RiskScenarios) -> FloatArray:
    """Volatility in each scenario, never below 0."""
    days = np.maximum(years * DAYS_PER_YEAR, scenarios.least_days)
    short, long = scenarios.powers
    scale = (REFERENCE_DAYS / days) ** np.where(days < REFERENCE_DAYS, short, long)
    moves = np.array(scenarios.volatility) * scale
    return np.maximum(sigma * (1.0 + moves) if scenarios.unit == "share" else sigma + moves, 0.0)
