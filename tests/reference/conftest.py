"""One test for every record under `--cases`."""

from pathlib import Path

from tests.reference.records import read_cases


def pytest_generate_tests(metafunc):
    """Parametrise the tests that ask for a `case`."""
    if "case" in metafunc.fixturenames:
        folder = Path(metafunc.config.invocation_params.dir) / metafunc.config.getoption("--cases")
        cases = read_cases(folder)
        metafunc.parametrize("case", cases, ids=[case.label for case in cases])
