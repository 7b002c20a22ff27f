"""Which rules are in force before the shock, and which policies can a model of balance sheets hear?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.network.equity import opening_equity
from contagion.policies.base import RUNTIME_HOOKS, SALE_HOOKS, SHEET_HOOKS, Policy
from contagion.propagation.policies import check_policies

__all__ = ["open_network"]

Reads = Mapping[str, tuple[str, ...]]
BY_REMARGIN = frozenset({"positions", "balances", "accounts", "tiers"})
"""Tables whose rules a margin policy changes; balance sheets feel it through what accounts then hold."""


def open_network(
    net: Network, policies: Sequence[Policy], reads: Reads, hooks: Sequence[str], model: str
) -> Network:
    """Apply every policy's `opening` in list order.

    Raises
    ------
    PolicyError
        If a policy is none, can change nothing that the model reads, or makes or destroys money.
    """
    check_policies(policies)
    for policy in policies:
        after = policy.opening(net)
        if not isinstance(after, Network):
            raise PolicyError(
                f"{type(policy).__name__}.opening returned {type(after).__name__}; return a Network"
            )
        if not _heard(policy, net, after, reads, hooks):
            raise PolicyError(_why(policy, model, reads, hooks))
        if after is not net:
            _check_conserved(policy, net, after)
            if "external_liabilities" not in reads.get("nodes", ()):
                _check_assets(policy, net, after, model)
        net = after
    return net


def _heard(policy: Policy, before: Network, after: Network, reads: Reads, hooks: Sequence[str]) -> bool:
    """Whether the model notices a policy: a hook it calls, a column it reads, or a rule of size 0 that it would."""
    if type(policy) is Policy or any(policy.overrides(hook) for hook in hooks):
        return True
    if after is not before and _changed(before, after, reads):
        return True
    about = {name for name in policy.tables if len(before.tables[name])}
    by_margin = bool(about & BY_REMARGIN) and len(before.positions) > 0
    own = bool(about & {"nodes", "obligations"}) and bool({"nodes", "obligations"} & set(reads))
    return bool(after is before and (by_margin or own or _funds(policy, before, reads)))


def _funds(policy: Policy, net: Network, reads: Reads) -> bool:
    from contagion.policies.backstops import InsuranceFund

    return isinstance(policy, InsuranceFund) and len(net.venues) > 0 and "venues" in reads


def _changed(before: Network, after: Network, reads: Reads) -> bool:
    """Whether a column that the model reads, or the rows of its table, differ."""
    old, new = before.tables, after.tables
    for table, columns in reads.items():
        if not old[table].index.equals(new[table].index):
            return True
        names = [*columns, *(name for name in old[table].columns if name in _KEYS)]
        if not old[table][list(dict.fromkeys(names))].equals(new[table][list(dict.fromkeys(names))]):
            return True
    return False


_KEYS = frozenset({"debtor", "creditor", "node", "asset", "account", "market"})


def _why(policy: Policy, model: str, reads: Reads, hooks: Sequence[str]) -> str:
    name = type(policy).__name__
    deaf = [
        hook
        for hook in (*SHEET_HOOKS, *RUNTIME_HOOKS, *SALE_HOOKS)
        if policy.overrides(hook) and hook not in hooks
    ]
    if deaf:
        why = f"its hook {deaf[0]} is not called by {model}"
    elif type(policy).rows is not Policy.rows:
        why = f"its rule acts on markets in motion, which {model} has none of"
    else:
        why = f"it changes nothing that {model} reads on this network"
    return (
        f"{name}: {why}; {model} calls {', '.join([*hooks, 'opening'])}, and reads "
        f"{', '.join(f'{table} ({chr(44).join(columns)})' for table, columns in reads.items())}"
    )


def _check_conserved(policy: Policy, before: Network, after: Network) -> None:
    """Refuse an opening that makes or destroys money: all equity less what outside payers put in must stay."""
    old, new = (float(opening_equity(net).sum()) - sum(net.payers.values()) for net in (before, after))
    if abs(new - old) > 1e-6 * max(1.0, abs(old)):
        raise PolicyError(
            f"{type(policy).__name__}.opening changed the sum of equity less outside payers by {new - old:,.2f} "
            f"{before.unit}; move money between nodes, or name the payer with net.replace(payers=...)"
        )


def _check_assets(policy: Policy, before: Network, after: Network, model: str) -> None:
    """Refuse assets bought with debts outside the network where a model reads the assets and not these debts."""
    old, new = (float(net.nodes["external_liabilities"].sum()) for net in (before, after))
    if abs(new - old) > 1e-6 * max(1.0, abs(old)):
        raise PolicyError(
            f"{type(policy).__name__}: it changes external_liabilities by {new - old:,.2f} {before.unit}; "
            f"{model} does not read them and would see what they pay for as a gift; take a model that does"
        )
