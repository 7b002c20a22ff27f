"""From the course of a fire sale to the tables of a `Run`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array

from contagion.propagation.firesales.courses import Course
from contagion.propagation.firesales.market import Market
from contagion.propagation.solvency import records
from contagion.propagation.solvency.outcome import Outcome, Steps
from contagion.results import Run

if TYPE_CHECKING:
    import networkx as nx

    from contagion.propagation.firesales.prepared import PreparedFireSale
    from contagion.shocks import Shock

__all__ = ["make_run"]

Floats = npt.NDArray[np.float64]


def make_run(
    prepared: PreparedFireSale,
    shock: Shock,
    seed: int,
    scenario: int,
    steps: Steps,
    outcome: Outcome,
    metrics: Floats,
) -> Run:
    """Assemble a run."""
    run = records.make_run(prepared, shock, seed, scenario, steps, outcome, metrics)
    course, market = prepared.sales.course_of(outcome), prepared.sales.market
    shocked = market.factors(steps.price_factors)
    return replace(
        run,
        markets=markets_table(market, course, shocked),
        paths=paths_table(market, course, shocked),
        rounds=rounds_table(run.rounds, course, shocked),
        draw_graph=lambda told: _graph(told, market, course, records.claims_graph(told)),
    )


def markets_table(market: Market, course: Course, shocked: Floats) -> pd.DataFrame:
    """One row an asset: prices (money per unit), fall beyond the shock, what is held and sold (money)."""
    after = market.price * shocked
    worth = market.total * shocked
    bought = sum((step.bought for step in course.steps), np.zeros(len(shocked)))
    return pd.DataFrame(
        {
            "opening_price": market.price,
            "shocked_price": after,
            "closing_price": market.price * course.price,
            "fall": _share(shocked - course.price, shocked),
            "held": market.total,
            "sold": course.sold,
            "sold_share": _share(course.sold, worth),
            "purchased": bought,
        },
        index=pd.Index(market.names, name="asset", dtype=object),
    )


def paths_table(market: Market, course: Course, shocked: Floats) -> pd.DataFrame:
    """One row a round and asset: price (money per unit) after it, money sold, fall; round 0 is the shock."""
    n, nothing = len(market.names), np.zeros(len(market.names))
    rows = [(shocked, nothing, nothing), *((step.price, step.sold, step.fall) for step in course.steps)]
    return pd.DataFrame(
        {
            "round": np.repeat(np.arange(len(rows)), n),
            "asset": np.tile(market.names.to_numpy(dtype=object), len(rows)),
            "price": np.concatenate([market.price * price for price, _, _ in rows]),
            "sold": np.concatenate([sold for _, sold, _ in rows]),
            "fall": np.concatenate([fall for _, _, fall in rows]),
        }
    )


def rounds_table(plain: pd.DataFrame, course: Course, shocked: Floats) -> pd.DataFrame:
    """The rounds of any model, with sales (money), sellers, the lowest price over the opening, and leverage."""
    steps, size = course.steps, max(len(plain), len(course.steps) + 1)
    new = np.zeros(size, dtype=np.int64)
    new[: len(plain)] = plain["new_defaults"]
    lost = np.full(size, np.nan)
    lost[: len(plain)] = plain["loss"]
    columns = np.full((size, 5), np.nan)
    columns[0, :3] = 0.0, 0.0, shocked.min()
    for place, step in enumerate(steps, start=1):
        sales = np.maximum(step.sales, 0.0)
        columns[place] = sales.sum(), (sales > 0.0).sum(), step.price.min(), *_leverages(step.leverage)
    names = ("sales", "selling", "worst_price", "median_leverage", "highest_leverage")
    found = {"new_defaults": new, "defaults": np.cumsum(new), "loss": lost}
    found |= {name: columns[:, place] for place, name in enumerate(names)}
    return pd.DataFrame(found, index=pd.RangeIndex(size, name="round"))


def _leverages(leverage: Floats) -> tuple[float, float]:
    """Median and highest of those that are finite and above 0."""
    known = leverage[np.isfinite(leverage) & (leverage > 0.0)]
    return (float(np.median(known)), float(known.max())) if len(known) else (np.nan, np.nan)


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0.0)


def _graph(run: Run, market: Market, course: Course, graph: nx.DiGraph[Any]) -> nx.DiGraph[Any]:
    """Losses on claims and, from sellers to holders, losses through prices in proportion to each round's sales.

    An edge that carries both keeps the larger channel's name and has `price` and `claims` (money) beside `weight`.
    """
    names = [str(name) for name in run.nodes.index]
    n = len(names)
    total = sum((step.between(market.table) for step in course.steps), csr_array((n, n))).tocoo()
    for row, column, loss in zip(*total.coords, total.data, strict=True):
        if loss <= 0.0:
            continue
        seller, holder = names[row], names[column]
        for name in (seller, holder):
            if name not in graph:
                told = run.nodes.loc[name]
                graph.add_node(name, kind=str(told["kind"]), loss=float(told["loss"]), wave=int(told["wave"]))
        if seller == holder:
            graph.nodes[seller]["own_price_loss"] = float(loss)
            continue
        claims = float(graph.edges[seller, holder]["weight"]) if graph.has_edge(seller, holder) else 0.0
        channel = "price" if loss >= claims else str(graph.edges[seller, holder]["channel"])
        graph.add_edge(
            seller, holder, weight=claims + float(loss), channel=channel, price=float(loss), claims=claims
        )
    return graph
