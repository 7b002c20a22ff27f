"""What an attack costs and brings at every budget: the answer of `contagion.attack_profile`."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contagion.shocks import Attack

__all__ = ["AttackProfile"]


@dataclass(frozen=True, eq=False, repr=False)
class AttackProfile:
    """Cost, gain and profit of an attack by budget and policy set, made by `contagion.attack_profile`.

    Parameters
    ----------
    asset : str
        Whose price is pushed.
    attack : Attack
        The attack with the largest budget.
    table : pandas.DataFrame
        One row per set and budget: policy, budget, traded (of the budget, at opening prices: less where books end,
        limits hold or markets halt), index_move (of the index from the opening, signed, as far as it is pushed to the
        side of the attack), liquidated_notional, cost (what the attacker's trades lose, coins still owed at the
        outside price), gain (of the position, beyond what it gains with budget 0), profit (gain less cost),
        profitable.
    index_push, clusters : pandas.DataFrame
        What the tables say of the same position: `contagion.measures.money_to_push_index`, and
        `contagion.measures.money_to_next_cluster` for each of the asset's perpetuals. NaN of an asset without
        perpetuals and futures.
    unit : str
        Unit of money.
    seed : int
        Root seed.
    """

    asset: str
    attack: Attack
    table: pd.DataFrame
    index_push: pd.DataFrame
    clusters: pd.DataFrame
    unit: str
    seed: int

    def to_frame(self) -> pd.DataFrame:
        """Return the table, a copy."""
        return self.table.copy()

    @property
    def policies(self) -> list[str]:
        """The policy sets, "none" first."""
        return list(dict.fromkeys(self.table["policy"]))

    @property
    def by_tables(self) -> pd.Series[Any]:
        """The row of `index_push` for the side of the attack."""
        move = "fall" if self.attack.side == "sell" else "rise"
        return self.index_push[self.index_push["move"] == move].iloc[0]

    @property
    def break_even(self) -> pd.Series[float]:
        """By policy set: budget from which the attack pays, between the last loss and the first profit beside it.

        The smallest budget where that pays already; NaN where none does. Above it there may be losses again.
        """
        found = {}
        for name in self.policies:
            rows = self.table[self.table["policy"] == name]
            found[name] = _first_root(
                rows["budget"].to_numpy(np.float64), rows["profit"].to_numpy(np.float64)
            )
        return pd.Series(found, name="break_even", dtype=np.float64).rename_axis("policy")

    @property
    def summary(self) -> pd.DataFrame:
        """One row per policy set: trigger_budget, break_even, best_budget, best_profit and unprofitable.

        `trigger_budget` is the smallest budget looked at with which somebody is liquidated beyond what the smallest
        liquidates, or with the smallest itself, NaN if with none; `unprofitable` says that no budget looked at pays.
        """
        rows = {}
        for name in self.policies:
            own = self.table[self.table["policy"] == name]
            best = own.iloc[int(own["profit"].argmax())]
            hit = own.loc[own["liquidated_notional"] > 0.0, "budget"]
            rows[name] = (
                float(hit.iloc[0]) if len(hit) else np.nan,
                float(self.break_even[name]),
                float(best["budget"]),
                float(best["profit"]),
                not bool(own["profitable"].any()),
            )
        names = ["trigger_budget", "break_even", "best_budget", "best_profit", "unprofitable"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("policy")

    @property
    def protects(self) -> list[str]:
        """Sets under which no budget looked at pays, though one does under "none"."""
        pays = self.table.groupby("policy")["profitable"].any()
        return [name for name in self.policies if pays["none"] and not pays[name]]

    def card(self) -> list[tuple[str, str]]:
        """What was found, as label and text."""
        none, tables = self.table[self.table["policy"] == "none"], self.by_tables
        budgets = f"{len(none)} budgets from {none['budget'].min():,.4g} {self.unit}".strip()
        at = self.summary[self.summary.index == "none"].iloc[0]
        pays = f"profit up to {at['best_profit']:,.4g} with {at['best_budget']:,.4g}"
        if not at["unprofitable"]:
            pays += (
                f"; it pays with {none['profitable'].sum()} of them, first from {at['break_even']:,.4g} on"
            )
        return [
            ("attack", f"{budgets} to {self.attack.describe()}"),
            ("by tables", f"{tables['money']:,.4g} reach the next cluster at {tables['level']:+.0%} of the index, "
                          f"cost {tables['push_cost']:,.4g}, gain {tables['gain']:,.4g}"),
            ("no policy", f"index {none['index_move'].iloc[-1]:+.1%} at the largest budget; {pays}"),
            ("unprofitable", "under " + ", ".join(self.protects) if self.protects
                             else "nowhere where it pays without policies" if not at["unprofitable"]
                             else "with every budget looked at, without policies too"),
        ]  # fmt: skip

    def __repr__(self) -> str:
        return "\n".join(
            [f"Attack on {self.asset}", *(f"  {label:<13}{text}" for label, text in self.card())]
        )

    def _repr_html_(self) -> str:
        """The card for notebooks."""
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for label, text in self.card()
        )
        return f"<table><caption>Attack on {html.escape(self.asset)}</caption>{body}</table>"


def _first_root(budget: np.ndarray, profit: np.ndarray) -> float:
    """Return where the profit first turns positive, by the line between the budgets beside it."""
    above = np.flatnonzero(profit > 0.0)
    if not len(above):
        return float("nan")
    at = int(above[0])
    if at == 0:
        return float(budget[0])
    low, high = profit[at - 1], profit[at]
    return float(budget[at - 1] + (budget[at] - budget[at - 1]) * (-low / (high - low)))
