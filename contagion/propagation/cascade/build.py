"""From the tables of a network to the flat arrays of the cascade: the canonical book.

Built once per network and set of opening policies. Positions become integer lots, money integer quanta; opening cash is
computed from the rounded lots, so that rounding moves no trigger. Accounts and legs are in the canonical order of the
tables: no result depends on the order of rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, TooLargeError
from contagion.network import Network
from contagion.propagation.cascade.build_markets import build_markets, build_tiers, build_venues
from contagion.propagation.cascade.layout import Book
from contagion.propagation.cascade.packing import pack_book, writable
from contagion.propagation.cascade.tables import STRATEGY
from contagion.propagation.cascade.units import Units, measure

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
REST = "rest_of_market:"


@dataclass(frozen=True)
class Names:
    """Names behind the codes of the flat arrays."""

    nodes: tuple[str, ...]
    accounts: tuple[str, ...]
    markets: tuple[str, ...]
    venues: tuple[str, ...]
    assets: tuple[str, ...]


@dataclass(frozen=True)
class Opening:
    """Everything a scenario starts from: the book, the opening state's pieces, the names."""

    book: Book
    names: Names
    units: Units
    quantity: Floats
    cash: Ints
    node_cash: Ints
    external_assets: Ints
    external_liabilities: Ints
    holding: Ints
    claim: Ints
    prices: Floats
    markets: npt.NDArray[Any]
    venues: npt.NDArray[Any]
    strategies: npt.NDArray[Any]

    @cached_property
    def packed(self) -> Any:
        """The book as compiled code receives it."""
        return pack_book(self.book)

    def __getstate__(self) -> dict[str, Any]:
        """The packed book stays in its process."""
        return {key: value for key, value in self.__dict__.items() if key != "packed"}


def codes(values: pd.Series | pd.Index, names: pd.Index) -> Ints:
    """Position of every value in `names`; empty text gives -1."""
    return np.asarray(names.get_indexer(pd.Index(values)), dtype=np.int64)


def name_hashes(names: pd.Index) -> npt.NDArray[np.uint64]:
    """64 bits per name, the same on every machine."""
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def grouped(keys: Ints, n: int) -> tuple[Ints, Ints]:
    """Index pointer and members of each group 0..n-1, members in their original order."""
    order = np.argsort(keys, kind="stable")
    counts = np.bincount(keys, minlength=n) if keys.size else np.zeros(n, dtype=np.int64)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), order.astype(np.int64)


def _legs(net: Network, units: Units) -> tuple[Ints, Ints, Floats, Floats]:
    """Account, market, lots and entry price of every leg, arbitrage legs that are still empty included."""
    account = codes(net.positions["account"], net.accounts.index)
    market = codes(net.positions["market"], net.markets.index)
    lots = np.rint(net.positions["quantity"].to_numpy(float) / units.lots[market])
    entry = net.positions["entry_price"].to_numpy(float)
    have = set(zip(account.tolist(), market.tolist(), strict=True))
    extra = sorted({pair for pair in _strategy_legs(net) if pair not in have})
    if extra:
        more = np.asarray(extra, dtype=np.int64)
        account, market = np.concatenate([account, more[:, 0]]), np.concatenate([market, more[:, 1]])
        opening = net.assets["price"].to_numpy(float)[codes(net.markets["asset"], net.assets.index)][
            more[:, 1]
        ]
        lots, entry = np.concatenate([lots, np.zeros(len(more))]), np.concatenate([entry, opening])
    order = np.lexsort((market, account))
    return account[order], market[order], lots[order], entry[order]


@dataclass(frozen=True)
class _Places:
    """Where accounts are and what trades where, looked up by name; markets and accounts as positions."""

    account: dict[str, int]
    venue: dict[str, str]
    perps: dict[tuple[str, str], int]
    spots: dict[tuple[str, str], int]
    deepest: dict[str, int]

    def perp(self, account: str, asset: str) -> int:
        """Market in which an account trades `asset`: the perp of its venue (the first by name), or -1."""
        return self.perps.get((self.venue[account], asset), -1)

    def spot(self, asset: str, venue: str) -> int:
        """Spot market in which a holding is sold: the venue's own, else the one with the deepest bids, else -1."""
        return self.spots.get((asset, venue), self.deepest.get(asset, -1))


def _places(net: Network) -> _Places:
    """Index the markets and accounts of a network by name; of equals the first by name."""
    markets, accounts, depth = net.markets, net.accounts, net.depth
    bids = depth[depth["side"] == "bid"].groupby("market")["amount"].max().reindex(markets.index).fillna(0.0)
    perps: dict[tuple[str, str], int] = {}
    spots: dict[tuple[str, str], int] = {}
    deepest: dict[str, int] = {}
    columns = (markets["kind"], markets["venue"], markets["asset"])
    for place, (kind, venue, asset) in enumerate(zip(*columns, strict=True)):
        if kind == "perp":
            perps.setdefault((venue, asset), place)
        elif kind == "spot":
            spots.setdefault((asset, venue), place)
            best = deepest.setdefault(asset, place)
            if bids.iloc[place] > bids.iloc[best]:
                deepest[asset] = place
    names = [str(name) for name in accounts.index]
    venues = dict(zip(names, accounts["venue"], strict=True))
    return _Places({name: place for place, name in enumerate(names)}, venues, perps, spots, deepest)


def _strategy_legs(net: Network) -> list[tuple[int, int]]:
    """Legs that strategies need, as (account, market)."""
    legs, places = [], _places(net)
    row: Any
    for row in net.strategies.itertuples():
        for account in (row.long_account, row.short_account):
            if account:
                market = places.perp(account, row.asset)
                if market < 0:
                    raise NetworkError(
                        f"strategies {row.Index!r}: account {account!r} is at a venue without a perp on {row.asset!r}; "
                        "add the market or move the account"
                    )
                legs.append((places.account[account], market))
    return legs


def _strategies(
    net: Network, units: Units, account: Ints, market: Ints, holding_rows: dict[tuple[str, str], int]
) -> tuple[npt.NDArray[Any], Ints]:
    """Strategy rows with their legs resolved, and the basis strategy of every leg."""
    rows, places = np.zeros(len(net.strategies), STRATEGY), _places(net)
    leg_of = {pair: k for k, pair in enumerate(zip(account.tolist(), market.tolist(), strict=True))}
    of_leg = np.full(account.size, -1, dtype=np.int64)
    row: Any
    for s, row in enumerate(net.strategies.itertuples()):
        out = rows[s]
        out["kind"] = 0 if row.kind == "basis" else 1
        short = places.perp(row.short_account, row.asset)
        out["short_market"] = short
        out["short_leg"] = leg_of[(places.account[row.short_account], short)]
        out["long_leg"], out["long_holding"] = -1, -1
        if row.long_account:
            out["long_market"] = places.perp(row.long_account, row.asset)
            out["long_leg"] = leg_of[(places.account[row.long_account], int(out["long_market"]))]
        else:
            out["long_market"] = places.spot(row.asset, places.venue[row.short_account])
            out["long_holding"] = holding_rows.get((row.spot_node, row.asset), -1)
            if out["long_market"] < 0 or out["long_holding"] < 0:
                raise NetworkError(
                    f"strategies {row.Index!r}: spot_node {row.spot_node!r} needs a holding of {row.asset!r} and a "
                    "spot market to trade it in; add the row to holdings and the market, or name a long_account"
                )
        out["ratio"], out["rate"] = row.ratio, 0.0 if np.isnan(row.rate) else row.rate
        out["capital"] = np.inf if np.isnan(row.capital) else row.capital * units.scale
        out["unwind"] = 0.0 if np.isnan(row.unwind) else row.unwind
        if out["kind"] == 0:
            of_leg[out["short_leg"]] = s
            if out["long_leg"] >= 0:
                of_leg[out["long_leg"]] = s
    return rows, of_leg


def _watched(net: Network) -> npt.NDArray[np.bool_]:
    """Nodes whose balance sheet is followed: all but traders without debts and claims."""
    names = net.nodes.index
    watched = (net.nodes["kind"] != "trader").to_numpy() | (net.nodes["external_liabilities"] > 0).to_numpy()
    watched[codes(net.obligations["debtor"], names)] = True
    watched[codes(net.obligations["creditor"], names)] = True
    return np.asarray(watched, dtype=np.bool_)


def _counted(net: Network) -> npt.NDArray[np.bool_]:
    """The set R: all nodes but arbitrageurs and the rest of the market (providers are no nodes)."""
    names = net.nodes.index
    counted = np.asarray([not str(name).startswith(REST) for name in names], dtype=np.bool_)
    arbitrage = net.strategies[net.strategies["kind"] == "arbitrage"]
    for column in ("long_account", "short_account"):
        used = arbitrage[column][arbitrage[column] != ""]
        counted[codes(net.accounts.loc[used, "owner"], names)] = False
    return counted


def _quanta(values: pd.Series | Floats, units: Units) -> Ints:
    """Money in whole quanta."""
    return np.rint(np.asarray(values, dtype=float) * units.scale).astype(np.int64)


def build(net: Network) -> Opening:
    """Build the canonical book of a network.

    Raises
    ------
    NetworkError
        A strategy whose legs do not exist, a market without depth, lots that do not fit.
    TooLargeError
        More lots or money than integers can count exactly.
    """
    units = measure(net)
    names = Names(
        *(
            tuple(map(str, getattr(net, t).index))
            for t in ("nodes", "accounts", "markets", "venues", "assets")
        )
    )
    account, market, lots, entry = _legs(net, units)
    n, m, k = len(names.accounts), len(names.markets), len(names.nodes)
    count = net.accounts["count"].to_numpy(np.int64)
    if lots.size and float(np.bincount(market, np.abs(lots) * count[account], m).max()) >= 2.0**50:
        raise TooLargeError(
            "positions: a market's open interest is 2^50 lots or more; give markets.lot a larger value"
        )
    tiers = build_tiers(net, units)
    markets, bands, volumes, index = build_markets(net, units, tiers)
    scale = units.lots * units.scale
    cash = np.zeros(n, dtype=np.int64)
    held = net.balances[net.balances["asset"] == net.unit]
    np.add.at(cash, codes(held["account"], net.accounts.index), _quanta(held["quantity"], units))
    np.subtract.at(cash, account, np.rint(lots * scale[market] * entry).astype(np.int64))
    markets["provider_lots"] = -np.rint(np.bincount(market, lots * count[account], m)).astype(np.int64)
    strategy_rows = {
        pair: h for h, pair in enumerate(zip(net.holdings["node"], net.holdings["asset"], strict=True))
    }
    strategies, of_leg = _strategies(net, units, account, market, strategy_rows)
    owner, venue = (
        codes(net.accounts["owner"], net.nodes.index),
        codes(net.accounts["venue"], net.venues.index),
    )
    debtor = codes(net.obligations["debtor"], net.nodes.index)
    debts = np.argsort(debtor, kind="stable")
    watched = _watched(net)
    sheet = np.flatnonzero(watched).astype(np.int64)
    owned, accounts_by_owner = grouped(owner, k)
    sheet_accounts = [accounts_by_owner[owned[j] : owned[j + 1]] for j in sheet]
    venues_of_account = net.accounts["venue"]
    rates = (
        tiers.largest_rate[market] * np.maximum(1.0, net.venues["call_ratio"].to_numpy(float)[venue])[account]
    )
    bound = np.bincount(account, np.abs(lots) * scale[market] * markets["opening"][market] * (1.0 + rates), n)
    loose = np.zeros(n, dtype=np.bool_)
    for row in strategies[strategies["kind"] == 1]:
        loose[account[[leg for leg in (row["long_leg"], row["short_leg"]) if leg >= 0]]] = True
    slope = np.where(loose, np.inf, np.maximum(bound, 1.0) * (1.0 + 1e-9))
    first = np.full(n, m, dtype=np.int64)
    single = np.bincount(account, minlength=n) == 1
    first[account[single[account]]] = market[single[account]]
    slot_indptr, slot_legs = grouped(market, m)
    venue_indptr, venue_accounts = grouped(venue, len(names.venues))
    del venues_of_account
    book = Book(
        indptr=np.concatenate([[0], np.cumsum(np.bincount(account, minlength=n))]).astype(np.int64),
        leg_market=market,
        leg_account=account,
        entry_price=entry,
        slot_indptr=slot_indptr,
        slot_legs=slot_legs,
        count=count,
        owner=owner,
        venue=venue,
        exempt=np.asarray([name.startswith(REST) for name in names.accounts], dtype=np.bool_),
        answers=(net.accounts["reaction"] == "top_up").to_numpy(np.bool_),
        response=net.accounts["response"].to_numpy(np.float64),
        name_hash=name_hashes(net.accounts.index),
        tier_rate=tiers.rate,
        tier_amount=tiers.amount,
        tier_floor=tiers.floor,
        bands=bands,
        volumes=volumes,
        index_indptr=index[0],
        index_market=index[1],
        index_weight=index[2],
        debt_indptr=np.concatenate([[0], np.cumsum(np.bincount(debtor, minlength=k))]).astype(np.int64),
        creditor=codes(net.obligations["creditor"], net.nodes.index)[debts],
        claim=_quanta(net.obligations["amount"], units)[debts],
        sheet_nodes=sheet,
        watched=watched,
        sheet_indptr=np.concatenate([[0], np.cumsum([len(x) for x in sheet_accounts])]).astype(np.int64),
        sheet_accounts=np.concatenate([*sheet_accounts, np.zeros(0, np.int64)]).astype(np.int64),
        holding_node=codes(net.holdings["node"], net.nodes.index),
        holding_asset=codes(net.holdings["asset"], net.assets.index),
        asset_lot_scale=units.asset_lots * units.scale,
        venue_of_node=codes(net.nodes.index, net.venues.index),
        counted=_counted(net),
        venue_indptr=venue_indptr,
        venue_accounts=venue_accounts,
        strategy_of_leg=of_leg,
        slope=slope,
        clock_of=first,
    )
    book = Book(*(writable(array) for array in book))
    asset_of_holding = codes(net.holdings["asset"], net.assets.index)
    return Opening(
        book=book,
        names=names,
        units=units,
        quantity=lots,
        cash=cash,
        node_cash=_quanta(net.nodes["cash"], units),
        external_assets=_quanta(net.nodes["external_assets"], units),
        external_liabilities=_quanta(net.nodes["external_liabilities"], units),
        holding=np.rint(net.holdings["quantity"].to_numpy(float) / units.asset_lots[asset_of_holding]).astype(
            np.int64
        ),
        claim=book.claim.copy(),
        prices=net.assets["price"].to_numpy(np.float64),
        markets=markets,
        venues=build_venues(net, units),
        strategies=strategies,
    )
