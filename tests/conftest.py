"""Options and hypothesis profiles for every test."""

import os
import tempfile
from pathlib import Path

import matplotlib
import pytest
from hypothesis import HealthCheck, settings

import contagion

matplotlib.use("Agg")

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("default", max_examples=50, **_COMMON)
settings.register_profile("quick", max_examples=8, **_COMMON)
settings.register_profile("ci", max_examples=200, derandomize=True, **_COMMON)
settings.register_profile("full", max_examples=1000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests/reference run the cases of any folder."""
    parser.addoption(
        "--cases",
        default=str(Path(__file__).parent / "reference" / "cases"),
        help="folder of reference cases (default: tests/reference/cases)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Before the processes of ``-n`` start: compile once for all of them, and let them begin with the long files."""
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        return
    config.option.loadscopereorder = False
    if not config.option.collectonly:
        contagion.warmup()
        worlds = tempfile.TemporaryDirectory(prefix="worlds-")
        config.add_cleanup(worlds.cleanup)
        os.environ["CONTAGION_TEST_WORLDS"] = worlds.name  # worlds of the properties, built by one for all


LONG = (
    "test_a_with_whole",
    "test_a_with_options",
    "test_a_with_portfolios",
    "test_a_with_coins",
    "test_a_hedges",
    "test_d_whole_worlds",
    "test_g_losses",
    "test_f_metamorphic",
    "test_e_policies",
    "test_g_determinism",
    "test_a_accounting",
    "test_d_engine",
    "test_notebooks",
    "test_cli",
    "test_kills",
    "test_compare_cascade",
    "test_report",
)
"""Files of a minute and more, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, then properties: one process must not be left alone with the last of them."""
    first = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: (first.get(item.path.stem, len(LONG)), "properties" not in item.path.parts))
