"""From the tables of a network to the flat arrays of the cascade: the canonical book.

Built once per network and set of opening policies. Positions become integer lots, money integer quanta; opening cash is
computed from the rounded lots, so that rounding moves no trigger. Accounts and legs are in the canonical order of the
tables: no result depends on the order of rows.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from contagion.errors import TooLargeError
from contagion.network import Network
from contagion.network.contracts import opening_prices
from contagion.network.reserved import inventory, rest_of_market
from contagion.network.settlement import stated_entries
from contagion.propagation.cascade.build_backing import member_arrays
from contagion.propagation.cascade.build_collateral import Pledges, build_collateral
from contagion.propagation.cascade.build_inventories import inventory_legs, with_inventories
from contagion.propagation.cascade.build_issuers import issuer_arrays, issuers, outstanding
from contagion.propagation.cascade.build_markets import Tiers, build_markets, build_tiers, build_venues
from contagion.propagation.cascade.build_owners import hedge_legs, lender_arrays, owner_arrays
from contagion.propagation.cascade.build_pools import pool_arrays
from contagion.propagation.cascade.build_scan import scan_arrays
from contagion.propagation.cascade.build_settlement import coins_of_legs, opened_with
from contagion.propagation.cascade.build_strategies import build_strategies, strategy_legs
from contagion.propagation.cascade.grouping import coins_among, grouped
from contagion.propagation.cascade.layout import Array, Book
from contagion.propagation.cascade.packing import pack_book, writable
from contagion.propagation.cascade.rounding import covered_rounding
from contagion.propagation.cascade.units import Units, measure

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
    held: Floats
    slots: npt.NDArray[Any]
    issued: Floats

    @property
    def packed(self) -> Any:
        """The book as compiled code receives it; a handle for each thread.

        Compiled code counts references to what it is given. One handle for all threads makes them wait for each other's
        counts; the arrays behind the handles are the same.
        """
        own = self.__dict__.setdefault("_packed", threading.local())
        if not hasattr(own, "book"):
            own.book = pack_book(self.book)
        return own.book

    def __getstate__(self) -> dict[str, Any]:
        """The packed book stays in its process."""
        return {key: value for key, value in self.__dict__.items() if key != "_packed"}


def name_hashes(names: Iterable[object]) -> npt.NDArray[np.uint64]:
    """64 bits per name, the same on every machine."""
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


class Legs(NamedTuple):
    """Positions in the canonical order, by account, then market; each array has one entry per leg."""

    account: Ints
    market: Ints
    lots: Floats
    entry: Floats


def _legs(net: Network, units: Units) -> Legs:
    """Account, market, lots and entry price of every leg, with empty ones for arbitrage, inventories and hedges."""
    account, market = net.codes("positions", "account"), net.codes("positions", "market")
    lots = np.rint(net.column("positions", "quantity") / units.lots[market])
    entry = stated_entries(net)
    have = set(zip(account.tolist(), market.tolist(), strict=True))
    hedges = [hedge for _, hedge in hedge_legs(net)]
    wanted = {*strategy_legs(net), *inventory_legs(net), *hedges}
    extra = sorted(pair for pair in wanted if pair not in have)
    if extra:
        more = np.asarray(extra, dtype=np.int64)
        account, market = np.concatenate([account, more[:, 0]]), np.concatenate([market, more[:, 1]])
        opening = opening_prices(net)[more[:, 1]]
        lots, entry = np.concatenate([lots, np.zeros(len(more))]), np.concatenate([entry, opening])
    order = np.lexsort((market, account))
    return Legs(account[order], market[order], lots[order], entry[order])


def _watched(net: Network) -> npt.NDArray[np.bool_]:
    """Nodes whose balance sheet is followed: all but traders without debts and claims."""
    watched = np.asarray(net.column("nodes", "kind") != "trader", dtype=np.bool_)
    watched |= net.column("nodes", "external_liabilities") > 0
    watched[net.codes("obligations", "debtor")] = True
    watched[net.codes("obligations", "creditor")] = True
    watched[issuers(net)] = True
    return watched


def _counted(net: Network) -> npt.NDArray[np.bool_]:
    """The set R: all nodes but arbitrageurs, dip buyers and the rest of the market (providers are no nodes)."""
    counted = ~rest_of_market(net.column("nodes", "name"))
    kind = net.column("strategies", "kind")
    arbitrage = np.asarray((kind == "arbitrage") | (kind == "dip_buyer"), dtype=np.bool_)
    for column in ("long_account", "short_account"):
        used = net.codes("strategies", column)[arbitrage]
        counted[net.codes("accounts", "owner")[used[used >= 0]]] = False
    nodes = net.codes("strategies", "spot_node")[arbitrage]
    counted[nodes[nodes >= 0]] = False
    return counted


def _quanta(values: Floats, units: Units) -> Ints:
    """Money in whole quanta."""
    return np.rint(values * units.scale).astype(np.int64)


def build(net: Network) -> Opening:
    """Build the canonical book of a network.

    Raises
    ------
    NetworkError
        A strategy whose legs do not exist, a market without depth, lots that do not fit.
    TooLargeError
        More lots or money than integers can count exactly.
    """
    net = with_inventories(net)
    units, names = measure(net), _names(net)
    legs = _legs(net, units)
    lots = legs.lots * net.column("accounts", "count")[legs.account]
    _check_interest(legs, lots)
    tiers = build_tiers(net, units)
    markets, bands, volumes, index = build_markets(net, units, tiers)
    markets["provider_lots"] = -np.rint(np.bincount(legs.market, lots, len(markets))).astype(np.int64)
    strategies, of_leg = build_strategies(net, units, legs.account, legs.market)
    pledges, venues = build_collateral(net, units), build_venues(net, units)
    leg_coin = coins_of_legs(pledges, markets, legs.account, legs.market)
    markets["coin_slot"] = pledges.coin_slot
    markets["coin"] = np.append(pledges.slots["opening"], 1.0)[pledges.coin_slot]
    arrays = {
        **_leg_arrays(net, legs),
        **_account_arrays(net),
        **_sheet_arrays(net, units),
        **member_arrays(net, units),
        **_clock_arrays(net, units, legs, tiers, markets, strategies, pledges),
        "tier_rate": tiers.rate,
        "tier_amount": tiers.amount,
        "tier_floor": tiers.floor,
        "tier_top": tiers.top,
        "tier_initial": tiers.initial,
        "bands": bands,
        "volumes": volumes,
        "index_indptr": index[0],
        "index_market": index[1],
        "index_weight": index[2],
        "strategy_of_leg": of_leg,
        "paired": _paired(net, legs),
        "hold_indptr": _pointer(pledges.account, len(net.index("accounts"))),
        "hold_slot": pledges.slot,
        "hold_account": pledges.account,
        "settles": np.isin(np.arange(len(pledges.account)), leg_coin),
        "leg_coin": leg_coin,
        **owner_arrays(net, legs.account, legs.market),
        **lender_arrays(net, strategies),
    }
    arrays |= scan_arrays(net, venues, legs.account, legs.market) | issuer_arrays(net)
    arrays["slope"][arrays["scanned"]] = np.inf
    arrays["paired"] &= ~arrays["scanned"]  # a scan lets legs offset each other by itself
    arrays["slope"][legs.account[leg_coin >= 0]] = np.inf  # a contract in coins may lose without bound
    hedges = arrays["hedge_leg"]
    arrays["slope"][legs.account[hedges[hedges >= 0]]] = np.inf  # a hedge may grow without bound
    holding = np.rint(net.column("holdings", "quantity") / units.asset_lots[arrays["holding_asset"]])
    issued = outstanding(net, holding, pledges)
    arrays |= pool_arrays(net, issued, units.asset_lots * units.scale)
    shared = arrays["pool_market"][arrays["pool_market"] >= 0]
    markets["shared"][shared] = True
    arrays["sellable"][arrays["pool_holding"][arrays["pool_holding"] >= 0]] = False
    book = Book(**{name: writable(array) for name, array in arrays.items()})
    return Opening(
        book=book,
        names=names,
        units=units,
        quantity=legs.lots,
        cash=_cash(net, units, legs, leg_coin < 0),
        node_cash=_quanta(net.column("nodes", "cash"), units),
        external_assets=_quanta(net.column("nodes", "external_assets"), units)
        + covered_rounding(net, units, holding, issued),
        external_liabilities=_quanta(net.column("nodes", "external_liabilities"), units),
        holding=holding.astype(np.int64),
        claim=book.claim.copy(),
        prices=net.column("assets", "price"),
        markets=markets,
        venues=venues,
        strategies=strategies,
        held=opened_with(pledges, markets, legs, leg_coin),
        slots=pledges.slots,
        issued=issued,
    )


def _names(net: Network) -> Names:
    """Names of every row, in the order of the tables."""
    tables = ("nodes", "accounts", "markets", "venues", "assets")
    return Names(*(tuple(map(str, net.column(table, "name"))) for table in tables))


def _check_interest(legs: Legs, lots: Floats) -> None:
    """Refuse open interest that integers cannot count exactly; `lots` are of all accounts behind a row."""
    if lots.size and float(np.bincount(legs.market, np.abs(lots)).max()) >= 2.0**50:
        raise TooLargeError(
            "positions: a market's open interest is 2^50 lots or more; give markets.lot a larger value"
        )


def _cash(net: Network, units: Units, legs: Legs, in_money: npt.NDArray[np.bool_]) -> Ints:
    """Opening cash of every account in quanta: its balance less the entry value of its rounded lots."""
    cash = np.zeros(len(net.index("accounts")), dtype=np.int64)
    held = ~coins_among(net, "balances")
    money = _quanta(net.column("balances", "quantity")[held], units)
    np.add.at(cash, net.codes("balances", "account")[held], money)
    scale = units.lots * units.scale
    worth = np.rint(legs.lots * scale[legs.market] * legs.entry).astype(np.int64)
    np.subtract.at(cash, legs.account[in_money], worth[in_money])
    return cash


def _pointer(keys: Ints, n: int) -> Ints:
    """Index pointer of groups 0..n-1 whose members lie one after another."""
    return np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=n))]).astype(np.int64)


def _leg_arrays(net: Network, legs: Legs) -> dict[str, Array]:
    """The book's arrays per leg, and the legs of every account and market."""
    slot_indptr, slot_legs = grouped(legs.market, len(net.index("markets")))
    return {
        "indptr": _pointer(legs.account, len(net.index("accounts"))),
        "leg_market": legs.market,
        "leg_account": legs.account,
        "entry_price": legs.entry,
        "slot_indptr": slot_indptr,
        "slot_legs": slot_legs,
    }


def _account_arrays(net: Network) -> dict[str, Array]:
    """The book's arrays per account, and the accounts of every venue."""
    names, venue = net.column("accounts", "name"), net.codes("accounts", "venue")
    venue_indptr, venue_accounts = grouped(venue, len(net.index("venues")))
    return {
        "count": net.column("accounts", "count"),
        "owner": net.codes("accounts", "owner"),
        "venue": venue,
        "exempt": rest_of_market(names) | inventory(names),
        "answers": np.asarray(net.column("accounts", "reaction") != "none", dtype=np.bool_),
        "response": net.column("accounts", "response"),
        "name_hash": name_hashes(names),
        "venue_indptr": venue_indptr,
        "venue_accounts": venue_accounts,
        "venue_large_first": _large_first(net, venue_indptr, venue_accounts),
    }


def _sheet_arrays(net: Network, units: Units) -> dict[str, Array]:
    """The book's arrays per node, claim and holding: the balance sheets."""
    n_nodes, debtor = len(net.index("nodes")), net.codes("obligations", "debtor")
    debts = np.argsort(debtor, kind="stable")
    watched = _watched(net)
    sheet = np.flatnonzero(watched).astype(np.int64)
    owned, accounts_by_owner = grouped(net.codes("accounts", "owner"), n_nodes)
    sheet_accounts = [accounts_by_owner[owned[j] : owned[j + 1]] for j in sheet]
    lengths = np.cumsum([len(accounts) for accounts in sheet_accounts])
    return {
        "debt_indptr": _pointer(debtor, n_nodes),
        "creditor": net.codes("obligations", "creditor")[debts],
        "claim": _quanta(net.column("obligations", "amount"), units)[debts],
        "sheet_nodes": sheet,
        "watched": watched,
        "sheet_indptr": np.concatenate([[0], lengths]).astype(np.int64),
        "sheet_accounts": np.concatenate([*sheet_accounts, np.zeros(0, np.int64)]).astype(np.int64),
        "holding_node": net.codes("holdings", "node"),
        "holding_asset": net.codes("holdings", "asset"),
        "asset_lot_scale": units.asset_lots * units.scale,
        "venue_of_node": _venue_of_node(net, n_nodes),
        "counted": _counted(net),
    }


def _venue_of_node(net: Network, n_nodes: int) -> Ints:
    """The venue that a node is, -1 where it is none."""
    found, nodes = np.full(n_nodes, -1, dtype=np.int64), net.codes("venues", "name")
    found[nodes] = np.arange(len(nodes))
    return found


def _paired(net: Network, legs: Legs) -> npt.NDArray[np.bool_]:
    """Accounts with two legs on one asset at a venue that spares margin for them."""
    pairs = legs.account * len(net.index("assets")) + net.codes("markets", "asset")[legs.market]
    several = np.ones(len(pairs), dtype=np.bool_)
    several[np.unique(pairs, return_index=True)[1]] = False
    spared = net.column("venues", "portfolio_offset")[net.codes("accounts", "venue")] > 0.0
    found = np.zeros(len(net.index("accounts")), dtype=np.bool_)
    found[legs.account[several]] = True
    return found & spared


def _large_first(net: Network, indptr: Ints, accounts: Ints) -> Ints:
    """Places of a venue's accounts within its range, by `count` from high to low."""
    number = net.column("accounts", "count")[accounts]
    parts = [np.argsort(-number[a:b], kind="stable") for a, b in itertools.pairwise(indptr)]
    return np.concatenate([*parts, np.zeros(0)]).astype(np.int64)


def _clock_arrays(
    net: Network,
    units: Units,
    legs: Legs,
    tiers: Tiers,
    markets: Array,
    strategies: Array,
    pledges: Pledges,
) -> dict[str, Array]:
    """Bound on the health an account loses per unit of its clock, and the market whose clock that is."""
    account, market, n = legs.account, legs.market, len(net.index("accounts"))
    venue = net.codes("accounts", "venue")[account]
    steepest = tiers.largest_rate[market] + markets["size_slope"][market] * np.abs(legs.lots)
    rates = steepest * np.maximum(1.0, net.column("venues", "call_ratio")[venue])
    scale = units.lots * units.scale
    worth = np.abs(legs.lots) * scale[market] * markets["opening"][market]
    bound = np.bincount(account, worth * (1.0 + rates), n) + pledges.slopes(net)
    loose = np.zeros(n, dtype=np.bool_)
    for row in strategies[strategies["kind"] != 0]:
        loose[account[[leg for leg in (row["long_leg"], row["short_leg"]) if leg >= 0]]] = True
    first = np.full(n, len(markets), dtype=np.int64)
    single = np.bincount(account, minlength=n) == 1
    first[account[single[account]]] = market[single[account]]
    first[pledges.account] = len(markets)
    slope = np.where(loose, np.inf, np.maximum(bound, 1.0) * (1.0 + 1e-9))
    return {"slope": slope, "clock_of": first}
