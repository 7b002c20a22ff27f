"""Who causes the loss? A game known in closed form, and small cascades followed by hand."""

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import NetworkError, ScenarioError, SchemaError, ValueRangeError
from contagion.experiments.attribute import Calm, sparing
from contagion.streams import key64
from tests.propagation.cascade.small import Holder, gap, small_net

METRICS = ("system_loss", "nothing")


@dataclass(frozen=True)
class Debts:
    """Loss is the product of 1 + the number of each debtor who is not guaranteed, less 1, plus a keyed draw."""

    noise: float = 0.0
    stages: tuple[str, ...] = ("a", "b", "c")

    def prepare(self, net: ct.Network, policies: Any = ()) -> "DebtsReady":
        nodes = net.nodes
        weak = nodes["external_assets"] < nodes["external_liabilities"]
        found = np.prod(1.0 + nodes.loc[weak, "external_liabilities"].to_numpy())
        return DebtsReady(float(found) - 1.0 + 10.0 * len(self.stages) ** 2, self.noise, len(policies))


@dataclass(frozen=True)
class DebtsReady:
    loss: float
    noise: float
    policies: int
    metric_names: tuple[str, ...] = METRICS
    compiled: bool = True

    def metrics(self, shock: Any, seed: int = 0, scenario: int = 0) -> np.ndarray:
        drawn = 1.0 + self.noise * key64(seed, "loss", scenario) / 2.0**64
        return np.array([self.loss * drawn, np.nan])


def debtors(*sizes: float) -> ct.Network:
    rows = [
        {"name": f"d{i:02d}", "kind": "institution", "external_liabilities": size, "cash": 2.0 * size}
        for i, size in enumerate(sizes)
    ]
    return ct.Network(nodes=rows, assets=[{"name": "USD", "kind": "currency", "price": 1.0}])


def by_all_orders(sizes):
    values = np.zeros(len(sizes))
    orders = list(permutations(range(len(sizes))))
    for order in orders:
        loss = 1.0
        for player in order:
            values[player] += loss * sizes[player]
            loss *= 1.0 + sizes[player]
    return values / len(orders)


SHOCK = ct.DepthShock(-0.5)
CALM = Debts(stages=())


FEW = "contagion.experiments.coalitions.EXACT_PLAYERS"


class TestShapley:
    def test_is_the_mean_over_all_orders(self):
        sizes = [1.0, 2.0, 4.0]
        table = ct.attribute(debtors(*sizes), SHOCK, CALM)
        expected = by_all_orders(sizes)
        assert table.loc[["d00", "d01", "d02"], "contribution"].to_numpy() == pytest.approx(expected)
        assert list(table.index) == ["d02", "d01", "d00", "rest"]

    def test_contributions_and_rest_sum_to_the_total(self):
        table = ct.attribute(debtors(1.0, 2.0, 4.0), SHOCK, Debts(), players=["d00", "d02"])
        assert table.attrs["total"] == 29.0 + 90.0 and table.attrs["rest"] == 2.0 + 90.0
        assert table["contribution"].sum() == table.attrs["total"]
        assert table["share"].sum() == pytest.approx(1.0)
        assert table.loc["rest", "contribution"] == table.attrs["rest"]

    def test_one_scenario_that_is_enumerated_has_no_sampling_error(self):
        row = ct.attribute(debtors(1.0, 2.0), SHOCK, CALM).loc["d00"]
        assert row["low"] == row["contribution"] == row["high"]
        assert row["note"] == "one scenario: no sampling error"

    def test_many_players_are_sampled_and_still_sum_to_the_total(self, monkeypatch):
        monkeypatch.setattr(FEW, 4)
        sizes = np.linspace(0.1, 0.5, 5)
        table = ct.attribute(debtors(*sizes), SHOCK, CALM, permutations=300, seed=2)
        players = table.drop("rest")
        assert players["contribution"].sum() == pytest.approx(table.attrs["total"], rel=1e-12)
        exact = elementary(sizes)
        inside = [
            row.low <= value <= row.high
            for row, value in zip(players.sort_index().itertuples(), exact, strict=False)
        ]
        assert sum(inside) >= 4
        assert (players["low"] < players["high"]).all() and (players["note"] == "").all()

    def test_eleven_players_are_too_many_to_enumerate(self):
        table = ct.attribute(debtors(*[0.1] * 11), SHOCK, CALM, permutations=2)
        assert set(table.drop("rest")["note"]) == {"no interval: orders = 2 < 25"}
        assert table["contribution"].sum() == pytest.approx(1.1**11 - 1.0, rel=1e-12)

    def test_few_orders_are_flagged_as_orders(self, monkeypatch):
        monkeypatch.setattr(FEW, 2)
        table = ct.attribute(debtors(0.1, 0.2, 0.3), SHOCK, CALM, permutations=20)
        assert set(table.drop("rest")["note"]) == {"no interval: orders = 20 < 25"}

    def test_sampled_orders_over_several_scenarios_sum_to_the_mean_total(self, monkeypatch):
        monkeypatch.setattr(FEW, 2)
        model = Debts(noise=1.0, stages=())
        table = ct.attribute(debtors(0.1, 0.2, 0.3), SHOCK, model, n=30, permutations=40)
        assert table["contribution"].sum() == pytest.approx(table.attrs["total"], rel=1e-12)
        assert table.drop("rest")["note"].iloc[0] == "approximate: n = 30 < 200"


def elementary(sizes):
    """Shapley values of the product game: sums of elementary symmetric polynomials, each shared equally."""
    values = np.zeros(len(sizes))
    for i, size in enumerate(sizes):
        polynomial = np.array([1.0])
        for other in np.delete(sizes, i):
            polynomial = np.convolve(polynomial, [1.0, other])
        values[i] = size * (polynomial / np.arange(1, len(polynomial) + 1)).sum()
    return values


class TestOneAtATime:
    def test_leave_one_out_is_what_goes_with_the_player(self):
        table = ct.attribute(debtors(1.0, 2.0), SHOCK, CALM, method="leave_one_out")
        assert table["contribution"].to_dict() == {"d01": 4.0, "d00": 3.0}
        assert table["share"].to_dict() == {"d01": 0.8, "d00": 0.6}

    def test_first_in_is_what_the_player_makes_alone(self):
        table = ct.attribute(debtors(1.0, 2.0), SHOCK, CALM, method="first_in")
        assert table["contribution"].to_dict() == {"d01": 2.0, "d00": 1.0}

    def test_several_scenarios_have_an_interval(self):
        model = Debts(noise=1.0, stages=())
        row = ct.attribute(debtors(1.0, 2.0), SHOCK, model, method="leave_one_out", n=200).loc["d00"]
        draws = [1.0 + key64(0, "loss", i) / 2.0**64 for i in range(200)]
        assert row["contribution"] == pytest.approx(3.0 * np.mean(draws))
        assert row["low"] < row["contribution"] < row["high"] and row["note"] == ""

    def test_threads_change_nothing(self):
        net, model = debtors(1.0, 2.0, 3.0), Debts(noise=1.0)
        pd.testing.assert_frame_equal(
            ct.attribute(net, SHOCK, model, n=30, n_jobs=3), ct.attribute(net, SHOCK, model, n=30)
        )


class TestPlayers:
    def test_a_group_is_one_player(self):
        table = ct.attribute(debtors(1.0, 2.0, 4.0), SHOCK, CALM, players={"small": ["d00", "d01"]})
        assert table.loc["small", "contribution"] == 29.0 - 4.0

    @pytest.mark.parametrize(
        ("players", "word"),
        [
            (["d9"], "player 'd9': 'd9' does not exist"),
            (["d00", "d00"], "repeats a name"),
            ({"x": ["d00"], "y": ["d00"]}, "player 'y': 'd00' belongs to two players"),
            ({"rest": ["d00"]}, "is the name of what remains"),
        ],
    )
    def test_unknown_and_repeated_ones_are_refused(self, players, word):
        with pytest.raises(ValueRangeError, match=word):
            ct.attribute(debtors(1.0), SHOCK, CALM, players=players)

    @pytest.mark.parametrize("players", ["d00", [], 3])
    def test_what_is_no_list_is_refused(self, players):
        with pytest.raises(SchemaError, match="players"):
            ct.attribute(debtors(1.0), SHOCK, CALM, players=players)

    def test_an_account_and_its_owner_cannot_be_two_players(self):
        net = small_net({"x": Holder({"M": 1.0}, 600.0, owner="o"), "y": Holder({"M": -1.0}, 600.0)}, None)
        with pytest.raises(
            ValueRangeError, match="'x' belongs to two players, by itself and through its owner 'o'"
        ):
            ct.attribute(net, gap(), MODEL, players={"one": ["o"], "other": ["x"]})

    def test_many_must_be_named(self):
        with pytest.raises(ValueRangeError, match="has 21 exchanges, protocols and institutions"):
            ct.attribute(debtors(*[0.1] * 21), SHOCK, CALM)


class TestArguments:
    def test_words_and_numbers_are_checked(self):
        net = debtors(1.0)
        with pytest.raises(ValueRangeError, match="method: 'shaply' is unknown"):
            ct.attribute(net, SHOCK, CALM, method="shaply")
        with pytest.raises(ValueRangeError, match="metric: 'loss' is unknown"):
            ct.attribute(net, SHOCK, CALM, metric="loss")
        with pytest.raises(ValueRangeError, match="permutations: 0"):
            ct.attribute(net, SHOCK, CALM, permutations=0)
        with pytest.raises(SchemaError, match="net: 3"):
            ct.attribute(3, SHOCK, CALM)

    def test_a_metric_without_a_value_is_refused(self):
        with pytest.raises(ScenarioError, match="nothing has no value in scenario 0 with no player"):
            ct.attribute(debtors(1.0), SHOCK, CALM, metric="nothing")


MODEL = ct.Cascade(step=10.0, horizon=300.0)


def cascade_world() -> ct.Network:
    """Longs a and b: a falls below its requirement by the shock, b by the sales of a."""
    return small_net(
        {
            "a": Holder({"M": 64.0}, 5000.0),
            "b": Holder({"M": 64.0}, 9000.0),
            "c": Holder({"M": -128.0}, 1e6),
        },
        None,
    )


class TestCascades:
    def test_without_the_first_to_fall_nobody_falls(self):
        net = cascade_world()
        whole = ct.run(net, gap(), MODEL).metrics
        assert whole["liquidated_accounts"] == 2.0
        table = ct.attribute(net, gap(), MODEL, players=["a", "b"])
        assert table.attrs["total"] == whole["system_loss"] and table.attrs["rest"] == 0.0
        assert table["contribution"].sum() == pytest.approx(whole["system_loss"], rel=1e-12)
        out = ct.attribute(net, gap(), MODEL, players=["a", "b"], method="leave_one_out")
        assert out.loc["a", "contribution"] == pytest.approx(whole["system_loss"], rel=1e-9)
        alone = ct.attribute(net, gap(), MODEL, players=["a", "b"], method="first_in")
        assert alone.loc["b", "contribution"] == 0.0 < alone.loc["a", "contribution"]

    def test_a_default_that_is_spared_does_not_happen(self):
        net = ct.Network(
            nodes=[
                {"name": "A", "kind": "institution", "cash": 4.0},
                {"name": "B", "kind": "institution", "cash": 1.0, "external_liabilities": 2.0},
            ],
            obligations=[{"debtor": "A", "creditor": "B", "amount": 3.0}],
        )
        table = ct.attribute(net, ct.Default(["A"]), MODEL, metric="node_defaults", method="leave_one_out")
        assert table["contribution"].to_dict() == {"A": 2.0, "B": 1.0}

    def test_defaults_are_taken_out_of_sums_of_shocks(self):
        both = ct.Default(["A", "B"]) + ct.DepthShock(-0.5)
        assert sparing(both, frozenset("A")).failing() == {"B"}
        assert sparing(ct.Default(["A"]), frozenset("A")) == Calm()
        assert sparing(SHOCK, frozenset("A")) is SHOCK
        assert Calm().gap() == Calm().scaled(2.0) == Calm() and Calm().describe() == "nothing"

    def test_a_shock_of_ones_own_that_lets_a_player_fail_is_refused(self):
        class Own(Calm):
            def failing(self) -> frozenset[str]:
                return frozenset("A")

        with pytest.raises(SchemaError, match="players: 'A' fails in a shock"):
            sparing(Own(), frozenset("A"))


class TestStages:
    def test_first_last_and_mean_by_hand(self):
        """Worth is 10 times the square of the number of stages that are on: 10 first, 50 last, 30 on average."""
        table = ct.attribute_stages(debtors(0.0), SHOCK, Debts())
        assert table.loc["a", ["first_in", "last_in", "shapley"]].tolist() == pytest.approx(
            [10.0, 50.0, 30.0]
        )
        assert table["shapley"].sum() == pytest.approx(table.attrs["total"]) and table.attrs["total"] == 90.0
        assert list(table.index) == ["a", "b", "c", "rest"]
        assert table.loc["a", "shapley_low"] == table.loc["a", "shapley"]

    def test_stages_that_are_not_named_stay_on(self):
        table = ct.attribute_stages(debtors(0.0), SHOCK, Debts(), stages=["b"])
        assert table.attrs == {"metric": "system_loss", "total": 90.0, "rest": 40.0, "n": 1, "seed": 0}
        assert table["shapley"].to_dict() == {"b": 50.0, "rest": 40.0}

    def test_several_scenarios_have_intervals(self):
        row = ct.attribute_stages(debtors(0.0), SHOCK, Debts(noise=1.0), n=50).loc["b"]
        for name in ("first_in", "last_in", "shapley"):
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
        assert row["note"] == "approximate: n = 50 < 200"

    def test_of_a_cascade_sum_to_its_loss(self):
        net = cascade_world()
        table = ct.attribute_stages(net, gap(), MODEL)
        assert table["shapley"].sum() == pytest.approx(ct.run(net, gap(), MODEL).metrics["system_loss"])
        without = ct.Cascade(step=10.0, horizon=300.0, stages=())
        assert table.attrs["rest"] == ct.run(net, gap(), without).metrics["system_loss"]

    def test_what_has_no_stages_or_not_these_is_refused(self):
        with pytest.raises(ValueRangeError, match=r"stages: 'cals' is not on.*did you mean 'calls'"):
            ct.attribute_stages(cascade_world(), gap(), MODEL, stages=["cals"])
        with pytest.raises(SchemaError, match="stages: 'calls' is no list"):
            ct.attribute_stages(cascade_world(), gap(), MODEL, stages="calls")
        with pytest.raises(NetworkError, match="has no defaults"):
            ct.attribute_stages(cascade_world(), ct.Default(["V"]), MODEL)

        class Plain:
            def prepare(self, net, policies=()):
                return DebtsReady(1.0, 0.0, 0)

        with pytest.raises(SchemaError, match="has no stages to switch off"):
            ct.attribute_stages(debtors(0.0), SHOCK, Plain())
