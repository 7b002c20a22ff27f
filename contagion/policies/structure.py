"""What can be done about the structure of debts before the shock? They are cleared centrally, or fenced off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.network.equity import opening_equity
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number
from contagion.policies.capital import chosen_nodes, money_by, what_is_left
from contagion.policies.costs import CostRates, Outlay

__all__ = ["CentralClearing", "RingFence"]

OWN = 0.05
"""Capital of a counterparty as a share of its claims on members: an assumption."""
JUNIOR = 2
"""Seniority of claims on a default fund: behind all others."""
FENCE = "ring-fence:"
"""Names of ring-fenced parts start with this, the name of their parent follows."""


@dataclass(frozen=True)
class CentralClearing(Policy):
    """Debts go to a central counterparty that nets them: who owes more than it claims owes the rest to it.

    The counterparty owes the others. Money for its default fund is paid in by the members, in proportion to what they
    had owed and claimed; their claims on it are junior (seniority 2), so that it absorbs losses first.

    Parameters
    ----------
    share
        Share of every debt that is cleared, 0 to 1.
    default_fund
        Money the counterparty holds beside its claims, as a share of its claims on members, 0 to 1. Members pay it in
        cash, and owe outside what they lack. More than 0 needs a model that knows seniority: `Clearing` without costs
        of default.
    capital
        The counterparty's own money, from an outside payer. None: 5 % of its claims on members (assumption; range 1 to
        10 %). Models of distress count who has no equity as failed: 0 suits `Clearing` alone.
    counterparty
        Its name, new in the network.

    References
    ----------
    Duffie, Zhu (2011), Review of Asset Pricing Studies 1, for multilateral netting by a central counterparty.

    Examples
    --------
    >>> CentralClearing(capital=1.0, counterparty="house").describe()
    "Central clearing: 100 % of every debt is netted at 'house', with capital of 1 and a fund of 0 %."
    """

    tables: ClassVar[tuple[str, ...]] = ("obligations",)

    share: float = 1.0
    default_fund: float = 0.0
    capital: float | None = None
    counterparty: str = "central counterparty"

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 1, negative money and an empty name."""
        check_number(self, "share", 0.0, 1.0)
        check_number(self, "default_fund", 0.0, 1.0)
        if self.capital is not None:
            check_number(self, "capital", 0.0, 1e18)
        if not isinstance(self.counterparty, str) or not self.counterparty:
            raise PolicyError(f"CentralClearing.counterparty is {self.counterparty!r:.80}; give a name")

    def describe(self) -> str:
        """One plain sentence."""
        money = f"{100 * OWN:g} % of its claims" if self.capital is None else f"{self.capital:,.6g}"
        return (
            f"Central clearing: {100 * self.share:g} % of every debt is netted at {self.counterparty!r}, with "
            f"capital of {money} and a fund of {100 * self.default_fund:g} %."
        )

    def opening(self, net: Network) -> Network:
        """Replace the cleared part of all debts by what each member owes on balance."""
        if self.counterparty in net.nodes.index:
            raise PolicyError(
                f"CentralClearing.counterparty {self.counterparty!r} is a node of the network already; choose another"
            )
        claims = net.obligations
        cleared = claims["amount"].to_numpy(float) * self.share
        if not cleared.any():
            return net
        nodes = net.nodes.copy()
        owes = money_by(cleared, claims["debtor"], nodes.index)
        owed = money_by(cleared, claims["creditor"], nodes.index)
        balance = owes - owed
        fund = self.default_fund * balance.clip(lower=0.0).sum() * (owes + owed) / (owes + owed).sum()
        own = OWN * float(balance.clip(lower=0.0).sum()) if self.capital is None else self.capital
        cash = np.minimum(nodes["cash"], fund)
        nodes["cash"] -= cash
        nodes["external_liabilities"] += fund - cash
        nodes.loc[self.counterparty] = _blank(nodes, kind="institution", cash=fund.sum() + own)
        rows = [what_is_left(claims, claims["amount"].to_numpy(float) - cleared)]
        rows.append(_debts(balance[balance > 0.0], "debtor", self.counterparty, claims))
        due = -balance[balance < 0.0]
        rows.append(_debts(due, "creditor", self.counterparty, claims))
        rows.append(_debts(fund[fund > 0.0], "creditor", self.counterparty, claims, seniority=JUNIOR))
        payers = dict(net.payers)
        if own:
            payers["central counterparty"] = payers.get("central counterparty", 0.0) + own
        return net.replace(
            nodes=nodes, obligations=pd.concat([row for row in rows if len(row)]), payers=payers
        )

    def commitment(self, before: Network, after: Network) -> Outlay:
        """The counterparty's money."""
        return Outlay(locked=float(after.nodes["cash"].get(self.counterparty, 0.0)))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up."""
        return rates.locked(outlay)


@dataclass(frozen=True)
class RingFence(Policy):
    """Debts to the outside are moved, with safe assets and capital of their own, out of reach of losses inside.

    Of each chosen node a part ``ring-fence:<node>`` is split off. It takes over the external liabilities, as much of
    the external assets and cash, and a share of the equity; the rest keeps claims and debts inside the network. Shocks
    to external assets hit both parts alike. Equity is what models of balance sheets start from, with what the node has
    prefunded in default funds, its own money, which stays with the rest.

    Parameters
    ----------
    capital
        Equity of the fenced part as a share of what it owes, 0 to 1.
    nodes
        Whose debts are fenced; None: all venues and institutions that have enough equity, external assets and cash.

    References
    ----------
    Independent Commission on Banking (2011), Final report, chapters 3 and 4: ring-fenced banks with equity of at least
    10 % of risk-weighted assets.

    Examples
    --------
    >>> RingFence(nodes=("Bank A",)).describe()
    'Ring-fence: external debts of Bank A are moved to a part of its own with equity of 10 % of them.'
    """

    tables: ClassVar[tuple[str, ...]] = ("nodes",)

    capital: float = 0.10
    nodes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a share outside 0 to 1."""
        check_number(self, "capital", 0.0, 1.0)

    def describe(self) -> str:
        """One plain sentence."""
        whose = "every node that can" if self.nodes is None else ", ".join(self.nodes)
        return (
            f"Ring-fence: external debts of {whose} are moved to a part of its own with equity of "
            f"{100 * self.capital:g} % of them."
        )

    def opening(self, net: Network) -> Network:
        """Split the nodes."""
        chosen = chosen_nodes(self, net, self.nodes)
        nodes = net.nodes.copy()
        debts = nodes.loc[chosen, "external_liabilities"]
        need = debts * (1.0 + self.capital)
        have = nodes.loc[chosen, "external_assets"] + nodes.loc[chosen, "cash"]
        equity = opening_equity(net)[chosen]
        able = (debts > 0.0) & (have >= need) & (equity > self.capital * debts)
        if self.nodes is not None and not able.all():
            name = able.index[~able][0]
            raise PolicyError(
                f"RingFence.nodes names {name!r}, which owes {debts[name]:,.6g} outside and has equity of "
                f"{equity[name]:,.6g}, external assets and cash of {have[name]:,.6g}; it needs debts, "
                f"{self.capital * debts[name]:,.6g} and {need[name]:,.6g}"
            )
        if not able.any():
            raise PolicyError(
                f"RingFence: no venue or institution that owes money outside has equity of {100 * self.capital:g} % "
                "of it, and assets outside to match; lower the capital"
            )
        for name in able.index[able]:
            assets = min(float(nodes["external_assets"][name]), float(need[name]))
            cash = float(need[name]) - assets
            nodes.loc[name, ["external_assets", "cash"]] -= [assets, cash]
            nodes.loc[name, "external_liabilities"] = 0.0
            fenced = {"external_assets": assets, "cash": cash, "external_liabilities": debts[name]}
            nodes.loc[FENCE + name] = _blank(nodes, kind="institution", owner=name, **fenced)
        return net.replace(nodes=nodes)

    def commitment(self, before: Network, after: Network) -> Outlay:
        """Equity that is behind the fence."""
        new = after.nodes[~after.nodes.index.isin(before.nodes.index)]
        worth = new["cash"] + new["external_assets"] - new["external_liabilities"]
        return Outlay(locked=float(worth.sum()))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up."""
        return rates.locked(outlay)


def _debts(
    money: pd.Series[float], side: str, other: str, like: pd.DataFrame, seniority: int = 1
) -> pd.DataFrame:
    """Debts of nodes to another, or of it to them."""
    ends = (
        {"debtor": money.index, "creditor": other}
        if side == "debtor"
        else {"debtor": other, "creditor": money.index}
    )
    rows = pd.DataFrame({**ends, "seniority": seniority, "amount": money.to_numpy()})
    return rows.assign(callable=False, notice=0.0)[list(like.columns)]


def _blank(nodes: pd.DataFrame, **values: Any) -> list[Any]:
    """A row of `nodes` with nothing but what is given."""
    empty = {name: ("" if nodes[name].dtype == object else 0.0) for name in nodes.columns}
    return [({**empty, **values})[name] for name in nodes.columns]
