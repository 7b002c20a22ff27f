import hashlib
import random
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import PolicyError, ScenarioError, SchemaError, TooLargeError, ValueRangeError
from contagion.experiments import runner
from contagion.streams import key64

from .conftest import (
    HEARD,
    METRICS,
    ClosedForm,
    Failing,
    Interpreted,
    Interrupting,
    Scaled,
    small_network,
)

SETS: dict[str, Any] = {
    "half": [Scaled(0.5)],
    "python": [Interpreted(0.25)],
    "both": [Scaled(0.5), Interpreted(0.5)],
}


def bits(frame: pd.DataFrame) -> str:
    rows = frame.sort_values(["policy", "scenario"]).reset_index(drop=True)
    numbers = rows.drop(columns=["policy", "status"]).to_numpy(dtype="float64").tobytes()
    words = "|".join(rows["policy"] + rows["status"]).encode()
    return hashlib.sha256(numbers + words).hexdigest()


def test_every_row_is_the_closed_form(net: Any, family: Any, model: Any) -> None:
    comparison = ct.compare(net, family, model, {"half": [Scaled(0.5)]}, n=6, seed=3)
    frame = comparison.to_frame()
    for row in frame.itertuples():
        moves = family.scenario(["BTC", "ETH"], row.scenario, 3).moves
        loss = max(-100.0 * (moves["BTC"] + moves["ETH"]), 0.0) + key64(3, "answer", row.scenario) / 2.0**64
        assert row.system_loss == pytest.approx(loss * (0.5 if row.policy == "half" else 1.0), rel=1e-12)


def test_the_frame_has_the_columns_and_kinds_that_are_promised(net: Any, family: Any, model: Any) -> None:
    frame = ct.compare(net, family, model, n=3).to_frame()
    assert list(frame.columns) == ["policy", "scenario", "network", "status", *METRICS]
    assert frame["scenario"].dtype == frame["network"].dtype == np.int64
    assert frame["policy"].dtype == frame["status"].dtype == object
    assert (frame[list(METRICS)].dtypes == np.float64).all()
    assert frame["scenario"].tolist() == [0, 1, 2, 0, 1, 2]


def test_a_change_to_the_frame_changes_nothing_inside(net: Any, family: Any, model: Any) -> None:
    comparison = ct.compare(net, family, model, n=3)
    frame = comparison.to_frame()
    frame["system_loss"] = 0.0
    assert (comparison.to_frame()["system_loss"] > 0).all()


def test_none_and_the_placebo_always_take_part_and_the_placebo_changes_nothing(
    net: Any, family: Any, model: Any
) -> None:
    comparison = ct.compare(net, family, model, {"half": Scaled(0.5)}, n=40, seed=1)
    assert list(comparison.policies) == ["none", "half", "placebo"]
    effects = comparison.effects("system_loss")
    assert effects.loc["placebo", "difference"] == 0.0
    assert effects.loc["placebo", "unchanged"] == 1.0
    assert effects.loc["half", "difference"] < 0.0


def test_bits_do_not_depend_on_workers(net: Any, family: Any) -> None:
    frames = [ct.compare(net, family, ClosedForm(), SETS, n=30, seed=5, n_jobs=jobs) for jobs in (1, 2, 4)]
    assert len({bits(frame.to_frame()) for frame in frames}) == 1
    for other in frames[1:]:
        pd.testing.assert_frame_equal(frames[0].to_frame(), other.to_frame(), check_exact=True)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_bits_do_not_depend_on_the_cut(
    net: Any, family: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    plain = ct.compare(net, family, ClosedForm(), {"half": [Scaled()]}, n=20, seed=5)
    monkeypatch.setattr(runner, "cut", lambda *_: size)
    cut = ct.compare(net, family, ClosedForm(), {"half": [Scaled()]}, n=20, seed=5, n_jobs=2)
    pd.testing.assert_frame_equal(plain.to_frame(), cut.to_frame(), check_exact=True)


def test_bits_do_not_depend_on_the_order_of_policies(net: Any, family: Any) -> None:
    forward = ct.compare(net, family, ClosedForm(), SETS, n=10, seed=5).to_frame()
    backward = ct.compare(net, family, ClosedForm(), dict(reversed(SETS.items())), n=10, seed=5).to_frame()
    assert bits(forward) == bits(backward)


def test_a_policy_set_added_shifts_no_draw_of_the_others(net: Any, family: Any) -> None:
    few = ct.compare(net, family, ClosedForm(), {"half": [Scaled()]}, n=10, seed=5).to_frame()
    many = ct.compare(
        net, family, ClosedForm(), {"new": [Scaled(0.9)], "half": [Scaled()]}, n=10, seed=5
    ).to_frame()
    assert bits(few) == bits(many[many["policy"] != "new"])


def test_the_first_scenarios_of_many_are_the_scenarios_of_few(net: Any, family: Any) -> None:
    few = ct.compare(net, family, ClosedForm(), n=7, seed=5)
    many = ct.compare(net, family, ClosedForm(), n=20, seed=5).to_frame()
    assert bits(few.to_frame()) == bits(many[many["scenario"] < 7])


def test_scenario_i_runs_on_network_i_modulo_their_number(family: Any, model: Any) -> None:
    networks = [small_network(cash) for cash in (100.0, 200.0, 400.0)]
    several = ct.compare(None, family, model, networks=networks, n=7, seed=2)
    assert several.to_frame()["network"].tolist()[:7] == [0, 1, 2, 0, 1, 2, 0]
    assert several.scenarios["network"].tolist() == [0, 1, 2, 0, 1, 2, 0]
    for place, world in enumerate(networks):
        alone = ct.compare(world, family, ClosedForm(), n=7, seed=2).to_frame()
        here = several.to_frame().query("network == @place")["direct_loss"].to_numpy()
        there = alone.query(f"scenario % 3 == {place}")["direct_loss"].to_numpy()
        assert np.array_equal(here, there)


def test_policies_are_opened_once_per_set_and_network(family: Any, model: Any) -> None:
    ct.compare(
        None, family, model, {"half": [Scaled()]}, networks=[small_network(), small_network(7.0)], n=20
    )
    assert sorted(model.prepared) == [(), (), ("Policy",), ("Policy",), ("Scaled",), ("Scaled",)]


def test_a_failing_scenario_is_a_row_with_status_message_and_seed(net: Any, family: Any, model: Any) -> None:
    comparison = ct.compare(net, family, model, {"bad": [Failing(every=4)]}, n=9, seed=11)
    frame = comparison.to_frame()
    bad = frame[frame["status"] == "error"]
    assert bad["policy"].tolist() == ["bad"] * 3
    assert bad["scenario"].tolist() == [0, 4, 8]
    assert bad[list(METRICS)].isna().all(axis=None)
    assert comparison.errors["message"].tolist()[1] == "ValueError: scenario 4 cannot be run <b>"
    assert comparison.errors["seed"].tolist() == [11, 11, 11]
    assert "3 runs failed" in comparison.note
    assert "3 runs failed" in repr(comparison)


def test_a_study_of_which_nothing_runs_is_an_error(net: Any, family: Any) -> None:
    class Broken(ClosedForm):
        def prepare(self, net: Any, policies: Any) -> Any:
            return super().prepare(net, [Failing(every=1)])

    with pytest.raises(ScenarioError, match=r"all 6 runs failed.*cannot be run"):
        ct.compare(net, family, Broken(), n=3)


@pytest.fixture
def listening() -> Iterator[None]:
    """Ctrl-C reaches the main thread, also where the tests were started in the background with it switched off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(("jobs", "inside"), [(1, True), (2, False)])
def test_ctrl_c_returns_what_is_done_with_a_note(
    net: Any, family: Any, monkeypatch: pytest.MonkeyPatch, jobs: int, inside: bool
) -> None:
    monkeypatch.setattr(runner, "cut", lambda *_: 1)
    raise_flag = runner.StopFlag.raise_flag
    HEARD.clear()
    monkeypatch.setattr(runner.StopFlag, "raise_flag", lambda flag: (raise_flag(flag), HEARD.set()))
    policies = {"stop": [Interrupting(at=5, inside=inside)]}
    comparison = ct.compare(net, family, ClosedForm(), policies, n=400, seed=1, n_jobs=jobs)
    frame = comparison.to_frame()
    assert 0 < len(frame) < 1200
    assert comparison.note.startswith("interrupted: ")
    assert len(comparison.missing) == 1200 - len(frame)
    whole = ct.compare(net, family, ClosedForm(), n=400, seed=1).to_frame()
    none = frame[frame["policy"] == "none"].set_index("scenario")["system_loss"]
    same = whole[whole["policy"] == "none"].set_index("scenario")["system_loss"]
    assert (none == same[none.index]).all()


def test_an_interrupted_study_compares_the_scenarios_that_every_set_reached(
    net: Any, family: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "cut", lambda *_: 1)
    comparison = ct.compare(net, family, ClosedForm(), {"stop": [Interrupting(at=9)]}, n=50)
    reached = int((comparison.to_frame().groupby("scenario").size() == 3).sum())
    assert 0 < reached < 50
    assert (comparison.effects("system_loss")["n"] == reached).all()
    assert comparison.deferred.notna().all(axis=None)


def test_a_study_interrupted_before_every_set_ran_says_so(
    net: Any, family: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "cut", lambda *_: 1)
    comparison = ct.compare(net, family, ClosedForm(), {"stop": [Interrupting(at=0)]}, n=50)
    assert len(comparison.to_frame()) > 0
    assert "interrupted" in repr(comparison)
    with pytest.raises(ScenarioError, match="interrupted before"):
        comparison.effects("system_loss")
    with pytest.raises(ScenarioError, match="interrupted before"):
        comparison.tail("system_loss")


def test_ctrl_c_before_anything_is_done_stays_ctrl_c(net: Any, family: Any) -> None:
    class Stopped(ClosedForm):
        def prepare(self, net: Any, policies: Any) -> Any:
            return super().prepare(net, [Interrupting(at=0)])

    with pytest.raises(KeyboardInterrupt):
        ct.compare(net, family, Stopped(), n=3)


def test_global_random_states_stay_as_they_were(net: Any, family: Any, model: Any) -> None:
    before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    ct.compare(net, family, model, n=5)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002


def test_the_progress_bar_goes_to_standard_error_alone(
    net: Any, family: Any, model: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ct.compare(net, family, model, n=5, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "run" in shown.err


def test_without_progress_nothing_is_written(
    net: Any, family: Any, model: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ct.compare(net, family, model, n=5)
    assert capsys.readouterr() == ("", "")


def test_one_shock_is_one_scenario_and_a_list_is_as_many_as_it_has(net: Any, model: Any) -> None:
    fall = ct.PriceShock({"BTC": -0.2})
    assert ct.compare(net, fall, model).n == 1
    listed = ct.compare(net, [fall, ct.PriceShock({"BTC": -0.1, "ETH": -0.3})], model)
    direct = listed.to_frame().query("policy == 'none'")["direct_loss"]
    assert direct.tolist() == pytest.approx([20.0, 40.0])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n": 0}, ValueRangeError, "n: 0 is out of range"),
        ({"n": -5}, ValueRangeError, "n: -5 is out of range"),
        ({"n": 10.0}, SchemaError, "n: 10.0 is no integer"),
        ({"n": True}, SchemaError, "n: True is no integer"),
        ({"n": "many"}, SchemaError, "n: 'many' is no integer"),
        ({"seed": -1}, ValueRangeError, "seed"),
        ({"seed": 1.0}, SchemaError, "seed"),
        ({"seed": True}, SchemaError, "seed"),
        ({"seed": 2**128 + 1}, TooLargeError, "seed"),
        ({"n_jobs": 0}, ValueRangeError, "n_jobs: 0 is out of range"),
        ({"n_jobs": 1.5}, SchemaError, "n_jobs: 1.5 is no integer"),
        ({"level": 1.0}, ValueRangeError, "level: 1.0 is out of range"),
        ({"level": float("nan")}, ValueRangeError, "level: nan is out of range"),
        ({"level": "high"}, SchemaError, "level: 'high' is no number"),
        ({"timeout": 0}, ValueRangeError, "timeout: 0.0 is out of range"),
        ({"timeout": -1.0}, ValueRangeError, "timeout: -1.0 is out of range"),
        ({"timeout": float("nan")}, ValueRangeError, "timeout: nan is out of range"),
        ({"timeout": "long"}, SchemaError, "timeout: 'long' is no number"),
        ({"timeout": True}, SchemaError, "timeout: True is no number"),
        ({"max_error_rate": 1.5}, ValueRangeError, "max_error_rate: 1.5 is out of range"),
        ({"max_error_rate": -0.1}, ValueRangeError, "max_error_rate: -0.1 is out of range"),
        ({"max_error_rate": float("nan")}, ValueRangeError, "max_error_rate: nan is out of range"),
        ({"max_error_rate": None}, SchemaError, "max_error_rate: None is no number"),
        ({"store": 3}, SchemaError, "store: 3 is no folder"),
        ({"net": None}, SchemaError, "either net, one network, or networks"),
        ({"net": "perp-venues"}, SchemaError, "net: 'perp-venues' is no network"),
        ({"networks": []}, SchemaError, "either net, one network, or networks"),
        ({"net": None, "networks": []}, ValueRangeError, "networks: \\[\\] is empty"),
        ({"net": None, "networks": [3]}, SchemaError, "networks\\[0\\]: 3 is no network"),
        ({"model": "cascade"}, SchemaError, "model: 'cascade' is no model"),
        ({"model": ClosedForm}, SchemaError, "is no model"),
        ({"shock": None}, SchemaError, "shock: None is no shock"),
        ({"shock": -0.2}, SchemaError, "shock: -0.2 is no shock"),
        ({"shock": []}, ValueRangeError, "shock: \\[\\] is empty"),
        ({"shock": [-0.2]}, SchemaError, "shock\\[0\\]: -0.2 is no shock"),
        ({"policies": [Scaled()]}, SchemaError, "is no mapping of names to policies"),
        ({"policies": {"a": Scaled}}, SchemaError, "policy set 'a'"),
        ({"policies": {"a": [Scaled]}}, SchemaError, "write Scaled\\(\\)"),
        ({"policies": {"a": "halt"}}, SchemaError, "policy set 'a': 'halt' is no list"),
        ({"policies": {1: []}}, SchemaError, "1 is no name"),
        ({"policies": {"none": [Scaled()]}}, PolicyError, "'none' is the baseline"),
        ({"policies": {"placebo": [Scaled()]}}, PolicyError, "'placebo' is the control"),
        ({"policies": {"placebo": []}}, PolicyError, "'placebo' is the control"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused_before_anything_is_computed(
    net: Any, family: Any, model: Any, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    study: dict[str, Any] = {"net": net, "shock": family, "model": model, "n": 3, **change}
    with pytest.raises(error, match=message):
        ct.compare(**study)
    assert model.prepared == []


def test_more_scenarios_than_a_list_has_are_refused(net: Any, model: Any) -> None:
    with pytest.raises(ValueRangeError, match="1 to 2 scenarios"):
        ct.compare(net, [ct.PriceShock({"BTC": -0.1})] * 2, model, n=3)


def test_a_shock_on_an_unknown_asset_is_refused_with_the_nearest_name(net: Any, model: Any) -> None:
    with pytest.raises(ct.errors.InputError, match="BTC"):
        ct.compare(net, ct.PriceShock({"BTCC": -0.1}), model)
    assert model.prepared == []
