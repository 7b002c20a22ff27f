"""The same promises with the real engine, on a small market."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

import contagion as ct

from .conftest import small_market

MODEL = ct.Cascade(step=60.0, horizon=3600.0)
FAMILY = ct.PriceShocks.student_t(df=4, scale=0.12)


@dataclass(frozen=True)
class SlowSales(ct.Policy):
    """Halves every order: a policy written in Python."""

    share: float = 0.5

    def orders(self, world: Any, cap: Any) -> Any:
        return self.share * cap


SETS: dict[str, Any] = {
    "halt": [ct.Halt(drop=0.05, window=300.0, length=300.0)],
    "fund": [ct.InsuranceFund(factor=3.0)],
    "slow": [SlowSales()],
}


def digest(frame: pd.DataFrame) -> str:
    words = "|".join(frame["policy"] + frame["status"]).encode()
    numbers = frame.drop(columns=["policy", "status"]).to_numpy(dtype="float64").tobytes()
    return hashlib.sha256(numbers + words).hexdigest()


@pytest.fixture(scope="module")
def market() -> ct.Network:
    return small_market()


@pytest.fixture(scope="module")
def comparison(market: ct.Network) -> Any:
    return ct.compare(market, FAMILY, MODEL, SETS, n=24, seed=4)


def test_no_run_fails(comparison: Any) -> None:
    assert (comparison.to_frame()["status"] == "ok").all()
    assert comparison.note == ""


def test_the_placebo_changes_no_bit(comparison: Any) -> None:
    frame = comparison.to_frame()
    names = comparison.metric_names
    none, placebo = (frame[frame["policy"] == name][names].to_numpy() for name in ("none", "placebo"))
    assert np.array_equal(none, placebo, equal_nan=True)
    effects = comparison.effects("system_loss").loc["placebo"]
    assert effects["difference"] == 0.0
    assert effects["helped"] == effects["harmed"] == 0.0


def test_every_other_set_changes_something(comparison: Any) -> None:
    frame = comparison.to_frame().set_index("scenario")
    none = frame[frame["policy"] == "none"][comparison.metric_names]
    for name in SETS:
        own = frame[frame["policy"] == name][comparison.metric_names]
        assert not np.array_equal(none.to_numpy(), own.to_numpy(), equal_nan=True), name


@pytest.mark.parametrize("jobs", [2, 4])
def test_any_number_of_threads_and_processes_gives_the_same_bits(
    market: ct.Network, comparison: Any, jobs: int
) -> None:
    again = ct.compare(market, FAMILY, MODEL, SETS, n=24, seed=4, n_jobs=jobs)
    pd.testing.assert_frame_equal(again.to_frame(), comparison.to_frame(), check_exact=True)


def test_compiled_runs_in_processes_give_the_bits_of_threads(market: ct.Network, comparison: Any) -> None:
    compiled = {name: SETS[name] for name in ("halt", "fund")}
    with joblib.parallel_config(backend="loky"):
        again = ct.compare(market, FAMILY, MODEL, compiled, n=24, seed=4, n_jobs=2).to_frame()
    frame = comparison.to_frame()
    expected = frame[frame["policy"] != "slow"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, expected, check_exact=True)


def test_the_order_of_policy_sets_changes_no_bit(market: ct.Network, comparison: Any) -> None:
    again = ct.compare(market, FAMILY, MODEL, dict(reversed(SETS.items())), n=24, seed=4).to_frame()
    keys = ["policy", "scenario"]
    expected = comparison.to_frame().sort_values(keys).reset_index(drop=True)
    found = again.sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_rerun_has_the_metrics_of_its_row(comparison: Any) -> None:
    frame = comparison.to_frame().set_index(["policy", "scenario"])
    for policy in comparison.policies:
        scenario = comparison.representative("bad", policy=policy)
        run = comparison.rerun(policy, scenario)
        row = frame.loc[(policy, scenario), comparison.metric_names].to_numpy(dtype="float64")
        assert np.array_equal(run.metrics.to_numpy(), row, equal_nan=True), policy


def test_costs_have_parts_that_add_up(comparison: Any) -> None:
    costs = comparison.costs()
    frame = comparison.to_frame()
    for name in comparison.policies:
        mean = frame[frame["policy"] == name]["policy_cost"].mean()
        assert costs.loc[name, "cost"] == pytest.approx(mean)
        assert costs.loc[name].drop("cost").sum() == pytest.approx(mean, abs=1e-9)
    assert costs.loc["none", "cost"] == costs.loc["placebo", "cost"] == 0.0
    assert costs.loc["fund", "capital"] == costs.loc["fund", "cost"] > 0.0


def test_other_rates_change_the_cost_in_proportion(comparison: Any) -> None:
    dear = comparison.costs(ct.CostRates(capital=0.2))
    assert dear.loc["fund", "cost"] == pytest.approx(2.0 * comparison.costs().loc["fund", "cost"])


def test_the_ranking_by_loss_caused_names_nodes_of_the_network(market: ct.Network, comparison: Any) -> None:
    caused = comparison.caused()
    assert set(caused.index) <= {*market.nodes.index, *(f"provider:{m}" for m in market.markets.index)} | {
        name for name in caused.index if ":" in name
    }
    assert caused["loss_caused"].is_monotonic_decreasing
    assert (caused["loss_caused"] >= 0.0).all()


def test_check_step_reports_the_runs_of_half_and_quarter_of_the_step(market: ct.Network) -> None:
    run = ct.run(market, ct.PriceShock({"BTC": -0.2}), MODEL)
    frame = ct.check_step(run)
    assert frame.loc["system_loss", "value"] == run.metrics["system_loss"]
    half = ct.run(market, ct.PriceShock({"BTC": -0.2}), ct.Cascade(step=30.0, horizon=3600.0))
    assert frame.loc["system_loss", "half"] == half.metrics["system_loss"]


def test_the_static_limit_has_no_step_to_check(market: ct.Network) -> None:
    run = ct.run(market, ct.PriceShock({"BTC": -0.2}), ct.Cascade.static())
    with pytest.raises(ct.errors.ValueRangeError, match="has no step"):
        ct.check_step(run)


def test_a_policy_that_the_model_cannot_hear_is_refused(market: ct.Network) -> None:
    @dataclass(frozen=True)
    class Deaf(ct.Policy):
        size: float = 1.0

    with pytest.raises(ct.errors.PolicyError):
        ct.compare(market, FAMILY, MODEL, {"deaf": [Deaf()]}, n=2)


def test_sets_whose_opening_changes_nothing_share_the_arrays(market: ct.Network) -> None:
    base = MODEL.prepare(market, [])
    assert base.under(SETS["halt"]).opening is base.opening
    assert base.under(SETS["fund"]).opening is not base.opening
    shock = ct.PriceShock({"BTC": -0.2})
    shared = base.under(SETS["halt"]).metrics(shock, 1, 2)
    apart = MODEL.prepare(market, SETS["halt"]).metrics(shock, 1, 2)
    assert np.array_equal(shared, apart, equal_nan=True)


def test_the_order_of_rows_changes_no_bit(market: ct.Network, comparison: Any) -> None:
    shuffled = market.replace(
        **{
            name: getattr(market, name).sample(frac=1.0, random_state=place)
            for place, name in enumerate(("nodes", "accounts", "balances", "positions", "depth", "tiers"))
        }
    )
    compiled = {name: SETS[name] for name in ("halt", "fund")}
    again = ct.compare(shuffled, FAMILY, MODEL, compiled, n=24, seed=4).to_frame()
    frame = comparison.to_frame()
    expected = frame[frame["policy"] != "slow"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, expected, check_exact=True)


@pytest.mark.parametrize("hashseed", ["1", "4242"])
def test_the_hash_seed_of_python_changes_no_bit(comparison: Any, hashseed: str) -> None:
    code = (
        "import contagion as ct\n"
        "from tests.experiments.conftest import small_market\n"
        "from tests.experiments.test_compare_cascade import FAMILY, MODEL, SETS, digest\n"
        "print(digest(ct.compare(small_market(), FAMILY, MODEL, SETS, n=24, seed=4).to_frame()))\n"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": hashseed, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=root
    )
    assert done.stdout.strip() == digest(comparison.to_frame())
