"""No raw code in a report: every word of the tables has a plain one, and a page of a full world shows only those."""

from html.parser import HTMLParser

import numpy as np
import pytest

import contagion as ct
from contagion.network.equity import opening_requirement
from contagion.network.schema import TABLES
from contagion.network.unread import without_unread
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.outcome import METRICS
from contagion.reporting import glossary, vocabulary
from contagion.reporting.material import Material, Story
from contagion.reporting.sections import rules

TABLE_OF = {
    ("venues", "procedure"): vocabulary.PROCEDURES,
    ("venues", "residual"): vocabulary.RESIDUALS,
    ("venues", "adl_trigger"): vocabulary.TRIGGERS,
    ("venues", "adl_rank"): vocabulary.RANKS,
    ("venues", "adl_price"): vocabulary.PRICES,
    ("venues", "mark"): vocabulary.MARKS,
    ("venues", "oracle"): vocabulary.ORACLES,
    ("venues", "auction_kind"): vocabulary.AUCTIONS,
    ("venues", "funding_rule"): vocabulary.FUNDING,
    ("markets", "kind"): vocabulary.MARKET_KINDS,
    ("markets", "impact"): vocabulary.IMPACTS,
    ("nodes", "kind"): vocabulary.NODE_KINDS,
}
PLAIN = {"trader", "exchange", "institution", "shock"}
"""Words that say what they are."""
FORMS = ("money", "count", "share", "seconds", "ratio")


class Cells(HTMLParser):
    """The texts of the cells of a page's tables, and of everything outside pictures and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.texts: list[str] = []
        self._hidden = self._cell = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script", "svg")
        if tag in ("td", "th"):
            self._cell += 1
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script", "svg")
        self._cell -= tag in ("td", "th")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)
            if self._cell:
                self.cells[-1] += data


def words_of(table: str, column: str) -> tuple[str, ...]:
    return next(own.words for own in TABLES[table].columns if own.name == column)


@pytest.fixture(scope="module")
def net() -> ct.Network:
    """Loans, pools, funds of both kinds and every trigger of deleveraging."""
    net = ct.generate.lending_market(n_accounts=400, seed=1)
    venues = net.venues.copy()
    assert len(venues) >= 3 and (net.markets["kind"] == "pool").any()
    trades = {"exchange": "pool", "pools": "fund_drawdown", "spark": "fund"}
    venues.loc["spark", "procedure"] = "close_out"
    for name, trigger in trades.items():
        venues.loc[name, ["adl_trigger", "adl_rank", "adl_price"]] = (
            trigger,
            "contract_pro_rata",
            "previous_mark",
        )
    venues["residual"] = ["profit_queue" if name == "exchange" else "own_equity" for name in venues.index]
    venues = without_unread(venues, np.ones(len(venues), dtype=np.bool_))
    venues["own_capital"], venues["assessment"] = 1e6, 1.0
    asked = opening_requirement(net).groupby(net.accounts["venue"]).sum().reindex(venues.index)
    venues["default_fund"] = (asked > 0.0).map({True: 2e6, False: 0.0})
    return net.replace(venues=venues)


@pytest.mark.parametrize(("table", "column"), list(TABLE_OF))
def test_every_word_of_a_rule_has_plain_words(table, column):
    known, codes_of = TABLE_OF[table, column], words_of(table, column)
    assert set(known) >= set(codes_of)
    for code in codes_of:
        assert "_" not in known[code] and (known[code] != code or code in PLAIN)


def test_every_event_has_plain_words():
    assert set(vocabulary.EVENTS) == set(codes.EVENTS)
    assert all(text != code and "_" not in text for code, text in vocabulary.EVENTS.items())


def test_every_metric_has_a_label_a_unit_and_a_meaning():
    for name in METRICS:
        entry = glossary.METRICS[name]
        assert "_" not in entry.label and entry.form in FORMS and entry.meaning


def test_a_trigger_says_how_much_is_lost_in_which_time(net):
    run = ct.run(net, ct.PriceShock({"ETH": 0.0}), ct.Cascade(step=600.0, horizon=600.0))
    section = rules.write(Material((net,), None, (Story("this run", "The only one.", run),)))
    table = next(block for block in section.blocks if getattr(block, "identifier", "") == "venue-rules")
    lines = {row[0].parts[0].text: [cell.parts[0].text for cell in row[1:]] for row in table.rows}
    triggers = lines["Auto-deleveraging (ADL)"]
    assert (
        sum("(30 % of its peak within 8" in text.replace("\N{NO-BREAK SPACE}", " ") for text in triggers) >= 2
    )
    assert {"1 × what they have prefunded"} == set(lines["Members can be called for"])


def test_no_raw_code_is_shown_in_the_report_of_a_world_with_pools_loans_and_funds(net, tmp_path):
    run = ct.run(net, ct.PriceShock({"ETH": -0.4}), ct.Cascade(step=600.0, horizon=3600.0))
    assert {"liquidation", "default_fund"} <= set(run.events["kind"])
    page = Cells()
    page.feed(ct.report(run, tmp_path / "run.html").read_text(encoding="utf-8"))
    names = {str(name) for frame in (net.nodes, net.venues, net.markets, net.assets) for name in frame.index}
    raw = {code for pair in TABLE_OF for code in words_of(*pair)} | set(codes.EVENTS) | set(METRICS)
    raw |= set(codes.REASONS) | set(codes.COUNTERS) | set(codes.ENTITIES)
    shown = " ".join(page.texts)
    assert not [code for code in sorted(raw - names) if "_" in code and code in shown]
    assert not sorted((raw - names - PLAIN - {""}) & {cell.strip() for cell in page.cells})
