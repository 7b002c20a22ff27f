from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import ValueRangeError

from .conftest import ClosedForm, Failing, Scaled, small_network


@pytest.fixture
def comparison(net: Any, family: Any, model: Any) -> Any:
    return ct.compare(net, family, model, {"half": [Scaled(0.5)], "double": [Scaled(2.0)]}, n=40, seed=3)


def test_effects_are_the_mean_paired_differences(comparison: Any) -> None:
    losses = comparison.to_frame().pivot(index="scenario", columns="policy", values="system_loss")
    effects = comparison.effects("system_loss")
    for name in ("half", "double", "placebo"):
        difference = float((losses[name] - losses["none"]).mean())
        assert effects.loc[name, "difference"] == pytest.approx(difference, rel=1e-12)
    assert effects.loc["half", "helped"] == 1.0
    assert effects.loc["double", "harmed"] == 1.0


def test_effects_against_another_set_turn_the_sign(comparison: Any) -> None:
    forward = comparison.effects("system_loss", against="none").loc["half", "difference"]
    backward = comparison.effects("system_loss", against="half").loc["none", "difference"]
    assert forward == pytest.approx(-backward)


def test_the_tail_has_one_row_per_set(comparison: Any) -> None:
    tail = comparison.tail("system_loss", level=0.5)
    assert set(tail.index) == {"none", "half", "double", "placebo"}
    assert tail.loc["double", "es"] == pytest.approx(2.0 * tail.loc["none", "es"])


def test_the_deferred_loss_stands_beside_the_benefit(comparison: Any) -> None:
    deferred = comparison.deferred
    assert list(deferred.columns) == ["benefit", "deferred_notional", "extra", "halted_seconds"]
    assert deferred.loc["none"].tolist()[0] == 0.0
    assert deferred.loc["half", "benefit"] > 0 > deferred.loc["double", "benefit"]
    assert (deferred["extra"] == 0.0).all()
    assert deferred.loc["half", "halted_seconds"] == 60.0


def test_the_median_scenario_has_as_many_below_as_above(comparison: Any) -> None:
    losses = comparison.to_frame().query("policy == 'half'").set_index("scenario")["system_loss"]
    median = comparison.representative("median", policy="half")
    assert (losses < losses[median]).sum() == 19
    bad = comparison.representative("bad", policy="half")
    assert (losses > losses[bad]).sum() == 2


def test_of_equal_scenarios_the_first_is_representative(net: Any, model: Any) -> None:
    comparison = ct.compare(net, ct.PriceShock({"BTC": -0.1}), model, n=5)
    assert comparison.representative("median", "direct_loss") == 0


def test_a_scenario_that_failed_represents_nothing(net: Any, family: Any, model: Any) -> None:
    comparison = ct.compare(net, family, model, {"bad": [Failing(every=2)]}, n=6)
    assert comparison.representative("bad", policy="bad") % 2 == 1


def test_a_rerun_gives_the_row_of_the_frame_bit_for_bit(family: Any, model: Any) -> None:
    networks = [small_network(), small_network(250.0)]
    comparison = ct.compare(None, family, model, {"half": [Scaled(0.5)]}, networks=networks, n=6, seed=9)
    frame = comparison.to_frame().set_index(["policy", "scenario"])
    for policy, scenario in (("none", 0), ("half", 3), ("placebo", 5)):
        run = comparison.rerun(policy, scenario)
        row = frame.loc[(policy, scenario), comparison.metric_names].to_numpy(dtype="float64")
        assert np.array_equal(run.metrics.to_numpy(), row)


@pytest.mark.parametrize(("policy", "scenario"), [("hlaf", 0), ("half", 40), ("half", -1)])
def test_a_rerun_of_what_is_not_there_is_refused(comparison: Any, policy: str, scenario: int) -> None:
    with pytest.raises(ValueRangeError, match=r"did you mean 'half'|0 to 39"):
        comparison.rerun(policy, scenario)


def test_venues_and_nodes_are_ranked_by_the_loss_they_caused(comparison: Any) -> None:
    caused = comparison.caused()
    numbers = [comparison.representative(which) for which in ("median", "bad")]
    losses = comparison.to_frame().query("policy == 'none'").set_index("scenario")["system_loss"]
    assert set(caused.index) == {"V", "T"}
    assert caused.loc["V", "loss_caused"] == pytest.approx(losses[numbers].mean())
    assert caused.loc["T", "loss_caused"] == 1.0
    assert caused["kind"].to_dict() == {"V": "exchange", "T": "trader"}
    assert caused["loss_caused"].is_monotonic_decreasing
    assert caused["share"].sum() == pytest.approx(1.0)


def test_the_scenarios_are_the_drawn_log_returns(comparison: Any, family: Any) -> None:
    frame = comparison.scenarios
    assert list(frame.columns) == ["scenario", "network", "BTC", "ETH"]
    drawn = family.draw(["BTC", "ETH"], 40, 3)
    assert np.array_equal(frame[["BTC", "ETH"]].to_numpy(), drawn.to_numpy())


def test_networks_with_other_assets_have_gaps_in_the_scenarios(net: Any, family: Any, model: Any) -> None:
    other = ct.Network(
        nodes={"name": ["V"], "kind": ["exchange"], "cash": [5.0]},
        assets={"name": ["USD", "BTC"], "kind": ["currency", "coin"], "price": [1.0, 100.0]},
    )
    scenarios = ct.compare(None, family, model, networks=[net, other], n=4).scenarios
    assert scenarios["ETH"].isna().tolist() == [False, True, False, True]
    assert scenarios["BTC"].notna().all()


def test_an_unknown_metric_or_word_is_refused_with_the_nearest_name(comparison: Any) -> None:
    with pytest.raises(ValueRangeError, match="did you mean 'system_loss'"):
        comparison.effects("sytem_loss")
    with pytest.raises(ValueRangeError, match="did you mean 'none'"):
        comparison.effects("system_loss", against="non")
    with pytest.raises(ValueRangeError, match="one of median, bad"):
        comparison.representative("worst")
    with pytest.raises(ValueRangeError, match="did you mean 'system_loss'"):
        comparison.tail("system_los")


def test_the_provenance_makes_the_same_numbers_again(net: Any, family: Any, comparison: Any) -> None:
    provenance = comparison.provenance
    assert provenance["seed"] == 3
    assert provenance["n"] == 40
    assert provenance["networks"] == [net.fingerprint]
    assert list(provenance["policies"]) == ["none", "half", "double", "placebo"]
    assert "numpy" in provenance["packages"]
    again = ct.compare(net, family, ClosedForm(), comparison.policies, n=40, seed=3, n_jobs=2)
    assert again.provenance == provenance
    pd.testing.assert_frame_equal(again.to_frame(), comparison.to_frame(), check_exact=True)


def test_the_card_names_every_set_in_few_lines(comparison: Any) -> None:
    card = repr(comparison)
    assert "40 scenarios on 1 network, USD" in card
    assert all(name in card for name in ("none", "half", "double", "placebo"))
    assert len(card.splitlines()) <= 10


def test_names_in_the_html_card_are_escaped(net: Any, family: Any, model: Any) -> None:
    card = ct.compare(net, family, model, {"<script>x</script>": [Scaled()]}, n=2)._repr_html_()
    assert "<script>" not in card
    assert "&lt;script&gt;" in card


def test_a_set_that_failed_everywhere_takes_nothing_from_the_others(
    net: Any, family: Any, model: Any
) -> None:
    sets = {"half": [Scaled(0.5)], "bad": [Failing(every=1)]}
    broken = ct.compare(net, family, model, sets, n=40, seed=3)
    whole = ct.compare(net, family, model, {"half": sets["half"]}, n=40, seed=3)
    names = list(whole.policies)
    pd.testing.assert_frame_equal(broken.deferred.loc[names], whole.deferred)
    pd.testing.assert_frame_equal(broken.costs().loc[names], whole.costs())
    assert broken.deferred.loc["bad"].isna().all()
    assert "nan" not in repr(broken)
    assert "'bad' 40" in repr(broken)


def test_a_set_that_failed_in_part_is_paired_with_none_where_both_ran(
    net: Any, family: Any, model: Any
) -> None:
    comparison = ct.compare(net, family, model, {"bad": [Failing(every=3), Scaled(0.5)]}, n=40, seed=3)
    effects, deferred = comparison.effects("system_loss"), comparison.deferred
    assert effects.loc["bad", "n"] == 26
    assert effects.loc["placebo", "n"] == 40
    assert "14 of 40 scenarios failed" in effects.loc["bad", "note"]
    assert deferred.loc["bad", "benefit"] == pytest.approx(-effects.loc["bad", "difference"])
    assert deferred.loc["bad", "extra"] == 0.0


def test_the_metric_named_before_the_run_is_the_one_that_is_not_exploratory(net: Any, family: Any) -> None:
    given: dict[str, Any] = {"policies": {"half": [Scaled(0.5)]}, "n": 30, "seed": 3}
    comparison = ct.compare(net, family, ClosedForm(), **given, metric="forced_cost")
    assert comparison.metric == comparison.provenance["metric"] == "forced_cost"
    assert comparison.effects().attrs["metric"] == "forced_cost"
    assert not comparison.effects()["note"].str.contains("exploratory").any()
    for table in (
        comparison.effects("system_loss"),
        comparison.tail("system_loss"),
        comparison.exceedance("system_loss", 5.0),
    ):
        assert table["note"].str.startswith("exploratory").all()
    usual = ct.compare(net, family, ClosedForm(), **given)
    assert usual.metric == "system_loss" and usual.to_frame().equals(comparison.to_frame())


def test_a_metric_that_does_not_exist_is_refused_before_anything_runs(net: Any, family: Any) -> None:
    with pytest.raises(ValueRangeError, match=r"metric.*did you mean 'system_loss'"):
        ct.compare(net, family, ClosedForm(), n=2, metric="system_los")


def test_limits_are_exceeded_as_often_as_counted(comparison: Any) -> None:
    losses = comparison.to_frame().pivot(index="scenario", columns="policy", values="system_loss")
    limit = float(losses["none"].median())
    table = comparison.exceedance("system_loss", limit)
    assert table["probability"].to_dict() == (losses > limit).mean().to_dict()
    assert table.loc["placebo", ["difference", "difference_low", "difference_high"]].tolist() == [0.0] * 3
    with pytest.raises(ValueRangeError, match="did you mean 'none'"):
        comparison.exceedance("system_loss", limit, against="non")


def test_the_placebo_and_the_negative_control_are_exactly_zero(comparison: Any) -> None:
    table = comparison.controls()
    assert table["passed"].all() and comparison.note == ""
    assert table["control"].value_counts().to_dict() == {"placebo": 6, "negative control": 2}
    assert table[table["control"] == "negative control"]["policy"].tolist() == ["half", "double"]


@dataclass(frozen=True)
class Opening(ct.Policy):
    """Has a rule in force at the opening, which may reach any metric."""

    def opening(self, net: ct.Network) -> ct.Network:
        return net


def test_rules_in_force_at_the_opening_are_no_negative_control(net: Any, family: Any, model: Any) -> None:
    comparison = ct.compare(net, family, model, {"rule": [Opening()]}, n=4)
    assert (comparison.controls()["control"] == "placebo").all()


@dataclass(frozen=True)
class Leaking(ct.Policy):
    """Reaches what it must not reach."""


@dataclass(frozen=True)
class LeakingModel(ClosedForm):
    def prepare(self, net: ct.Network, policies: Any) -> Any:
        ready = super().prepare(net, policies)
        leaks = any(isinstance(policy, Leaking) for policy in policies)
        return replace(ready, size=ready.size * 2.0) if leaks else ready


def test_a_control_that_fails_is_in_the_note(net: Any, family: Any) -> None:
    comparison = ct.compare(net, family, LeakingModel(), {"leak": [Leaking()]}, n=4)
    failed = comparison.controls().query("not passed")
    assert failed[["control", "policy", "metric"]].to_numpy().tolist() == [
        ["negative control", "leak", "direct_loss"]
    ]
    assert "negative control 'leak' changed direct_loss" in comparison.note
