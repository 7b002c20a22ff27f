"""Who must sell how much? The rules of `responses` in compiled form, bank by bank, step by step the same numbers.

Each rule is a loop of its own over few arrays, written into `fraction`, `demand` and, where it pays out of cash or
makes banks default, `paid` and `failing`.
"""

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.compiled import inner

SLACK = 1e-12  # relative: a capital ratio short by less holds

BoolArray = NDArray[np.bool_]


@inner
def by_target(
    capped: bool,
    of_bank: FloatArray,
    moved: FloatArray,
    gain: FloatArray,
    fraction: FloatArray,
    demand: FloatArray,
) -> None:
    """Back to the first leverage, in parts of first assets; negative buys."""
    for n in range(len(fraction)):
        assets = of_bank[0, n]
        move = (moved[n] + gain[n]) / assets if assets > 0.0 else 0.0
        part = 0.0 - of_bank[1, n] * move
        fraction[n] = 1.0 if capped and part > 1.0 else part
        demand[n] = fraction[n] * assets


@inner
def is_over(limit: float, assets: float, equity: float) -> bool:
    """Whether leverage is above a limit; it is infinite without equity."""
    return (assets / equity if equity > 0.0 else np.inf) > limit


@inner
def back_to(
    target: float, assets: float, value: float, cash: float, equity: float, holds: bool
) -> tuple[float, float]:
    """Share one bank over the limit sells, and what it pays out of cash."""
    need = assets - target * max(equity, 0.0)
    paid = min(max(need, 0.0), cash)
    if not holds:
        return 0.0, paid
    share = (need - paid) / value if value > 0.0 else 1.0
    return min(max(share, 0.0), 1.0), paid


@inner
def by_threshold(
    limit: float,
    target: float,
    value: FloatArray,
    others: FloatArray,
    cash: FloatArray,
    equity: FloatArray,
    fraction: FloatArray,
    demand: FloatArray,
    paid: FloatArray,
) -> bool:
    """Above a limit of leverage back to the target; who holds nothing of worth sells nothing. Whether anybody pays."""
    for n in range(len(demand)):
        demand[n] = value[n] + others[n] + cash[n]  # assets; short loops over few arrays run on vectors
    for n in range(len(fraction)):
        fraction[n] = 1.0 if is_over(limit, demand[n], equity[n]) else 0.0
    some = False
    for n in range(len(fraction)):
        assets, paid[n], demand[n] = demand[n], 0.0, 0.0
        if fraction[n] > 0.0:
            fraction[n], paid[n] = back_to(target, assets, value[n], cash[n], equity[n], value[n] > 0.0)
            demand[n] = fraction[n] * value[n]
            some = some or paid[n] != 0.0
    return some


@inner
def in_bands(
    lowest: float, trigger: float, target: float, assets: float, equity: float, in_default: bool
) -> tuple[bool, float]:
    """Whether one bank fails, and how much debt it must pay back."""
    ratio = -np.inf if equity < 0.0 else np.inf
    if assets > 0.0:
        ratio = equity / assets
    if in_default or not ratio < trigger or ratio < lowest:
        return not in_default and ratio < lowest, 0.0
    return False, max(0.0, assets - (equity / target if target > 0.0 else np.inf))


@inner
def by_bands(
    numbers: tuple[float, float, float],
    value: FloatArray,
    others: FloatArray,
    cash: FloatArray,
    loan: FloatArray,
    other_debt: FloatArray,
    in_default: BoolArray,
    fraction: FloatArray,
    demand: FloatArray,
    paid: FloatArray,
    failing: BoolArray,
) -> None:
    """Default below the lowest ratio of equity to assets; below the trigger debt is paid back up to the target."""
    lowest, trigger, target = numbers
    for n in range(len(fraction)):
        worth = value[n]
        assets = cash[n] + others[n] + worth
        fails, need = in_bands(
            lowest, trigger, target, assets, assets - loan[n] - other_debt[n], in_default[n]
        )
        pay = max(0.0, min(min(need, cash[n]), loan[n]))
        rest, left = need - pay, cash[n] - pay
        wanted = min(rest - left, worth) if left < rest else 0.0
        fraction[n] = 1.0 if fails else wanted / worth if worth > 0.0 else 0.0
        demand[n], paid[n], failing[n] = (worth if fails else wanted), pay, fails


@inner
def by_ratio(
    minimum: float,
    value: FloatArray,
    others: FloatArray,
    equity: FloatArray,
    fraction: FloatArray,
    demand: FloatArray,
) -> None:
    """Sell until equity is `minimum` times risky assets; all without equity."""
    for n in range(len(fraction)):
        part = 1.0
        if equity[n] > 0.0:
            risky = value[n] + others[n]
            allowed = equity[n] / minimum if minimum > 0.0 else np.inf
            excess = risky - allowed
            share = excess / value[n] if value[n] > 0.0 else 1.0
            enough = allowed == np.inf or not excess > SLACK * (risky + abs(allowed))
            part = 0.0 if enough else min(max(share, 0.0), 1.0)
        fraction[n] = part
        demand[n] = part * value[n]


@inner
def on_default(
    slack: float,
    value: FloatArray,
    equity: FloatArray,
    fraction: FloatArray,
    demand: FloatArray,
    failing: BoolArray,
) -> None:
    """Everything where more than the equity is lost."""
    for n in range(len(fraction)):
        failing[n] = equity[n] < -slack
        fraction[n] = 1.0 if failing[n] else 0.0
        demand[n] = fraction[n] * value[n]
