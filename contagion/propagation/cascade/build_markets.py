"""Markets, tiers and venues as flat rows: the second half of the canonical book."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError
from contagion.markets.impact import KINDS
from contagion.network import Network
from contagion.network.contracts import opening_prices
from contagion.network.equity import size_slopes
from contagion.network.reserved import INVENTORY
from contagion.network.schema import TABLES
from contagion.propagation.cascade.build_backing import fill_backing
from contagion.propagation.cascade.build_loans import set_loan_rules, share_fees
from contagion.propagation.cascade.build_terms import set_terms
from contagion.propagation.cascade.codes import (
    ADL_PRICES,
    ADL_TRIGGERS,
    FUNDING_RULES,
    MARKET_KINDS,
    MARKS,
    PROCEDURES,
    RANKS,
    RESIDUALS,
    SPOT,
)
from contagion.propagation.cascade.grouping import of_money, or_never
from contagion.propagation.cascade.tables import MARKET, VENUE
from contagion.propagation.cascade.units import Units

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
READ = ("name", "kind", "impact", "volume", "impact_coefficient")
"""Columns of markets that their books are made of."""


@dataclass(frozen=True)
class Tiers:
    """Tier lines of all schedules one after another; per market the range of its lines."""

    rate: Floats
    amount: Floats
    floor: Floats
    top: Floats
    initial: Floats
    first: Ints
    last: Ints
    largest_rate: Floats


def build_tiers(net: Network, units: Units) -> Tiers:
    """Tier lines in quanta: maintenance(x) = max over lines of rate * x - amount, amounts from continuity."""
    rate: list[float] = []
    amount: list[float] = []
    floor: list[float] = []
    top: list[float] = []
    initial: list[float] = []
    where: dict[int, tuple[int, int]] = {}
    schedule = net.codes("tiers", "schedule")
    for place in np.unique(schedule).tolist():
        rows = np.flatnonzero(schedule == place)
        rows = rows[np.argsort(net.column("tiers", "floor")[rows], kind="stable")]
        floors, rates = net.column("tiers", "floor")[rows], net.column("tiers", "maintenance_rate")[rows]
        amounts = np.concatenate([[0.0], np.cumsum(floors[1:] * np.diff(rates))])
        where[place] = (len(rate), len(rate) + len(rates))
        rate.extend(rates)
        amount.extend(amounts * units.scale)
        floor.extend(floors * units.scale)
        cap = float(net.column("tiers", "cap")[rows[-1]])
        top.extend(np.append(floors[1:], math.inf if math.isnan(cap) else cap) * units.scale)
        initial.extend(net.column("tiers", "initial_rate")[rows])
    found = [where.get(s, (0, 0)) for s in net.codes("markets", "schedule").tolist()]
    largest = [max(rate[a:b], default=0.0) for a, b in found]
    return Tiers(
        np.asarray(rate, dtype=np.float64),
        np.asarray(amount, dtype=np.float64),
        np.asarray(floor, dtype=np.float64),
        np.asarray(top, dtype=np.float64),
        np.asarray(initial, dtype=np.float64),
        np.asarray([f[0] for f in found], dtype=np.int64),
        np.asarray([f[1] for f in found], dtype=np.int64),
        np.asarray(largest, dtype=np.float64),
    )


class _Side(NamedTuple):
    """Bands of one side of a market, narrowest first, and the money within each."""

    band: Floats
    amount: Floats


def _sides(net: Network) -> dict[tuple[str, str], _Side]:
    """Both sides of every market that has depth."""
    market = net.codes("depth", "market")
    side = np.asarray(net.column("depth", "side") == "ask", dtype=np.bool_)
    band, amount = net.column("depth", "band"), net.column("depth", "amount")
    order = np.lexsort((band, side, market))
    key = 2 * market[order] + side[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    names = [str(name) for name in net.column("markets", "name")]
    found = {}
    for begin, end in pairwise([*first.tolist(), len(key)]):
        rows = order[begin:end]
        found[names[key[begin] // 2], "ask" if key[begin] % 2 else "bid"] = _Side(band[rows], amount[rows])
    return found


def _set_book(
    row: Any, bid: _Side, ask: _Side, units: Units, out: np.void, bands: list[float], volumes: list[float]
) -> float:
    """Impact parameters of one market and its bands; returns its weight in the index."""
    name = str(row["name"])
    resting, capital = sum(float(side.amount[-1]) for side in (bid, ask) if len(side.band)), 0.0
    if row["impact"] == "square_root":
        if not row["volume"] > 0 or not out["volatility"] > 0:
            raise NetworkError(
                f"markets {name!r}: square_root impact needs volume and volatility, both above 0"
            )
        out["coefficient"] = row["impact_coefficient"] * out["volatility"]
        out["depth_bid"] = out["depth_ask"] = row["volume"] * units.scale
        resting = resting or float(np.asarray(row["volume"]))
    elif row["kind"] == "pool":
        capital, resting = _set_pool(out, row, name, bid, ask, units)
    else:
        if not len(bid.band) or not len(ask.band):
            raise NetworkError(
                f"markets {name!r} has no depth on both sides; add rows to depth (zero depth is no market)"
            )
        band = float(bid.band[0])
        out["coefficient"] = row["impact_coefficient"] * band
        out["depth_bid"] = bid.amount[0] * units.scale
        out["depth_ask"] = ask.amount[0] * units.scale * (band / ask.band[0])
    out["capital"] = (capital or resting) * units.scale
    out["band_first"] = len(bands)
    bands.extend(bid.band)
    volumes.extend(bid.amount * units.scale)
    out["band_mid"] = len(bands)
    bands.extend(ask.band)
    volumes.extend(ask.amount * units.scale)
    out["band_last"] = len(bands)
    return resting


def _set_pool(out: np.void, row: Any, name: str, bid: _Side, ask: _Side, units: Units) -> tuple[float, float]:
    """Reserves of a pool, from its narrowest bid; returns the money in it and the money within its widest bands."""
    if not len(bid.band) or not len(ask.band):
        raise NetworkError(f"pool {name!r} has no depth on both sides; add rows to depth (its reserves)")
    if not float(bid.band[-1]) < 1.0:
        raise NetworkError(f"depth of the pool {name!r}: a bid band of 1 has no end; give bands below 1")
    share = 1.0 / math.sqrt(1.0 - float(bid.band[0])) - 1.0  # of the reserve, sold within the band
    out["coefficient"] = row["impact_coefficient"] * share
    out["depth_bid"] = out["depth_ask"] = bid.amount[0] * units.scale
    reserve = float(bid.amount[0]) / share
    low = math.sqrt(1.0 - float(bid.band[-1]))
    high = math.sqrt(1.0 + float(ask.band[-1]))
    within = reserve * ((1.0 / low - 1.0) + (1.0 - 1.0 / high))
    ranged = reserve * ((1.0 - low) + (1.0 - 1.0 / high))
    return ranged if row["impact"] == "concentrated" else 2.0 * reserve, within


def build_markets(
    net: Network, units: Units, tiers: Tiers
) -> tuple[npt.NDArray[Any], Floats, Floats, tuple[Ints, Ints, Floats]]:
    """Market rows at the opening, bands, volumes (quanta), and the members of every asset's index."""
    columns = {name: net.column("markets", name) for name in READ}
    asset, venue = net.codes("markets", "asset"), net.codes("markets", "venue")
    rows = np.zeros(len(asset), MARKET)
    opening = opening_prices(net)
    rows["venue"], rows["asset"] = venue, asset
    rows["kind"] = [MARKET_KINDS[w] for w in columns["kind"]]
    set_terms(net, rows)
    rows["mark_rule"] = [MARKS[w] for w in net.column("venues", "mark")[venue]]
    rows["mark_weight"] = net.column("venues", "mark_weight")[venue]
    rows["lot"], rows["lot_scale"] = units.lots, units.lots * units.scale
    rows["impact"] = [KINDS.index(w) for w in columns["impact"]]
    for column in ("fee", "permanent_share", "depth_floor", "capital_exponent", "volatility_exponent"):
        rows[column] = net.column("markets", column)
    rows["funding_interval"] = or_never(net.column("markets", "funding_interval"))
    rows["half_life"] = or_never(net.column("markets", "impact_half_life"))
    own, of_asset = net.column("markets", "volatility"), net.column("assets", "volatility")[asset]
    rows["volatility"] = np.nan_to_num(np.where(np.isnan(own), of_asset, own), nan=0.0)
    rows["volume"] = columns["volume"] * units.scale
    rows["tier_first"], rows["tier_last"] = tiers.first, tiers.last
    rows["size_slope"] = size_slopes(net, "maintenance_slope") * units.lots
    rows["initial_slope"] = size_slopes(net, "initial_slope") * units.lots
    for end in ("lower", "upper"):
        bounds = np.append(net.column("schedules", f"open_interest_{end}"), 0.0)
        rows[f"interest_{end}"] = bounds[net.codes("markets", "schedule")] * units.scale
    for column in ("opening", "outside", "reference", "last", "mark", "index", "lowest", "previous_mark"):
        rows[column] = opening
    rows["depth"] = rows["shock_depth"] = rows["multiplier"] = rows["depth_lowest"] = 1.0
    bands: list[float] = []
    volumes: list[float] = []
    sides, nothing = _sides(net), _Side(np.zeros(0), np.zeros(0))
    weights = []
    for m in range(len(rows)):
        row = {name: cells[m] for name, cells in columns.items()}
        bid, ask = (sides.get((str(row["name"]), side), nothing) for side in ("bid", "ask"))
        weights.append(_set_book(row, bid, ask, units, rows[m], bands, volumes))
    spots = np.flatnonzero((rows["kind"] == SPOT) & net.column("markets", "in_index"))
    order = spots[np.argsort(asset[spots], kind="stable")].astype(np.int64)
    indptr = np.concatenate(
        [[0], np.cumsum(np.bincount(asset[spots], minlength=len(net.index("assets"))))]
    ).astype(np.int64)
    return rows, np.asarray(bands), np.asarray(volumes), (indptr, order, np.asarray(weights)[order])


def price_rule(word: str, rank: str) -> int:
    """Code of the price at which winners are closed; without a word it is the rank's own."""
    own = "previous_mark" if rank.startswith("hyperliquid") else "bankruptcy"
    return ADL_PRICES[word or own]


def build_venues(net: Network, units: Units) -> npt.NDArray[Any]:
    """Venue rows at the opening."""
    venues = {name: net.column("venues", name) for name in TABLES["venues"].names}
    rows = np.zeros(len(venues["name"]), VENUE)
    rows["node"] = net.codes("venues", "name")
    rows["fund"] = rows["fund_opening"] = np.rint(venues["insurance_fund"] * units.scale)
    rows["procedure"] = [PROCEDURES[w] for w in venues["procedure"]]
    for column in (
        "target",
        "min_clip",
        "fee",
        "fee_to_fund",
        "fee_to_keeper",
        "fee_burned",
        "customer_share",
        "call_ratio",
        "call_target",
        "call_delay",
        "portfolio_offset",
        "latency",
        "block_time",
        "mid_weight",
        "index_deviation",
        "index_lag",
        "oracle_lag",
        "oracle_threshold",
        "funding_interest",
        "funding_clamp",
        "funding_cap",
        "first_clip",
        "clip_wait",
        "backstop_share",
        "bankruptcy_adjustment",
        "spread_to_maintenance",
        "adl_ratio",
        "adl_window",
        "rank_interval",
    ):
        rows[column] = venues[column]
    rows["block_capacity"] = or_never(venues["block_capacity"])
    rows["scan"] = venues["margin"] == "scan"
    for column in ("scan_initial", "short_minimum", "model_penalty", "payout_delay"):
        rows[column] = venues[column]
    rows["payout_at"] = np.nan
    chain = venues["chain"].tolist()
    rows["chain"] = [chain.index(name) if name else place for place, name in enumerate(chain)]
    rows["protocol"] = net.column("nodes", "kind")[rows["node"]] == "protocol"
    rows["unit_weight"] = np.where(rows["protocol"], of_money(net, "liquidation_threshold", 1.0), 1.0)
    rows["adl"] = venues["adl_trigger"] != ""
    rows["oracle"] = venues["oracle"] == "local"
    rows["oracle_heartbeat"] = or_never(venues["oracle_heartbeat"])
    rows["funding_rule"] = [FUNDING_RULES[w] for w in venues["funding_rule"]]
    rows["adl_rank"] = [RANKS[w] for w in venues["adl_rank"]]
    rows["adl_trigger"] = [ADL_TRIGGERS[w] for w in venues["adl_trigger"]]
    rows["adl_price"] = [
        price_rule(w, r) for w, r in zip(venues["adl_price"], venues["adl_rank"], strict=True)
    ]
    rows["large_position"] = venues["large_position"] * units.scale
    rows["step_size"] = or_never(venues["step_size"]) * units.scale
    inventories = {
        name: i for i, name in enumerate(net.column("accounts", "name")) if name.startswith(INVENTORY)
    }
    rows["inventory"] = [inventories.get(INVENTORY + name, -1) for name in venues["name"]]
    rows["residual"] = [RESIDUALS[w] for w in venues["residual"]]
    rows["throughput"] = or_never(venues["throughput"]) * units.scale
    set_loan_rules(net, units, rows)
    share_fees(rows)
    rows["failed_at"] = np.nan
    rows["fund_limit"] = rows["residual_limit"] = np.inf
    fill_backing(rows, net, units)
    return rows
