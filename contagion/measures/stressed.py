"""Would the funds of a venue survive its largest members? Who they are, what they would leave, what stands against it.

Every account is revalued under a shock, at once and without impact, or at given closing prices. What an account owes
beyond its own margin is its member's uncovered loss: accounts of one member do not pay for one another. What the member
has itself prefunded in the default fund of the venue pays for that first; what is left is its deficit. Contributions of
members that fail are no resource against the deficits of others.

References
----------
CPMI-IOSCO, Principles for financial market infrastructures (2012), principle 4: cover the default of the two
participants that would cause the largest joint exposure in extreme but plausible conditions ("cover 2"). Regulation
(EU) 648/2012, article 45: the contribution of the defaulting member before any other resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import NetworkError, nearest
from contagion.measures.probability import count
from contagion.network.contracts import Contracts
from contagion.network.equity import contributions, opening_account_equity
from contagion.network.references import follow, powers
from contagion.network.reserved import inventory, rest_of_market
from contagion.network.settlement import entry_coins, settles_in_coins

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["cover", "resources", "stressed_members"]

Floats = npt.NDArray[np.float64]

COLUMNS: Final = (
    "venue",
    "rank",
    "node",
    "margin",
    "stressed_loss",
    "uncovered",
    "contribution",
    "own_contributions",
    "deficit",
)
"""Names of the columns of `stressed_members`, in their order."""


class Move(Protocol):
    """What is needed of a shock: the log returns of assets, and whether its names exist."""

    def log_returns(self, assets: Sequence[str]) -> Floats:
        """Log return of every asset to the end of the shock."""
        ...

    def check(
        self, assets: list[str], markets: list[str], nodes: list[str], unit: str, venues: list[str]
    ) -> None:
        """Refuse names that do not exist."""
        ...


def cover(
    net: Network,
    shock: Move,
    k: int = 2,
    *,
    marks: pd.Series[float] | None = None,
    prices: pd.Series[float] | None = None,
) -> pd.DataFrame:
    """Return the joint deficit of the `k` largest members of every venue, against what stands behind it.

    Parameters
    ----------
    net : Network
        A network with venues and accounts.
    shock : Shock
        What it does to prices counts; 0 impact.
    k : int, default 2
        Number of members that fail together, at least 1.
    marks, prices : Series of float, optional
        Prices by market for positions, and by asset for coins, in place of the shocked outside prices.

    Returns
    -------
    DataFrame
        Index venue; members (the k largest, by deficit, then by uncovered and by stressed loss); of these together
        stressed_loss, uncovered (beyond their margin), own_contributions (what they have prefunded, as far as their
        own uncovered losses use it) and deficit (the rest of uncovered), all in money; fund, own_capital (at most the
        venue's cash), default_fund (contributions of all members but those of the k that leave something uncovered),
        resources (sum of these three), left (resources less deficit: below 0 the cover fails) and ratio (deficit /
        resources; NaN where there is neither, inf where there is only a deficit).

    Raises
    ------
    NetworkError
        If the shock, `marks` or `prices` name something that does not exist.
    SchemaError, ValueRangeError
        If k is no whole number, or below 1.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> table = ct.measures.cover(net, ct.PriceShock({"BTC": -0.3}))
    >>> bool((table["resources"] > 0).all())
    True
    """
    count(k, "k", 1)
    ranked = stressed_members(net, shock, marks=marks, prices=prices)
    top = ranked[ranked["rank"] <= k].groupby("venue")
    index = pd.Index(net.venues.index, name="venue")
    table = pd.DataFrame({"members": top["node"].agg(", ".join).reindex(index).fillna("")}, index=index)
    for name in ("stressed_loss", "uncovered", "own_contributions", "deficit"):
        table[name] = top[name].sum().reindex(index).fillna(0.0)
    failing = ranked[(ranked["rank"] <= k) & (ranked["uncovered"] > 0.0)]
    gone = failing.groupby("venue")["contribution"].sum().reindex(index).fillna(0.0)
    table = table.join(resources(net))
    table["default_fund"] = np.maximum(table["default_fund"] - gone, 0.0)
    table["resources"] = table[["fund", "own_capital", "default_fund"]].sum(axis=1)
    table["left"] = table["resources"] - table["deficit"]
    with np.errstate(divide="ignore", invalid="ignore"):
        table["ratio"] = table["deficit"].to_numpy(float) / table["resources"].to_numpy(float)
    return table


def resources(net: Network) -> pd.DataFrame:
    """Return what stands behind every venue at the opening, for deficits beyond own contributions.

    Returns
    -------
    DataFrame
        Index venue; fund, own_capital (at most the venue's cash) and default_fund (of all members: what those who
        leave something uncovered have in it pays for nobody else), money.
    """
    index = pd.Index(net.venues.index, name="venue")
    cash = net.nodes["cash"].reindex(index).clip(lower=0.0).to_numpy(np.float64)
    return pd.DataFrame(
        {
            "fund": net.venues["insurance_fund"].to_numpy(np.float64),
            "own_capital": np.minimum(cash, net.venues["own_capital"].to_numpy(np.float64)),
            "default_fund": net.venues["default_fund"].to_numpy(np.float64),
        },
        index=index,
    )


def stressed_members(
    net: Network,
    shock: Move,
    *,
    marks: pd.Series[float] | None = None,
    prices: pd.Series[float] | None = None,
) -> pd.DataFrame:
    """Return every member of every venue, ranked by what it would leave unpaid under a shock.

    Parameters
    ----------
    net, shock, marks, prices
        As for `cover`.

    Returns
    -------
    DataFrame
        Columns venue, rank (from 1), node, margin (positive equity of its accounts there), stressed_loss (positive:
        money lost by them), uncovered (what they owe beyond their margin), contribution (what it has prefunded in the
        default fund), own_contributions (the part of it that its uncovered loss uses) and deficit (the rest of
        uncovered), money; sorted by venue and rank. The rest of the market and a venue's own inventory are no
        members.
    """
    assets, markets = list(net.assets.index), list(net.markets.index)
    shock.check(assets, markets, list(net.nodes.index), net.unit, list(net.venues.index))
    opening = net.assets["price"].to_numpy(np.float64)
    moves = follow(np.exp(shock.log_returns(assets)), net.codes("assets", "reference"), powers(net))
    after = _replaced(opening * moves, assets, prices, "prices")
    contracts = Contracts.of(net)
    mark = _replaced(contracts.prices(after), markets, marks, "marks")
    positions, balances, size = net.positions, net.balances, len(net.accounts)
    traded = net.codes("positions", "market")
    gain = positions["quantity"].to_numpy(np.float64) * (mark - contracts.prices(opening))[traded]
    if settles_in_coins(net).any():
        coins, settle = settles_in_coins(net)[traded], contracts.settle[traded]
        worth = np.where(contracts.inverse, -after[contracts.settle] / mark, mark) - contracts.worths(opening)
        opened = entry_coins(net) * (after - opening)[settle]
        gain = np.where(coins, positions["quantity"].to_numpy(np.float64) * worth[traded] + opened, gain)
    change = np.bincount(net.codes("positions", "account"), gain, size)
    coin = net.codes("balances", "asset")
    worth = balances["quantity"].to_numpy(np.float64) * (after - opening)[coin]
    change = change + np.bincount(net.codes("balances", "account"), worth, size)
    equity = opening_account_equity(net).to_numpy(np.float64)
    number = net.accounts["count"].to_numpy(np.float64)
    table = pd.DataFrame(
        {
            "venue": net.accounts["venue"].to_numpy(),
            "node": net.accounts["owner"].to_numpy(),
            "margin": np.maximum(equity, 0.0) * number,
            "stressed_loss": -change * number,
            "uncovered": np.maximum(-(equity + change), 0.0) * number,
        }
    )
    named = ~rest_of_market(net.accounts.index) & ~inventory(net.accounts.index)
    table = table[named].groupby(["venue", "node"], sort=True).sum().reset_index()
    table["contribution"] = _prefunded(net, table)
    table["own_contributions"] = np.minimum(table["uncovered"], table["contribution"])
    table["deficit"] = table["uncovered"] - table["own_contributions"]
    order = ["venue", "deficit", "uncovered", "stressed_loss", "node"]
    table = table.sort_values(order, ascending=[True, False, False, False, True], kind="stable")
    table["rank"] = table.groupby("venue").cumcount() + 1
    return pd.DataFrame(table[list(COLUMNS)].reset_index(drop=True))


def _prefunded(net: Network, table: pd.DataFrame) -> Floats:
    """Return what the member of every row has in the default fund of its venue, money."""
    paid = contributions(net).set_index(["venue", "node"])["money"]
    keys = pd.MultiIndex.from_frame(table[["venue", "node"]])
    return np.asarray(paid.reindex(keys).fillna(0.0), dtype=np.float64)


def _replaced(values: Floats, names: list[str], given: pd.Series[float] | None, where: str) -> Floats:
    """Return the values with those that are given in place of them."""
    if given is None:
        return values
    for name in given.index:
        if name not in names:
            raise NetworkError(
                f"is no name of the network{nearest(str(name), names)}", where=where, value=name
            )
    found = pd.Series(values, index=names)
    found.update(given.astype(np.float64))
    return np.asarray(found, dtype=np.float64)
