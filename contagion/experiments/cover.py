"""Would the funds of a venue survive its largest members, after the price falls that their own sales cause?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from contagion.errors import PolicyError
from contagion.measures.stressed import cover as static_cover
from contagion.policies.base import RUNTIME_HOOKS, Policy
from contagion.propagation.cascade.openings import apply_openings
from contagion.propagation.run import run

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.propagation.run import Model
    from contagion.shocks import Shock

__all__ = ["cover"]


def cover(
    net: Network,
    shock: Shock,
    k: int = 2,
    model: Model | None = None,
    *,
    policies: Sequence[Policy] = (),
    seed: int = 0,
) -> pd.DataFrame:
    """Return the joint deficit of the `k` largest members of every venue, against what stands behind it.

    Parameters
    ----------
    net : Network
        A network with venues and accounts.
    shock : Shock
        What happens.
    k : int, default 2
        Number of members that fail together, at least 1.
    model : model, optional
        With a model the opening books are revalued at the closing prices of its run, which contain the impact of
        forced sales; without one at the shocked outside prices.
    policies : sequence of Policy, optional
        Rules in force: those of the opening change positions and funds, the others what happens in the run of the
        model; without a model they would change nothing and are refused.
    seed : int, default 0
        Seed of the run.

    Returns
    -------
    DataFrame
        As `contagion.measures.cover`.

    Raises
    ------
    InputError
        For anything wrong with the arguments.
    """
    given = (policies,) if isinstance(policies, Policy) else tuple(policies)
    opened = apply_openings(net, given)
    if model is None:
        for place, policy in enumerate(given):
            _refuse_idle(net, policy, place)
        return static_cover(opened, shock, k)
    paths = run(net, shock, model, given, seed=seed).paths
    last = paths[paths["round"] == paths["round"].max()].set_index("market")
    index = last["index"].groupby(opened.markets["asset"].reindex(last.index).to_numpy()).first()
    return static_cover(opened, shock, k, marks=last["mark"], prices=index)


def _refuse_idle(net: Network, policy: Policy, place: int) -> None:
    """Refuse a policy that changes nothing before the shock and something in the rounds of a model."""
    later = bool(policy.rows(list(net.markets.index))) or any(map(policy.overrides, RUNTIME_HOOKS))
    if later and policy.opening(net) is net:
        raise PolicyError(
            "acts while prices move, and without a model no time passes",
            where=f"policies[{place}]",
            value=policy,
            remedy="give a model such as ct.Cascade(), or leave the policy out",
        )
