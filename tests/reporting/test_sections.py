"""What single chapters say: rules from the tables, controls that can fail, a frontier, facts only where they fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import ValueRangeError
from contagion.facts import LENDING_MARKETS, counts
from contagion.reporting import evidence, figures, leverage_band
from contagion.reporting.blocks import Fold, Section, Table
from contagion.reporting.material import Control, Material, Story, value_at
from contagion.reporting.sections import (
    cascade,
    controls,
    facts,
    frontier,
    method,
    network,
    rules,
    summary,
)


@pytest.fixture(scope="module")
def material(run):
    return Material((run.network,), None, (Story("this run", "The only one.", run),))


def tables(section: Section) -> list[Table]:
    blocks = [
        inner for block in section.blocks for inner in (block.blocks if isinstance(block, Fold) else (block,))
    ]
    return [block for block in blocks if isinstance(block, Table)]


def texts(table: Table) -> list[list[str]]:
    return [["".join(part.text for part in cell.parts) for cell in row] for row in table.rows]


def test_every_tier_in_force_is_in_the_rules(material):
    shown = [
        row
        for table in tables(rules.write(material))
        for row in table.rows
        if table.caption.startswith("Schedule")
    ]
    found = sorted(float(row[3].parts[0].value) for row in shown)
    assert found == sorted(material.network.tiers["maintenance_rate"])


def test_every_venue_has_its_rules_in_a_column(material):
    table = next(t for t in tables(rules.write(material)) if t.identifier == "venue-rules")
    assert list(table.columns[1:]) == [str(name) for name in material.network.venues.index]
    funds = [float(cell.parts[0].value) for cell in table.rows[2][1:]]
    assert funds == list(material.network.venues["insurance_fund"])


def test_the_totals_of_a_venue_count_every_account_behind_a_row(net):
    frame = network.venues(net)
    assert frame["accounts"].sum() == net.accounts["count"].sum()
    held = net.positions.assign(count=net.accounts["count"].reindex(net.positions["account"]).to_numpy())
    price = net.assets["price"].reindex(net.markets["asset"].reindex(held["market"])).to_numpy()
    longs = (held["quantity"].clip(lower=0.0) * held["count"] * price).sum()
    assert frame["open_interest"].sum() == pytest.approx(longs, rel=1e-12)


def test_a_placebo_that_changed_one_number_fails_the_control(comparison):
    assert controls.placebo_gap(comparison)[0] == 0
    frame = comparison.to_frame()
    row = frame.index[frame["policy"] == "placebo"][0]
    frame.loc[row, "bad_debt"] += 1.0
    unequal, total, worst = controls.placebo_gap(replace(comparison, table=frame))
    assert (unequal, worst) == (1, 1.0)
    assert total == len(comparison.metric_names) * comparison.n
    assert controls.placebo_row(replace(comparison, table=frame))[3].parts[0].text == "FAILED"
    said = summary.write(Material(comparison.networks, replace(comparison, table=frame), ())).blocks[-1].text
    assert "do not use this report" in said


def test_a_negative_control_that_moved_is_named_with_its_metric():
    row = controls.control_row(Control({"system_loss": 0.0, "bad_debt": 2e6}), "USD")
    assert row[3].parts[0].text == "FAILED"
    assert "bad debt" in row[2].parts[0].text
    assert controls.control_row(Control({"system_loss": 0.0}), "USD")[3].parts[0].text == "passed"


def test_the_negative_control_of_a_run_that_bites_passes(run):
    control = evidence.negative_control(run)
    assert control.passed
    assert "system_loss" in control.differences


def test_a_ledger_that_leaks_fails(run):
    leaking = replace(
        run, ledger=run.ledger.assign(amount=run.ledger["amount"].where(run.ledger.index > 0, 1))
    )
    assert controls.ledger_row((Story("a", "b", run),))[3].parts[0].text == "passed"
    assert controls.ledger_row((Story("a", "b", leaking),))[3].parts[0].text == "FAILED"


def test_a_step_that_matters_is_a_warning(material):
    frame = pd.DataFrame(
        {
            "value": [1e9],
            "half": [2e9],
            "quarter": [3e9],
            "change_half": [0.5],
            "change_quarter": [0.33],
            "flagged": [True],
        },
        index=pd.Index(["system_loss"], name="metric"),
    )
    frame.attrs["step"] = 60.0
    section = controls.write(replace(material, step_check=frame))
    assert section.blocks[-1].tone == "warn"
    assert "system loss" in section.blocks[-1].text


def test_the_frontier_names_the_set_that_beats_another(comparison):
    frame = frontier.frontier(comparison)
    for name, row in frame.iterrows():
        better = frame[(frame["benefit"] >= row["benefit"]) & (frame["cost"] <= row["cost"])]
        strictly = better[(better["benefit"] > row["benefit"]) | (better["cost"] < row["cost"])]
        assert (row["beaten_by"] == "") == strictly.empty, name


def test_facts_are_claimed_only_for_a_network_that_they_describe(material, net):
    said = facts.write(material)
    assert "supplied by the user" in said.blocks[0].text
    made = replace(material, networks=(ct.generate.perp_market(n_accounts=400, seed=1),))
    shown = next(t for t in tables(facts.write(made)) if t.identifier == "facts-table")
    totals = np.array([[float(cell.parts[0].value) for cell in row[1:]] for row in shown.rows]).sum(axis=0)
    assert list(totals) == list(counts().values())


def test_facts_and_limits_of_lending_markets_are_their_own(material):
    made = replace(material, networks=(ct.generate.lending_market(n_accounts=300, seed=1),))
    shown = next(t for t in tables(facts.write(made)) if t.identifier == "facts-table")
    totals = np.array([[float(cell.parts[0].value) for cell in row[1:]] for row in shown.rows]).sum(axis=0)
    assert list(totals) == list(counts(LENDING_MARKETS).values())
    calibrated, illustrative = (text for _, text in method.origin(made.network))
    assert "5 August 2024" in calibrated
    assert "borrows" in illustrative


def test_at_most_sixty_rounds_are_printed_and_they_are_the_busiest():
    rounds = pd.DataFrame(
        {"liquidated_notional": np.arange(200.0), "adl_notional": 0.0, "margin_posted": 0.0},
        index=pd.RangeIndex(200, name="round"),
    )
    assert list(cascade.busiest(rounds).index) == list(range(140, 200))
    assert len(cascade.busiest(rounds.head(60))) == 60


def test_a_picture_has_the_same_bytes_twice_and_leaves_settings_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    first, second = (figures.draw(lambda axes: axes.set_title(r"$\frac{1}"), "d", "c") for _ in range(2))
    assert first.source == second.source
    assert first.source.startswith("data:image/png;base64,")
    assert dict(matplotlib.rcParams) == before


def test_pictures_do_not_follow_the_users_settings():
    import matplotlib

    first = figures.draw(lambda axes: axes.plot([1, 2]), "d", "c")
    with matplotlib.rc_context({"lines.linewidth": 9.0, "axes.facecolor": "red"}):
        second = figures.draw(lambda axes: axes.plot([1, 2]), "d", "c")
    assert first.source == second.source


def test_the_band_repeats_the_study_at_each_leverage():
    shock = ct.PriceShock({"BTC": -0.2, "ETH": -0.25})
    band = leverage_band(
        shock, ct.Cascade(step=600.0), {"halt": [ct.Halt(drop=0.05)]}, medians=(3.0, 8.0), n=1, n_accounts=400
    )
    assert list(band["policy"].unique()) == ["none", "halt", "placebo"]
    assert list(band["leverage"].unique()) == [3.0, 8.0]
    net = ct.generate.perp_market(n_accounts=400, seed=0, leverage_median=8.0)
    single = ct.compare(net, shock, ct.Cascade(step=600.0), {"halt": [ct.Halt(drop=0.05)]}, n=1)
    own = band[band["leverage"] == 8.0].set_index("policy")
    losses = single.to_frame().set_index("policy")["system_loss"]
    assert value_at(own, "halt", "mean") == losses["halt"]
    assert value_at(own, "placebo", "difference") == 0.0


@pytest.mark.parametrize("medians", [(), (1.0,), (0.5, 3.0)])
def test_a_band_without_leverage_is_refused(medians):
    with pytest.raises(ValueRangeError, match="above 1"):
        leverage_band(ct.PriceShock({"BTC": -0.2}), ct.Cascade(), {}, medians=medians)


def test_a_verdict_without_interval_gives_the_first_reason_alone(comparison):
    table = comparison.effects("system_loss", against="none")
    table[["low", "high"]] = float("nan")
    table["note"] = "no interval: 8 scenarios differ < 10; tail: no interval: k = 3 < 50"
    said = verdict_on(comparison, table)
    assert "; no interval: 8 scenarios differ < 10; less loss in" in said
    assert "tail" not in said


def test_a_verdict_says_why_an_interval_beside_zero_is_no_clear_effect(comparison):
    table = comparison.effects("system_loss", against="none").assign(low=1e6, high=2e6, p_adjusted=0.12)
    assert "no clear effect" in verdict_on(comparison, table)
    assert "p 0.120 adjusted for all sets)" in verdict_on(comparison, table)
    across = table.assign(low=-1e6)
    assert "adjusted" not in verdict_on(comparison, across)


def verdict_on(comparison, table):
    """What the summary says about the halt, had the effects been these."""

    class Changed:
        networks, costs, deferred = comparison.networks, comparison.costs, comparison.deferred

        def effects(self, metric, against="none"):
            return table

    return summary.verdict(Material(comparison.networks, comparison, ()), Changed(), "halt")


def test_tables_of_money_name_its_unit(material):
    shown = [table for table in tables(rules.write(material)) if table.identifier != "venue-rules"]
    assert shown and all(material.network.unit in table.caption for table in shown)


def test_a_verdict_on_a_set_that_failed_says_so_and_claims_nothing(comparison):
    table = comparison.effects("system_loss", against="none").assign(low=-1e6, high=2e6)
    partly = verdict_on(comparison, table.assign(note="approximate; 3 of 30 scenarios failed: mean -1 to 2"))
    assert partly.startswith("no verdict, 3 of 30 scenarios failed; over those that ran")
    assert "no clear effect" not in partly
    assert verdict_on(comparison, table.assign(n=0)).startswith("failed in all scenarios")
