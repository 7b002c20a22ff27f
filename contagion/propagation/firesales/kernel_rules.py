"""Who must sell how much, bank by bank? The rules of `responses` in compiled form, step by step the same numbers."""

import numpy as np

from contagion.compiled import inner

SLACK = 1e-12  # relative: a capital ratio short by less holds


@inner
def by_target(gain: float, assets: float, leverage: float, capped: bool) -> float:
    """Share of first assets to sell after a gain; negative buys."""
    move = gain / assets if assets > 0.0 else 0.0
    fraction = 0.0 - leverage * move
    return 1.0 if capped and fraction > 1.0 else fraction


@inner
def by_threshold(
    limit: float, target: float, value: float, others: float, cash: float, equity: float, holds: bool
) -> tuple[float, float]:
    """Share to sell and what is paid out of cash by a bank over its limit."""
    assets = value + others + cash
    leverage = assets / equity if equity > 0.0 else np.inf
    if not leverage > limit:
        return 0.0, 0.0
    need = assets - target * max(equity, 0.0)
    paid = min(max(need, 0.0), cash)
    if not holds:
        return 0.0, paid
    share = (need - paid) / value if value > 0.0 else 1.0
    return min(max(share, 0.0), 1.0), paid


@inner
def by_bands(
    lowest: float,
    trigger: float,
    target: float,
    value: float,
    others: float,
    cash: float,
    loan: float,
    other_debt: float,
    in_default: bool,
) -> tuple[float, float, float, bool]:
    """Share and money to sell, cash paid, and whether it fails, by lowest, trigger and target ratio."""
    assets = cash + others + value
    equity = assets - loan - other_debt
    ratio = -np.inf if equity < 0.0 else np.inf
    if assets > 0.0:
        ratio = equity / assets
    if not in_default and ratio < lowest:
        return 1.0, value, 0.0, True
    need = 0.0
    if not in_default and ratio < trigger:
        need = max(0.0, assets - (equity / target if target > 0.0 else np.inf))
    paid = max(0.0, min(min(need, cash), loan))
    rest, left = need - paid, cash - paid
    demand = min(rest - left, value) if left < rest else 0.0
    return (demand / value if value > 0.0 else 0.0), demand, paid, False


@inner
def by_ratio(minimum: float, value: float, others: float, equity: float) -> float:
    """Share to sell until equity is `minimum` times risky assets."""
    if equity <= 0.0:
        return 1.0
    risky = value + others
    if not minimum > 0.0:
        return 0.0
    allowed = equity / minimum
    excess = risky - allowed
    if not excess > SLACK * (risky + abs(allowed)):
        return 0.0
    share = excess / value if value > 0.0 else 1.0
    return min(max(share, 0.0), 1.0)
