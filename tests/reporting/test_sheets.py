"""The report on runs and comparisons of balance sheets: what it says, and what it leaves out."""

from html.parser import HTMLParser

import pandas as pd
import pytest

import contagion as ct
from contagion.propagation.solvency.outcome import METRICS
from contagion.reporting import glossary, texts
from contagion.reporting.material import Material, Story
from contagion.reporting.sections import controls, sheets, spread

SCRIPT = "<script>alert(1)</script>"
MODELS = (
    ct.Clearing(),
    ct.DebtRank(),
    ct.Furfine(),
    ct.ThresholdCascade(),
    ct.NEVA("linear_debtrank"),
    ct.CrossHoldings(),
    ct.CrossHoldings(kind="suzuki"),
)
MARKETS = (
    "liquidat",
    "margin",
    "deleverag",
    "forced sell",
    "insurance",
    "halted",
    "still to be sold",
    "venue",
)


class Texts(HTMLParser):
    """The words of a page, pictures and styles left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag, attrs):
        self._hidden += tag == "style"

    def handle_endtag(self, tag):
        self._hidden -= tag == "style"

    def handle_data(self, data):
        if not self._hidden:
            self.found.append(data)


def words(path) -> str:
    """Return the words of a page, blanks made one."""
    page = Texts()
    page.feed(path.read_text(encoding="utf-8"))
    return " ".join(" ".join(page.found).split())


def chain(first="A"):
    """The first owes B 4 of its 5, B owes C 3 and has 1 besides, C has 1; external debts of the first 0.5."""
    return ct.Network(
        nodes=[
            {"name": first, "kind": "institution", "external_assets": 5.0, "external_liabilities": 0.5},
            {"name": "B", "kind": "institution", "external_assets": 1.0},
            {"name": "C", "kind": "institution", "external_assets": 1.0},
        ],
        obligations=[
            {"debtor": first, "creditor": "B", "amount": 4.0},
            {"debtor": "B", "creditor": "C", "amount": 3.0},
        ],
    )


def fallen(net=None, model=None, name="A"):
    """Return the run in which A pays 1.25 on the dollar's 4.5: equity of B and C falls by 2 and 1."""
    return ct.run(net or chain(), ct.AssetShock({name: -0.75}), model or ct.Clearing())


def material_of(run):
    """Return what the report on a run is written from."""
    return Material((run.network,), None, (Story("run", "It is the only one.", run),))


@pytest.fixture(scope="module")
def comparison():
    """A few scenarios under three sets."""
    sets = {"none": [], "capital": [ct.CapitalInjection(1.0)], "lender": [ct.LenderOfLastResort(budget=1.0)]}
    shocks = ct.AssetShocks(ct.PriceShocks.normal(scale=0.8))
    return ct.compare(chain(), shocks, ct.Clearing(alpha=0.8), sets, n=24, seed=1)


def test_the_sheets_are_those_of_the_tables():
    frame = sheets.sheets(chain())
    assert frame.loc["A", ["outside", "claims", "total", "owed", "debts", "equity"]].tolist() == [
        5,
        0,
        5,
        4,
        0.5,
        0.5,
    ]
    assert frame.loc["B", ["capital", "leverage", "claims_share", "exposure"]].tolist() == [
        0.4,
        2.5,
        0.8,
        2.0,
    ]
    assert frame.loc["A", "debts_share"] == pytest.approx(4.0 / 4.5)
    assert pd.isna(frame.loc["C", "debts_share"])


def test_a_report_on_a_run_tells_the_waves_the_channels_and_the_model(tmp_path):
    page = words(ct.report(fallen(), tmp_path / "run.html"))
    for said in (
        "A shock to balance sheets and its contagion",
        "3 balance sheets and 2 debts",
        "By the shock failed A; by contagion 1 node, the last in round 1",
        "Clearing at the greatest vector",
        "Eisenberg and Noe (2001)",
        "computed was the greatest; the least is the same outcome",
        "Losses by channel in the run",
        "External creditors",
        "Who lost most in the run",
        "Whose failure cost most in the run",
        "creditors lose inside the network what debtors there do not pay",
    ):
        assert said in page
    assert "FAILED" not in page


@pytest.mark.parametrize(
    "model", MODELS[1::2], ids=lambda model: f"{type(model).__name__}-{getattr(model, 'kind', '')}"
)
def test_the_report_of_every_model_has_no_word_of_markets(model, tmp_path):
    text = words(ct.report(fallen(model=model), tmp_path / "run.html"))
    assert "What it computes:" in text and "Source:" in text
    body = text[: text.index("Method, parameters, provenance and limits Every node")]
    body = body.replace(glossary.METRICS["policy_cost"].meaning, "").replace("forced to trade", "")
    assert not [word for word in MARKETS if word in body.lower()]


def test_a_report_on_a_comparison_compares_what_balance_sheets_have(comparison, tmp_path):
    page = words(ct.report(comparison, tmp_path / "study.html"))
    for said in (
        "Contagion between balance sheets: what policies would change",
        "contagion between balance sheets adds",
        "Failures by contagion",
        "Lent in the crisis",
        "Loss of external creditors",
        "Placebo policy",
        "Benefit against cost",
        "Median scenario",
        "Bad scenario",
    ):
        assert said in page
    assert "FAILED" not in page and "nan" not in page.lower().split()
    page = page.replace(glossary.METRICS["policy_cost"].meaning, "")
    assert not [
        word for word in ("Liquidated", "Deferred", "deferred selling", "markets shut") if word in page
    ]


def test_hostile_names_stay_text_and_the_page_is_the_same_twice(tmp_path):
    run = fallen(chain(SCRIPT), name=SCRIPT)
    page, again = (ct.report(run, tmp_path / f"{i}.html").read_text(encoding="utf-8") for i in range(2))
    assert page == again and SCRIPT not in page and "&lt;script&gt;" in page


def test_channels_split_claims_by_who_failed():
    found = {label: money for label, money, _ in spread.channels(fallen())}
    assert found["Claims on failed nodes"] == pytest.approx(
        4.0 * (1.0 - 1.25 / 4.5) + 3.0 - (1.0 + 4.0 * 1.25 / 4.5)
    )
    assert found["Claims on weakened nodes"] == 0.0
    assert found["External creditors"] == pytest.approx(0.5 * (1.0 - 1.25 / 4.5))
    weak = {label: money for label, money, _ in spread.channels(fallen(model=ct.DebtRank()))}
    assert "External creditors" not in weak


def test_two_fixed_points_are_told_apart():
    circle = ct.Network(
        nodes=[{"name": name, "kind": "institution", "external_assets": 1.0} for name in "AB"],
        obligations=[{"debtor": a, "creditor": b, "amount": 4.0} for a, b in ("AB", "BA")],
    )
    run = ct.run(circle, ct.AssetShock({"A": -0.01}), ct.Clearing(alpha=0.5, beta=0.5))
    text = spread.other_fixed_point(run, material_of(run))
    assert (
        text.startswith("computed was the greatest. The least is another outcome")
        and "2\N{NO-BREAK SPACE}failures instead of 0" in text
    )
    assert spread.other_fixed_point(fallen(model=ct.Furfine()), material_of(run)) == ""


def test_tables_that_disagree_fail_the_control():
    run = fallen()
    run.nodes.loc["A", "loss_caused"] += 1.0
    assert controls.claims_row((Story("run", "", run),), "USD")[-1].parts[0].text == "FAILED"


def test_every_metric_of_balance_sheets_has_a_label_and_a_meaning():
    own = [name for model in MODELS for name in model.own_metrics]
    for name in (*METRICS, *own):
        entry = glossary.METRICS[name]
        assert "_" not in entry.label and entry.meaning


def test_the_table_of_the_command_line_has_failures_instead_of_selling(comparison):
    head = texts.policy_table(comparison).splitlines()[1]
    assert "failures" in head and "by contagion" in head and "lent" in head and "deferred" not in head


def test_nothing_is_deferred_where_nothing_is_sold(comparison):
    frame = comparison.deferred
    assert frame["benefit"].notna().all() and frame[["deferred_notional", "extra"]].isna().all(axis=None)


def test_results_read_back_without_their_network_are_reported(tmp_path):
    shocks = ct.AssetShocks(ct.PriceShocks.normal(scale=0.8))
    sets = {"none": [], "capital": [ct.CapitalInjection(1.0)]}
    ct.compare(chain(), shocks, ct.Clearing(), sets, n=24, seed=1, store=tmp_path / "rows")
    page = words(ct.report(ct.load_results(tmp_path / "rows"), tmp_path / "study.html"))
    assert "contagion between balance sheets adds" in page and "stored results hold no network" in page
