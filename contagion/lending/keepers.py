"""Does a liquidation pay the keeper who carries it out?

Every number may be an array over calls; results have the broadcast shape.

References
----------
Qin, Zhou, Livshits, Gervais (2021): profits of liquidators against gas and slippage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, reals

ETHER_PER_GWEI = 1e-9


@dataclass(frozen=True)
class KeeperProfit:
    """Money: bonus, three costs, what is left; whether the keeper acts; repayment at which it breaks even.

    `break_even_repay` is nan where costs in proportion eat the bonus, inf where it is beyond every float.
    """

    revenue: Any
    gas_cost: Any
    slippage_cost: Any
    flash_fee: Any
    profit: Any
    execute: Any
    break_even_repay: Any


def keeper_profit(
    repay_value: Any,
    gas_used: Any,
    gas_price_gwei: Any,
    eth_price: Any,
    *,
    liquidation_bonus: Any,
    slippage: Any,
    flash_fee: Any,
    min_profit: Any,
) -> KeeperProfit:
    """Profit of repaying a debt with a flash loan and selling the collateral at once.

    Parameters
    ----------
    repay_value
        v, money, >= 0, any shape.
    gas_used, gas_price_gwei
        Units of gas and gwei (1e-9 ether) per unit, >= 0.
    eth_price
        Money per ether, > 0.
    liquidation_bonus, slippage, flash_fee
        Fractions, >= 0: of the debt; of the value seized ``v (1 + bonus)``, at most 1; of the debt.
    min_profit
        Money; the keeper acts above it, not at it.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> found = keeper_profit(10_000, 500_000, 20, 2000, liquidation_bonus=0.05, slippage=0.005,
    ...                       flash_fee=0.0009, min_profit=0)
    >>> round(float(found.profit), 6), bool(found.execute)
    (418.5, True)
    """
    value = reals(repay_value, "repay_value", low=0.0)
    gas, gwei = reals(gas_used, "gas_used", low=0.0), reals(gas_price_gwei, "gas_price_gwei", low=0.0)
    ether = reals(eth_price, "eth_price", above=0.0)
    bonus = reals(liquidation_bonus, "liquidation_bonus", low=0.0)
    slip = reals(slippage, "slippage", low=0.0, high=1.0)
    loan = reals(flash_fee, "flash_fee", low=0.0)
    least = reals(min_profit, "min_profit")
    value, gas, gwei, ether, bonus, slip, loan, least = fitted(
        repay_value=value, gas_used=gas, gas_price_gwei=gwei, eth_price=ether, liquidation_bonus=bonus,
        slippage=slip, flash_fee=loan, min_profit=least,
    )  # fmt: skip
    revenue, fee = value * bonus, loan * value
    gas_cost = gas * gwei * ETHER_PER_GWEI * ether
    slippage_cost = slip * value * (1.0 + bonus)
    profit = revenue - gas_cost - slippage_cost - fee
    margin = np.asarray(bonus - slip * (1.0 + bonus) - loan)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        even = np.where(margin > 0.0, gas_cost / margin, np.nan)
    acts = profit > least
    return KeeperProfit(revenue[()], gas_cost[()], slippage_cost[()], fee[()], profit[()], acts[()], even[()])
