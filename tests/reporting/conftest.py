"""One small study with hostile names, its report, and the numbers that stand in the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser

import pandas as pd
import pytest

import contagion as ct
from contagion.comparison import Comparison
from contagion.network.network import Network
from contagion.network.schema import TABLES
from contagion.results import Run

SCRIPT = "<script>alert(1)</script>"
TEMPLATE = "{{7*7}}"
FORMULA = r"$\frac{1}{0}$"
FALLS = tuple(0.02 + 0.008 * step for step in range(30))
RENAMED = {"binance": SCRIPT, "bybit": FORMULA}


@dataclass(frozen=True)
class Number:
    """A number of the page: where it comes from, its exact value, the text around it."""

    policy: str
    metric: str
    statistic: str
    value: float
    text: str
    table: str


class Numbers(HTMLParser):
    """Collects every element with a machine-readable value."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Number] = []
        self.table = ""
        self._open: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "table":
            self.table = values.get("id", "")
        if "data-value" in values:
            self._open = values

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            own = self._open
            keys = (own.get(f"data-{name}", "") for name in ("policy", "metric", "statistic"))
            self.found.append(Number(*keys, float(own["data-value"]), data, self.table))
            self._open = None


@pytest.fixture(scope="session")
def read_numbers() -> Callable[[str], list[Number]]:
    """A function that returns every machine-readable number of a page."""

    def read(page: str) -> list[Number]:
        parser = Numbers()
        parser.feed(page)
        return parser.found

    return read


@pytest.fixture(scope="session")
def hostile() -> dict[str, str]:
    """Names that try to be something else than a name."""
    return {"script": SCRIPT, "template": TEMPLATE, "formula": FORMULA}


def renamed(net: Network, names: dict[str, str]) -> Network:
    """Return the network with other names for some of its nodes, in every table; words of rules stay."""
    tables = {}
    for name, frame in net.tables.items():
        flat = frame.reset_index() if frame.index.name else frame.copy()
        words = {column.name for column in TABLES[name].columns if column.kind == "word"}
        for column in flat.columns.difference(list(words)):
            if pd.api.types.is_object_dtype(flat[column]) or pd.api.types.is_string_dtype(flat[column]):
                flat[column] = flat[column].replace(names)
        tables[name] = flat
    return Network(**tables, unit=net.unit)


@pytest.fixture(scope="session")
def net() -> Network:
    """A small made market whose venues have hostile names."""
    return renamed(ct.generate.perp_market(n_accounts=400, seed=1), RENAMED)


@pytest.fixture(scope="session")
def comparison(net: Network) -> Comparison:
    """Two policy sets, one with a hostile name, over a few falls."""
    falls = [ct.PriceShock({"BTC": -depth, "ETH": -1.3 * depth, "SOL": -1.5 * depth}) for depth in FALLS]
    policies = {"halt": [ct.Halt(drop=0.05)], f"{SCRIPT}{TEMPLATE}": [ct.InsuranceFund(factor=2.0)]}
    return ct.compare(net, falls, ct.Cascade(step=300.0, horizon=3600.0), policies, seed=3)


@pytest.fixture(scope="session")
def band() -> pd.DataFrame:
    """A band over leverage as the command line computes it, without the runs."""
    rows = [
        (leverage, policy, 1e9 * leverage, 1e8, 4e9 * leverage, change, change - 2e8, change + 1e8, 0.75, 8)
        for leverage in (3.0, 5.0, 8.0)
        for policy, change in (("none", 0.0), ("halt", -1.5e8 * leverage), ("placebo", 0.0))
    ]
    names = ["leverage", "policy", "mean", "least", "most", "difference", "low", "high", "helped", "n"]
    frame = pd.DataFrame(rows, columns=names)
    frame.attrs["n_accounts"] = 5_000
    return frame


@pytest.fixture(scope="session")
def page(comparison: Comparison, band: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report on the comparison, as text."""
    target = tmp_path_factory.mktemp("report") / "report.html"
    return ct.report(comparison, target, leverage_band=band).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def run(comparison: Comparison) -> Run:
    """One bad scenario with its records."""
    return comparison.rerun("none", len(FALLS) - 1)


@pytest.fixture(scope="session")
def run_page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report on one run, as text."""
    target = tmp_path_factory.mktemp("run") / "run.html"
    return ct.report(run, target).read_text(encoding="utf-8")
