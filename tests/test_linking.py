"""Parts become machine code once, in the kernel that calls them; kernels call each other by address."""

import numpy as np
import pytest

from contagion.addresses import addresses, call
from contagion.compiled import inner, kernel
from contagion.linking import INTERPRETED, is_known


@inner
def third(values, at):
    if at < 0:
        raise ValueError("no place")
    return values[at] / 3.0


@inner
def sum_of_thirds(values):
    total = 0.0
    for at in range(values.shape[0]):
        total += third(values, at)
    return total


@kernel
def add_thirds(values, result):
    result[0] += sum_of_thirds(values) + third(values, 0)


@kernel
def refuse(values, result):
    result[0] = third(values, -1)


@kernel
def by_address(values, result, places):
    add_at, refuse_at = places
    call(add_at, values, result)
    if result[0] > 10.0:
        call(refuse_at, values, result)


def test_a_kernel_runs_what_its_parts_and_theirs_say() -> None:
    values, result = np.array([3.0, 6.0]), np.zeros(1)
    add_thirds(values, result)
    assert result[0] == 1.0 + 2.0 + 1.0


def test_a_kernel_called_by_address_does_the_same() -> None:
    values, result = np.array([3.0, 6.0]), np.zeros(1)
    by_address(values, result, addresses((add_thirds, refuse), values, result))
    assert result[0] == 4.0


def test_what_a_kernel_called_by_address_raises_is_raised_by_its_caller() -> None:
    values, result = np.array([30.0]), np.zeros(1)
    with pytest.raises(ValueError, match="no place"):
        by_address(values, result, addresses((add_thirds, refuse), values, result))


def test_a_part_of_several_kernels_has_no_machine_code_of_its_own() -> None:
    if INTERPRETED or not is_known():
        return
    add_thirds(np.ones(1), np.zeros(1))
    for part in (third, sum_of_thirds):
        assert all(not one.library._finalized for one in part.overloads.values())
    assert all(one.library._finalized for one in add_thirds.overloads.values())


def test_kernels_for_the_same_arguments_are_found_at_the_same_addresses() -> None:
    values, result = np.ones(2), np.zeros(1)
    assert addresses((add_thirds,), values, result) == addresses((add_thirds,), np.ones(5), result)
