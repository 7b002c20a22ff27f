"""From the final state to the numbers a researcher reads: the metrics of a run.

References
----------
cascade chapter, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.propagation.cascade import codes
from contagion.propagation.cascade.attacking import budget_traded, position_gain, trading_gain
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.close import (
    account_worth,
    coin_prices,
    deferred_at_end,
    lot_prices,
    node_worth,
)
from contagion.propagation.cascade.codes import FUTURE, PERP
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.packing import pack_state

Floats = npt.NDArray[np.float64]

METRICS = (
    "system_loss",
    "system_gain",
    "direct_loss",
    "forced_cost",
    "loss_amplification",
    "price_amplification",
    "liquidated_notional",
    "liquidated_notional_long",
    "liquidated_notional_short",
    "liquidated_accounts",
    "bad_debt",
    "uncovered",
    "fund_used",
    "adl_notional",
    "takeover_notional",
    "residual_loss",
    "venue_defaults",
    "node_defaults",
    "price_drop_max",
    "basis_peak",
    "liquidation_basis_mean",
    "liquidation_basis_worst",
    "coverage_mean",
    "liquidation_cost",
    "liquidation_cost_slippage",
    "liquidation_cost_fee",
    "liquidation_cost_gas",
    "liquidation_cost_burn",
    "margin_called",
    "margin_posted",
    "deferred_notional",
    "halted_seconds",
    "time_to_close_median",
    "time_to_close_95",
    "fill_rate",
    "branching_ratio",
    "rounds",
    "reacted_notional",
    "hedged_notional",
    "funding_paid",
    "recalled",
    "withdrawn",
    "withdrawals_refused",
    "collateral_seized",
    "debt_repaid",
    "keeper_gain",
    "keeper_waits",
    "margin_moved",
    "own_capital_paid",
    "default_fund_paid",
    "assessed",
    "attack_spent",
    "attack_received",
    "attack_profit",
    "attack_traded",
    "issuer_loss",
    "frozen",
    "delta_hedged_notional",
    "model_closed_notional",
    "policy_cost",
)


@dataclass(frozen=True)
class Worths:
    """Equity of every node and account in money: at the opening, at outside prices, at the end."""

    opening: Floats
    outside: Floats
    closing: Floats
    accounts_opening: Floats
    accounts_outside: Floats
    accounts_closing: Floats

    @property
    def outside_change(self) -> Floats:
        """Opening book revalued at final outside prices, minus opening equity, per node."""
        return self.outside - self.opening

    @property
    def change(self) -> Floats:
        """Change of equity per node."""
        return self.closing - self.opening


def opening_worth(
    opening: Opening, start: Any, quantity: Floats, which: int, prices: Floats
) -> tuple[Floats, Floats]:
    """Worth of accounts and nodes of the opening book, in quanta; `start` is a state at the opening."""
    coins = coin_prices(start, prices)
    accounts = account_worth(
        opening.packed, quantity, opening.held, opening.cash, lot_prices(start, which), coins
    )
    return accounts, node_worth(opening.packed, start, accounts, prices, prices)


def final_outside(state: State) -> Floats:
    """Outside prices of the assets when the run ended."""
    last = min(int(state.clock["round"][0]) - 1, len(state.outside) - 1)
    return np.ascontiguousarray(state.outside[max(last, 0)])


def worths(opening: Opening, start: State, state: State) -> Worths:
    """Value the opening book and the final one."""
    quantum = 1.0 / opening.units.scale
    outside = final_outside(state)
    book, first, last = opening.packed, pack_state(start), pack_state(state)
    at_open = opening_worth(opening, first, opening.quantity, 0, opening.prices)
    accounts = account_worth(
        book, opening.quantity, opening.held, opening.cash, lot_prices(last, 1), coin_prices(last, outside)
    )
    nodes = node_worth(book, first, accounts, outside, outside)
    closing_accounts = account_worth(
        book, state.quantity, state.held, state.cash, lot_prices(last, 2), coin_prices(last, state.index)
    )
    owed = outside * state.recovery  # tokens are debts at their reference price, whatever the market says
    closing = node_worth(book, last, closing_accounts, state.index, owed)
    return Worths(
        at_open[1] * quantum,
        nodes * quantum,
        closing * quantum,
        at_open[0] * quantum,
        accounts * quantum,
        closing_accounts * quantum,
    )


def ratio(numerator: float, denominator: float) -> float:
    """The quotient, nan when there is nothing to divide by."""
    return numerator / denominator if denominator > 0.0 else float("nan")


def has_basis(markets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which markets stand at a basis to their asset: perpetuals and dated futures."""
    return np.isin(markets["kind"], (PERP, FUTURE))


def opening_units(markets: Any) -> Floats:
    """Money that a lot of every market stands for at the opening."""
    return np.asarray(np.where(markets["inverse"], 1.0, markets["opening"]) * markets["lot"], np.float64)


def price_amplification(opening: Opening, state: State) -> float:
    """Largest fall of the last price over that of the outside price, weighted by open interest; nan if none fell."""
    book, markets = opening.book, state.markets
    lots = np.maximum(opening.quantity, 0.0) * book.count[book.leg_account]
    weight = np.bincount(book.leg_market, lots, len(markets)) * opening_units(markets)
    lowest = np.minimum((state.outside.min(axis=0) / state.outside[0])[markets["asset"]], 1.0)
    outside_fall = 1.0 - lowest
    rows = has_basis(markets) & (outside_fall > 0.0)
    return ratio(
        float((weight * markets["largest_fall"])[rows].sum()), float((weight * outside_fall)[rows].sum())
    )


def metrics(opening: Opening, state: State, worth: Worths) -> Floats:
    """All metrics but `policy_cost`, in the order of METRICS."""
    book, counters, venues, markets = opening.book, state.counters, state.venues, state.markets
    quantum = 1.0 / opening.units.scale
    counted = book.counted
    gap = (worth.outside_change - worth.change)[counted]
    system, gain = float(np.maximum(gap, 0.0).sum()), float(np.maximum(-gap, 0.0).sum())
    direct = float(np.maximum(-worth.outside_change[counted], 0.0).sum())
    leveraged = has_basis(markets)
    closed = ~np.isnan(state.closing_time)
    waits = state.closing_time[closed], book.count[closed]
    fees, gas = counters[codes.FEES] * quantum, counters[codes.GAS] * quantum
    burned = float(venues["burned"].sum()) * quantum - gas
    slippage = counters[codes.SLIPPAGE] * quantum
    found = {
        "system_loss": system,
        "system_gain": gain,
        "direct_loss": direct,
        "forced_cost": counters[codes.FORCED_COST] * quantum,
        "loss_amplification": ratio(direct + system, direct),
        "price_amplification": price_amplification(opening, state),
        "liquidated_notional": counters[codes.LIQUIDATED_ALL] * quantum,
        "liquidated_notional_long": counters[codes.LIQUIDATED_LONG] * quantum,
        "liquidated_notional_short": counters[codes.LIQUIDATED_SHORT] * quantum,
        "liquidated_accounts": counters[codes.LIQUIDATED_ACCOUNTS],
        "bad_debt": float(venues["bad_debt"].sum()) * quantum,
        "uncovered": float(venues["uncovered"].sum()) * quantum,
        "fund_used": float(venues["fund_used"].sum()) * quantum,
        "adl_notional": counters[codes.DELEVERAGED] * quantum,
        "takeover_notional": counters[codes.TAKEN_OVER] * quantum,
        "residual_loss": float(venues["residual_paid"].sum()) * quantum,
        "venue_defaults": counters[codes.VENUE_DEFAULTS],
        "node_defaults": counters[codes.NODE_DEFAULTS],
        "price_drop_max": float(markets["largest_fall"].max(initial=0.0)),
        "basis_peak": float(markets["basis_peak"][leveraged].max(initial=0.0)),
        "liquidation_basis_mean": ratio(counters[codes.BASIS_SUM], counters[codes.BASIS_WEIGHT]),
        "liquidation_basis_worst": counters[codes.BASIS_WORST]
        if counters[codes.BASIS_WEIGHT]
        else float("nan"),
        "coverage_mean": ratio(counters[codes.COVERAGE_SUM], counters[codes.COVERAGE_WEIGHT]),
        "liquidation_cost": slippage + fees + gas,
        "liquidation_cost_slippage": slippage,
        "liquidation_cost_fee": fees - burned,
        "liquidation_cost_gas": gas,
        "liquidation_cost_burn": burned,
        "margin_called": counters[codes.MARGIN_CALLED] * quantum,
        "margin_posted": counters[codes.MARGIN_POSTED] * quantum,
        "deferred_notional": deferred_at_end(opening.packed, pack_state(state)) * quantum,
        "halted_seconds": float(markets["halted_seconds"].sum()),
        "time_to_close_median": quantile(*waits, 0.5),
        "time_to_close_95": quantile(*waits, 0.95),
        "fill_rate": ratio(counters[codes.FILLED], counters[codes.ASKED]),
        "branching_ratio": ratio(
            counters[codes.HEALTHY_OUTSIDE], counters[codes.LIQUIDATED_ALL] + counters[codes.TAKEN_OVER]
        ),
        "rounds": float(state.clock["round"][0]),
        "policy_cost": 0.0,
        "reacted_notional": counters[codes.REACTED] * quantum,
        "hedged_notional": counters[codes.HEDGED] * quantum,
        "funding_paid": counters[codes.FUNDING] * quantum,
        "recalled": counters[codes.RECALLED] * quantum,
        "withdrawn": counters[codes.WITHDRAWN] * quantum,
        "withdrawals_refused": counters[codes.REFUSED] * quantum,
        "collateral_seized": counters[codes.SEIZED] * quantum,
        "debt_repaid": counters[codes.REPAID] * quantum,
        "keeper_gain": counters[codes.KEEPER_GAIN] * quantum,
        "keeper_waits": counters[codes.KEEPER_WAITS],
        "margin_moved": counters[codes.MOVED_MARGIN] * quantum,
        "own_capital_paid": counters[codes.OWN_CAPITAL_PAID] * quantum,
        "default_fund_paid": counters[codes.DEFAULT_FUND_PAID] * quantum,
        "assessed": counters[codes.ASSESSED] * quantum,
        "attack_spent": counters[codes.ATTACK_SPENT] * quantum,
        "attack_received": counters[codes.ATTACK_RECEIVED] * quantum,
        "attack_profit": (trading_gain(state) + position_gain(state)) * quantum,
        "attack_traded": budget_traded(state) * quantum,
        "issuer_loss": counters[codes.ISSUER_LOSS] * quantum,
        "frozen": counters[codes.FROZEN] * quantum,
        "delta_hedged_notional": counters[codes.DELTA_HEDGED] * quantum,
        "model_closed_notional": counters[codes.MODEL_CLOSED] * quantum,
    }
    return np.asarray([found[name] for name in METRICS], dtype=np.float64)


def quantile(values: Floats, numbers: npt.NDArray[np.int64], level: float) -> float:
    """Order-statistic quantile: the smallest value with at least `level` of all at or below it; nan if none.

    `values` in any order, each as often as `numbers` says.
    """
    if not values.size:
        return float("nan")
    rising = np.argsort(values, kind="stable")
    below = np.cumsum(numbers[rising])
    return float(values[rising[np.searchsorted(below, level * below[-1])]])
