"""Policies that change margin before the shock: steeper tiers, a multiple of all rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from contagion.errors import PolicyError, nearest
from contagion.network import Network
from contagion.network.remargin import remargin
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_unread, check_word
from contagion.policies.costs import CostRates, Outlay

RESPONSES = ("utilisation", "violators")


def chosen_schedules(policy: Policy, net: Network, schedules: tuple[str, ...] | None) -> list[str]:
    """Names of the schedules a policy changes; all when it names none."""
    known = [str(name) for name in net.schedules.index]
    for name in schedules or ():
        if name not in known:
            raise PolicyError(
                f"{type(policy).__name__}.schedules names {name!r}, which is no schedule of the network"
                f"{nearest(name, known)}"
            )
    chosen = known if schedules is None else list(schedules)
    scans = (net.venues["margin"] == "scan").reindex(net.markets["venue"]).to_numpy(bool)
    if scans.any() and not net.markets["schedule"][~scans].isin(chosen).any():
        venue = net.markets["venue"][scans].iloc[0]
        raise PolicyError(
            f"{type(policy).__name__} changes schedules, which no venue of the network reads: {venue!r} asks margin by "
            "scan (change its scan_range or short_minimum, or take DynamicMargin, which multiplies scans too)"
        )
    return chosen


def check_tiers(tiers: Sequence[Mapping[str, float]], owner: str) -> None:
    """Refuse tiers that are empty, unsorted, do not start at 0, or whose rates fall or exceed the initial rate."""
    if not tiers:
        raise PolicyError(f"{owner} is empty; give at least one tier with floor 0")
    for k, tier in enumerate(tiers):
        missing = {"floor", "initial_rate", "maintenance_rate"} - set(tier)
        if missing:
            raise PolicyError(
                f"{owner}[{k}] has no {sorted(missing)[0]!r}; a tier has floor, initial_rate, maintenance_rate"
            )
        unknown = set(tier) - {"floor", "initial_rate", "maintenance_rate"}
        if unknown:
            raise PolicyError(f"{owner}[{k}] has an unknown field {sorted(unknown)[0]!r}")
        if (
            not 0.0 < tier["maintenance_rate"] < 1.0
            or not tier["maintenance_rate"] <= tier["initial_rate"] <= 1.0
        ):
            raise PolicyError(
                f"{owner}[{k}]: maintenance_rate {tier['maintenance_rate']!r} and "
                f"initial_rate {tier['initial_rate']!r} "
                "must satisfy 0 < maintenance_rate <= initial_rate <= 1 and maintenance_rate < 1"
            )
    if tiers[0]["floor"] != 0:
        raise PolicyError(f"{owner}[0].floor is {tiers[0]['floor']!r}; the first tier starts at 0")
    for k in range(1, len(tiers)):
        if tiers[k]["floor"] <= tiers[k - 1]["floor"]:
            raise PolicyError(
                f"{owner}[{k}].floor {tiers[k]['floor']:g} <= tiers[{k - 1}].floor {tiers[k - 1]['floor']:g}; "
                "floors must rise"
            )
        if tiers[k]["maintenance_rate"] < tiers[k - 1]["maintenance_rate"]:
            raise PolicyError(
                f"{owner}[{k}].maintenance_rate is below that of tier {k - 1}; rates must not fall"
            )


def steepened(policy: Policy, rows: pd.DataFrame, steep: pd.Series, factor: float) -> pd.DataFrame:
    """Rates of some tiers of a schedule times a factor.

    A position is paid in full at an initial rate of 1, so that initial rates end there.

    Parameters
    ----------
    policy
        Whom messages name.
    rows
        Tiers, by rising floor within a schedule.
    steep
        Which of them change.
    factor
        Above 0.

    Raises
    ------
    PolicyError
        A maintenance rate of 1 or more, or a rate that falls from one tier of a schedule to the next.
    """
    rows = rows.copy()
    rows.loc[steep, "maintenance_rate"] *= factor
    rows.loc[steep, "initial_rate"] = np.minimum(rows.loc[steep, "initial_rate"] * factor, 1.0)
    owner = f"{type(policy).__name__}.factor {factor:g}"
    for tier in rows[rows["maintenance_rate"] >= 1.0].to_dict("records"):
        raise PolicyError(
            f"{owner}: the tier from {tier['floor']:,.0f} of schedule {tier['schedule']!r} would have a "
            f"maintenance rate of {tier['maintenance_rate']:g}; it must stay below 1 "
            f"(a factor below {factor / tier['maintenance_rate']:g}, or name other schedules)"
        )
    for column in ("maintenance_rate", "initial_rate"):
        fall = rows.groupby("schedule")[column].diff() < 0.0
        for tier in rows[fall].to_dict("records"):
            raise PolicyError(
                f"{owner}: the {column.replace('_', ' ')} would fall to {tier[column]:g} at the tier from "
                f"{tier['floor']:,.0f} of schedule {tier['schedule']!r}; rates must not fall with size "
                "(use MarginMultiplier to lower all of them)"
            )
    return rows


@dataclass(frozen=True)
class MarginMultiplier(Policy):
    """Every maintenance and initial rate, and its growth with size, times `factor`, in force before the shock.

    Parameters
    ----------
    factor
        Above 0. A maintenance rate that would reach 1 is refused when the policy meets a network; an initial rate
        ends at 1, where a position is paid in full.
    response
        How traders adapt: ``utilisation`` (each account shrinks until requirement over equity is what it was) or
        ``violators`` (only accounts of which the new rule asks more than before, and more initial margin than their
        equity, post cash, then shrink).
    schedules
        Names of the schedules; None: all.

    References
    ----------
    Cascade chapter, section 4, "Opening of a margin policy".
    """

    tables: ClassVar[tuple[str, ...]] = ("tiers",)

    factor: float = 1.5
    response: Literal["utilisation", "violators"] = "utilisation"
    schedules: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse factors that are none."""
        check_number(self, "factor", 0.0, 1e3, open_low=True)
        check_word(self, "response", RESPONSES)

    def describe(self) -> str:
        """One plain sentence."""
        how = "each trader keeps margin use" if self.response == "utilisation" else "only violators adapt"
        return f"Margin multiplier: all margin rates times {self.factor:g}; {how}."

    def opening(self, net: Network) -> Network:
        """Rates times the factor; then traders adapt."""
        rows = net.tiers["schedule"].isin(chosen_schedules(self, net, self.schedules))
        if self.factor == 1.0:
            return net
        tiers, schedules = steepened(self, net.tiers, rows, self.factor), net.schedules.copy()
        chosen = schedules.index.isin(net.tiers["schedule"][rows])
        schedules.loc[chosen, ["initial_slope", "maintenance_slope"]] *= self.factor
        return remargin(net.replace(tiers=tiers, schedules=schedules), before=net, response=self.response)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Open interest given up and margin posted."""
        return rates.turning_away(outlay) + rates.locked(outlay)


@dataclass(frozen=True)
class TieredMargin(Policy):
    """Steeper tiers for large positions: rates above a notional rise, or a whole new table.

    Parameters
    ----------
    factor
        Rates of the part of a position above `above` are multiplied by it (above 0). A maintenance rate that would
        reach 1, and a rate that would fall with size, are refused when the policy meets a network; an initial rate
        ends at 1.
    above
        Notional (money) from which the factor applies; a tier begins there if none does. A schedule whose last tier
        ends there or before stays as it is.
    tiers
        Instead of the two: rows with floor (money), initial_rate, maintenance_rate for all chosen schedules.
    response
        ``utilisation`` or ``violators``, as in `MarginMultiplier`.
    schedules
        Names of the schedules; None: all but those of the form linear_in_size.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.TieredMargin(factor=2.0, above=1e6).describe()
    'Tiered margin: rates above a notional of 1,000,000 times 2; each trader keeps margin use.'
    """

    tables: ClassVar[tuple[str, ...]] = ("tiers",)

    factor: float = 1.5
    above: float = 1_000_000.0
    tiers: tuple[Mapping[str, float], ...] | None = None
    response: Literal["utilisation", "violators"] = "utilisation"
    schedules: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse tiers that are none."""
        check_number(self, "factor", 0.0, 1e3, open_low=True)
        check_number(self, "above", 0.0, 1e18)
        check_word(self, "response", RESPONSES)
        if self.tiers is not None:
            check_tiers(self.tiers, "TieredMargin.tiers")
            check_unread(self, ("factor", "above"), "tiers replaces both")

    def describe(self) -> str:
        """One plain sentence."""
        how = "each trader keeps margin use" if self.response == "utilisation" else "only violators adapt"
        if self.tiers is not None:
            return f"Tiered margin: a table of {len(self.tiers)} tiers for every schedule; {how}."
        return f"Tiered margin: rates above a notional of {self.above:,.0f} times {self.factor:g}; {how}."

    def opening(self, net: Network) -> Network:
        """New tiers; then traders adapt."""
        chosen = chosen_schedules(self, net, self.schedules)
        if self.tiers is None and self.factor == 1.0:
            return net
        if self.schedules is None:  # rates that grow with size have no tiers to make steeper
            chosen = [name for name in chosen if net.schedules.loc[name, "form"] != "linear_in_size"]
        kept = net.tiers[~net.tiers["schedule"].isin(chosen)]
        frames = [kept, *(self._table(net.tiers[net.tiers["schedule"] == name], name) for name in chosen)]
        return remargin(net.replace(tiers=pd.concat(frames)), before=net, response=self.response)

    def _table(self, rows: pd.DataFrame, schedule: str) -> pd.DataFrame:
        """The schedule's tiers under the policy."""
        if self.tiers is not None:
            return pd.DataFrame([{"schedule": schedule, "cap": np.nan, **tier} for tier in self.tiers])
        rows = rows.sort_values("floor", kind="stable").reset_index(drop=True)
        if rows["cap"].max() <= self.above:
            return rows
        if self.above > 0.0 and not (rows["floor"] == self.above).any():
            below = rows[rows["floor"] < self.above].iloc[-1:].assign(floor=self.above)
            rows = pd.concat([rows, below]).sort_values("floor", kind="stable").reset_index(drop=True)
            rows["cap"] = [*[np.nan] * (len(rows) - 1), rows["cap"].max()]
        return steepened(self, rows, rows["floor"] >= self.above, self.factor)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Open interest given up and margin posted."""
        return rates.turning_away(outlay) + rates.locked(outlay)
