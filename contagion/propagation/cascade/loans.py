"""How much of a loan is repaid, and what is seized for it? The rules of lending protocols, in whole lots.

A *side* of a loan is a balance of the account: a row of the held balances, or `UNIT`, its money. Lots of a side are
counted in its smallest amounts (quanta for money), prices in quanta per lot at the oracle. The repayment is a whole
number of lots, the seizure is rounded down to whole lots: the keeper bears what rounding leaves.

References
----------
margin chapter, section 9: `aave_close_factor`, `aave_max_repay`, `aave_liquidation`, `compound_v2_liquidation`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.codes import AUCTION, LENDING

UNIT = -1  # the side that is an account's money
NONE = -2  # no such side


@inner
def is_loan(book: Any, state: Any, i: int) -> bool:
    """Whether account `i` is liquidated as a loan."""
    return bool(state.venues[book.venue[i]].procedure in (LENDING, AUCTION))


@inner
def close_share(
    health: float, collateral: float, debt: float, close_factor: float, full_close: float, small: float
) -> float:
    """Share of a debt that one liquidation may repay; `collateral` and `debt` are the values that are picked.

    All of it at a health factor of `full_close` or below, or where one of the two values is below `small`.
    """
    if health >= 1.0:
        return 0.0
    if health > full_close and collateral >= small and debt >= small:
        return close_factor
    return 1.0


@inner
def most_repaid(share: float, debt: float, price: float, total: float, whole: bool) -> float:
    """Most lots that may be repaid; with `whole` the share is one of all debts (`total`, quanta), as in Aave 3.3."""
    if share >= 1.0:
        return debt
    if whole:
        return min(debt, np.floor(share * total / price))
    return np.floor(share * debt)


@inner
def seizure(repay: float, debt_price: float, gross: float, price: float, held: float) -> tuple[float, float]:
    """Lots repaid and seized at `gross` (one plus the bonus); both are cut where the collateral is used up."""
    seize = repay * debt_price * gross / price
    if seize > held - 1.0:  # what would be left is less than a lot
        return min(repay, np.rint(held * price / (gross * debt_price))), held
    return repay, np.floor(seize)


@inner
def leaves_dust(debt_left: float, collateral_left: float, least: float) -> bool:
    """Whether both sides are left and one is worth less than `least`: such a call is refused."""
    return debt_left > 0.0 and collateral_left > 0.0 and (debt_left < least or collateral_left < least)


@inner
def undusted(debt: float, collateral: float, gross: float, least: float) -> float:
    """Largest repayment (quanta) after which both sides are worth at least `least`; below 0 where there is none."""
    return min(debt - least, (collateral - least) / gross)


@inner
def side_price(book: Any, state: Any, side: int) -> float:
    """Quanta per lot of a side at the oracle."""
    if side < 0:
        return 1.0
    slot = state.slots[book.hold_slot[side]]
    return float(slot.price * slot.lot_scale)


@inner
def side_market(book: Any, state: Any, side: int) -> int:
    """Market in which a side is sold or bought; -1 for money and where there is none."""
    if side < 0:
        return -1
    return int(state.slots[book.hold_slot[side]].market)


@inner
def side_lots(state: Any, i: int, side: int) -> float:
    """Signed lots of a side of one account behind row `i`."""
    if side < 0:
        return float(state.cash[i])
    return float(state.held[side])


@inner
def largest_side(book: Any, state: Any, i: int, sign: float) -> int:
    """The side of this sign (1 collateral, -1 debt) with the largest value; ties: money, then by asset."""
    best, found = 0.0, NONE
    if sign * float(state.cash[i]) > 0.0:
        best, found = sign * float(state.cash[i]), UNIT
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        value = sign * state.held[b] * side_price(book, state, b)
        if value > best:
            best, found = value, b
    return found


@inner
def has_collateral(book: Any, state: Any, i: int) -> bool:
    """Whether anything can be seized from account `i`."""
    return largest_side(book, state, i, 1.0) != NONE


@inner
def bonus_of(book: Any, state: Any, i: int, side: int) -> float:
    """Liquidation bonus of a collateral of account `i`."""
    if side < 0:
        return float(state.venues[book.venue[i]].unit_bonus)
    return float(state.slots[book.hold_slot[side]].bonus)


@inner
def health_factor(state: Any, i: int, debt: float) -> float:
    """Collateral by its thresholds over debt: equity less the haircuts, plus the debt, over the debt."""
    return float((state.equity[i] - state.requirement[i] + debt) / debt)
