"""Every record of the case folder is reproduced (`pytest tests/reference --cases DIR`)."""

import pytest

from tests.reference.algorithms import ALGORITHMS, compute
from tests.reference.records import check


def test_the_package_reproduces_the_record(case):
    if case.problem:
        pytest.fail(case.problem, pytrace=False)
    if case.record["algorithm"] not in ALGORITHMS:
        pytest.fail(f"algorithm {case.record['algorithm']!r} is not built", pytrace=False)
    faults = check(case.record, compute)
    if faults:
        pytest.fail(f"{case.label}\n" + "\n".join(faults), pytrace=False)
