"""Numbers are checked and refused by name, place and value."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from contagion.arrays import fitted, real, reals, word
from contagion.errors import InputError, SchemaError, ValueRangeError


@pytest.mark.parametrize("value", [5, 5.0, np.int64(5), np.float32(5), Fraction(5)])
def test_every_kind_of_number_is_a_float(value):
    assert real(value, "size") == 5.0
    assert type(real(value, "size")) is float


@pytest.mark.parametrize("value", [True, np.bool_(False), "5", b"5", None, 5j, [5], pd.Timestamp(0)])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(SchemaError, match="size"):
        real(value, "size")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueRangeError, match=r"size.*finite"):
        real(value, "size")


def test_ranges_are_closed_except_above():
    assert real(0, "x", low=0, high=1) == 0
    assert real(1, "x", low=0, high=1) == 1
    for value, limits in ((-1e-9, {"low": 0}), (1.1, {"high": 1}), (0, {"above": 0})):
        with pytest.raises(ValueRangeError, match="x"):
            real(value, "x", **limits)
    with pytest.raises(ValueRangeError, match="negative"):
        real(-5, "x", low=0)


@pytest.mark.parametrize(
    "values", [[1, 2], (1.0, 2.0), np.array([1, 2]), pd.Series([1, 2]), [1, np.int64(2)]]
)
def test_every_kind_of_list_is_an_array_of_floats(values):
    array = reals(values, "size")
    assert array.dtype == np.float64
    assert array.tolist() == [1.0, 2.0]


def test_empty_lists_and_single_numbers_keep_their_shape():
    assert reals([], "size").shape == (0,)
    assert reals([[], []], "size").shape == (2, 0)
    assert reals(3, "size").shape == ()


@pytest.mark.parametrize(
    "values", [[1, "2"], [1, None], [1, True], [True], [[1], [1, 2]], "12", np.array(["1"]), {"a": 1}, [1j]]
)
def test_lists_with_something_else_are_refused(values):
    with pytest.raises(SchemaError, match="size"):
        reals(values, "size")


def test_a_bad_number_is_refused_with_its_place():
    with pytest.raises(ValueRangeError, match=r"size\[1\]\[0\].*nan.*finite"):
        reals([[1, 2], [math.nan, 3]], "size")
    with pytest.raises(ValueRangeError, match=r"size\[2\].*-1.*negative"):
        reals([1, 2, -1], "size", low=0)
    with pytest.raises(SchemaError, match="dimension"):
        reals([[1]], "size", dimensions=1)


def test_a_word_must_be_one_of_those_allowed():
    assert word("linear", "form", ("linear", "exponential")) == "linear"
    with pytest.raises(InputError, match=r"form.*linear"):
        word("linaer", "form", ("linear", "exponential"))
    with pytest.raises(InputError, match="form"):
        word(3, "form", ("linear",))


def test_an_open_bound_and_infinity_where_it_means_something():
    assert reals([0.5], "share", below=1.0).tolist() == [0.5]
    with pytest.raises(ValueRangeError, match=r"share.*1\.0.*>= 0 and < 1"):
        reals(1, "share", low=0.0, below=1.0)
    with pytest.raises(ValueRangeError, match=r"share.*< 1"):
        real(1, "share", below=1.0)
    assert reals([1, math.inf], "request", low=0.0, infinite=True).tolist() == [1.0, math.inf]
    for value in (-math.inf, math.nan):
        with pytest.raises(ValueRangeError, match="request"):
            reals([value], "request", infinite=True)
    with pytest.raises(ValueRangeError, match="request"):
        reals([math.inf], "request")


def test_arrays_come_back_in_the_shape_they_share_or_are_refused_with_their_shapes():
    size, price = fitted(size=np.ones((2, 3)), price=np.arange(3.0))
    assert size.shape == price.shape == (2, 3)
    with pytest.raises(SchemaError, match=r"size \(2,\), price \(3,\)"):
        fitted(size=np.ones(2), price=np.ones(3), fee=np.ones(()))
