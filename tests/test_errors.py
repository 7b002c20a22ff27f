"""Errors say what is wrong, where, the value, what is allowed and how to mend it."""

from __future__ import annotations

import pickle

import pytest

from contagion import errors
from contagion.errors import (
    ContagionError,
    ConvergenceError,
    Fault,
    InputError,
    NetworkError,
    SchemaError,
    ValueRangeError,
    issue_table,
    nearest,
    raise_faults,
    shown,
)

INPUT_ERRORS = [
    errors.SchemaError,
    errors.NetworkError,
    errors.ValueRangeError,
    errors.UnitError,
    errors.PolicyError,
    errors.UnsafeInputError,
    errors.TooLargeError,
]
OTHERS = [errors.StudyMismatchError, errors.CorruptResultError, errors.ConvergenceError, errors.ScenarioError]


@pytest.mark.parametrize("error", INPUT_ERRORS)
def test_an_input_error_is_a_value_error_of_the_family(error: type[InputError]) -> None:
    assert (
        issubclass(error, InputError) and issubclass(error, ValueError) and issubclass(error, ContagionError)
    )


@pytest.mark.parametrize("error", OTHERS)
def test_the_other_errors_are_no_input_errors(error: type[ContagionError]) -> None:
    assert issubclass(error, ContagionError) and not issubclass(error, InputError)


def test_a_message_names_place_value_range_and_remedy() -> None:
    error = ValueRangeError(
        "is negative", where="row 8", value=-5.0, allowed="amounts must be >= 0", remedy="reverse the edge"
    )
    assert str(error) == "row 8: -5.0 is negative; amounts must be >= 0 (reverse the edge)"
    assert (error.where, error.value, error.remedy) == ("row 8", -5.0, "reverse the edge")


def test_none_is_a_value_and_no_value_is_not_shown() -> None:
    assert str(SchemaError("is empty", value=None)) == "None is empty"
    assert str(SchemaError("the file is empty")) == "the file is empty"


@pytest.mark.parametrize("value", ["x" * 10**6, "\x1b[31m" * 50, list(range(1000)), b"\x00" * 500])
def test_a_value_is_cut_at_80_printable_characters(value: object) -> None:
    assert len(shown(value)) <= 80
    assert shown(value).isprintable()


def test_hidden_characters_are_made_visible() -> None:
    assert shown("a\u202eb\u200b\x1b") == "'a\\u202eb\\u200b\\x1b'"


def test_a_value_whose_repr_fails_still_gives_a_message() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert shown(Broken()) == "<Broken>"


def test_a_single_error_has_one_issue() -> None:
    issues = NetworkError(
        "owes itself", where="obligations row 3", code="self-loop", table="obligations", row=3
    ).issues
    assert issues.to_numpy().tolist() == [
        ["error", "self-loop", "obligations", 3, "obligations row 3: owes itself"]
    ]


def test_all_faults_come_in_one_error_that_shows_twenty() -> None:
    faults = [Fault(NetworkError, "code", "nodes", row, f"fault {row}") for row in range(1, 26)]
    with pytest.raises(NetworkError) as caught:
        raise_faults(faults, "folder")
    message = str(caught.value)
    assert message.startswith("folder: 25 faults:")
    assert "20. fault 20" in message and "fault 21" not in message
    assert message.endswith("... and 5 more in .issues")
    assert caught.value.issues["row"].tolist() == list(range(1, 26))


def test_no_faults_raise_nothing() -> None:
    raise_faults([])
    assert list(issue_table([]).columns) == ["severity", "code", "table", "row", "remedy"]


@pytest.mark.parametrize("error", [*INPUT_ERRORS, *OTHERS, ContagionError, InputError])
def test_errors_cross_processes(error: type[ContagionError]) -> None:
    one = error("is wrong", where="here", value=float("inf"), allowed="less", remedy="mend it")
    other = pickle.loads(pickle.dumps(one))
    assert type(other) is error and str(other) == str(one) and other.value == one.value
    if isinstance(one, InputError):
        assert other.issues.equals(one.issues)


def test_a_value_that_was_not_given_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(SchemaError("x"))).value is errors.NOTHING


def test_a_convergence_error_names_round_gap_and_worst_node() -> None:
    error = ConvergenceError("did not converge", round=7, gap=0.25, worst="A")
    assert str(error) == "did not converge: round 7, gap 0.25, worst 'A'"
    assert (error.round, error.gap, error.worst) == (7, 0.25, "A")


@pytest.mark.parametrize(
    ("name", "hint"), [("obligatons", " (did you mean 'obligations'?)"), ("q", ""), (5, "")]
)
def test_the_nearest_name_is_offered(name: object, hint: str) -> None:
    assert nearest(name, ["obligations", "holdings"]) == hint
