"""What do many fire sales cost against a loop over dense matrices, and how does one grow with its holdings?"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from contagion.holdings import read_holdings
from contagion.propagation.firesales.engine import Sale, opening
from contagion.propagation.firesales.impacts import FlooredExponential
from contagion.propagation.firesales.responses import LeverageThreshold
from contagion.propagation.firesales.simulation import Simulated, simulate

DENSITY = 0.02
ROUNDS = 8  # of one sale in two sizes
LIMIT, TARGET = 33.3, 31.635
SETTLEMENT = 0.5
FLOOR = 0.3
WORST = 0.06  # share of its other assets that a scenario takes off a bank
DEPTH = 12.0  # of a market, over what is held in it: sales go on for some twenty rounds


def sheets(scenarios: int, banks: int, securities: int, each: int | None = None) -> dict[str, np.ndarray]:
    """Portfolios of log-normal holdings, other assets of about as much, and equity of 3.5 to 8 per cent of all assets.

    A scenario takes a random share off every bank's other assets.
    """
    draw = np.random.default_rng(0)
    if each is None:
        row, column = np.nonzero(draw.random((banks, securities)) < DENSITY)
    else:
        row, column = np.repeat(np.arange(banks), each), draw.integers(0, securities, banks * each)
    held = csr_array((draw.lognormal(0.0, 1.0, len(row)), (row, column)), shape=(banks, securities))
    total = np.asarray(held.sum(axis=1))
    other = draw.uniform(0.0, 1.0, banks) * total
    lost = draw.uniform(0.0, WORST, (banks, scenarios)) * other[:, None]
    equity = (total + other) * draw.uniform(0.035, 0.08, banks)
    scale = (1.0 - FLOOR) * DEPTH * np.asarray(held.sum(axis=0)) * draw.uniform(0.5, 1.5, securities)
    return {
        "held": held,
        "equity": equity[:, None] - lost,
        "other": other[:, None] - lost,
        "floor": np.full(securities, FLOOR),
        "scale": np.where(scale > 0.0, scale, 1.0),
    }


def run(book: dict[str, Any], rounds: int | str = "until_no_sales") -> Simulated:
    """All scenarios, from the table of holdings on."""
    table, start = opening(
        read_holdings(book["held"], "holdings"),
        book["equity"].shape[1],
        equity=book["equity"],
        illiquid=book["other"],
    )
    impact = FlooredExponential(book["floor"], book["scale"])
    return simulate(Sale(table, LeverageThreshold(LIMIT, TARGET), impact, SETTLEMENT), start, rounds)


def dense(
    holdings: np.ndarray, equity: np.ndarray, other: np.ndarray, floor: np.ndarray, scale: np.ndarray
) -> Any:
    """One scenario over dense matrices, round after round until nobody sells."""
    held, price = holdings.copy(), np.ones(holdings.shape[1])
    loss, sold, sales = np.zeros(len(equity)), np.zeros(len(price)), np.zeros(len(equity))
    while True:
        value = held @ price
        assets = value + other
        leverage = np.full(len(equity), np.inf)
        np.divide(assets, equity, out=leverage, where=equity > 0.0)
        needed = (assets - TARGET * np.maximum(equity, 0.0)) / np.where(value > 0.0, value, 1.0)
        fraction = np.where((leverage > LIMIT) & (value > 0.0), np.clip(needed, 0.0, 1.0), 0.0)
        if not fraction.any():
            return price, equity, loss, sold, sales
        orders = fraction[:, None] * held
        volume = orders.sum(axis=0)
        fall = (1.0 - floor / price) * -np.expm1(-volume * price / scale)
        lost = held @ (price * fall) - (1.0 - SETTLEMENT) * (orders @ (price * fall))
        sold += volume
        sales += orders @ price
        loss += lost
        equity = equity - lost
        held = held - orders
        price = price * (1.0 - fall)


def loop(book: dict[str, Any], scenarios: int) -> list[Any]:
    """The dense loop over some of the scenarios."""
    holdings = book["held"].toarray()
    columns = range(scenarios)
    return [
        dense(holdings, book["equity"][:, s], book["other"][:, s], book["floor"], book["scale"])
        for s in columns
    ]


def same(found: Simulated, plain: list[Any]) -> None:
    """Both found the same, and banks did sell."""
    for place, name in enumerate(("price", "equity", "loss", "sold", "bank_sales")):
        expected = np.array([one[place] for one in plain]).T
        ours = getattr(found, name)[:, : len(plain)]
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    assert (found.rounds_with_sales > 2).all(), "nothing spreads"


def firesale_rows(quick: bool, row: Any, alternate: Callable[..., Any]) -> Iterator[Any]:
    """Scenarios over a sparse network against the dense loop; one scenario over ten times the holdings."""
    scenarios, banks, securities = (100, 1_000, 200) if quick else (1_000, 1_000, 200)
    book = sheets(scenarios, banks, securities)
    part = max(10, scenarios // 20)  # of the dense loop, which takes seconds
    same(run(book), loop(book, part))
    few = {name: values[:, :part] if name in ("equity", "other") else values for name, values in book.items()}
    assert np.array_equal(run(few).loss, run(book).loss[:, :part]), "scenarios depend on those beside them"
    slow, fast = partial(loop, book, part), partial(run, book)
    ratio, spread, seconds = alternate(slow, fast, time.process_time)
    times = scenarios / part
    yield row(
        f"{scenarios:,} fire sales vs dense NumPy loop",
        banks,
        ratio * times,
        spread * times,
        must=None if quick else 30,
        seconds={"dense": seconds["slow"] * times, "sparse": seconds["fast"]},
    )
    size = 2_000 if quick else 5_000
    small, large = (sheets(1, n, 1_000, each=10) for n in (size, 10 * size))
    assert all(run(some).rounds_with_sales[0] > 2 for some in (small, large)), "nothing spreads"
    growth, spread, seconds = alternate(
        partial(run, large, ROUNDS), partial(run, small, ROUNDS), time.process_time
    )
    name = "one fire sale, 10 x the holdings, per holding"
    yield row(name, 10 * size, growth / 10, spread / 10, must=1.5, better="lower", seconds=seconds)
