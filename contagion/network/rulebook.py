"""Rules about rules: margin tiers rise, depth is cumulative, the shares of a fee add up, pools price as pools."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from contagion.errors import PolicyError
from contagion.network.build import Draft

SHARE_TOLERANCE = 1e-12
Flags: TypeAlias = npt.NDArray[np.bool_]
POOLS = ("constant_product", "concentrated")
"""Forms of impact of a market of kind pool, and of no other."""


def is_spot(kinds: npt.NDArray[np.object_]) -> Flags:
    """Return which kinds of markets trade the asset itself: order books and pools."""
    return np.asarray((kinds == "spot") | (kinds == "pool"), dtype=np.bool_)


def pools_are_pools(draft: Draft) -> None:
    """Note pools that are priced as books, and books that are priced as pools."""
    markets = draft.tables["markets"]
    pool, priced = markets["kind"] == "pool", np.isin(markets["impact"], np.array(POOLS, dtype=object))
    for row in np.flatnonzero(pool != priced):
        forms = ", ".join(POOLS)
        draft.add(
            PolicyError,
            "pool-impact",
            "markets",
            f"is the impact of a market of kind {markets['kind'][row]!r}",
            row=row,
            column="impact",
            value=markets["impact"][row],
            allowed=f"kind 'pool' goes with {forms}, and these with it alone",
            remedy=f"set impact to one of {forms}"
            if pool[row]
            else "set kind to 'pool', or take a book's form",
        )


def funding_is_of_perps(draft: Draft) -> None:
    """Note funding of markets that are no perpetuals."""
    markets = draft.tables["markets"]
    for row in np.flatnonzero((markets["kind"] != "perp") & ~np.isnan(markets["funding_interval"])):
        draft.add(
            PolicyError,
            "funding",
            "markets",
            f"is the funding interval of a market of kind {markets['kind'][row]!r}",
            row=row,
            column="funding_interval",
            value=float(markets["funding_interval"][row]),
            allowed="only perpetuals pay funding: leave the cell empty",
        )


def fees_add_up(draft: Draft) -> None:
    """Note fees shared out more than once, and top-ups that aim below the level of the call."""
    venues = draft.tables["venues"]
    total = venues["fee_to_fund"] + venues["fee_to_keeper"] + venues["fee_burned"]
    for row in np.flatnonzero(total > 1.0 + SHARE_TOLERANCE):
        draft.add(
            PolicyError,
            "fee-shares",
            "venues",
            "is the sum of fee_to_fund, fee_to_keeper and fee_burned",
            row=row,
            value=float(total[row]),
            allowed="at most 1; the rest goes to the venue",
        )
    for row in np.flatnonzero(venues["call_target"] < venues["call_ratio"]):
        draft.add(
            PolicyError,
            "call-target",
            "venues",
            "is below call_ratio",
            row=row,
            column="call_target",
            value=float(venues["call_target"][row]),
            allowed=f"at least {venues['call_ratio'][row]:g}",
        )


def forms_fit(draft: Draft) -> None:
    """Note parameters that the form of a schedule does not read, or that say nothing.

    ``linear_in_size``: one tier without a cap, whose rates grow by the slopes per unit of the asset. ``open_interest``:
    initial rates rise to 1 between the two bounds; without bounds they stay what they are.
    """
    schedules = draft.tables["schedules"]
    form, tiers = schedules["form"], draft.codes["tiers", "schedule"]
    number = np.bincount(tiers[tiers >= 0], minlength=draft.rows("schedules"))
    capped = np.unique(tiers[~np.isnan(draft.tables["tiers"]["cap"])])
    linear = form == "linear_in_size"
    sloped = (schedules["initial_slope"] > 0.0) | (schedules["maintenance_slope"] > 0.0)
    upper, lower = schedules["open_interest_upper"], schedules["open_interest_lower"]
    whole = np.isin(np.arange(len(form)), capped, invert=True) & (number <= 1)
    rules = (
        (linear & ~whole, "has several tiers, or a cap", "one open tier, whose rates are those of size 0"),
        (~linear & sloped, "has slopes that its form does not read", "slopes with form linear_in_size only"),
        (
            schedules["maintenance_slope"] > schedules["initial_slope"],
            "asks more maintenance than initial margin",
            "maintenance_slope at most initial_slope",
        ),
        (
            (form != "open_interest") & ((upper > 0.0) | (lower > 0.0)),
            "has bounds that its form does not read",
            "bounds of open interest with form open_interest only",
        ),
        (
            (form == "open_interest") & (upper <= lower) & ((upper > 0.0) | (lower > 0.0)),
            "has bounds in the wrong order",
            "open_interest_lower below open_interest_upper, or both 0",
        ),
    )
    for broken, what, allowed in rules:
        for row in np.flatnonzero(broken):
            draft.add(PolicyError, "form", "schedules", what, row=row, allowed=allowed)


def tiers_rise(draft: Draft) -> None:
    """Note schedules without tiers, first floors that are not 0, rates that fall and misplaced caps."""
    schedule = draft.codes["tiers", "schedule"]
    for row in np.flatnonzero(~np.isin(np.arange(draft.rows("schedules")), schedule)):
        draft.add(
            PolicyError, "no-tiers", "schedules", "has no tiers", row=row, remedy="add a row with floor 0"
        )
    if not len(schedule):
        return
    first = np.concatenate(([True], schedule[1:] != schedule[:-1]))
    _floors_start_at_zero(draft, first)
    _rates_rise(draft, first)
    _caps_come_last(draft, np.append(first[1:], True))


def _floors_start_at_zero(draft: Draft, first: Flags) -> None:
    floors = draft.tables["tiers"]["floor"]
    for row in np.flatnonzero(first & (floors != 0.0)):
        draft.add(
            PolicyError,
            "first-floor",
            "tiers",
            "is the first floor",
            row=row,
            column="floor",
            value=float(floors[row]),
            allowed="the first floor of a schedule is 0",
        )


def _rates_rise(draft: Draft, first: Flags) -> None:
    tiers = draft.tables["tiers"]
    for column in ("initial_rate", "maintenance_rate"):
        rates = tiers[column]
        falling = ~first & (rates < np.concatenate(([0.0], rates[:-1])))
        for row in np.flatnonzero(falling):
            draft.add(
                PolicyError,
                "falling-rate",
                "tiers",
                "is below the tier before",
                row=row,
                column=column,
                value=float(rates[row]),
                allowed=f"at least {rates[row - 1]:g}: rates rise with the floor",
            )
    for row in np.flatnonzero(tiers["maintenance_rate"] > tiers["initial_rate"]):
        draft.add(
            PolicyError,
            "maintenance-above-initial",
            "tiers",
            "is above initial_rate",
            row=row,
            column="maintenance_rate",
            value=float(tiers["maintenance_rate"][row]),
            allowed=f"at most {tiers['initial_rate'][row]:g}",
        )


def _caps_come_last(draft: Draft, last: Flags) -> None:
    tiers = draft.tables["tiers"]
    capped = ~np.isnan(tiers["cap"])
    for row in np.flatnonzero(capped & (~last | (tiers["cap"] <= tiers["floor"]))):
        draft.add(
            PolicyError,
            "cap",
            "tiers",
            "is a cap on a tier that is not the last" if not last[row] else "is a cap below its floor",
            row=row,
            column="cap",
            value=float(tiers["cap"][row]),
            allowed="a cap above the floor, on the last tier of a schedule only",
        )


def depth_rises(draft: Draft) -> None:
    """Note a band that holds less money than a narrower one."""
    depth = draft.tables["depth"]
    same = (depth["market"][1:] == depth["market"][:-1]) & (depth["side"][1:] == depth["side"][:-1])
    for row in np.flatnonzero(same & (depth["amount"][1:] < depth["amount"][:-1])) + 1:
        draft.add(
            PolicyError,
            "falling-depth",
            "depth",
            "is less than a narrower band holds",
            row=row,
            column="amount",
            value=float(depth["amount"][row]),
            allowed=f"at least {depth['amount'][row - 1]:g}: amounts are cumulative",
        )
