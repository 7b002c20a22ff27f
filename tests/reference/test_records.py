"""The runner of the reference cases keeps the rules of the records."""

import json
import math

import numpy as np
import pytest

from tests.reference.algorithms import ALGORITHMS, compute
from tests.reference.records import check, differences, read_cases, scenarios

BOOK = {"liquidation_price": [99.0, 98.0, 90.0], "size": [50.0, 10.0, 10.0], "start_price": 99.0}
RECORD = {
    "id": "a",
    "algorithm": "discrete_cascade",
    "input": BOOK,
    "params": {"impact": 0.02, "impact_form": "linear"},
    "expected": {"waves": [[0], [1]], "liquidated": [0, 1], "final_price": 97.8, "total_sold": 60},
    "tolerance": {"abs": 1e-9, "rel": 0},
}


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def changed(**keys):
    return {**RECORD, **keys}


def test_a_record_that_holds_has_no_faults():
    assert check(RECORD, compute) == []


@pytest.mark.parametrize(
    "expected",
    [
        {"final_price": 97.81},
        {"liquidated": [0]},
        {"liquidated": [1, 0]},
        {"waves": [[0, 1]]},
        {"waves": []},
        {"final_price": None},
        {"final_price": True},
        {"final_price": "97.8"},
        {"no_such_name": 1},
        {"raises": "InputError", "mentions": []},
    ],
)
def test_a_record_that_does_not_hold_is_reported(expected):
    assert check(changed(expected=expected), compute)


def test_names_that_are_not_listed_are_not_checked():
    assert check(changed(expected={}), compute) == []
    assert check(changed(expected={"total_sold": 60.0}), compute) == []


def test_both_layouts_nested_folders_and_foreign_files_are_read(tmp_path):
    write(tmp_path, "one.json", RECORD)
    write(tmp_path, "deep/er/many.json", {"cases": [RECORD, changed(id="b")]})
    write(tmp_path, "deep/list.json", [RECORD])
    write(tmp_path, "notes.txt", "not JSON {")
    write(tmp_path, "README.md", "# cases")
    write(tmp_path, ".hidden/x.json", "{")
    write(tmp_path, "marked.json", "\ufeff" + json.dumps(RECORD))
    cases = read_cases(tmp_path)
    assert [case.label for case in cases] == [
        "deep/er/many.json:a",
        "deep/er/many.json:b",
        "deep/list.json:a",
        "marked.json:a",
        "one.json:a",
    ]
    assert all(not case.problem and check(case.record, compute) == [] for case in cases)
    assert len(read_cases(tmp_path / "one.json")) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.txt", "nothing", "no case file"),
        ("a.json", "{", "not JSON"),
        ("a.json", "3", "no record"),
        ("a.json", {"cases": []}, "no record"),
        ("a.json", {"id": "x"}, "no record"),
    ],
)
def test_a_folder_without_cases_or_with_a_broken_file_is_a_case_that_fails(tmp_path, name, content, says):
    write(tmp_path, name, content)
    (case,) = read_cases(tmp_path)
    assert says in case.problem


def test_a_folder_that_does_not_exist_is_a_case_that_fails(tmp_path):
    (case,) = read_cases(tmp_path / "nowhere")
    assert "is not a folder" in case.problem


def test_an_override_replaces_a_key_of_the_input_or_else_of_the_params():
    record = changed(
        params={"impact": 0.02, "scenarios": [{"start_price": 99.5}, {"impact": 0.0}, {}]},
        expected={
            "scenarios": [{"liquidated": []}, {"liquidated": [0]}, {"liquidated": [0, 1]}],
            "waves": [],
        },
    )
    runs = scenarios(record)
    assert [keys["start_price"] for keys, _ in runs] == [99.5, 99.0, 99.0]
    assert [keys["impact"] for keys, _ in runs] == [0.02, 0.0, 0.02]
    assert "scenarios" not in runs[0][0]
    assert [expected["waves"] for _, expected in runs] == [[], [], []]
    faults = check(record, compute)
    assert [fault.split(":")[0] for fault in faults] == ["scenario 1", "scenario 2"]


def test_scalar_expectations_hold_for_every_scenario():
    record = changed(
        params={"scenarios": [{"impact": 0.02}, {"impact": 0.03}]}, expected={"liquidated": [0, 1]}
    )
    assert check(record, compute) == []


def test_scenarios_of_other_number_than_results_are_refused():
    for params, expected in (
        ({"impact": 0.0, "scenarios": [{}]}, {"scenarios": [{}, {}]}),
        ({"impact": 0.0}, {"scenarios": [{}]}),
    ):
        with pytest.raises(AssertionError):
            scenarios(changed(params=params, expected=expected))


def test_refused_input_must_raise_the_class_and_mention_the_words():
    bad = changed(input={**BOOK, "size": [-1.0, 1.0, 1.0]})
    refused = {"raises": "InputError", "mentions": ["size"]}
    assert check({**bad, "expected": refused}, compute) == []
    assert check({**bad, "expected": {"raises": "InputError"}}, compute) == []
    assert len(check({**bad, "expected": {**refused, "mentions": ["volume"]}}, compute)) == 1
    assert len(check({**bad, "expected": {**refused, "raises": "PolicyError"}}, compute)) == 1
    assert len(check({**RECORD, "expected": refused}, compute)) == 1
    assert len(check({**bad, "expected": {"liquidated": []}}, compute)) == 1


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_missing_key_is_refused_by_name(algorithm):
    expected = {"raises": "InputError", "mentions": [algorithm]}
    assert check({"algorithm": algorithm, "input": None, "expected": expected}, compute) == []


@pytest.mark.parametrize(
    ("algorithm", "keys", "mentions"),
    [
        (
            "adl_queue",
            {"accounts": [{"id": "a", "wallet_balance": 1}], "queue_order": ["a"]},
            "unrealized_pnl",
        ),
        ("adl_queue", {"accounts": [], "queue_order": ["z"]}, "z"),
        ("adl_queue", {"accounts": [], "queue_order": "z"}, "queue_order"),
        ("adl_contract_pro_rata", {"accounts": [{"size": 1}], "quantity": 1}, "id"),
        ("adl_contract_pro_rata", {"accounts": [{"id": "a", "size": 1}] * 2, "quantity": 1}, "twice"),
        ("adl_contract_pro_rata", {"accounts": [{"id": "a", "size": -1}], "quantity": 1}, "size"),
        ("adl_rank_binance", {"accounts": {"id": "a"}}, "accounts"),
        ("adl_rank_binance", {"accounts": [3]}, "accounts[0]"),
        (
            "circuit_breaker_market_wide_halts",
            {"prior_close": 1, "path": [{"time_min": 1}], "levels": [0.1], "halt_min": 1, "last_halt_min": 1},
            "value",
        ),
    ],
)
def test_lists_of_named_accounts_are_refused_by_key_and_id(algorithm, keys, mentions):
    expected = {"raises": "InputError", "mentions": [mentions]}
    assert check({"algorithm": algorithm, "input": keys, "expected": expected}, compute) == []


def test_accounts_of_any_ids_and_of_none_are_named_in_the_result():
    accounts = [{"id": 7, "size": 3}, {"id": "b", "size": 1}]
    record = {
        "algorithm": "adl_contract_pro_rata",
        "input": {"accounts": accounts, "quantity": 2},
        "expected": {"closed": {"7": 1.5, "b": 0.5}},
    }
    assert check(record, compute) == []
    assert (
        check({**record, "input": {"accounts": [], "quantity": 2}, "expected": {"unfilled": 2}}, compute)
        == []
    )


def test_labels_and_remarks_are_ignored_and_null_is_the_default():
    record = changed(params={"impact": 0.02, "impact_form": None, "banks": ["a"], "notes": "x"})
    assert check(record, compute) == []


@pytest.mark.parametrize(
    ("expected", "found", "tolerance", "meets"),
    [
        (100.0, 100.5, {"abs": 0.5}, True),
        (100.0, 100.6, {"abs": 0.5}, False),
        (100.0, 101.0, {"abs": 0, "rel": 0.01}, True),
        (-100.0, -101.0, {"abs": 0, "rel": 0.01}, True),
        (100.0, 101.1, {"abs": 0.5, "rel": 0.01}, False),
        (3, 3.0000001, {"abs": 1e-6}, True),
        (3, np.int64(3), {}, True),
        (0.0, -0.0, {}, True),
        ([1, 2], [1, 3], {"abs": 5}, False),
        ([1, 2], np.array([1, 2]), {}, True),
        ([1, 950], np.array([1.0, 950.0000000001]), {"abs": 1e-6}, True),
        ([1.5], [1.6], {"abs": 0.2}, True),
        ([1.5], [1.5, 1.5], {}, False),
        ([[0], [1, 2]], ((0,), (1, 2)), {}, True),
        ([[0], [1, 2]], ((0,), (2, 1)), {}, False),
        ([True, False], np.array([True, False]), {}, True),
        ([True], [1], {}, False),
        (1, True, {}, False),
        (True, np.bool_(True), {}, True),
        ("none", "none", {}, True),
        ("none", "None", {}, False),
        (None, None, {}, True),
        (None, math.nan, {}, True),
        (None, np.float64("inf"), {}, True),
        (None, 0.0, {"abs": 1}, False),
        (0.0, None, {"abs": 1}, False),
        (1.0, math.nan, {"abs": 1e9}, False),
        ({"1": 0.5}, {1: 0.5, 2: 0.1}, {}, True),
        ({"1": 0.5, "3": 0.1}, {1: 0.5}, {}, False),
        ({"1": 2.49e-38}, {1: 2.50e-38}, {"abs": 1e-300, "rel": 1e-6}, False),
        ({"a": [1.0]}, [1.0], {}, False),
        ({"estimate": 0.5, "runs": 10, "band": [0.4, 0.6]}, 0.6, {}, True),
        ({"estimate": 0.5, "runs": 10, "band": [0.4, 0.6]}, 0.61, {}, False),
    ],
)
def test_values_meet_as_the_records_define_it(expected, found, tolerance, meets):
    assert (differences(expected, found, tolerance, "x") == []) == meets


def test_every_algorithm_that_is_mapped_has_a_bundled_case(request):
    if request.config.getoption("--cases") == str(request.path.parent / "cases"):
        cases = read_cases(request.path.parent / "cases")
        assert {case.record["algorithm"] for case in cases} == set(ALGORITHMS)


def test_a_ranking_holds_for_the_list_of_single_defaults():
    record = {
        "algorithm": "debtrank_linear",
        "input": {"n": 3, "liabilities": [[0, 1, 0], [0, 0, 3], [1, 0, 0]], "equity": [4, 4, 4]},
        "params": {
            "scenarios": [{"initial_defaults": [2]}, {"initial_defaults": [0]}, {"initial_defaults": [1]}]
        },
        "expected": {"ranking": [1, 0, 2]},
        "tolerance": {"abs": 1e-9},
    }
    assert check(record, compute) == []
    assert len(check({**record, "expected": {"ranking": [1, 2, 0]}}, compute)) == 2
    named = {**record["input"], "names": ["A", "B", "C"]}
    assert (
        check({**record, "input": named, "params": {}, "expected": {"ranking": ["B", "A", "C"]}}, compute)
        == []
    )
