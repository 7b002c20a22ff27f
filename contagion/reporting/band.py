"""The same study at other leverages: how far does the answer hang on what nobody observes?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from contagion.errors import ValueRangeError
from contagion.reporting.levels import level

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.policies import Policy

MEDIANS = (3.0, 5.0, 8.0)
COLUMNS = ("leverage", "policy", "mean", "least", "most", "difference", "low", "high", "helped", "n")


def leverage_band(
    shock: Any,
    model: Any,
    policies: Mapping[str, Sequence[Policy]],
    *,
    medians: Sequence[float] = MEDIANS,
    n: int = 8,
    seed: int = 0,
    n_accounts: int = 5_000,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Repeat a comparison on generated networks whose median leverage differs.

    Parameters
    ----------
    shock : family or Shock
        What hits, as for ``contagion.compare``.
    model : Cascade
        The model.
    policies : mapping of str to sequence of Policy
        The policy sets.
    medians : sequence of float
        Median leverage of accounts of median size.
    n : int
        Scenarios at each leverage, the same ones.
    seed : int
        Seed of networks and scenarios.
    n_accounts : int
        Rows of accounts of each network; identical small accounts share a row, so that the market stays the same.
    n_jobs : int
        Workers.

    Returns
    -------
    DataFrame
        One row per leverage and policy set: mean, least and most system loss; difference from "none" with its
        interval low to high (missing with few scenarios) and the share of scenarios helped; n scenarios.
        ``frame.attrs`` holds n_accounts.

    Raises
    ------
    ValueRangeError
        If no leverage is given or one is not above 1.
    """
    from contagion.experiments.compare import compare
    from contagion.generate import perp_market

    if not medians or not all(median > 1.0 for median in medians):
        raise ValueRangeError(
            "is no list of leverages", where="medians", value=medians, allowed="numbers above 1"
        )
    parts = []
    for median in medians:
        net = perp_market(n_accounts=n_accounts, seed=seed, leverage_median=float(median))
        comparison = compare(net, shock, model, policies, n=n, seed=seed, n_jobs=n_jobs)
        parts.append(_summary(float(median), comparison))
    band = pd.concat(parts, ignore_index=True)
    band.attrs["n_accounts"] = n_accounts
    return band


def _summary(median: float, comparison: Comparison) -> pd.DataFrame:
    """Return one row per policy set of a comparison at one leverage."""
    frame = comparison.to_frame()
    means = {name: level(comparison, "system_loss", name)[0] for name in comparison.policies}
    losses = frame[frame["status"] == "ok"].groupby("policy")["system_loss"]
    effects = comparison.effects("system_loss")
    table = pd.DataFrame(
        {"mean": pd.Series(means), "least": losses.min(), "most": losses.max(), "n": losses.size()}
    ).reindex(list(comparison.policies))
    table = table.join(effects[["difference", "low", "high", "helped"]])
    own = table.index == "none"
    table.loc[own, ["difference", "low", "high", "helped"]] = 0.0
    return table.rename_axis("policy").reset_index().assign(leverage=median)[list(COLUMNS)]
