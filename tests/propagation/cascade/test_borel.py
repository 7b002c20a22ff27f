"""Random cascades through the engine: cluster sizes follow Borel's law, in mean, variance and distribution.

Each of many markets holds one account that the outside fall closes, and others whose liquidation prices lie below it as
a Poisson process: a sale lowers its price so far that it passes `branching` others on average. The markets have
assets of their own, so each is a cascade of its own. The Poisson process has no memory, hence cluster sizes are the
total progeny of a Poisson branching process: Borel's law exactly, but for the end of the book of accounts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import contagion as ct
from contagion.propagation.firesales.borel import probability
from contagion.propagation.firesales.closed_forms import borel_cascade
from tests.propagation.cascade.books import PRICE

START = PRICE * (1.0 - 0.0625)
STRENGTH = 2.0**-5  # fall of the price per unit sold
SEEDS = range(8)
CLUSTERS = 100  # markets per seed
ACCOUNTS = {0.3: 40, 0.6: 160}  # per market: a cluster of more has a chance below 1e-7
ERRORS = 4.0  # standard errors: a normal variable lies beyond with a chance of 6e-5


@dataclass(frozen=True)
class Clusters:
    """What came out of all seeds at one branching ratio."""

    sizes: np.ndarray
    expected: np.ndarray
    liquidated: float
    from_healthy: float


def triggers_below(rng: np.random.Generator, branching: float, n: int) -> np.ndarray:
    """Liquidation prices of one market: the seed's above the outside price, then a Poisson process downwards."""
    below = np.cumsum(rng.exponential(STRENGTH / branching, n - 1))
    exact = np.ceil(below * 2.0**20) * 2.0**-20  # whole quanta of money
    return np.concatenate([[START + 1.0], START - exact])


def followed(triggers: np.ndarray) -> int:
    """Size of the cluster by counting alone: k sales pass every trigger above ``START - k STRENGTH``."""
    sold = 1
    while True:
        passed = int((triggers > START - STRENGTH * sold).sum())
        if passed == sold:
            return sold
        sold = passed


def network(books: list[np.ndarray]) -> ct.Network:
    """One venue with one market and one asset for each book of triggers; every account is long one unit."""
    names = [f"X{m:03d}" for m in range(len(books))]
    rules = {"impact": "linear", "permanent_share": 1.0, "capital_exponent": 0.0, "volatility_exponent": 0.0}
    rows = [
        (f"{name}.{j:03d}", name, float(t))
        for name, book in zip(names, books, strict=True)
        for j, t in enumerate(book)
    ]
    depth = 2.0**-6 * START * START / STRENGTH
    return ct.Network(
        nodes=[
            {"name": "V", "kind": "exchange", "cash": 1e6},
            *({"name": owner, "kind": "trader"} for owner, _, _ in rows),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            *({"name": name, "kind": "coin", "price": PRICE} for name in names),
        ],
        venues=[{"name": "V", "mark": "last", "insurance_fund": 1e6}],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 2.0**-30, "maintenance_rate": 2.0**-40}],
        markets=[
            {"name": name, "venue": "V", "asset": name, "schedule": "s", "lot": 2.0**-10, **rules}
            for name in names
        ],
        depth=[
            {"market": name, "side": side, "band": 2.0**-6, "amount": depth}
            for name in names
            for side in ("bid", "ask")
        ],
        accounts=[
            {"name": owner, "owner": owner, "venue": "V", "mode": "isolated", "reaction": "none"}
            for owner, _, _ in rows
        ],
        balances=[{"account": owner, "asset": "USD", "quantity": PRICE - t} for owner, _, t in rows],
        positions=[
            {"account": owner, "market": market, "quantity": 1.0, "entry_price": PRICE}
            for owner, market, _ in rows
        ],
        rest_of_market="add",
    )


@cache
def clusters(branching: float) -> Clusters:
    """Cascades of all seeds, through the engine and by counting."""
    sizes, expected, liquidated, healthy = [], [], 0.0, 0.0
    for seed in SEEDS:
        rng = np.random.default_rng([11, seed, round(100 * branching)])
        books = [triggers_below(rng, branching, ACCOUNTS[branching]) for _ in range(CLUSTERS)]
        net = network(books)
        shock = ct.PriceShock({str(asset): -0.0625 for asset in net.markets["asset"]})
        run = ct.run(net, shock, ct.Cascade.static())
        closed = run.accounts.index[run.accounts["closed_at"].notna()]
        found = closed.to_series().str.split(".").str[0].value_counts().sort_index()
        sizes += found.tolist()
        expected += [followed(book) for book in books]
        liquidated += run.metrics["liquidated_notional"]
        healthy += run.metrics["branching_ratio"] * run.metrics["liquidated_notional"]
    return Clusters(np.asarray(sizes, float), np.asarray(expected, float), liquidated, healthy)


def moment(branching: float, power: int) -> float:
    """Central moment of Borel's law, summed."""
    sizes = range(1, 2000)
    mean = 1.0 / (1.0 - branching)
    return math.fsum(probability(k, branching) * (k - mean) ** power for k in sizes)


@pytest.mark.parametrize("branching", ACCOUNTS)
def test_every_cluster_of_the_engine_is_the_counted_one(branching: float) -> None:
    found = clusters(branching)
    assert len(found.sizes) == len(SEEDS) * CLUSTERS
    assert np.array_equal(found.sizes, found.expected)
    assert found.sizes.max() < ACCOUNTS[branching]


@pytest.mark.parametrize("branching", ACCOUNTS)
def test_the_mean_of_cluster_sizes_is_borels(branching: float) -> None:
    """The mean lies within four standard errors of 1 / (1 - n)."""
    sizes, law = clusters(branching).sizes, borel_cascade(branching_ratio=branching)
    assert law.mean == pytest.approx(1.0 / (1.0 - branching), rel=1e-12)
    assert abs(sizes.mean() - law.mean) < ERRORS * math.sqrt(law.variance / len(sizes))


@pytest.mark.parametrize("branching", ACCOUNTS)
def test_the_variance_of_cluster_sizes_is_borels(branching: float) -> None:
    """Within four standard errors of n / (1 - n)^3; that of a sample variance is sqrt((m4 - m2^2) / N) for large N."""
    sizes, law = clusters(branching).sizes, borel_cascade(branching_ratio=branching)
    assert law.variance == pytest.approx(branching / (1.0 - branching) ** 3, rel=1e-12)
    assert moment(branching, 2) == pytest.approx(law.variance, rel=1e-9)
    error = math.sqrt((moment(branching, 4) - law.variance**2) / len(sizes))
    assert abs(sizes.var(ddof=1) - law.variance) < ERRORS * error


@pytest.mark.parametrize("branching", ACCOUNTS)
def test_the_share_of_each_small_cluster_is_borels(branching: float) -> None:
    sizes = clusters(branching).sizes
    for k in range(1, 5):
        p = probability(k, branching)
        error = math.sqrt(p * (1.0 - p) / len(sizes))
        assert abs((sizes == k).mean() - p) < ERRORS * error, k


@pytest.mark.parametrize("branching", ACCOUNTS)
def test_the_metric_branching_ratio_estimates_the_branching_ratio(branching: float) -> None:
    """All but the first of a cluster were healthy at outside prices: 1 - clusters / closed accounts, tending to n."""
    found = clusters(branching)
    counted = 1.0 - len(found.sizes) / found.sizes.sum()
    estimate = found.from_healthy / found.liquidated
    assert estimate == pytest.approx(counted, abs=2e-3)  # fills of one cluster differ by less than 0.6 %
    # delta method: the standard error of 1 - 1 / mean is sd / (mean^2 sqrt N)
    error = found.sizes.std() / (found.sizes.mean() ** 2 * math.sqrt(len(found.sizes)))
    assert abs(estimate - branching) < ERRORS * error
