"""Findings about a network that may exist but is unusual, or that a model could not run on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.errors import Fault, InputError, NetworkError, issue_table, raise_faults, shown
from contagion.network.equity import opening_account_equity, opening_equity, opening_requirement
from contagion.network.held_legs import legs_are_held
from contagion.network.issuers import issuers_are_backed
from contagion.network.network import Network
from contagion.network.once import once
from contagion.network.rulebook import is_spot
from contagion.network.schema import TABLES
from contagion.network.unread import at_default

VENUES_AND_INSTITUTIONS: Final = ("exchange", "protocol", "institution")
ORACLE: Final = ("oracle", "oracle_lag", "oracle_threshold", "oracle_heartbeat")
HIGH_VOLATILITY: Final = 5.0
"""Implied volatility above which a percentage was probably typed for a fraction (assumed; 1 to 10)."""
LISTED: Final = 5
"""Names shown in one finding."""


def check(net: Network) -> pd.DataFrame:
    """Return findings: severity (error, warning, note), code, table, row, remedy.

    Errors keep a model from running. Row 1 is the first row of the table as the network shows it; row 0 is
    the whole table.

    Examples
    --------
    >>> check(Network(nodes=[{"name": "A"}]))["severity"].tolist()
    ['note']
    """
    return issue_table(findings(net))


@once
def findings(net: Network) -> list[Fault]:
    """Return the findings of `check`, errors first.

    Examples
    --------
    >>> [finding.code for finding in findings(Network(nodes=[{"name": "A"}, {"name": "B"}]))]
    ['disconnected']
    """
    found = [finding for inspect in INSPECTIONS for finding in inspect(net)]
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def refuse_errors(net: Network) -> None:
    """Raise NetworkError when `check` finds errors.

    Examples
    --------
    >>> refuse_errors(Network(nodes=[{"name": "A"}]))
    """
    raise_faults([finding for finding in findings(net) if finding.severity == "error"])


def require_rows(net: Network, tables: Iterable[str], model: str = "the model") -> None:
    """Raise NetworkError unless at least one of the tables that a model reads has rows.

    Parameters
    ----------
    net
        The network.
    tables
        The edge tables that the model reads, such as ``("obligations", "positions")``.
    model
        How the model is called in the message.

    Examples
    --------
    >>> require_rows(Network(nodes=[{"name": "A"}]), ["obligations"], "Clearing")
    Traceback (most recent call last):
    contagion.errors.NetworkError: obligations: no rows; Clearing reads them
    """
    names = list(tables)
    if names and not any(len(net.column(name, TABLES[name].key[0])) for name in names):
        listed = " and ".join(names)
        raise NetworkError(
            "no rows", where=listed, allowed=f"{model} reads them", code="no-rows", table=names[0]
        )


def negative_equity(net: Network, kinds: Iterable[str] = VENUES_AND_INSTITUTIONS) -> pd.Series[float]:
    """Return the opening equity of the nodes of some kinds whose equity is negative.

    Parameters
    ----------
    net
        The network.
    kinds
        Kinds of nodes; traders are left out, because their accounts cannot owe more than they hold.

    Returns
    -------
    Series of float, index `node`
        Money, below 0.

    Examples
    --------
    >>> negative_equity(Network(nodes=[{"name": "A", "external_liabilities": 2}])).to_dict()
    {'A': -2.0}
    """
    equity = opening_equity(net)
    counted = np.isin(net.column("nodes", "kind").astype(str), list(kinds))
    return equity[counted & (equity.to_numpy() < 0.0)]


def refuse_negative_equity(net: Network) -> None:
    """Raise NetworkError when a venue or institution is insolvent before the shock.

    Examples
    --------
    >>> refuse_negative_equity(Network(nodes=[{"name": "A", "cash": 2}]))
    """
    raise_faults(
        [
            _finding(
                "error",
                "negative-equity",
                "nodes",
                f"{shown(name)} has negative equity {equity:,.6g} before the shock",
                "raise its cash or external_assets, or model its failure as a Default shock",
                _row(net.nodes, name),
            )
            for name, equity in negative_equity(net).items()
        ]
    )


def _finding(
    severity: str, code: str, table: str, what: str, remedy: str = "", row: int | None = None
) -> Fault:
    place = 0 if row is None else row + 1
    error: type[InputError] = NetworkError
    return Fault(error, code, table, place, f"{what} ({remedy})" if remedy else what, severity)


def _row(frame: pd.DataFrame, name: object) -> int:
    return int(frame.index.get_indexer(pd.Index([name], dtype=object))[0])


def _listed(names: pd.Index[Any]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(shown(name) for name in names[:LISTED]) + more


def _depth_is_there(net: Network) -> list[Fault]:
    sides = set(zip(net.column("depth", "market"), net.column("depth", "side"), strict=True))
    markets = zip(net.column("markets", "name"), net.column("markets", "impact"), strict=True)
    found = []
    for row, (name, impact) in enumerate(markets):
        if impact == "square_root":
            continue
        missing = [side for side in ("bid", "ask") if (name, side) not in sides]
        if missing:
            what = f"market {shown(name)} has no depth on its {' and '.join(missing)} side"
            remedy = "add rows to depth: market, side, band, amount"
            found.append(_finding("error", "no-depth", "markets", what, remedy, row))
    return found


def _volume_is_there(net: Network) -> list[Fault]:
    asset_volatility = net.column("assets", "volatility")[net.codes("markets", "asset")]
    known = ~(np.isnan(net.column("markets", "volatility")) & np.isnan(asset_volatility))
    unstated = np.isnan(net.column("markets", "volume")) | ~known
    lacking = (net.column("markets", "impact") == "square_root") & unstated
    return [
        _finding(
            "error",
            "no-volume",
            "markets",
            f"market {shown(net.index('markets')[row])} has square-root impact but no volume or volatility",
            "set markets.volume, and markets.volatility or assets.volatility",
            row,
        )
        for row in map(int, np.flatnonzero(lacking))
    ]


def _one_node(net: Network) -> list[Fault]:
    return (
        [_finding("note", "one-node", "nodes", "the network has one node")]
        if len(net.index("nodes")) == 1
        else []
    )


def _connected(net: Network) -> list[Fault]:
    """Obligations and accounts join nodes, and so does an asset that both hold, or that one holds and one trades."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, size = len(net.index("nodes")), len(net.index("nodes")) + len(net.index("assets"))
    venues = net.codes("venues", "name")
    held, asset = net.codes("holdings", "node"), net.codes("holdings", "asset")
    risky = asset != int(net.index("assets").get_indexer(pd.Index([net.unit]))[0])
    spot = is_spot(net.column("markets", "kind"))
    pairs = [
        (net.codes("obligations", "debtor"), net.codes("obligations", "creditor")),
        (net.codes("accounts", "owner"), venues[net.codes("accounts", "venue")]),
        (held[risky], rows + asset[risky]),
        (venues[net.codes("markets", "venue")][spot], rows + net.codes("markets", "asset")[spot]),
    ]
    ends = tuple(np.concatenate(side) for side in zip(*pairs, strict=True))
    graph = coo_array((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(size, size))
    parts = len(np.unique(connected_components(graph.tocsr(), directed=False)[1][:rows]))
    what = f"the network falls into {parts:,} parts that no obligation, account or asset joins"
    return [_finding("note", "disconnected", "nodes", what)] if parts > 1 else []


def _parallel_channels(net: Network) -> list[Fault]:
    rows = len(net.index("nodes"))
    venue = net.codes("venues", "name")[net.codes("accounts", "venue")]
    accounts = net.codes("accounts", "owner") * rows + venue
    debtor, creditor = net.codes("obligations", "debtor"), net.codes("obligations", "creditor")
    owed = np.unique(np.concatenate((debtor * rows + creditor, creditor * rows + debtor)))
    pairs = len(np.unique(accounts[np.isin(accounts, owed)]))
    what = f"{pairs:,} pairs of nodes are joined by more than one channel"
    return [_finding("note", "parallel-channels", "obligations", what)] if pairs else []


def _solvent(net: Network) -> list[Fault]:
    equity = opening_equity(net).to_numpy()
    trader = net.column("nodes", "kind") == "trader"
    found = []
    for severity, chosen, who in (
        ("warning", ~trader, "venues and institutions"),
        ("note", trader, "traders"),
    ):
        names = net.index("nodes")[chosen & (equity < 0.0)]
        if len(names):
            what = f"{len(names):,} {who} have negative equity before the shock: {_listed(names)}"
            remedy = "the cascade refuses this; clearing and fire sales accept it" if who != "traders" else ""
            row = _row(net.nodes, names[0])
            found.append(_finding(severity, "negative-equity", "nodes", what, remedy, row))
    return found


def _healthy(net: Network) -> list[Fault]:
    """Accounts that would be liquidated or called before any shock."""
    equity, required = opening_account_equity(net).to_numpy(), opening_requirement(net).to_numpy()
    ratio = net.column("venues", "call_ratio")[net.codes("accounts", "venue")]
    answers = net.column("accounts", "reaction") != "none"
    below = equity < required
    called = ~below & answers & (equity < ratio * required)
    found = []
    for severity, chosen, what in (
        ("warning", below, "are below maintenance before the shock"),
        ("note", called, "are below the call level before the shock"),
    ):
        names = net.index("accounts")[chosen]
        if len(names):
            text = f"{len(names):,} accounts {what}: {_listed(names)}"
            code = "liquidatable" if severity == "warning" else "callable"
            row = _row(net.accounts, names[0])
            found.append(_finding(severity, code, "accounts", text, "raise their balances", row))
    return found


def _oracles_are_read(net: Network) -> list[Fault]:
    """Rules of oracles at venues where no account holds or owes a coin: marks are made of indices, not of reports."""
    coins = net.column("balances", "asset") != net.unit
    with_coins = net.codes("accounts", "venue")[net.codes("balances", "account")[coins]]
    idle = ~np.isin(np.arange(len(net.index("venues"))), with_coins)
    found = []
    for name in ORACLE:
        column = TABLES["venues"].column(name)
        names = net.index("venues")[idle & ~at_default(column, net.column("venues", name))]
        if len(names):
            what = f"venues: {name} is not read, because no account holds or owes coins at {_listed(names)}"
            remedy = f"add coins to balances, or leave {name} out; index_lag makes marks late"
            found.append(_finding("warning", "unread", "venues", what, remedy, _row(net.venues, names[0])))
    return found


def _volatilities_are_fractions(net: Network) -> list[Fault]:
    found = []
    for row, value in enumerate(net.column("markets", "implied_volatility").tolist()):
        if value > HIGH_VOLATILITY:
            what = (
                f"market {shown(net.index('markets')[row])} has an implied_volatility of {value:g}, which is "
                f"{value:,.0%} a year"
            )
            remedy = "state a fraction: 0.8 is 80%"
            found.append(_finding("warning", "high-volatility", "markets", what, remedy, row))
    return found


def _repaired(net: Network) -> list[Fault]:
    return [_finding("note", "repaired", _table_of(repair), repair) for repair in net.repairs]


def _table_of(repair: str) -> str:
    return next((name for name in TABLES if f" {name} " in repair), "nodes")


INSPECTIONS: Final[tuple[Callable[[Network], list[Fault]], ...]] = (
    _depth_is_there,
    _volume_is_there,
    _one_node,
    _connected,
    _parallel_channels,
    _solvent,
    _healthy,
    legs_are_held,
    issuers_are_backed,
    _oracles_are_read,
    _volatilities_are_fractions,
    _repaired,
)
