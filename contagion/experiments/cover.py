"""Would the funds of a venue survive its largest members, after the price falls that their own sales cause?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from contagion.measures.stressed import cover as static_cover
from contagion.propagation.run import run

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.policies import Policy
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
        Rules under which the model runs.
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
    if model is None:
        return static_cover(net, shock, k)
    paths = run(net, shock, model, policies, seed=seed).paths
    last = paths[paths["round"] == paths["round"].max()].set_index("market")
    index = last["index"].groupby(net.markets["asset"].reindex(last.index).to_numpy()).first()
    return static_cover(net, shock, k, marks=last["mark"], prices=index)
