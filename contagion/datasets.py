"""Which networks come with the package, and do their tables hold the facts they claim?"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Hashable, Iterator
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion import facts
from contagion.errors import NetworkError, SchemaError, nearest
from contagion.generate import crypto_system, lending_market, overlapping_portfolios, perp_market
from contagion.generate.crypto_creditors import ARROWS
from contagion.generate.crypto_facts import read_back
from contagion.generate.crypto_scenarios import SCENARIOS
from contagion.generate.european import european_network
from contagion.network.network import Network
from contagion.shocks import Shock

__all__ = ["check_facts", "list", "load", "scenario", "tables_behind"]

_Row = tuple[str, str, float, float]
Records = builtins.list[dict[Hashable, Any]]


def _perp_venues(seed: int) -> Network:
    return perp_market(seed=seed)


def _lending_markets(seed: int) -> Network:
    return lending_market(seed=seed)


def _european_debt(seed: int) -> Network:
    return european_network()


def _crypto_system(seed: int) -> Network:
    return crypto_system(seed=seed)


def _overlapping_portfolios(seed: int) -> Network:
    return overlapping_portfolios(30, 12, seed, interbank="core_periphery")


_MAKERS: Final = MappingProxyType(
    {
        "crypto-system": _crypto_system,
        "european-debt": _european_debt,
        "lending-markets": _lending_markets,
        "overlapping-portfolios": _overlapping_portfolios,
        "perp-venues": _perp_venues,
    }
)
_TABLES: Final = MappingProxyType(
    {
        "crypto-system": facts.CRYPTO_SYSTEM,
        "european-debt": facts.EUROPEAN_DEBT,
        "lending-markets": facts.LENDING_MARKETS,
        "overlapping-portfolios": facts.OVERLAPPING_PORTFOLIOS,
        "perp-venues": facts.PERP_VENUES,
    }
)
_DESCRIPTIONS: Final = MappingProxyType(
    {
        "crypto-system": "the creditors of Three Arrows in June 2022 on one graph with exchanges, options, a lending "
        "protocol, tokens and their issuers, lenders, makers and basis traders; some 640 account rows",
        "european-debt": "what six European countries owed each other's banks at the end of 2011, with their gross "
        "domestic products as external assets; nothing is drawn",
        "lending-markets": "four lending protocols before the fall of 5 August 2024, borrowers, looped positions in "
        "staked ETH, suppliers, keepers, books, pools, issuers; 4,000 account rows",
        "overlapping-portfolios": "thirty banks that hold twelve assets in common and owe one another, a spot market "
        "for each asset; every number is an assumption",
        "perp-venues": "four venues, perpetual futures on six coins with published margin tiers, makers, basis "
        "traders, arbitrage, lenders; 20,000 account rows",
    }
)


def list() -> pd.DataFrame:
    """Return the bundled networks.

    Returns
    -------
    pandas.DataFrame
        Indexed by name: description, facts and assumptions (how many inputs of each kind).

    Examples
    --------
    >>> "perp-venues" in list().index
    True
    """
    names = sorted(_MAKERS)
    counts = [facts.counts(_TABLES[name]) for name in names]
    return pd.DataFrame(
        {
            "description": [_DESCRIPTIONS[name] for name in names],
            "facts": [count["fact"] for count in counts],
            "assumptions": [count["assumption"] for count in counts],
        },
        index=pd.Index(names, name="name"),
    )


def load(name: str, seed: int = 0) -> Network:
    """Return a bundled network.

    Parameters
    ----------
    name : str
        One of `list()`.
    seed : int
        Seed of the draws; same seed, same bits.

    Returns
    -------
    Network

    Raises
    ------
    SchemaError
        If there is no such network.

    Examples
    --------
    >>> load("perp-venues").unit
    'USD'
    """
    if not isinstance(name, str) or name not in _MAKERS:
        raise SchemaError(
            "is no bundled network" + nearest(name, _MAKERS),
            where="datasets.load",
            value=name,
            allowed=", ".join(sorted(_MAKERS)),
        )
    return _MAKERS[name](seed)


def scenario(name: str) -> Shock:
    """Return what happened to a bundled network.

    Parameters
    ----------
    name : str
        ``june-2022 prices`` for the network `crypto-system`: BTC, ETH and the discount of staked ETH from 6 to 18 June
        2022 (facts, table `episodes`), linear in log price. ``june-2022``: the same, and Three Arrows fails at the
        opening (an assumption: marked in every round it fails before its creditors lose anything).

    Raises
    ------
    SchemaError
        If there is no such scenario.

    Examples
    --------
    >>> scenario("june-2022").describe()
    'BTC -43.9 %, ETH -53.1 %, stETH -4.5 % over 12.25 days, linear in log price; default of 3AC'
    """
    if not isinstance(name, str) or name not in SCENARIOS:
        raise SchemaError(
            "is no scenario of a bundled network" + nearest(name, SCENARIOS),
            where="datasets.scenario",
            value=name,
            allowed=", ".join(sorted(SCENARIOS)),
        )
    return SCENARIOS[name]()


def tables_behind(net: Network) -> tuple[str, ...]:
    """Return the names of the fact tables that describe a network of this kind.

    Parameters
    ----------
    net : Network

    Returns
    -------
    tuple of str
        That of the crypto system where Three Arrows is a node, those of the bundled lending markets where a venue lends
        or auctions, that of European debts where the nodes are its countries, else those of the perpetual futures.

    Examples
    --------
    >>> tables_behind(Network(nodes=[{"name": "A"}])) == facts.PERP_VENUES
    True
    """
    if ARROWS in net.nodes.index:
        return facts.CRYPTO_SYSTEM
    lends = net.venues["procedure"].isin(["lending", "auction"]).any()
    if set(facts.load(facts.EUROPEAN_DEBT[0])["debtor"]) - {""} == set(net.nodes.index):
        return facts.EUROPEAN_DEBT
    return facts.LENDING_MARKETS if lends else facts.PERP_VENUES


def check_facts(net: Network) -> pd.DataFrame:
    """Read every fact behind the bundled network of its kind back from a network's tables.

    Parameters
    ----------
    net : Network
        A network with the venues, assets and markets of the facts.

    Returns
    -------
    pandas.DataFrame
        One row a fact: fact, source, target, value (read from the tables), error (value / target - 1; the
        difference where the target is 0; infinite where the network has no such number). Rules in words
        have target 1 and value 1 where the network has the word.

    Raises
    ------
    NetworkError
        If a venue or market of the facts is missing: the facts do not describe this network.
    """
    perps: tuple[Callable[[Network], Iterator[_Row]], ...] = (_tiers, _depth, _prices, _interest, _rules)
    loans: tuple[Callable[[Network], Iterator[_Row]], ...] = (_protocols, _terms, _reserves)
    behind = tables_behind(net)
    countries: tuple[Callable[[Network], Iterator[_Row]], ...] = (_debts,)
    readers = {
        facts.CRYPTO_SYSTEM: (read_back,),
        facts.EUROPEAN_DEBT: countries,
        facts.LENDING_MARKETS: loans,
    }.get(behind, perps)
    rows = [row for reader in readers for row in reader(net)]
    checked = pd.DataFrame(rows, columns=["fact", "source", "target", "value"])
    target, value = checked["target"].to_numpy(float), checked["value"].to_numpy(float)
    error = np.where(target == 0.0, value, value / np.where(target == 0.0, 1.0, target) - 1.0)
    return checked.assign(error=np.where(np.isnan(error), np.inf, error))


def _facts(table: str) -> Records:
    rows = facts.load(table)
    return rows[rows["status"] == "fact"].to_dict("records")


def _perp(net: Network, venue: str, asset: str) -> str:
    """Name of the perpetual market of an asset at a venue."""
    markets = net.markets
    chosen = (markets["venue"] == venue) & (markets["asset"] == asset) & (markets["kind"] == "perp")
    found = markets.index[chosen.to_numpy()]
    if len(found) != 1:
        raise NetworkError(
            f"has {len(found)} perpetual markets in {asset!r} at {venue!r}",
            where="markets",
            allowed="one; the facts describe the market of contagion.generate.perp_market",
        )
    return str(found[0])


def _cell(frame: pd.DataFrame, row: int, column: str) -> float:
    return float(frame[column].to_numpy()[row]) if row < len(frame) else float("nan")


def _tiers(net: Network) -> Iterator[_Row]:
    """A tier's cap is the next floor; the last one stands in the column `cap`."""
    facts_of_tiers = _facts("tiers")
    places = {(fact["venue"], fact["asset"]) for fact in facts_of_tiers}
    tables = {place: _tier_rows(net, *place) for place in sorted(places)}
    for fact in facts_of_tiers:
        table, row = tables[fact["venue"], fact["asset"]], int(fact["tier"]) - 1
        name, source = f"{fact['venue']} {fact['asset']} tier {row + 1}", fact["source"]
        yield (
            f"{name}: largest leverage",
            source,
            fact["max_leverage"],
            1.0 / _cell(table, row, "initial_rate"),
        )
        yield (
            f"{name}: maintenance rate",
            source,
            fact["maintenance_rate"],
            _cell(table, row, "maintenance_rate"),
        )
        if not np.isnan(fact["cap"]):
            above = row + 1 < len(table)
            cap = _cell(table, row + 1, "floor") if above else _cell(table, row, "cap")
            yield f"{name}: cap", source, fact["cap"], cap


def _tier_rows(net: Network, venue: str, asset: str) -> pd.DataFrame:
    schedule = net.markets["schedule"][_perp(net, venue, asset)]
    rows: pd.DataFrame = net.tiers[net.tiers["schedule"] == schedule]
    return rows.sort_values("floor")


def _depth(net: Network) -> Iterator[_Row]:
    depth = net.depth
    for fact in _facts("depth"):
        market = _perp(net, fact["venue"], fact["asset"])
        chosen = (
            (depth["market"] == market) & (depth["side"] == fact["side"]) & (depth["band"] == fact["band"])
        )
        name = f"{fact['venue']} {fact['asset']}: {fact['side']}s within {fact['band']:.0%}"
        yield name, fact["source"], fact["value"], _cell(depth[chosen], 0, "amount")


def _prices(net: Network) -> Iterator[_Row]:
    prices = net.assets["price"].to_dict()
    for fact in _facts("prices"):
        yield (
            f"{fact['asset']}: {fact['name']}",
            fact["source"],
            fact["value"],
            prices.get(fact["asset"], np.nan),
        )


def _interest(net: Network) -> Iterator[_Row]:
    """Open interest: money in long positions at opening prices."""
    held = net.positions
    price = net.assets["price"].reindex(net.markets["asset"].reindex(held["market"])).to_numpy()
    count = net.accounts["count"].reindex(held["account"]).to_numpy()
    money = pd.Series(np.maximum(held["quantity"].to_numpy(), 0.0) * price * count)
    by_venue = money.groupby(net.markets["venue"].reindex(held["market"]).to_numpy()).sum().to_dict()
    for fact in _facts("open_interest"):
        value = by_venue.get(fact["venue"], np.nan)
        yield f"{fact['venue']}: open interest", fact["source"], fact["value"], value


def _rules(net: Network) -> Iterator[_Row]:
    rules = net.venues.to_dict("index")
    for fact in _facts("venues"):
        yield _compared(fact, fact["venue"], rules[fact["venue"]][fact["name"]])


def _compared(fact: dict[Hashable, Any], where: str, value: Any) -> _Row:
    """A fact beside the cell that should hold it; a word has target 1 and value 1 where the cell has it."""
    if fact["unit"] == "word":
        return (
            f"{where}: {fact['name']} is {fact['value']}",
            fact["source"],
            1.0,
            float(value == fact["value"]),
        )
    return f"{where}: {fact['name']}", fact["source"], float(fact["value"]), float(value)


def _protocols(net: Network) -> Iterator[_Row]:
    """Rules of protocols that are columns of their venues, their nodes' kinds, and the fees of pools."""
    rules, kinds = net.venues.to_dict("index"), net.nodes["kind"].to_dict()
    for fact in _facts("protocols"):
        venue, name = str(fact["venue"]), str(fact["name"])
        if venue not in rules:
            raise NetworkError(
                f"has no venue {venue!r}",
                where="venues",
                allowed="the facts describe the market of contagion.generate.lending_market",
            )
        cells = {**rules[venue], "kind": kinds[venue]}
        if name in cells:
            yield _compared(fact, venue, cells[name])


def _terms(net: Network) -> Iterator[_Row]:
    """Terms of reserves: rows of `collateral`."""
    terms = net.collateral.set_index(["venue", "asset"]).to_dict("index")
    for fact in _facts("terms"):
        cells = terms.get((fact["venue"], fact["asset"]), {})
        yield _compared(fact, f"{fact['venue']} {fact['asset']}", cells.get(fact["name"], np.nan))


def _reserves(net: Network) -> Iterator[_Row]:
    """Prices, coins supplied by everybody, money resting in books and pools."""
    prices, depth = net.assets["price"].to_dict(), net.depth
    accounts = net.accounts.loc[net.balances["account"]]
    held = np.maximum(net.balances["quantity"].to_numpy(), 0.0) * accounts["count"].to_numpy()
    supplied = pd.Series(held).groupby([accounts["venue"].to_numpy(), net.balances["asset"].to_numpy()]).sum()
    for fact in _facts("reserves"):
        asset, venue = str(fact["asset"]), str(fact["venue"])
        if fact["name"] == "price":
            yield _compared(fact, asset, prices.get(asset, np.nan))
        elif fact["name"] == "supplied":
            yield _compared(fact, f"{venue} {asset}", supplied.to_dict().get((venue, asset), np.nan))
        elif fact["name"] == "resting":
            chosen = (depth["market"] == f"{venue}:{asset}") & (depth["band"] == fact["band"])
            rows = depth[chosen & (depth["side"] == fact["side"])]
            yield _compared(fact, f"{venue} {asset}", _cell(rows, 0, "amount"))


def _debts(net: Network) -> Iterator[_Row]:
    """Debts between countries, and gross domestic products in units of Portugal's."""
    owed = net.obligations.groupby(["debtor", "creditor"])["amount"].sum().to_dict()
    assets = net.nodes["external_assets"].to_dict()
    for fact in _facts("european_debt"):
        debtor, creditor = str(fact["debtor"]), str(fact["creditor"])
        if fact["name"] == "owed":
            value = owed.get((debtor, creditor), np.nan) / 1e6
            yield f"{debtor}: owed to {creditor}", fact["source"], float(fact["value"]), float(value)
        elif fact["name"] == "gdp_2011":
            value = assets[debtor] / assets["Portugal"] if assets["Portugal"] else np.nan
            yield (
                f"{debtor}: gross domestic product of 2011",
                fact["source"],
                float(fact["value"]),
                float(value),
            )
