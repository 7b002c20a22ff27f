"""Margin rules of single markets: schedules of their own, and traders who adapt to multiples of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import PolicyError
from contagion.network.network import Network
from contagion.network.remargin import remargin

Response = Literal["utilisation", "violators"]


def own_schedules(net: Network, chosen: npt.NDArray[np.bool_]) -> tuple[Network, pd.Series]:
    """Give each chosen market that has a schedule one of its own, with the same tiers.

    Parameters
    ----------
    chosen
        ``(n_markets,)`` bool.

    Returns
    -------
    Network
        With the new schedules; those that no market has any more stay.
    Series
        Name of the own schedule by market, for the markets that have one.
    """
    markets = net.markets.copy()
    having = chosen & (markets["schedule"] != "").to_numpy()
    names = {}
    known = set(net.schedules.index)
    for market in markets.index[having]:
        name = f"{markets.loc[market, 'schedule']} of {market}"
        while name in known:
            name += "'"
        known.add(name)
        names[market] = name
    own = pd.Series(names, dtype=object)
    if own.empty:
        return net, own
    before = markets.loc[own.index, "schedule"]
    rows = [net.tiers[net.tiers["schedule"] == old].assign(schedule=own[m]) for m, old in before.items()]
    forms = net.schedules.loc[before.to_numpy()].set_axis(pd.Index(own.to_numpy(), name="name"))
    markets.loc[own.index, "schedule"] = own
    changed = net.replace(
        schedules=pd.concat([net.schedules, forms]),
        tiers=pd.concat([net.tiers, *rows], ignore_index=True),
        markets=markets,
    )
    return changed, own


def adapt_to_factors(net: Network, factors: Sequence[float], response: Response, owner: str) -> Network:
    """Let traders adapt to multiples of the margin rates of their markets; the tables of rates stay what they are.

    Parameters
    ----------
    factors
        Multiplier of maintenance and initial rates, one per market, above 0.
    response
        ``utilisation`` or ``violators``, see `remargin`.
    owner
        What messages name.

    Raises
    ------
    PolicyError
        A maintenance rate would reach 1.
    """
    times = pd.Series(np.asarray(factors, dtype=float), index=net.markets.index)
    if (times == 1.0).all():
        return net
    changed, own = own_schedules(net, (times != 1.0).to_numpy())
    if own.empty:
        return net
    tiers = changed.tiers.copy()
    factor = tiers["schedule"].map(pd.Series(times[own.index].to_numpy(), index=own.to_numpy())).fillna(1.0)
    tiers["maintenance_rate"] *= factor
    tiers["initial_rate"] = np.minimum(tiers["initial_rate"] * factor, 1.0)
    for tier in tiers[tiers["maintenance_rate"] >= 1.0].to_dict("records"):
        raise PolicyError(
            f"{owner}: the maintenance rate from {tier['floor']:,.0f} in schedule {tier['schedule']!r} would be "
            f"{tier['maintenance_rate']:g}; it must stay below 1: take a smaller multiplier, or name other markets"
        )
    adapted = remargin(changed.replace(tiers=tiers), before=net, response=response)
    return adapted.replace(schedules=net.schedules, tiers=net.tiers, markets=net.markets)
