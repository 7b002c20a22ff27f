"""How much margin does a position of this size need? Tiered margin: rates that rise with the notional.

A tier table is a list of tiers, lowest first, each a mapping with `floor`, `cap` (None: open),
`maintenance_rate` and, for the initial margin, `max_leverage`. Tier k holds ``floor < notional <= cap``; a
notional of 0 is in tier 1; above the last cap the last tier goes on. Maintenance is the maximum of the tier
lines ``rate_k * notional - amount_k``: continuous, convex and equal to the sum of the marginal rates over
the slices of the notional.

References
----------
Margin tables of Binance USD-M, Bybit and Hyperliquid; the published amounts are this recursion on every
instrument.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real, reals
from contagion.compiled import kernel
from contagion.errors import PolicyError, SchemaError


@dataclass(frozen=True)
class TierTable:
    """A checked tier table as columns, each of shape ``(n_tiers,)``.

    `caps` is infinite where open; `max_leverages` is nan where none is given; `amounts` are the deductions
    that make the margin continuous.
    """

    floors: FloatArray
    caps: FloatArray
    rates: FloatArray
    max_leverages: FloatArray
    amounts: FloatArray


Tiers = Sequence[Mapping[str, Any]] | TierTable


@dataclass(frozen=True)
class MaintenanceMargin:
    """Maintenance margin (money), tier (from 1) and rate of that tier; arrays like the notional."""

    maintenance_margin: Any
    tier: Any
    maintenance_rate: Any


@dataclass(frozen=True)
class InitialMargin:
    """Initial margin (money), largest leverage of the tier, whether leverage and size are allowed."""

    initial_margin: Any
    max_leverage: Any
    allowed: Any


def tier_table(tiers: Tiers, where: str = "tiers") -> TierTable:
    """Check a list of tiers and turn it into columns.

    Parameters
    ----------
    tiers
        Lowest first: mappings with floor, cap (None or nan: open, last tier only), maintenance_rate,
        max_leverage (optional).
    where
        Name of the argument, for messages.

    Raises
    ------
    PolicyError
        If there is no tier, the first floor is not 0, tiers leave a gap or overlap, or a rate falls.
    InputError
        If a key is missing or a number is out of range.

    Examples
    --------
    >>> table = tier_table([{"floor": 0, "cap": 100, "maintenance_rate": 0.01},
    ...                     {"floor": 100, "cap": None, "maintenance_rate": 0.02}])
    >>> table.amounts
    array([0., 1.])
    """
    if isinstance(tiers, TierTable):
        return tiers
    if isinstance(tiers, (str, bytes, Mapping)) or not isinstance(tiers, Sequence):
        raise SchemaError("is not a list of tiers", where=where, value=tiers)
    if len(tiers) == 0:
        raise PolicyError("has no tier", where=where, allowed="a first tier with floor 0")
    rows = [_tier(tier, f"{where}[{k}]") for k, tier in enumerate(tiers)]
    for k, row in enumerate(rows):
        _check_order(rows[k - 1] if k else None, row, f"{where}[{k}]", last=k == len(rows) - 1)
    floors, caps, rates, leverages = np.array(rows, dtype=np.float64).T
    return TierTable(floors, caps, rates, leverages, _amounts(floors, rates))


def _tier(tier: object, where: str) -> tuple[float, float, float, float]:
    """Floor, cap, rate and largest leverage of one tier."""
    if not isinstance(tier, Mapping):
        raise SchemaError(
            "is not a tier", where=where, value=tier, allowed="a mapping with floor, cap, maintenance_rate"
        )
    for key in ("floor", "cap", "maintenance_rate"):
        if key not in tier:
            raise SchemaError(f"has no key {key!r}", where=where, value=dict(tier))
    floor = real(tier["floor"], f"{where}.floor", low=0.0)
    cap = math.inf if _open(tier["cap"]) else real(tier["cap"], f"{where}.cap", above=0.0)
    rate = real(tier["maintenance_rate"], f"{where}.maintenance_rate", low=0.0, high=1.0)
    given = tier.get("max_leverage")
    leverage = math.nan if given is None else real(given, f"{where}.max_leverage", above=0.0)
    return floor, cap, rate, leverage


def _open(cap: object) -> bool:
    """Whether a cap stands for no cap."""
    return cap is None or (isinstance(cap, float) and not cap < math.inf)


def _check_order(
    below: tuple[float, float, float, float] | None,
    tier: tuple[float, float, float, float],
    where: str,
    last: bool,
) -> None:
    """Refuse a tier that does not continue the one below it."""
    floor, cap, rate, _ = tier
    if below is None and floor != 0.0:
        raise PolicyError(f"floor {floor:g} is not 0", where=where, allowed="the first tier starts at 0")
    if below is not None:
        if floor <= below[0]:
            raise PolicyError(
                f"floor {floor:g} <= {below[0]:g}, the floor before", where=where, allowed="floors rise"
            )
        if floor != below[1]:
            kind = "leaves a gap to" if floor > below[1] else "overlaps"
            raise PolicyError(
                f"floor {floor:g} {kind} the cap {below[1]:g} before",
                where=where,
                allowed="a floor is the cap before it",
            )
        if rate < below[2]:
            raise PolicyError(
                f"maintenance_rate {rate:g} falls from {below[2]:g}", where=where, allowed="rates never fall"
            )
    if cap <= floor:
        raise PolicyError(f"cap {cap:g} <= floor {floor:g}", where=where, allowed="a cap above the floor")
    if math.isinf(cap) and not last:
        raise PolicyError(
            "cap is open and overlaps the next tier", where=where, allowed="an open cap in the last tier"
        )


def _amounts(floors: FloatArray, rates: FloatArray) -> FloatArray:
    """Deductions by recursion: ``amount_k = amount_(k-1) + floor_k (rate_k - rate_(k-1))``."""
    return np.concatenate([np.zeros(1), np.cumsum(floors[1:] * np.diff(rates))])


@kernel
def maintenance(notional: float, first: int, last: int, rate: FloatArray, amount: FloatArray) -> float:
    """Maintenance margin of one position: maximum over the lines ``first <= k < last`` of flat arrays."""
    best = 0.0
    for k in range(first, last):
        best = max(best, rate[k] * notional - amount[k])
    return best


def maintenance_amounts(tiers: Tiers) -> FloatArray:
    """Deductions ``amount_k`` that make tiered maintenance continuous, shape ``(n_tiers,)``, money.

    Examples
    --------
    >>> maintenance_amounts([{"floor": 0, "cap": 50_000, "maintenance_rate": 0.004},
    ...                      {"floor": 50_000, "cap": None, "maintenance_rate": 0.005}])
    array([ 0., 50.])
    """
    return tier_table(tiers).amounts.copy()


def tier_of(notional: Any, tiers: Tiers) -> Any:
    """Tier of a notional, counted from 1: ``floor < notional <= cap``; int64 of the notional's shape."""
    table = tier_table(tiers)
    return _places(reals(notional, "notional", low=0.0), table) + 1


def _places(notional: FloatArray, table: TierTable) -> NDArray[np.int64]:
    """Row of the tier of each notional."""
    return np.searchsorted(table.caps[:-1], notional, side="left")[()]


def maintenance_margin(notional: Any, tiers: Tiers) -> MaintenanceMargin:
    """Maintenance margin, tier and rate of positions of one instrument.

    Parameters
    ----------
    notional
        Money, >= 0, any shape.
    tiers
        A tier table.

    Raises
    ------
    InputError
        If a notional is negative or not finite, or the tiers do not fit together.

    Examples
    --------
    >>> tiers = [{"floor": 0, "cap": 50_000, "maintenance_rate": 0.004},
    ...          {"floor": 50_000, "cap": None, "maintenance_rate": 0.005}]
    >>> float(maintenance_margin(60_000, tiers).maintenance_margin)
    250.0
    """
    table = tier_table(tiers)
    money = reals(notional, "notional", low=0.0)
    place = _places(money, table)
    return MaintenanceMargin(tier_line(money, table)[()], place + 1, table.rates[place])


def tier_line(notional: FloatArray, table: TierTable) -> FloatArray:
    """Maintenance at checked notionals by the line of the tier they are in, as the rulebooks print it."""
    place = _places(notional, table)
    return np.asarray(table.rates[place] * notional - table.amounts[place])


def tier_lines(notional: FloatArray, table: TierTable) -> FloatArray:
    """Maintenance at checked notionals by the maximum of all lines: the bits of the kernel `maintenance`.

    Equal to `tier_line` up to rounding at the floors; never falls as the notional rises, to the last bit.
    """
    best = np.zeros(notional.shape)
    for rate, amount in zip(table.rates, table.amounts, strict=True):
        np.maximum(best, rate * notional - amount, out=best)
    return best


def initial_margin(notional: Any, leverage: Any, tiers: Tiers) -> InitialMargin:
    """Initial margin of positions opened at a leverage, and whether the tier allows it.

    Parameters
    ----------
    notional
        Money, >= 0, any shape.
    leverage
        Above 0, broadcast against `notional`.
    tiers
        A tier table with `max_leverage` in every tier.

    Returns
    -------
    InitialMargin
        ``notional / leverage``; allowed where the leverage is at most that of the tier and the notional at
        most the last cap.

    Raises
    ------
    InputError
        If a number is out of range or `max_leverage` is missing.
    """
    table = tier_table(tiers)
    money, wanted = reals(notional, "notional", low=0.0), reals(leverage, "leverage", above=0.0)
    missing = np.flatnonzero(np.isnan(table.max_leverages))
    if len(missing):
        raise SchemaError("has no key 'max_leverage'", where=f"tiers[{missing[0]}]")
    most = table.max_leverages[_places(money, table)]
    return InitialMargin((money / wanted)[()], most, (wanted <= most) & (money <= table.caps[-1]))
