"""Random streams are found by meaning: same key, same numbers; another key, other numbers."""

import random

import numpy as np
import pytest

from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.streams import check_seed, key64, stream


def test_the_same_key_gives_the_same_numbers():
    assert np.array_equal(stream(7, "shock", 3).normal(size=50), stream(7, "shock", 3).normal(size=50))


def test_every_part_of_the_key_matters():
    keys = [
        (7, "shock", 3),
        (8, "shock", 3),
        (7, "call", 3),
        (7, "shock", 4),
        (7, "shock", "3"),
        (7, "shock"),
        (7, "shock", 3, 0),
        (7, "shock", 3, ""),
    ]
    assert len({key64(*key) for key in keys}) == len(keys)
    assert len({stream(*key).random() for key in keys}) == len(keys)


def test_parts_of_a_key_do_not_run_into_each_other():
    assert key64(0, "a", "bc") != key64(0, "ab", "c")
    assert key64(0, "a", "b", "c") != key64(0, "a", "bc")
    assert key64(0, "a", 1, 23) != key64(0, "a", 12, 3)
    assert key64(0, "a", 255) != key64(0, "a", -1)


def test_integers_of_numpy_are_the_same_key_as_those_of_python():
    assert key64(np.int64(7), "shock", np.uint32(3)) == key64(7, "shock", 3)


def test_numbers_are_those_recorded_when_the_streams_were_made():
    assert key64(7, "shock", 3) == RECORDED_KEY
    assert stream(7, "shock", 3).integers(0, 2**63) == RECORDED_DRAW


def test_keys_are_spread_evenly_over_64_bits():
    shares = np.array([key64(0, "call", f"account-{i}", 1) for i in range(4000)]) / 2.0**64
    assert abs(shares.mean() - 0.5) < 0.02
    assert 0.22 < (shares < 0.25).mean() < 0.28


def test_streams_of_neighbouring_scenarios_are_uncorrelated():
    first = np.array([stream(0, "shock", i).normal() for i in range(2000)])
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.06


def test_global_random_states_are_left_alone():
    before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    stream(0, "shock", 1).normal(size=10)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002


@pytest.mark.parametrize("seed", [0, 1, 2**128, np.int64(5), np.uint64(2**63)])
def test_whole_numbers_up_to_the_limit_are_seeds(seed):
    assert check_seed(seed) == int(seed)


@pytest.mark.parametrize("seed", [True, False, np.bool_(True), 1.0, np.float64(1), "7", None, [7]])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises(SchemaError, match="seed"):
        stream(seed, "shock")


@pytest.mark.parametrize("seed", [-1, np.int64(-5), -(2**200)])
def test_a_negative_seed_is_refused(seed):
    with pytest.raises(ValueRangeError, match="negative"):
        stream(seed, "shock")


@pytest.mark.parametrize("seed", [2**128 + 1, pytest.param(1 << 20_000, id="20001 bits")])
def test_a_seed_beyond_the_limit_is_refused(seed):
    with pytest.raises(TooLargeError, match="bits"):
        stream(seed, "shock")


@pytest.mark.parametrize("key", [1.0, True, None, (1,), b"name"])
def test_a_key_of_another_kind_is_refused(key):
    with pytest.raises(SchemaError, match="key of a stream"):
        stream(0, "shock", key)


def test_a_purpose_that_is_no_text_is_refused():
    with pytest.raises(SchemaError, match="purpose"):
        key64(0, 3)


def test_names_of_any_kind_are_keys():
    names = ["", "NA", "1e5", "\x00", "\ud800", "é", "e\u0301", "a" * 10_000]
    assert len({key64(0, "call", name) for name in names}) == len(names)


RECORDED_KEY = 4923719780364799331
RECORDED_DRAW = 4278570040481682944
