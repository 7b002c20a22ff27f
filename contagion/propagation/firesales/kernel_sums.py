"""Sums over holdings, compiled, in the order of the sparse products of `portfolios`; impacts on prices.

Portfolios are shares of first portfolios, summed by security, or entries, summed by bank: the terms of every sum come
in the same order either way.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import inner
from contagion.propagation.firesales.kernel_records import FLOORED, LINEAR, SQUARE_ROOT

IntArray = NDArray[np.int64]
LongArray = NDArray[np.uint64]
ShortArray = NDArray[np.uint32]


@inner
def held_by_all(
    start: LongArray, security: ShortArray, amount: FloatArray, share: FloatArray, units: FloatArray
) -> None:
    """Each security's holdings; no shares: the amounts themselves."""
    units[:] = 0.0
    for n in range(len(start) - 1):
        part = share[n] if len(share) > 0 else 1.0
        for e in range(start[n], start[n + 1]):
            units[security[e]] += amount[e] * part


@inner
def against_entries(
    start: LongArray, security: ShortArray, entries: FloatArray, values: FloatArray, found: FloatArray
) -> None:
    """``sum_k entries_nk values_k`` for every bank."""
    for n in range(len(found)):
        total = 0.0
        for e in range(start[n], start[n + 1]):
            total += entries[e] * values[security[e]]
        found[n] = total


@inner
def against_first(
    turned: LongArray, holder: ShortArray, amount: FloatArray, values: FloatArray, found: FloatArray
) -> None:
    """The same for first portfolios, security by security."""
    found[:] = 0.0
    for k in range(len(values)):
        value = values[k]
        if value != 0.0:
            for e in range(turned[k], turned[k + 1]):
                found[holder[e]] += amount[e] * value


@inner
def both_against_first(
    turned: LongArray,
    holder: ShortArray,
    amount: FloatArray,
    values: FloatArray,
    others: FloatArray,
    found: FloatArray,
    found_other: FloatArray,
) -> None:
    """Two such sums in one look at the holders."""
    found[:] = 0.0
    found_other[:] = 0.0
    for k in range(len(values)):
        value, other = values[k], others[k]
        for e in range(turned[k], turned[k + 1]):
            n = holder[e]
            found[n] += amount[e] * value
            found_other[n] += amount[e] * other


@inner
def sell_shares(
    start: LongArray, security: ShortArray, amount: FloatArray, part: FloatArray, units: FloatArray
) -> None:
    """Sales of each security where few banks sell a part of all they hold: seller by seller."""
    units[:] = 0.0
    for n in range(len(part)):
        if part[n] != 0.0:
            for e in range(start[n], start[n + 1]):
                units[security[e]] += amount[e] * part[n]


@inner
def sell_many_shares(
    turned: LongArray, holder: ShortArray, amount: FloatArray, part: FloatArray, units: FloatArray
) -> None:
    """The same where many sell: security by security, in the same order of banks."""
    for k in range(len(units)):
        total = 0.0
        for e in range(turned[k], turned[k + 1]):
            total += amount[e] * part[holder[e]]
        units[k] = total


@inner
def sell_in_proportion(start: LongArray, entries: FloatArray, fraction: FloatArray, sold: FloatArray) -> None:
    """The same part of every entry of a bank."""
    for n in range(len(fraction)):
        for e in range(start[n], start[n + 1]):
            sold[e] = entries[e] * fraction[n]


@inner
def sell_in_order(
    start: LongArray,
    security: ShortArray,
    order: IntArray,
    entries: FloatArray,
    fraction: FloatArray,
    demand: FloatArray,
    price: FloatArray,
    sold: FloatArray,
) -> None:
    """Whole entries in the selling order until a bank has its demand; who wants none sells (buys) in proportion."""
    for n in range(len(fraction)):
        left = demand[n]
        part = 0.0 if left > 0.0 else fraction[n]
        for at in range(start[n], start[n + 1]):
            e = order[at]
            worth = price[security[e]]
            sold[e] = entries[e] * part
            money = min(max(left, 0.0), entries[e] * worth)
            if worth > 0.0:
                sold[e] += min(money / worth, entries[e])
            left -= money


@inner
def falls(
    rule: int, first: FloatArray, second: FloatArray, units: FloatArray, price: FloatArray, fall: FloatArray
) -> None:
    """Falls of prices as shares of the current ones, from sales in money at the start price, written into `fall`."""
    for k in range(len(fall)):
        if rule == LINEAR:
            fall[k] = min(second[k], first[k] * (units[k] * price[k]))
        elif rule == SQUARE_ROOT:
            moved = first[k] * np.sqrt(units[k] / second[k])
            fall[k] = 1.0 if moved > 1.0 else moved
        elif units[k] == 0.0:
            fall[k] = 0.0
        elif rule == FLOORED:
            room = max(1.0 - first[k] / price[k], 0.0) if price[k] > 0.0 else 0.0
            fall[k] = room * -np.expm1(-(units[k] * price[k]) / second[k])
        else:
            share = units[k] / second[k] if second[k] > 0.0 else 0.0
            fall[k] = -np.expm1(-first[k] * share)


@inner
def selling(units: FloatArray, whole: FloatArray, settled: float) -> tuple[bool, bool]:
    """Whether of some security more is sold than counts as nothing, and whether of none anything is."""
    some, nothing = False, True
    for k in range(len(units)):
        some = some or abs(units[k]) > settled * whole[k]
        nothing = nothing and units[k] == 0.0
    return some, nothing


@inner
def highest(price: FloatArray) -> float:
    """The highest price."""
    found = 0.0
    for k in range(len(price)):
        found = max(found, price[k])
    return found


@inner
def most_sold(units: FloatArray, whole: FloatArray) -> tuple[float, int]:
    """The largest share of a security that is sold, and the security."""
    most, worst = 0.0, 0
    for k in range(len(units)):
        share = abs(units[k]) / (whole[k] if whole[k] > 0.0 else 1.0)
        if share > most:
            most, worst = share, k
    return most, worst


@inner
def product(values: FloatArray, factors: FloatArray, found: FloatArray) -> None:
    """Products, one by one."""
    for i in range(len(found)):
        found[i] = values[i] * factors[i]


@inner
def accrue(sign: float, values: FloatArray, share: float, less: FloatArray, total: FloatArray) -> None:
    """Add ``sign (values - share less)``."""
    for i in range(len(total)):
        total[i] += sign * (values[i] - share * less[i])


@inner
def keep(part: FloatArray, held: FloatArray) -> None:
    """What is left after a part is sold."""
    for i in range(len(held)):
        held[i] *= 1.0 - part[i]


@inner
def row_of(rows: FloatArray, s: int) -> FloatArray:
    """The row of a scenario."""
    found: FloatArray = rows[min(s, len(rows) - 1)]
    return found
