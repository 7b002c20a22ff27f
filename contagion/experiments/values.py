"""One metric of many scenarios under one set of rules: what every search over parameters asks again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from contagion.experiments.charges import charge
from contagion.experiments.runner import OK, Group, Outcome, run_groups

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.policies import Policy

__all__ = ["NONE", "Setting", "scenario_values", "settings_for"]

Floats = npt.NDArray[np.float64]

NONE: Final = "none"
PRICED: Final = "policy_cost"

Setting = tuple["Sequence[Network]", Any, "list[Policy]"]
"""Networks, model and policies of a run; scenario i runs on network i mod their number."""


def settings_for(metric: str, policy: str, at: Callable[[str], Setting]) -> list[Setting]:
    """Return what must run to know a metric under a set: the set, and for its cost "none" beside it."""
    return [at(policy), at(NONE)] if metric == PRICED else [at(policy)]


def scenario_values(
    settings: Sequence[Setting],
    shock: Callable[[int], Any],
    metric: str,
    *,
    n: int,
    seed: int,
    n_jobs: int,
) -> Floats:
    """Return a metric under the first setting; a cost is what is used beyond the second, as in `contagion.compare`.

    Parameters
    ----------
    settings : sequence of Setting
        What `settings_for` returned.
    shock : callable
        Number of a scenario -> its shock.
    metric : str
        A metric of the model.
    n, seed, n_jobs
        As in `contagion.compare`.

    Returns
    -------
    numpy.ndarray, shape (n,)
        NaN where a run failed.
    """
    groups, names = [], ()
    for row, (worlds, model, policies) in enumerate(settings):
        prepared = [model.prepare(world, policies) for world in worlds]
        names = prepared[0].metric_names
        for place, ready in enumerate(prepared):
            chosen = tuple(range(place, n, len(prepared)))
            if chosen:
                groups.append(Group(row, ready, chosen, tuple(shock(i) for i in chosen)))
    outcome = Outcome.empty(len(settings), n, len(names))
    run_groups(groups, outcome, seed=seed, n_jobs=n_jobs)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if len(settings) > 1:
        charge(outcome, [policies for _, _, policies in settings], names, baseline=1)
    values = outcome.metrics[0, :, names.index(metric)]
    return np.where(outcome.status[0] == OK, values, np.nan)
