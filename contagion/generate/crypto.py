"""Exchanges, protocols, institutions and the creditor network of June 2022 on one graph.

Who owed what to Three Arrows' creditors, and how much staked ETH Celsius held, are facts; everything else is an
assumption with a reason and a range (``contagion.facts.load("crypto_system")``). Opening prices are the peaks of the
recorded fall `2022-06-18`; ``contagion.datasets.scenario("june-2022 prices")`` is its outside path.

References
----------
Sources stand in each row of ``datasets/facts/crypto_system.csv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.generate.assumptions import read_assumptions
from contagion.generate.crypto_creditors import ARROWS, creditor_tables, equities, whole
from contagion.generate.crypto_markets import (
    BOOK,
    COINS,
    DOLLAR,
    ISSUERS,
    LENDING,
    POOLS,
    STAKED,
    UNIT,
    VAULT,
    market_tables,
    price_of,
)
from contagion.generate.crypto_options import option_markets, option_tables
from contagion.generate.crypto_people import borrower_tables, hedger_tables, trader_tables, venue_nodes
from contagion.generate.institutions import Institutions
from contagion.generate.stacking import stacked
from contagion.network.equity import opening_account_equity, opening_equity, opening_requirement
from contagion.network.network import Network
from contagion.streams import check_seed

__all__ = ["crypto_system"]

WHERE: Final = "crypto_system"
FEWEST, MOST = 100, 1_000_000
TRADING: Final = 0.55
INSURED: Final = 0.05
"""Shares of the rows that trade and that bought puts; the others borrow and supply."""
CALL_MARGIN: Final = 1.05
"""Accounts open at least this many times above the level at which their venue calls them."""


def crypto_system(n_accounts: int = 600, seed: int = 0, **assumptions: float) -> Network:
    """Make exchanges, options, a lending protocol, tokens, lenders and the creditors of Three Arrows on one graph.

    Parameters
    ----------
    n_accounts : int, default 600
        About how many rows of `accounts` traders and borrowers have, at least 100; institutions come on top.
    seed : int, default 0
        Same seed, same bits. The creditor network is not drawn.
    **assumptions : float
        Any row of ``contagion.facts.load("crypto_system")`` by its name, such as ``parent_support=0``.

    Returns
    -------
    Network
        Nobody is called or liquidated while prices stand still, and every venue and institution is solvent.

    Raises
    ------
    InputError
        If a name is unknown, a number has no meaning, or what is assumed leaves a sheet without room.
    TooLargeError
        If there are more than a million rows.

    Examples
    --------
    >>> net = crypto_system(100, seed=7)
    >>> float(net.obligations.query("creditor == 'Celsius' and debtor == '3AC'")["amount"].iloc[0])
    75000000.0
    """
    settings = read_assumptions(assumptions, "crypto_system", WHERE)
    n = _rows(n_accounts)
    check_seed(seed)
    out = Institutions()
    venue_nodes(settings, out)
    out.add("nodes", name=[LENDING, POOLS, BOOK, *ISSUERS.values()], kind="protocol")
    creditor_tables(settings, out)
    trader_tables(settings, round(TRADING * n), seed, out)
    option_tables(settings, round(INSURED * n), seed, out)
    hedger_tables(settings, out)
    borrower_tables(settings, round((1.0 - TRADING - INSURED) * n), seed, out)
    tables = market_tables(settings)
    for table, frame in option_markets(settings).items():
        tables[table] = stacked(table, [tables[table], frame])
    for table, frames in out.rows.items():
        tables[table] = stacked(table, frames)
    net = Network(unit=UNIT, **tables)  # type: ignore[arg-type]
    return _balanced(_backed(_margined(net), settings), settings)


def _rows(n_accounts: int) -> int:
    where = f"{WHERE}, n_accounts"
    if isinstance(n_accounts, bool) or not isinstance(n_accounts, (int, np.integer)):
        raise SchemaError("is no whole number", where=where, value=n_accounts)
    if n_accounts > MOST:
        raise TooLargeError("is too large", where=where, value=n_accounts, allowed=f"at most {MOST:,}")
    if n_accounts < FEWEST:
        raise ValueRangeError("is too few", where=where, value=n_accounts, allowed=f"at least {FEWEST}")
    return int(n_accounts)


def _margined(net: Network) -> Network:
    """Post what accounts with positions need so that nobody is called at the opening."""
    ratio = net.column("venues", "call_ratio")[net.codes("accounts", "venue")]
    required = CALL_MARGIN * ratio * opening_requirement(net).to_numpy()
    missing = np.maximum(required - opening_account_equity(net).to_numpy(), 0.0)
    missing[~np.isin(net.index("accounts"), net.column("positions", "account"))] = 0.0
    posted = pd.Series(missing, index=net.index("accounts"))
    money = (net.balances["asset"] == UNIT).to_numpy()
    more = posted.reindex(net.balances["account"]).to_numpy()
    return net.replace(
        balances=net.balances.assign(quantity=net.balances["quantity"] + np.where(money, more, 0.0))
    )


def _backed(net: Network, settings: Mapping[str, float]) -> Network:
    """What stands behind tokens: staked ETH behind shares of the vault, ETH behind staked ETH, dollars outside."""
    holdings, nodes = net.holdings, net.nodes.copy()
    for token, asset in ((VAULT, STAKED), (STAKED, "ETH")):
        units = _outstanding(net, holdings, token)
        if units > 0.0:
            row = pd.DataFrame({"node": [ISSUERS[token]], "asset": asset, "quantity": [units]})
            holdings = pd.concat([holdings, row], ignore_index=True)
    dollars = settings["dollar_reserve"] * _outstanding(net, holdings, DOLLAR)
    nodes.loc[ISSUERS[DOLLAR], "external_assets"] = dollars
    return net.replace(holdings=holdings, nodes=nodes)


def _outstanding(net: Network, holdings: pd.DataFrame, token: str) -> float:
    """Units of a token in holdings and accounts."""
    rows = net.balances[net.balances["asset"] == token]
    count = net.accounts["count"].reindex(rows["account"]).to_numpy()
    held = holdings["quantity"][holdings["asset"] == token].sum()
    return float((rows["quantity"] * count).sum() + held)


def _balanced(net: Network, settings: Mapping[str, float]) -> Network:
    """Close the sheets: coins for Three Arrows, then outside assets, or debts outside where there are too many."""
    wanted = pd.Series(equities(settings))
    claims = net.obligations.groupby("creditor")["amount"].sum()
    lenders = [name for name in net.nodes.index if str(name).startswith("lender-")]
    wanted = pd.concat([wanted, settings["lender_equity"] * claims.reindex(lenders)])
    missing = wanted - opening_equity(net).reindex(wanted.index)
    if missing[ARROWS] < 0.0:
        raise ValueRangeError(
            "is more than it may own", where=f"{WHERE}, pledges of {ARROWS}", value=float(-missing[ARROWS])
        )
    coins, shares = (
        settings["arrows_coins"] * missing[ARROWS],
        {"BTC": settings["arrows_btc"], "ETH": 1.0 - settings["arrows_btc"]},
    )
    held = {asset: whole(coins * shares[asset] / price_of(asset), asset) for asset in COINS}
    rows = pd.DataFrame({"node": ARROWS, "asset": list(held), "quantity": list(held.values())})
    missing[ARROWS] -= sum(quantity * price_of(asset) for asset, quantity in held.items())
    nodes = net.nodes.copy()
    nodes.loc[missing.index, "external_assets"] += missing.clip(lower=0.0)
    nodes.loc[missing.index, "external_liabilities"] -= missing.clip(upper=0.0)
    return net.replace(nodes=nodes, holdings=pd.concat([net.holdings, rows], ignore_index=True))
