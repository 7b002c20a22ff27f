"""Can a fire sale run compiled? Its parts as codes and arrays for the kernels, where all of them are built in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.propagation.firesales import kernel_records as codes
from contagion.propagation.firesales.engine import Sale
from contagion.propagation.firesales.impacts import (
    ExponentialInShare,
    FlooredExponential,
    LinearImpact,
    SquareRootImpact,
)
from contagion.propagation.firesales.kernel_records import Found, Plan, Start
from contagion.propagation.firesales.portfolios import InProportion, Listed
from contagion.propagation.firesales.responses import (
    AllOnDefault,
    CapitalRatio,
    LeverageBands,
    LeverageTarget,
    LeverageThreshold,
    SetFractions,
    State,
)

__all__ = ["blank", "plan_of", "start_of"]

FIELDS = ("price", "move", "equity", "cash", "loan", "illiquid", "other_debt", "gain", "in_default", "forced")


def plan_of(sale: Sale, start: State) -> Plan | None:
    """The sale as arrays; None where a part is not built in, or somebody stands between sellers and the market."""
    held = start.held
    rule, impact = _rule(sale), _impact(sale)
    if sale.desk is not None or rule is None or impact is None:
        return None
    if type(held) not in (InProportion, Listed) or held.table is not sale.table:  # type: ignore[attr-defined]
        return None
    matrix, turned = sale.table.matrix, sale.table.turned
    return Plan(
        start=matrix.indptr.astype(np.uint64),
        security=matrix.indices.astype(np.uint32),
        amount=_floats(matrix.data),
        turned_start=turned.indptr.astype(np.uint64),
        holder=turned.indices.astype(np.uint32),
        turned_amount=_floats(turned.data),
        order=_order(sale),
        rule=rule[0],
        numbers=_three(rule[1]),
        of_bank=rule[2],
        impact=impact[0],
        first=_floats(impact[1]),
        second=_floats(impact[2]),
        weight=float(sale.settlement_weight),
        shares=isinstance(held, InProportion),
        listed=isinstance(held, Listed) or sale.rank is not None,
        frozen=bool(sale.frozen),
        kept=sale.proceeds == "kept",
        delayed=bool(sale.delayed),
    )


def start_of(start: State) -> Start:
    """The state before the sale, one row a scenario; a single one where all are the same."""
    held = start.held.share if isinstance(start.held, InProportion) else start.held.entries()
    return Start(_rows(held), *(_rows(getattr(start, name)) for name in FIELDS))


def blank(sale: Sale, scenarios: int) -> Found:
    """Results of no sale yet."""
    banks, securities = (int(size) for size in sale.table.matrix.shape)
    per_bank, per_security = (scenarios, banks), (scenarios, securities)
    return Found(
        price=np.empty(per_security),
        equity=np.empty(per_bank),
        loss=np.zeros(per_bank),
        sold=np.zeros(per_security),
        sales=np.zeros(per_security),
        bank_sales=np.zeros(per_bank),
        in_default=np.empty(per_bank, dtype=np.bool_),
        rounds=np.zeros(scenarios, dtype=np.int64),
        rounds_with_sales=np.zeros(scenarios, dtype=np.int64),
        gap=np.zeros(scenarios),
        worst=np.zeros(scenarios, dtype=np.int64),
    )


def _rule(sale: Sale) -> tuple[int, tuple[float, ...], FloatArray] | None:
    """Code, numbers and numbers per bank of a response that is built in."""
    rule: Any = sale.response
    kind, of_bank = type(rule), np.zeros((2, sale.table.matrix.shape[0]))
    if kind is LeverageTarget and rule.total_assets is not None and rule.equity is not None:
        of_bank[0], of_bank[1] = rule.total_assets, (rule.total_assets - rule.equity) / rule.equity
        return codes.TARGET, (float(rule.capped),), of_bank
    if kind is LeverageThreshold:
        return codes.THRESHOLD, (rule.limit, rule.target, float(rule.worthless_too)), of_bank
    if kind is LeverageBands:
        return codes.BANDS, (rule.min_ratio, rule.trigger_ratio, rule.target_ratio), of_bank
    if kind is CapitalRatio:
        return codes.RATIO, (rule.minimum,), of_bank
    if kind is AllOnDefault:
        return codes.DEFAULT, (rule.slack,), of_bank
    if kind is SetFractions:
        of_bank[0] = rule.fraction
        return codes.SET, (), of_bank
    return None


def _impact(sale: Sale) -> tuple[int, FloatArray, FloatArray] | None:
    """Code and numbers per security of an impact that is built in."""
    rule: Any = sale.impact
    kind = type(rule)
    if kind is LinearImpact:
        return codes.LINEAR, rule.price_impact, np.full(len(rule.price_impact), rule.most)
    if kind is SquareRootImpact:
        return codes.SQUARE_ROOT, rule.volatility * rule.scale, rule.volume
    if kind is FlooredExponential:
        return codes.FLOORED, rule.floor, rule.scale
    if kind is ExponentialInShare:
        return codes.IN_SHARE, rule.rate, rule.total
    return None


def _order(sale: Sale) -> NDArray[np.int64]:
    """Entries of each bank in the order in which they are sold; none: in proportion."""
    if sale.rank is None:
        return np.zeros(0, dtype=np.int64)
    start, column = sale.table.matrix.indptr, sale.table.matrix.indices
    bank = np.repeat(np.arange(len(start) - 1), np.diff(start))
    return np.lexsort((np.asarray(sale.rank)[column], bank)).astype(np.int64)


def _three(numbers: tuple[float, ...]) -> tuple[float, float, float]:
    """Numbers of a rule, filled up with zeros."""
    first, second, third = (float(x) for x in (*numbers, 0.0, 0.0, 0.0)[:3])
    return first, second, third


def _floats(values: Any) -> FloatArray:
    """Numbers of one type that kernels take: contiguous, and not marked as not to be written."""
    return np.require(values, np.float64, ("C", "W"))


def _rows(values: NDArray[Any]) -> NDArray[Any]:
    """Columns as rows; a single one where all are the same array."""
    same = values.shape[1] > 1 and values.strides[1] == 0
    return np.require(values[:, :1].T if same else values.T, None, ("C", "W"))
