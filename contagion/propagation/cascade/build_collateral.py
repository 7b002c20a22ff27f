"""Coins that accounts hold or owe as flat rows: collateral and debts in other assets than the unit.

Every (venue, asset) in use is one slot with its weight and its oracle price. Where all coins of an account at a
protocol belong to one category, the category's parameters replace the asset's own (the e-mode of lending protocols).

References
----------
Margin chapter, section 9 (`aave_health_factor`, e-mode); cascade chapter, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, TooLargeError
from contagion.network import Network
from contagion.network.places import find_places
from contagion.network.settlement import settles_in_coins
from contagion.network.weights import by_category, cell, coin_rows, collateral_rows
from contagion.propagation.cascade.tables import SLOT
from contagion.propagation.cascade.units import Units

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
OWN = ("loan_to_value", "liquidation_threshold", "bonus")
OF_CATEGORY = ("category_loan_to_value", "category_threshold", "category_bonus")


@dataclass(frozen=True)
class Pledges:
    """Coins of all accounts, by account, then venue and asset; each array but `slots` has one entry per coin held."""

    account: Ints
    slot: Ints
    lots: Floats
    slots: npt.NDArray[Any]
    coin_slot: Ints  # by market: the slot of the coin in which it settles, -1: money

    def slopes(self, net: Network) -> Floats:
        """Most that health loses per unit of the clock because of coins, in quanta, by account."""
        ratio = np.maximum(1.0, net.column("venues", "call_ratio"))[self.slots["venue"]]
        worth = self.slots["lot_scale"] * self.slots["opening"] * ratio
        total = np.bincount(self.account, np.abs(self.lots) * worth[self.slot], len(net.index("accounts")))
        return np.asarray(total, dtype=np.float64)


def build_collateral(net: Network, units: Units) -> Pledges:
    """Find the slots of a network and what every account holds of them, in whole lots.

    Raises
    ------
    NetworkError
        A coin that no spot market trades: it could not be sold.
    TooLargeError
        More lots than integers can count exactly.
    """
    coin = coin_rows(net)
    account = np.asarray(net.codes("balances", "account"), dtype=np.int64)[coin]
    asset = np.asarray(net.codes("balances", "asset"), dtype=np.int64)[coin]
    venue = np.asarray(net.codes("accounts", "venue"), dtype=np.int64)[account]
    rows, special = collateral_rows(net)[coin], by_category(net)[coin]
    lots = np.rint(net.column("balances", "quantity")[coin] / units.asset_lots[asset])
    _check_size(net, account, asset, lots)
    order = np.lexsort((special, asset, venue, account))
    keys = np.stack([venue, asset, special.astype(np.int64), rows], axis=1)[order]
    account, lots = account[order], lots[order]
    account, lots, keys = with_empty(net, account, lots, keys)
    settling = np.flatnonzero(settles_in_coins(net))
    found, slot = np.unique(np.concatenate([keys, settle_keys(net, settling)]), axis=0, return_inverse=True)
    places = slot.reshape(-1).astype(np.int64)
    coin_slot = np.full(len(net.index("markets")), -1, dtype=np.int64)
    coin_slot[settling] = places[len(keys) :]
    return Pledges(account, places[: len(keys)], lots, _slots(net, units, found), coin_slot)


def settle_keys(net: Network, market: Ints) -> Ints:
    """Slots of the coins in which markets settle, as (venue, asset, by category, row of `collateral`)."""
    venue, asset = net.codes("markets", "venue")[market], net.codes("markets", "settle")[market]
    n = len(net.index("assets"))
    known = net.codes("collateral", "venue") * n + net.codes("collateral", "asset")
    row_of = {pair: row for row, pair in enumerate(known.tolist())}
    rows = [row_of.get(pair, -1) for pair in (venue * n + asset).tolist()]
    return np.stack([venue, asset, np.zeros_like(venue), np.asarray(rows, np.int64)], axis=1).astype(np.int64)


def with_empty(net: Network, account: Ints, lots: Floats, keys: Ints) -> tuple[Ints, Floats, Ints]:
    """The coins of all accounts, with empty balances of what the markets of their venue settle in."""
    coins = np.unique(settle_keys(net, np.flatnonzero(settles_in_coins(net))), axis=0)
    have = set(zip(account.tolist(), keys[:, 1].tolist(), strict=True))
    venue = net.codes("accounts", "venue")
    more = [
        (i, key)
        for key in coins
        for i in np.flatnonzero(venue == key[0]).tolist()
        if (i, int(key[1])) not in have
    ]
    if not more:
        return account, lots, keys
    account = np.concatenate([account, np.asarray([i for i, _ in more], np.int64)])
    keys, lots = (
        np.concatenate([keys, np.stack([key for _, key in more])]),
        np.append(lots, np.zeros(len(more))),
    )
    order = np.lexsort((keys[:, 2], keys[:, 1], account))
    return account[order], lots[order], keys[order]


def _check_size(net: Network, account: Ints, asset: Ints, lots: Floats) -> None:
    """Refuse amounts that integers cannot count exactly."""
    whole = np.abs(lots) * net.column("accounts", "count")[account]
    names = net.column("assets", "name")
    total = np.bincount(asset, whole, len(names))
    if float(total.max(initial=0.0)) >= 2.0**50:
        raise TooLargeError(
            f"balances: {names[int(total.argmax())]!r} has 2^50 lots or more; "
            "give markets.lot of its spot markets a larger value"
        )


def _slots(net: Network, units: Units, found: Ints) -> npt.NDArray[Any]:
    """Rows of the slots found, as (venue, asset, by category, row of `collateral`)."""
    out, places = np.zeros(len(found), SLOT), find_places(net)
    protocols = net.column("nodes", "kind")[net.codes("venues", "name")] == "protocol"
    venues, assets = net.column("venues", "name"), net.column("assets", "name")
    local, price = net.column("venues", "oracle") == "local", net.column("assets", "price")
    for s, (v, a, special, row) in enumerate(found.tolist()):
        name, asset = str(venues[v]), str(assets[a])
        slot = out[s]
        slot["venue"], slot["asset"], slot["market"] = v, a, places.spot(asset, name)
        if slot["market"] < 0:
            raise NetworkError(
                f"balances: accounts at {name!r} hold {asset!r}, which no spot market trades; "
                "add a spot market for it, in which it can be sold"
            )
        slot["local"] = places.spots.get((asset, name), -1)
        if slot["local"] < 0 and local[v]:
            raise NetworkError(
                f"venues {name!r}: oracle is 'local', but it has no spot market or pool of {asset!r} to look at; "
                "add the market, or set oracle to 'index'"
            )
        slot["lot_scale"] = units.asset_lots[a] * units.scale
        slot["opening"] = slot["price"] = price[a]
        here = np.asarray([row])
        loan, threshold, bonus = (cell(net, column, here)[0] for column in (OF_CATEGORY if special else OWN))
        weight = threshold if protocols[v] else cell(net, "weight", here)[0]
        slot["weight"] = slot["opening_weight"] = np.nan_to_num(weight)
        slot["loan_to_value"], slot["bonus"] = np.nan_to_num(loan), np.nan_to_num(bonus)
    return out
