"""Metrics of runs against the ledger and the tables of the same run, in random worlds."""

from __future__ import annotations

import pytest
from hypothesis import given

import contagion as ct
from contagion.propagation.cascade.outcome import METRICS
from contagion.propagation.solvency.outcome import METRICS as SHEET_METRICS
from contagion.reporting import glossary
from tests.properties.replay import played, seeds


def test_every_metric_has_a_label_a_unit_and_a_meaning() -> None:
    models = (
        ct.Clearing,
        ct.CrossHoldings,
        ct.DebtRank,
        ct.FireSale,
        ct.Furfine,
        ct.NEVA,
        ct.ThresholdCascade,
    )
    of_sheets = {*SHEET_METRICS, *(name for model in models for name in model.own_metrics)}
    assert set(METRICS) | of_sheets == set(glossary.METRICS)
    assert len(set(METRICS)) == len(METRICS)


@given(seeds)
def test_metrics_are_what_the_ledger_and_the_events_add_up_to(seed: int) -> None:
    it = played(seed)
    run = it.prepared.run(it.world.shock, seed)
    quantum = 1.0 / it.prepared.opening.units.scale
    money = run.ledger[run.ledger["instrument"] == "money"]
    out = -money[money["amount"] < 0].groupby("kind")["amount"].sum() * quantum
    happened = run.events.groupby("kind")["money"].sum()
    expected = {
        "own_capital_paid": out.get("own_capital", 0.0),
        "default_fund_paid": run.venues["default_fund_paid"].sum(),
        "assessed": out.get("assessment", 0.0),
        "withdrawn": run.venues["withdrawn"].sum(),
        "withdrawals_refused": run.venues["refused"].sum(),
        "margin_moved": out.get("margin_move", 0.0),
        "reacted_notional": happened.get("reaction", 0.0),
        "hedged_notional": happened.get("hedge", 0.0),
        "funding_paid": happened.get("funding", 0.0),
        "recalled": out.get("recall", 0.0),
        "liquidated_notional": run.accounts["liquidated_notional"].sum(),
        "takeover_notional": run.accounts["taken_over_notional"].sum(),
    }
    # the money of a posting is rounded once for each account behind its row
    rounding = quantum * len(run.events) * int(run.accounts["count"].max())
    for name, value in expected.items():
        assert run.metrics[name] == pytest.approx(value, rel=1e-12, abs=rounding), name
    for table in (run.rounds, run.venues, run.markets):
        total = table["liquidated_notional"].sum()
        assert total == pytest.approx(run.metrics["liquidated_notional"], rel=1e-12, abs=rounding)
