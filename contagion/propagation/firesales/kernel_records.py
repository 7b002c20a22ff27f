"""What the compiled fire sale reads and writes: arrays of a sale, of its starts and results, of one scenario now."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray

TARGET, THRESHOLD, BANDS, RATIO, DEFAULT, SET = range(6)
LINEAR, SQUARE_ROOT, FLOORED, IN_SHARE = range(4)
HIGHEST = 1e9  # times the start price: those who buy are said to drive a price up without end

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
LongArray = NDArray[np.uint64]
ShortArray = NDArray[np.uint32]


class Plan(NamedTuple):
    """What is the same in all scenarios; entries are holdings, sorted by bank, then security."""

    start: LongArray  # entries of bank n: start[n] to start[n + 1]
    security: ShortArray
    amount: FloatArray
    turned_start: LongArray  # the same by security
    holder: ShortArray
    turned_amount: FloatArray
    order: IntArray  # each bank's entries in the order in which they are sold; empty: in proportion
    rule: int
    numbers: tuple[float, float, float]  # of the rule
    of_bank: FloatArray  # of the rule, shape (2, n_banks)
    impact: int
    first: FloatArray  # of the impact, per security
    second: FloatArray
    weight: float
    shares: bool  # states give shares of first portfolios, not entries
    listed: bool  # holdings are followed entry by entry
    frozen: bool
    kept: bool
    delayed: bool


class Start(NamedTuple):
    """States before the sale; one row a scenario, or a single one for all."""

    held: FloatArray  # shares of first portfolios, or entries
    price: FloatArray
    move: FloatArray
    equity: FloatArray
    cash: FloatArray
    loan: FloatArray
    illiquid: FloatArray
    other_debt: FloatArray
    gain: FloatArray
    in_default: BoolArray
    forced: BoolArray


class Found(NamedTuple):
    """Results, one row a scenario; `rounds` is negative where there is no end, with the gap and where it is."""

    price: FloatArray
    equity: FloatArray
    loss: FloatArray
    sold: FloatArray
    sales: FloatArray
    bank_sales: FloatArray
    in_default: BoolArray
    rounds: IntArray
    rounds_with_sales: IntArray
    gap: FloatArray
    worst: IntArray


class Book(NamedTuple):
    """One scenario now: state, last decision and last sale; `units` and `sold` in money at the start price."""

    held: FloatArray
    price: FloatArray
    move: FloatArray
    equity: FloatArray
    cash: FloatArray
    loan: FloatArray
    illiquid: FloatArray
    other_debt: FloatArray
    gain: FloatArray
    in_default: BoolArray
    forced: BoolArray  # empty if nobody is
    value: FloatArray  # of holdings at `price`
    gross: FloatArray  # of whole first portfolios
    hit: FloatArray  # what holdings lose by the last fall
    fraction: FloatArray
    demand: FloatArray
    paid: FloatArray
    failing: BoolArray
    on_sold: FloatArray  # and of it what was sold
    sold: FloatArray  # shares of first portfolios, or entries
    money: FloatArray  # sales per bank
    units: FloatArray  # sales per security
    fall: FloatArray
    lost: FloatArray  # fall times price
