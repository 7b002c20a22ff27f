"""Uncertain inputs, shares of variance and interactions, where they are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import lognorm, norm, uniform

import contagion as ct
from contagion.errors import NetworkError, ScenarioError, SchemaError, ValueRangeError
from contagion.experiments.inputs import NetworkDraws
from contagion.measures.factorial import contrasts
from contagion.streams import key64
from tests.experiments.conftest import small_market, small_network


def made(seed: int = 0, cash: float = 100.0) -> ct.Network:
    """A network whose cash is an input, and whose debts hold a draw of its own seed."""
    net = small_network(cash)
    return net.replace(nodes=net.nodes.assign(external_liabilities=(seed % 1000) / 1000.0))


def test_draws_of_an_input_are_uniform_or_as_their_distribution() -> None:
    nets = ct.draw_networks(made, {"cash": (3.0, 8.0)}, n=400, seed=3)
    values = np.sort(nets.parameters["cash"].to_numpy())
    assert np.abs((values - 3.0) / 5.0 - (np.arange(400) + 0.5) / 400).max() < 1.63 / math.sqrt(400)
    drawn = ct.draw_networks(made, {"cash": lognorm(0.5)}, n=400, seed=3).parameters["cash"]
    assert drawn.to_numpy() == pytest.approx(lognorm(0.5).ppf((nets.parameters["cash"] - 3.0) / 5.0))


def test_an_input_depends_on_seed_name_and_number_alone() -> None:
    few = ct.draw_networks(made, {"cash": (3.0, 8.0)}, n=3, seed=3)
    more = ct.draw_networks(made, {"nodes.external_assets": (0.0, 1.0), "cash": (3.0, 8.0)}, n=9, seed=3)
    assert few.parameters["cash"].tolist() == more.parameters["cash"].tolist()[:3]
    assert (
        few.parameters["cash"].tolist()
        != ct.draw_networks(made, {"cash": (3.0, 8.0)}, n=3, seed=4).parameters["cash"].tolist()
    )
    first = float(few[0].nodes["cash"].max())
    assert first == few.parameters.loc[0, "cash"]


def test_networks_and_inputs_are_drawn_apart() -> None:
    nets = ct.draw_networks(made, {"cash": (3.0, 8.0)}, n=4, seed=3)
    one, other = nets.at(0, 2), nets.at(1, 2)
    assert one.nodes["cash"].equals(other.nodes["cash"])
    assert not one.nodes["external_liabilities"].equals(other.nodes["external_liabilities"])
    assert [net.fingerprint for net in nets] == [nets[i].fingerprint for i in range(4)]


def test_a_column_is_set_or_multiplied() -> None:
    net = small_market(4)
    half = ct.draw_networks(net, {"depth.amount": uniform(0.5, 1e-12)}, n=2, relative=["depth.amount"])
    assert half[0].depth["amount"].to_numpy() == pytest.approx(1500.0)
    fixed = ct.draw_networks(net, {"depth.amount": uniform(7.0, 1e-12)}, n=2)
    assert fixed[1].depth["amount"].to_numpy() == pytest.approx(7.0)


def test_a_comparison_runs_on_drawn_networks(family: Any, model: Any) -> None:
    nets = ct.draw_networks(made, {"cash": (50.0, 150.0)}, n=4, seed=1)
    cmp = ct.compare(None, family, model, {"halt": [ct.Halt(drop=0.1)]}, n=8, networks=nets)
    alone = ct.compare(nets[2], family, model, {"halt": [ct.Halt(drop=0.1)]}, n=8)
    rows = cmp.to_frame().query("network == 2 and policy == 'none'")["system_loss"]
    same = alone.to_frame().query("policy == 'none'").set_index("scenario")["system_loss"]
    assert rows.tolist() == same.loc[[2, 6]].tolist()


@pytest.mark.parametrize(
    ("source", "inputs", "options", "error", "words"),
    [
        (3, {}, {}, NetworkError, "generator"),
        (made, {"cahs": (0.0, 1.0)}, {}, ValueRangeError, "cash"),
        (made, {"nodes.cahs": (0.0, 1.0)}, {}, ValueRangeError, "nodes.cash"),
        (made, {"cash": 3.0}, {}, SchemaError, "distribution"),
        (made, {"cash": (2.0, 1.0)}, {}, ValueRangeError, "rise"),
        (made, {"cash": norm(np.nan)}, {}, ValueRangeError, "no number"),
        (made, {"cash": (0.0, 1.0)}, {"relative": ["cash"]}, ValueRangeError, "relative"),
        (made, {"cash": (0.0, 1.0)}, {"n": 0}, ValueRangeError, "n"),
    ],
)
def test_inputs_that_mean_nothing_are_refused(
    source: Any, inputs: Any, options: Any, error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        ct.draw_networks(source, inputs, **options)


def test_a_network_takes_no_options_and_no_parameter_of_a_generator() -> None:
    with pytest.raises(SchemaError, match="generator"):
        ct.draw_networks(small_network(), {}, options={"n_accounts": 3})
    with pytest.raises(ValueRangeError, match="table"):
        ct.draw_networks(small_network(), {"leverage_median": (3.0, 8.0)})


@dataclass(frozen=True)
class Sum:
    """Loss = a x log return of BTC + b x cash + c x debt + d x log return x cash."""

    weights: tuple[float, float, float, float]

    def prepare(self, net: ct.Network, policies: Sequence[ct.Policy] = ()) -> SumPrepared:
        factor = 1.0 - 0.5 * len(policies)
        return SumPrepared(
            self.weights,
            float(net.nodes["cash"].max()),
            float(net.nodes["external_liabilities"].max()),
            factor,
        )


@dataclass(frozen=True)
class SumPrepared:
    weights: tuple[float, float, float, float]
    cash: float
    debt: float
    factor: float
    metric_names: tuple[str, ...] = ("system_loss",)
    compiled: bool = True

    def metrics(self, shock: Any, seed: int, scenario: int) -> np.ndarray:
        a, b, c, d = self.weights
        move = float(shock.log_returns(["BTC"])[0])
        return np.array([self.factor * (a * move + b * self.cash + c * self.debt + d * move * self.cash)])


def spread_of_seeds(n: int, seed: int) -> float:
    return float(np.var([(int(key64(seed, "network", i) >> 32) % 1000) / 1000.0 for i in range(n)]))


def test_shares_of_an_additive_loss_are_its_variances() -> None:
    """Var = a^2 s^2 + b^2 w^2 / 12 + c^2 / 12; first and total shares agree."""
    nets = ct.draw_networks(made, {"cash": (0.0, 2.0)}, n=2, seed=5)
    found = ct.variance_split(
        nets, ct.PriceShocks.normal(0.1, 0.0), Sum((10.0, 1.0, 2.0, 0.0)), n=150, seed=5
    )
    parts = {"shock": 1.0, "network": 4.0 / 12.0, "parameters": 4.0 / 12.0}
    total = sum(parts.values())
    assert found["variance"].iloc[0] == pytest.approx(total, rel=0.2)
    for name, part in parts.items():
        for kind in ("first", "total"):
            error = found.loc[name, f"{kind}_se"]
            assert abs(found.loc[name, kind] - part / total) < 4.0 * error and 0.0 < error < 0.15


def test_an_interaction_is_in_the_totals_and_not_in_the_first_shares() -> None:
    """Loss r x c with mean 0 of r: first share of c is 0, its total var(c) / E[c^2]; c uniform on (0, 2)."""
    nets = ct.draw_networks(made, {"cash": (0.0, 2.0)}, n=2, seed=5)
    found = ct.variance_split(nets, ct.PriceShocks.normal(0.1, 0.0), Sum((0.0, 0.0, 0.0, 1.0)), n=150, seed=5)
    exact = {
        ("shock", "first"): 0.75,
        ("shock", "total"): 1.0,
        ("parameters", "first"): 0.0,
        ("parameters", "total"): 0.25,
    }
    for (name, kind), share in exact.items():
        assert abs(found.loc[name, kind] - share) < 4.0 * max(found.loc[name, f"{kind}_se"], 0.01)
    assert found.loc["network", "total"] == 0.0


def test_the_change_that_policies_make_is_split_too() -> None:
    nets = ct.draw_networks(made, {"cash": (0.0, 2.0)}, n=2, seed=5)
    options: dict[str, Any] = {"n": 64, "seed": 5}
    model, family = Sum((10.0, 1.0, 2.0, 0.0)), ct.PriceShocks.normal(0.1, 0.0)
    change = ct.variance_split(nets, family, model, [ct.Halt(drop=0.1)], against=True, **options)
    plain = ct.variance_split(nets, family, model, **options)
    assert change["total"].to_numpy() == pytest.approx(plain["total"].to_numpy())
    assert change["variance"].to_numpy() == pytest.approx(0.25 * plain["variance"].to_numpy())


def test_shares_do_not_depend_on_the_number_of_workers() -> None:
    nets = ct.draw_networks(made, {"cash": (0.0, 2.0)}, n=2, seed=5)
    tables = [
        ct.variance_split(nets, ct.PriceShocks.normal(0.1), Sum((1.0, 1.0, 1.0, 1.0)), n=32, n_jobs=jobs)
        for jobs in (1, 3)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_a_single_network_varies_by_the_shock_alone() -> None:
    found = ct.variance_split(small_network(), ct.PriceShocks.normal(0.1), Sum((1.0, 0.0, 0.0, 0.0)), n=32)
    assert list(found.index) == ["shock"] and found.loc["shock", "total"] == pytest.approx(1.0, abs=0.5)


def test_what_has_no_variance_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no variance"):
        ct.variance_split(small_network(), ct.PriceShocks.normal(0.1), Sum((0.0, 0.0, 0.0, 0.0)), n=16)
    with pytest.raises(SchemaError, match="draw_networks"):
        ct.variance_split([small_network()], ct.PriceShocks.normal(0.1), Sum((0.0,) * 4))  # type: ignore[arg-type]
    with pytest.raises(ValueRangeError, match="system_loss"):
        ct.variance_split(small_network(), ct.PriceShocks.normal(0.1), Sum((0.0,) * 4), metric="system_los")


def designed(n: int = 60, **failed: int) -> pd.DataFrame:
    """Loss 10, less 1 with a, less 2 with b, and .5 more with both; a scenario effect that cancels."""
    rows = []
    for name, value in {"none": 10.0, "a": 9.0, "b": 8.0, "a + b": 7.5, "placebo": 10.0}.items():
        for i in range(n):
            wave = 0.1 * math.sin(i) * (name == "a + b")
            status = "error" if failed.get(name.replace(" + ", "")) == i else "ok"
            rows.append((name, i, 0, status, value + math.cos(i) + wave if status == "ok" else math.nan))
    return pd.DataFrame(rows, columns=["policy", "scenario", "network", "status", "system_loss"])


def test_main_effects_and_the_interaction_are_the_contrasts() -> None:
    found = contrasts(designed(), "system_loss")
    wave = float(np.mean([0.1 * math.sin(i) for i in range(60)]))
    exact = {"a": -0.75 + wave / 2, "b": -1.75 + wave / 2, "a × b": 0.5 + wave}
    assert found["effect"].to_dict() == pytest.approx(exact)
    assert (found["low"] <= found["effect"]).all() and (found["effect"] <= found["high"]).all()
    assert found["p_adjusted"].tolist() == pytest.approx([3 * p for p in found["p_value"]])


def test_three_factors_have_seven_terms() -> None:
    parts = {name: ct.Policy() for name in "abc"}
    names = list(ct.factorial(parts))
    assert names == ["a", "b", "c", "a + b", "a + c", "b + c", "a + b + c"]
    value = {"a": 1.0, "b": 2.0, "c": 4.0}
    rows = [
        (
            name,
            i,
            0,
            "ok",
            sum(value.get(x, 0.0) for x in name.split(" + ")) + (8.0 if "a + b" in name else 0.0) + i % 3,
        )
        for name in ["none", *names]
        for i in range(30)
    ]
    frame = pd.DataFrame(rows, columns=["policy", "scenario", "network", "status", "loss"])
    effects = contrasts(frame, "loss")["effect"].to_dict()
    assert effects == pytest.approx(
        {"a": 5.0, "b": 6.0, "c": 4.0, "a × b": 8.0, "a × c": 0.0, "b × c": 0.0, "a × b × c": 0.0}
    )


def test_scenarios_that_failed_are_left_out_and_counted() -> None:
    found = contrasts(designed(ab=3), "system_loss")
    assert (found["n"] == 59).all() and "1 scenarios did not finish" in found["note"].iloc[0]


def test_a_comparison_shows_its_interactions(net: Any, family: Any, model: Any) -> None:
    sets = ct.factorial({"halt": ct.Halt(drop=0.1), "fund": [ct.InsuranceFund(factor=2.0)]})
    cmp = ct.compare(net, family, model, sets, n=30)
    losses = cmp.to_frame().query("policy == 'none'")[
        "system_loss"
    ]  # this model doubles them with the fund's factor
    assert cmp.interactions()["effect"].tolist() == pytest.approx([0.0, losses.mean(), 0.0], abs=1e-12)
    plain = ct.compare(net, family, model, {"halt": [ct.Halt(drop=0.1)]}, n=30)
    with pytest.raises(ValueRangeError, match="factorial"):
        plain.interactions()


@pytest.mark.parametrize("parts", [{"a": ct.Policy()}, {"a + b": ct.Policy(), "c": ct.Policy()}, 3])
def test_designs_that_are_none_are_refused(parts: Any) -> None:
    with pytest.raises((SchemaError, ValueRangeError)):
        ct.factorial(parts)


def test_draws_say_what_they_are() -> None:
    nets = ct.draw_networks(made, {"cash": (3.0, 8.0)}, n=3)
    assert isinstance(nets, NetworkDraws) and repr(nets) == "NetworkDraws(3 networks, inputs cash)"
    assert len(nets[1:]) == 2 and nets[-1].fingerprint == nets[2].fingerprint
