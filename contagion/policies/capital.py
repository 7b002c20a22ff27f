"""What can be done about balance sheets before the shock? Capital is put in, or exposures are cut.

Each changes the tables of the network in its `opening`, so that every model that reads them feels it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import PolicyError, nearest
from contagion.network import Network
from contagion.network.equity import opening_equity
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_word
from contagion.policies.costs import CostRates, Outlay

__all__ = [
    "CapitalInjection",
    "ExposureLimit",
    "check_nodes",
    "chosen_nodes",
    "money_by",
    "need_names",
    "what_is_left",
]

RULES = ("equal", "equity", "debts")


@dataclass(frozen=True)
class CapitalInjection(Policy):
    """An outside payer puts equity into nodes before the shock.

    Parameters
    ----------
    amounts
        Node -> money, at least 0; or one sum for all, shared by `rule`. `contagion.optimal_injection` finds amounts.
        None: the sum is `share` of all positive equity of those who share it.
    rule
        How a sum is shared among venues and institutions: ``equal``, in proportion to positive ``equity``, or to
        ``debts`` inside the network.
    share
        The sum as a share of positive equity, at least 0, where no amounts are given.
    nodes
        Who shares the sum; None: all venues and institutions.
    use
        ``cash``: the money is kept; ``debts``: it pays back external liabilities, and is kept beyond them.

    Examples
    --------
    >>> CapitalInjection({"Bank A": 5.0}).describe()
    'Capital injection: an outside payer puts 5 into 1 node before the shock.'
    """

    tables: ClassVar[tuple[str, ...]] = ("nodes",)

    amounts: Mapping[str, float] | float | None = None
    rule: str = "equity"
    nodes: tuple[str, ...] | None = None
    share: float = 0.1
    use: Literal["cash", "debts"] = "cash"

    def __post_init__(self) -> None:
        """Refuse amounts that are no money."""
        check_word(self, "rule", RULES)
        check_word(self, "use", ("cash", "debts"))
        check_number(self, "share", 0.0, 1e9)
        if isinstance(self.amounts, pd.Series):
            object.__setattr__(self, "amounts", self.amounts.to_dict())
        if isinstance(self.amounts, Mapping):
            if self.nodes is not None:
                raise PolicyError(
                    "CapitalInjection.nodes is given, but amounts name the nodes; leave one out"
                )
            for name, money in self.amounts.items():
                if not _is_money(money):
                    raise PolicyError(
                        f"CapitalInjection.amounts[{name!r}] is {money!r:.80}; allowed is money of at least 0"
                    )
            object.__setattr__(self, "amounts", dict(sorted(self.amounts.items())))
        elif self.amounts is not None:
            check_number(self, "amounts", 0.0, 1e18)

    def __hash__(self) -> int:
        amounts = tuple(self.amounts.items()) if isinstance(self.amounts, Mapping) else self.amounts
        return hash((amounts, self.rule, self.nodes, self.share, self.use))

    def describe(self) -> str:
        """One plain sentence."""
        if isinstance(self.amounts, Mapping):
            number = len(self.amounts)
            return (
                f"Capital injection: an outside payer puts {sum(self.amounts.values()):,.6g} into {number} "
                f"node{'s' * (number != 1)} before the shock{self._used}."
            )
        shared = {
            "equal": "in equal parts",
            "equity": "in proportion to equity",
            "debts": "in proportion to debts",
        }
        sum_of = f"{100 * self.share:g} % of their equity" if self.amounts is None else f"{self.amounts:,.6g}"
        return (
            f"Capital injection: an outside payer puts {sum_of} into the nodes before the shock, "
            f"{shared[self.rule]}{self._used}."
        )

    @property
    def _used(self) -> str:
        return ", to pay back debts outside" if self.use == "debts" else ""

    def opening(self, net: Network) -> Network:
        """Pay back external liabilities or add the money to the cash of the nodes, and write down who paid."""
        money = self._shared(net)
        if not (money > 0.0).any():
            return net
        nodes = net.nodes.copy()
        repaid = np.minimum(money, nodes["external_liabilities"]) if self.use == "debts" else 0.0 * money
        nodes["external_liabilities"] -= repaid
        nodes["cash"] += money - repaid
        payers = dict(net.payers)
        payers["capital injection"] = payers.get("capital injection", 0.0) + float(money.sum())
        return net.replace(nodes=nodes, payers=payers)

    def _shared(self, net: Network) -> pd.Series[float]:
        """Money for every node."""
        nothing = pd.Series(0.0, index=net.nodes.index)
        if isinstance(self.amounts, Mapping):
            check_nodes(self, "amounts", net, self.amounts)
            return nothing.add(pd.Series(self.amounts, dtype=float), fill_value=0.0).reindex(net.nodes.index)
        chosen = chosen_nodes(self, net, self.nodes)
        equity = opening_equity(net)[chosen].clip(lower=0.0)
        if self.rule == "equity":
            weight = equity
        elif self.rule == "debts":
            weight = net.obligations.groupby("debtor")["amount"].sum().reindex(chosen).fillna(0.0)
        else:
            weight = pd.Series(1.0, index=chosen)
        if not weight.sum() > 0.0:
            raise PolicyError(
                f"CapitalInjection.rule {self.rule!r} has nobody to give to; choose another rule"
            )
        money = self.share * float(equity.sum()) if self.amounts is None else self.amounts
        nothing[chosen] = money * weight / weight.sum()
        return nothing

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up."""
        return rates.locked(outlay)


@dataclass(frozen=True)
class ExposureLimit(Policy):
    """No creditor has a claim on one debtor above a share of its own equity; the excess is refinanced outside.

    The creditor is paid in cash; the debtor owes the same money to creditors outside the network. Equity is what models
    of balance sheets start from, with what the creditor has prefunded in default funds: it is the creditor's own money.

    Parameters
    ----------
    share
        Largest claim as a share of the creditor's equity, above 0.

    References
    ----------
    Basel Committee on Banking Supervision (2014), Supervisory framework for measuring and controlling large exposures
    (d283): 25 % of Tier 1 capital, paragraph 16.

    Examples
    --------
    >>> ExposureLimit().describe()
    "Exposure limit: no claim above 25 % of the creditor's equity; the excess is refinanced outside the network."
    """

    tables: ClassVar[tuple[str, ...]] = ("obligations",)

    share: float = 0.25

    def __post_init__(self) -> None:
        """Refuse a share that leaves no claims."""
        check_number(self, "share", 0.0, 1e9, open_low=True)

    def describe(self) -> str:
        """One plain sentence."""
        return (
            f"Exposure limit: no claim above {100 * self.share:g} % of the creditor's equity; the excess is "
            "refinanced outside the network."
        )

    def opening(self, net: Network) -> Network:
        """Cut claims, those on one debtor in proportion."""
        claims, equity = net.obligations, opening_equity(net).clip(lower=0.0)
        pair = [claims["debtor"], claims["creditor"]]
        total = claims["amount"].groupby(pair).transform("sum").to_numpy(float)
        limit = self.share * equity.reindex(claims["creditor"]).to_numpy(float)
        kept = np.divide(np.minimum(total, limit), total, out=np.ones(len(total)), where=total > 0.0)
        if (kept >= 1.0).all():
            return net
        cut = claims["amount"].to_numpy(float) * (1.0 - kept)
        nodes = net.nodes.copy()
        nodes["cash"] += money_by(cut, claims["creditor"], nodes.index)
        nodes["external_liabilities"] += money_by(cut, claims["debtor"], nodes.index)
        return net.replace(
            nodes=nodes, obligations=what_is_left(claims, claims["amount"].to_numpy(float) - cut)
        )

    def commitment(self, before: Network, after: Network) -> Outlay:
        """Claims given up."""
        return Outlay(turned_away=_interbank(before) - _interbank(after))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Income lost on loans given up."""
        return rates.turning_away(outlay)


def chosen_nodes(policy: Policy, net: Network, names: Sequence[str] | None) -> list[str]:
    """Names of the nodes a policy is about: those it names, or all venues and institutions."""
    if names is None:
        return [str(name) for name in net.nodes.index[net.nodes["kind"] != "trader"]]
    need_names(policy, names)
    check_nodes(policy, "nodes", net, names)
    return list(names)


def need_names(policy: Policy, names: object) -> None:
    """Refuse one name where several are expected: its letters would be taken for names."""
    if isinstance(names, str):
        raise PolicyError(
            f"{type(policy).__name__}.nodes is {names!r:.80}; allowed are names in a tuple: ({names!r:.80},)"
        )


def check_nodes(policy: Policy, field: str, net: Network, names: Any) -> None:
    """Refuse names that are no nodes of the network."""
    known = [str(name) for name in net.nodes.index]
    for name in names:
        if name not in net.nodes.index:
            raise PolicyError(
                f"{type(policy).__name__}.{field} names {name!r:.80}, which is no node of the network"
                f"{nearest(str(name), known)}"
            )


def _is_money(value: object) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and bool(np.isfinite(value)) and float(value) >= 0.0  # type: ignore[call-overload, arg-type]


def money_by(money: npt.NDArray[np.float64], who: pd.Series, index: pd.Index) -> pd.Series[float]:
    """Money of each node."""
    return pd.Series(money).groupby(who.to_numpy()).sum().reindex(index).fillna(0.0)


def _interbank(net: Network) -> float:
    return float(net.obligations["amount"].sum())


def what_is_left(claims: pd.DataFrame, amount: npt.NDArray[np.float64]) -> pd.DataFrame:
    """The claims with other amounts; those without any are gone."""
    return claims.assign(amount=amount)[amount > 0.0]
