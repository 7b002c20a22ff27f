"""At which price must a linear position be closed, when its tier is that of the price looked for?

The price solves ``equity(price) = requirement(price)``; margin tables are convex, so there is one root. All
numbers may be arrays over accounts and are broadcast together. A price that does not exist is nan: of a
position of size 0, or where the requirement grows as fast as the position. A price of 0 says that no price
above zero liquidates.

References
----------
Help page of Binance on liquidation prices; tests of freqtrade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, fitted, reals, sides
from contagion.errors import PolicyError, SchemaError
from contagion.margin.tiers import Tiers, TierTable, tier_table


@dataclass(frozen=True)
class LiquidationPrice:
    """Liquidation price (money per unit, nan: none) and the tier of the position at it, counted from 1."""

    liquidation_price: Any
    tier: Any


def liquidation_price_binance_isolated(
    side: Any,
    size: Any,
    entry_price: Any,
    wallet_balance: Any,
    *,
    tiers: Tiers | None = None,
    maintenance_rate: Any = None,
    maintenance_amount: Any = None,
) -> LiquidationPrice:
    """Liquidation price with maintenance at the liquidation price itself, as on Binance.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    size
        In base units, >= 0.
    entry_price
        Money per unit, > 0.
    wallet_balance
        Money given to the position, before unrealised profit; any sign.
    tiers
        Tier table; the tier is the one in which the position is at its liquidation price, not at its stake.
    maintenance_rate, maintenance_amount
        In place of `tiers`: one line ``rate * notional - amount``.

    Returns
    -------
    LiquidationPrice
        ``(entry - s (W + a) / q) / (1 - s r)``, floored at 0, and its tier.

    Raises
    ------
    InputError
        If a number is out of range, the tiers do not fit together, or neither or both rules are given.

    Examples
    --------
    >>> found = liquidation_price_binance_isolated(
    ...     1, 1, 10, 2, maintenance_rate=0.01, maintenance_amount=0.01)
    >>> float(found.liquidation_price.round(4))
    8.0707
    """
    given = (sides(side, "side"), reals(size, "size", low=0.0), reals(entry_price, "entry_price", above=0.0))
    table = margin_line(tiers, maintenance_rate, maintenance_amount)
    return bracket_price(*given, reals(wallet_balance, "wallet_balance"), table)


def floored(price: FloatArray, exists: NDArray[np.bool_]) -> Any:
    """Prices floored at 0, nan where there is none."""
    return np.where(exists, np.maximum(price, 0.0), np.nan)[()]


def margin_line(tiers: Tiers | None, rate: Any, amount: Any, where: str = "tiers") -> TierTable:
    """The tier table of a rule given by `tiers` or by one line ``rate * notional - amount``.

    The columns of one line may be arrays over accounts, in a new first axis.
    """
    if tiers is not None:
        if rate is not None or amount is not None:
            raise PolicyError(
                "is given together with maintenance_rate or maintenance_amount",
                where=where,
                allowed="either tiers or one rate with its amount",
            )
        return tier_table(tiers, where)
    for name, value in (("maintenance_rate", rate), ("maintenance_amount", amount)):
        if value is None:
            raise SchemaError(
                f"has no key {name!r}",
                where=where,
                allowed="tiers, or maintenance_rate and maintenance_amount",
            )
    one, other = fitted(
        maintenance_rate=reals(rate, "maintenance_rate", low=0.0, high=1.0),
        maintenance_amount=reals(amount, "maintenance_amount", low=0.0),
    )
    return TierTable(np.zeros(1), np.array([np.inf]), one[None], np.array([np.nan]), other[None])


def bracket_price(
    side: FloatArray, size: FloatArray, entry: FloatArray, balance: FloatArray, table: TierTable
) -> LiquidationPrice:
    """First bracket, from the lowest, that holds the position at the price which its own line gives.

    Where rounding leaves a crack between two brackets, the bracket that binds: the highest of their prices for
    a long, the lowest for a short.
    """
    side, size, entry, balance, _ = fitted(
        side=side, size=size, entry_price=entry, wallet_balance=balance, maintenance_rate=table.rates[0]
    )
    price, tier = np.full(side.shape, np.nan), np.zeros(side.shape, dtype=np.int64)
    binding = -side * np.inf
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for place, rate in enumerate(table.rates):
            root = _root(side, size, entry, balance + table.amounts[place], rate)
            cap = table.caps[place] if place < len(table.caps) - 1 else np.inf
            held = (table.floors[place] <= size * root) & (size * root <= cap)
            held &= np.isfinite(root) & (tier == 0)
            price, tier = np.where(held, root, price), np.where(held, place + 1, tier)
            binding = np.where(side > 0, np.fmax(binding, root), np.fmin(binding, root))
    lost = (tier == 0) & (binding < np.inf)
    price = np.where(lost, binding, price)
    reached = size * np.where(lost & np.isfinite(binding) & (size > 0), binding, 0.0)
    above = np.searchsorted(table.caps[:-1], reached, side="left") + 1
    tier = np.where(lost, above, tier)
    price = np.where(size > 0, price, np.nan)
    nothing = ~(price > 0.0)
    return LiquidationPrice(np.maximum(price, 0.0)[()], np.where(nothing, 1, tier)[()])


def _root(side: FloatArray, size: FloatArray, entry: FloatArray, money: FloatArray, rate: Any) -> FloatArray:
    """Price at which equity meets one line; infinite where the line rises as fast as the position."""
    price = (entry - side * money / size) / (1.0 - side * rate)
    never = np.where(money >= side * size * entry, -np.inf, np.inf)
    return np.asarray(np.where(side * rate < 1.0, price, never))
