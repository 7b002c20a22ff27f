"""What can be done about leverage and liquid assets before the shock? Sell at the old price, raise equity, hold cash.

Sales before the shock move no price: there is time. Both rules count all of a balance sheet as the tables say: cash,
external assets, holdings, what is positive in margin accounts, claims and funds; debts inside and outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.network.equity import opening_equity
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_word
from contagion.policies.capital import chosen_nodes, money_by
from contagion.policies.costs import CostRates, Outlay

__all__ = ["LeverageCap", "LiquidityBuffer", "opening_assets"]

ROUNDING = 1e-12
"""What exceeds a limit by less than this share of total assets is rounding."""


@dataclass(frozen=True)
class LeverageCap(Policy):
    """No balance sheet starts with total assets above `maximum` times its equity.

    The whole balance sheet counts; `LeverageLimit` limits positions of margin accounts instead.

    Parameters
    ----------
    maximum
        Largest total assets over equity, at least 1.
    response
        ``sell``: nodes above it sell the same share of all their holdings at the opening price, without impact, and pay
        back external liabilities; cash pays where holdings are not enough, holdings that hedge a strategy stay.
        ``raise``: an outside payer gives equity, which pays back external liabilities and is kept as cash beyond them.
    nodes
        Names of the nodes; None: all venues and institutions.

    Raises
    ------
    PolicyError
        If a node above the limit cannot come down that way; the message names it and what it lacks.

    References
    ----------
    Greenwood, Landier, Thesmar (2015), Journal of Financial Economics 115, for a cap on leverage against fire sales.

    Examples
    --------
    >>> LeverageCap(maximum=20.0).describe()
    'Leverage cap: total assets of at most 20 times equity before the shock; nodes above it sell holdings.'
    """

    tables: ClassVar[tuple[str, ...]] = ("nodes",)

    maximum: float = 30.0
    response: Literal["sell", "raise"] = "sell"
    nodes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        check_number(self, "maximum", 1.0, 1e9)
        check_word(self, "response", ("sell", "raise"))

    def describe(self) -> str:
        """One plain sentence."""
        how = "sell holdings" if self.response == "sell" else "raise equity outside"
        return (
            f"Leverage cap: total assets of at most {self.maximum:g} times equity before the shock; "
            f"nodes above it {how}."
        )

    def opening(self, net: Network) -> Network:
        """Nodes above the limit come down to it."""
        chosen = chosen_nodes(self, net, self.nodes)
        assets, equity = opening_assets(net)[chosen], opening_equity(net)[chosen]
        excess = assets - self.maximum * equity
        excess = excess[excess > ROUNDING * assets]
        if excess.empty:
            return net
        return self._sold(net, excess) if self.response == "sell" else self._raised(net, excess)

    def _sold(self, net: Network, excess: pd.Series[float]) -> Network:
        """Holdings, then cash, pay back external liabilities."""
        worth = saleable(net).reindex(excess.index).fillna(0.0)
        had = net.nodes.loc[excess.index, ["cash", "external_liabilities"]]
        slack = ROUNDING * excess.abs()
        able = (worth + had["cash"] >= excess - slack) & (had["external_liabilities"] >= excess - slack)
        if not able.all():
            name = able.index[~able][0]
            raise PolicyError(
                f"LeverageCap.maximum {self.maximum:g}: {name!r} would have to sell and pay back {excess[name]:,.6g}, "
                f"but can sell holdings of {worth[name]:,.6g}, has cash of {had['cash'][name]:,.6g} and owes "
                f"{had['external_liabilities'][name]:,.6g} outside{_others(able)}; raise the maximum, take response "
                "'raise', or name the nodes that can"
            )
        sold = excess.clip(upper=worth)
        after = without_holdings(net, sold)
        nodes = after.nodes.copy()
        from_cash = np.minimum(excess - sold, had["cash"])
        nodes.loc[excess.index, "cash"] -= from_cash
        nodes.loc[excess.index, "external_liabilities"] -= np.minimum(
            sold + from_cash, had["external_liabilities"]
        )
        return after.replace(nodes=nodes)

    def _raised(self, net: Network, excess: pd.Series[float]) -> Network:
        """Equity from outside pays back external liabilities, what is left of it is cash."""
        debts = net.nodes.loc[excess.index, "external_liabilities"]
        repaid = np.minimum(excess / self.maximum, debts)
        missing = excess - self.maximum * repaid
        missing = missing.where(missing > ROUNDING * excess, 0.0)
        if (missing > 0.0).any() and self.maximum == 1.0:
            name = missing.index[missing > 0.0][0]
            raise PolicyError(
                f"LeverageCap.maximum 1: {name!r} owes money inside the network, so that no equity brings it there; "
                "take a maximum above 1"
            )
        kept = missing / (self.maximum - 1.0) if self.maximum > 1.0 else missing
        nodes = net.nodes.copy()
        nodes.loc[excess.index, "external_liabilities"] -= repaid
        nodes.loc[excess.index, "cash"] += kept
        payers = dict(net.payers)
        payers["leverage cap"] = payers.get("leverage cap", 0.0) + float((repaid + kept).sum())
        return net.replace(nodes=nodes, payers=payers)

    def commitment(self, before: Network, after: Network) -> Outlay:
        """Equity raised, holdings given up."""
        raised = super().commitment(before, after)
        return Outlay(locked=raised.locked, turned_away=_held(before) - _held(after))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up, and income lost on holdings given up."""
        return rates.locked(outlay) + rates.turning_away(outlay)


@dataclass(frozen=True)
class LiquidityBuffer(Policy):
    """Nodes start with cash of at least a share of what they own or owe; they sell holdings for it.

    They sell the same share of all holdings at the opening price, before the shock and without impact; holdings that
    hedge a strategy stay.

    Parameters
    ----------
    share
        Least cash as a share of `of`, 0 to 1.
    of
        ``assets``: total assets; ``debts``: external liabilities.
    nodes
        Names of the nodes; None: all venues and institutions.

    Raises
    ------
    PolicyError
        If a node has too little to sell; the message names it.

    References
    ----------
    Basel Committee on Banking Supervision (2013), The liquidity coverage ratio (bcbs238): liquid assets against what
    may flow out. Here cash alone counts, and the share is an assumption (5 to 20 %).

    Examples
    --------
    >>> LiquidityBuffer(share=0.1).describe()
    'Liquidity buffer: cash of at least 10 % of total assets before the shock; nodes below it sell holdings.'
    """

    tables: ClassVar[tuple[str, ...]] = ("nodes",)

    share: float = 0.1
    of: Literal["assets", "debts"] = "assets"
    nodes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a share outside 0 to 1."""
        check_number(self, "share", 0.0, 1.0)
        check_word(self, "of", ("assets", "debts"))

    def describe(self) -> str:
        """One plain sentence."""
        what = "total assets" if self.of == "assets" else "debts outside"
        return (
            f"Liquidity buffer: cash of at least {100 * self.share:g} % of {what} before the shock; "
            "nodes below it sell holdings."
        )

    def opening(self, net: Network) -> Network:
        """Swap holdings for cash."""
        chosen = chosen_nodes(self, net, self.nodes)
        base = opening_assets(net) if self.of == "assets" else net.nodes["external_liabilities"]
        cash = net.nodes["cash"]
        need = (self.share * base - cash)[chosen]
        need = need[need > ROUNDING * base[chosen]]
        if need.empty:
            return net
        worth = saleable(net).reindex(need.index).fillna(0.0)
        able = worth >= need * (1.0 - ROUNDING)
        if not able.all():
            name = able.index[~able][0]
            raise PolicyError(
                f"LiquidityBuffer.share {self.share:g}: {name!r} needs {need[name]:,.6g} more cash, but can sell "
                f"holdings of {worth[name]:,.6g}{_others(able)}; take a smaller share, or name the nodes that can"
            )
        sold = need.clip(upper=worth)
        after = without_holdings(net, sold)
        nodes = after.nodes.copy()
        nodes.loc[need.index, "cash"] += sold
        return after.replace(nodes=nodes)

    def commitment(self, before: Network, after: Network) -> Outlay:
        """Money that lies idle: what holdings became cash."""
        return Outlay(locked=_held(before) - _held(after))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up."""
        return rates.locked(outlay)


def opening_assets(net: Network) -> pd.Series[float]:
    """Return all that each node owns before the shock, money: equity, and what it owes inside and outside.

    Examples
    --------
    >>> net = Network(nodes=[{"name": "A", "cash": 5}, {"name": "B"}],
    ...               obligations=[{"debtor": "A", "creditor": "B", "amount": 3}])
    >>> opening_assets(net).to_dict()
    {'A': 5.0, 'B': 3.0}
    """
    owed = money_by(net.obligations["amount"].to_numpy(float), net.obligations["debtor"], net.nodes.index)
    return opening_equity(net) + net.nodes["external_liabilities"] + owed


def saleable(net: Network) -> pd.Series[float]:
    """Return what each node's holdings are worth that hedge no strategy, money at opening prices."""
    worth = np.where(_bound(net), 0.0, _worth(net))
    return money_by(worth, net.holdings["node"], net.nodes.index)


def without_holdings(net: Network, sold: pd.Series[float]) -> Network:
    """Return the network after nodes sold so much money of their saleable holdings, the same share of each."""
    worth = saleable(net).reindex(sold.index)
    left = pd.Series(np.clip(1.0 - sold / worth.where(worth > 0.0, np.inf), 0.0, 1.0), index=sold.index)
    share = left.reindex(net.holdings["node"]).fillna(1.0).to_numpy(float)
    bound = _bound(net)  # a hedger may start with none
    quantity = net.holdings["quantity"].to_numpy(float) * np.where(bound, 1.0, share)
    return net.replace(holdings=net.holdings.assign(quantity=quantity)[bound | (quantity > 0.0)])


def _bound(net: Network) -> np.ndarray:
    """Which holdings hedge a strategy."""
    legs = set(zip(net.strategies["spot_node"], net.strategies["asset"], strict=True))
    return np.array(
        [leg in legs for leg in zip(net.holdings["node"], net.holdings["asset"], strict=True)], dtype=np.bool_
    )


def _worth(net: Network) -> np.ndarray:
    """Every holding at its opening price, money."""
    price = net.assets["price"].to_numpy(float)[net.codes("holdings", "asset")]
    return np.asarray(net.holdings["quantity"].to_numpy(float) * price)


def _held(net: Network) -> float:
    return float(_worth(net).sum())


def _others(able: pd.Series[bool]) -> str:
    """How many further nodes cannot."""
    more = int((~able).sum()) - 1
    return f" (and {more} more nodes cannot)" if more else ""
