"""What did each policy set cost beyond what would have happened anyway, scenario by scenario?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from contagion.experiments.runner import ERROR, OK, Outcome, message_of
from contagion.policies import Policy
from contagion.policies.bills import OUTLAY, beyond, set_cost
from contagion.policies.costs import CostRates, Outlay

__all__ = ["charge"]


def charge(
    outcome: Outcome, sets: Sequence[Sequence[Policy]], metric_names: Sequence[str], baseline: int
) -> None:
    """Take what runs used without policies from what they used, and price the rest as `policy_cost`.

    Parameters
    ----------
    outcome : Outcome
        What came back; changed in place. A run whose baseline failed or is missing has NaN; a run whose model does
        not say what was used keeps its metrics; a run whose policy cannot say what it cost has failed.
    sets : sequence of sequences of Policy
        The policy sets, in the order of the outcome.
    metric_names : sequence of str
        Names of the metrics, in the order of the outcome.
    baseline : int
        Position of the set without policies.
    """
    used = outcome.metrics[..., -len(OUTLAY) :]
    used[...] = beyond(used, used[baseline].copy())
    if "policy_cost" not in metric_names:
        return
    place = list(metric_names).index("policy_cost")
    told = (outcome.status == OK) & ~np.isnan(used[..., OUTLAY.index("seconds")])
    for row, scenario in np.argwhere(told).tolist():
        try:
            outcome.metrics[row, scenario, place] = _cost(sets[row], used[row, scenario])
        except Exception as error:
            outcome.metrics[row, scenario] = np.nan
            outcome.status[row, scenario] = ERROR
            outcome.messages[row, scenario] = message_of(error)


def _cost(policies: Sequence[Policy], used: npt.NDArray[np.float64]) -> float:
    return set_cost(policies, Outlay(*used.tolist()), CostRates())
