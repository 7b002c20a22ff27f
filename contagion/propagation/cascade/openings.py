"""Which rules are in force before the shock, and what did they lock up?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, PolicyError
from contagion.network import Network
from contagion.network.contracts import opening_worths
from contagion.network.equity import opening_account_equity
from contagion.network.reserved import rest_of_market
from contagion.network.schema import TABLES
from contagion.policies.base import Policy
from contagion.propagation.cascade.check_issuers import check_issuers
from contagion.propagation.cascade.rows import check_heard
from contagion.propagation.policies import check_policies

READS = (
    "nodes",
    "obligations",
    "assets",
    "holdings",
    "markets",
    "depth",
    "accounts",
    "balances",
    "positions",
    "strategies",
    "venues",
    "schedules",
    "tiers",
    "collateral",
)


def apply_openings(net: Network, policies: Sequence[Policy]) -> Network:
    """Rules in force before the shock, in list order; refuse policies that the cascade cannot hear."""
    check_policies(policies)
    for policy in policies:
        after = _opened(policy, net)
        if not isinstance(after, Network):
            raise PolicyError(
                f"{type(policy).__name__}.opening returned {type(after).__name__}; return a Network"
            )
        changed = set() if after is net else changed_tables(net, after)
        check_heard(policy, changed, READS)
        if changed:
            _check_followed(policy, after)
            check_conserved(policy, net, after)
        net = after
    return net


def _opened(policy: Policy, net: Network) -> Network:
    """What a policy makes of a network; a network that cannot be changed like that is told with the policy's name."""
    try:
        return policy.opening(net)
    except NetworkError as error:
        raise PolicyError(
            f"{type(policy).__name__} cannot change this network before the shock: {error}"
        ) from error


def check_plain(net: Network) -> None:
    """Refuse what only models of balance sheets know: seniority, shares of equity; and issuers that are short."""
    if (net.column("obligations", "seniority") != 1).any():
        junior = net.obligations[net.obligations["seniority"] != 1]
        raise NetworkError(
            f"{len(junior)} claims of other seniority than 1, first {junior.iloc[0]['debtor']!r} -> "
            f"{junior.iloc[0]['creditor']!r}; a Cascade pays all creditors alike",
            where="obligations seniority",
            remedy="set seniority to 1 (ct.CentralClearing(default_fund=0)), or use ct.Clearing()",
        )
    check_issuers(net)


def _check_followed(policy: Policy, after: Network) -> None:
    """Refuse a policy that brings in what the cascade does not follow."""
    try:
        check_plain(after)
    except NetworkError as error:
        raise PolicyError(f"{type(policy).__name__}.opening leaves {error}") from error


def check_conserved(policy: Policy, before: Network, after: Network) -> None:
    """Refuse an opening that makes or destroys money: equity, funds and cash less outside payers must stay."""
    old, new = inside_money(before), inside_money(after)
    if abs(new - old) > 1e-6 * max(1.0, abs(old)):
        raise PolicyError(
            f"{type(policy).__name__}.opening changed the sum of equity, funds and outside payers by {new - old:,.2f} "
            f"{before.unit}; move money between nodes, or name the payer with net.replace(payers=...)"
        )


def inside_money(net: Network) -> float:
    """Equity of accounts and nodes at opening prices and funds, less what outside payers put in."""
    accounts = float((opening_account_equity(net).to_numpy() * net.column("accounts", "count")).sum())
    outside = float(
        (net.column("nodes", "external_assets") - net.column("nodes", "external_liabilities")).sum()
    )
    funds = net.column("venues", "insurance_fund").sum() + net.column("venues", "default_fund").sum()
    rest = _purse(net) + outside + float(funds)
    return accounts + rest - float(sum(net.payers.values()))


def changed_tables(before: Network, after: Network) -> set[str]:
    """Names of the tables that differ."""
    return {
        name
        for name, table in TABLES.items()
        if any(not _alike(before.column(name, one), after.column(name, one)) for one in table.names)
    }


def _alike(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Whether two columns have the same cells; tables that were not replaced share theirs."""
    return one is other or np.array_equal(one, other, equal_nan=one.dtype == np.float64)


def commitments(before: Network, after: Network) -> tuple[float, float]:
    """Money that the openings locked up, and open interest and loans that they turned away."""
    if after is before:
        return 0.0, 0.0
    locked = float(
        after.column("venues", "insurance_fund").sum() - before.column("venues", "insurance_fund").sum()
    )
    paid_in = sum(after.payers.values()) - sum(before.payers.values())
    locked += max(0.0, _purse(before) - _purse(after)) + max(0.0, paid_in - max(0.0, locked))
    lent = float(before.column("obligations", "amount").sum() - after.column("obligations", "amount").sum())
    return max(0.0, locked), max(0.0, _interest(before) - _interest(after)) + max(0.0, lent)


def _purse(net: Network) -> float:
    """Money of all nodes outside their accounts: cash, and holdings at opening prices, which a sale turns into cash."""
    price = net.column("assets", "price")[net.codes("holdings", "asset")]
    return float(net.column("nodes", "cash").sum() + (net.column("holdings", "quantity") * price).sum())


def _interest(net: Network) -> float:
    """Money in traders' positions at opening marks (both sides, half), the rest of the market left out."""
    market, account = net.codes("positions", "market"), net.codes("positions", "account")
    mark = np.abs(opening_worths(net))[market]
    named = ~rest_of_market(net.column("positions", "account"))
    worth = np.abs(net.column("positions", "quantity")) * mark * net.column("accounts", "count")[account]
    return 0.5 * float(worth[named].sum())
