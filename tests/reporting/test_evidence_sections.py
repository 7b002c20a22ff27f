"""Every kind of finding has a section: a sentence, a table with units, a picture; strange names stay text."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from math import isfinite
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion import cli, reporting
from contagion.errors import SchemaError
from contagion.experiments.account_results import PARTS
from contagion.measures.hedges import hedge_table
from contagion.measures.market_based import market_measures, ses_table, srisk_table
from contagion.reporting import findings, page
from contagion.reporting.material import Material
from tests import evidence

NASTY = "<script>alert(1)</script>{{7*7}}$\\frac{1}{0}$"
OPEN = {"meta", "img", "br"}


class Tags(HTMLParser):
    """Follows opening and closing tags."""

    def __init__(self):
        super().__init__()
        self.stack, self.names = [], []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        if tag not in OPEN:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def interactions_table(name="halt"):
    index = pd.Index([name, "fund", f"{name} × fund"], name="term")
    table = pd.DataFrame({"order": [1, 1, 2], "effect": [-3e7, -1e7, 2e7], "n": 60, "note": ""}, index=index)
    table["low"], table["high"] = table["effect"] - 8e6, table["effect"] + 8e6
    table["p_value"], table["p_adjusted"] = 0.01, 0.03
    table.attrs = {"metric": "system_loss", "confidence": 0.95, "seed": 3}
    return table


def accounts_table(name="anna"):
    index = pd.Index([name, "ben"], name="account")
    table = pd.DataFrame(0.0, index=index, columns=list(PARTS))
    table["outside_move"], table["slippage"], table["fees"] = [-5e6, 4e6], [-1e6, 0.0], [-1e4, -2e4]
    return table.assign(change=table.sum(axis=1))


def swings_table(name="dynamic"):
    rows = [("none", 0.05, 0.05, 0.05, 1.0, 0.0, 0.0), (name, 0.08, 0.12, 0.05, 2.4, 0.5, 0.9)]
    columns = ["policy", "mean", "peak", "trough", "peak_to_trough", "rise_1_day", "rise_5_day"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(1, "asset", "BTC")
    return table.assign(breaches=2, n=90, expected=0.9, p_value=0.31, note="")


def market_table(name="bank"):
    days = np.random.default_rng(5).normal(0.0, 0.02, (60, 2))
    system = days.sum(axis=1)
    return market_measures(pd.DataFrame({name: days[:, 0], "fund": days[:, 1], "system": system}), q=0.1)


def firms_table(name):
    return pd.DataFrame({"market_value": [9e9, 1e8], "debt": [1e10, 9e9], "beta": 1.0}, index=["other", name])


def equity_table(name):
    draws = np.random.default_rng(6).normal(4e7, 2e7, (60, 2))
    return pd.DataFrame(draws, columns=[name, "fund"])


def legs_table(name):
    item = pd.DataFrame({name: [-4e6, 0.0, 2e6], "calm": [1e6, 2e6, 4e6]})
    return item, -0.9 * item


EVERY = {
    "reverse": lambda name: evidence.reverse_stress(policy=name),
    "likeliest": lambda name: evidence.breaking_shock(asset=name),
    "phases": lambda name: evidence.phase_diagram(policy=name),
    "breakeven": lambda name: evidence.break_even(policy=name),
    "choice": lambda name: evidence.choice(winner=name),
    "sobol": lambda name: evidence.sobol_table([name, "b", "c"]),
    "morris": lambda name: evidence.morris_table([name, "b", "c"]),
    "variance": lambda name: evidence.split_table([name, "network", "parameters"]),
    "interactions": interactions_table,
    "attribution": lambda name: evidence.players_table([name, "b", "c"]),
    "stages": lambda name: evidence.stages_table([name, "defaults"]),
    "accounts": accounts_table,
    "margins": swings_table,
    "market": market_table,
    "capital": lambda name: srisk_table(firms_table(name)),
    "shortfall": lambda name: ses_table(equity_table(name), pd.Series(5e8, index=[name, "fund"]), 0.1),
    "hedges": lambda name: hedge_table(*legs_table(name)),
    "studies": lambda name: evidence.studies(name),
}
DRAWN = {
    "reverse",
    "phases",
    "breakeven",
    "choice",
    "sobol",
    "morris",
    "variance",
    "attribution",
    "stages",
    "studies",
    "likeliest",
    "interactions",
    "market",
    "capital",
    "shortfall",
    "hedges",
}


def rendered(known):
    return page.render("title", "subtitle", findings.write(known, "USD"), "footer")


@pytest.fixture(scope="module")
def pages():
    """Kind -> the page with its section alone, a strange name in it."""
    return {kind: rendered(findings.check([make(NASTY)])) for kind, make in EVERY.items()}


def test_every_kind_of_finding_is_tried_here():
    assert list(EVERY) == [kind.name for kind in findings.KINDS]


@pytest.mark.parametrize("kind", EVERY)
def test_a_finding_is_known_by_what_it_is(kind):
    assert findings.check(EVERY[kind]("halt"))[0][0].name == kind


@pytest.mark.parametrize("kind", EVERY)
def test_a_section_has_one_sentence_a_table_and_a_picture_where_there_is_one(kind, pages):
    text = pages[kind]
    assert f'<section id="{kind}">' in text
    assert "<table" in text and "<p>" in text
    assert text.count("<img ") == (kind in DRAWN)


@pytest.mark.parametrize("kind", EVERY)
def test_a_section_closes_every_tag_and_strange_names_are_text(kind, pages):
    parser = Tags()
    parser.feed(pages[kind])
    assert parser.stack == [] and "script" not in parser.names
    assert html.escape(NASTY) in pages[kind]
    assert "{{7*7}}" in pages[kind]


@pytest.mark.parametrize(
    "kind", sorted(set(EVERY) - {"likeliest", "market", "margins", "hedges", "reverse", "phases"})
)
def test_money_has_its_unit_in_the_heads_of_the_table_or_shares_their_sign(kind, pages):
    heads = " ".join(re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', pages[kind]))
    assert ", USD" in heads or ", %" in heads


def test_numbers_keep_their_full_precision_for_a_machine(pages):
    values = [float(text) for text in re.findall(r'data-value="([^"]+)"', pages["choice"])]
    assert {9e7, 5e7, 2e7, 8e7, 4e7, 0.004, 200.0} <= {value for value in values if isfinite(value)}


def test_the_choice_says_what_is_left_of_the_winner_and_what_it_was_before(pages):
    text = pages["choice"].replace("\u00a0", " ")
    assert "fall of mean system loss of 90.0 m USD; on 200 new scenarios it is 50.0 m" in text
    assert "the winner&#39;s curse was +40.0 m" in text


def test_a_choice_without_a_winner_has_no_table_of_one():
    text = rendered(findings.check(evidence.choice(confirmed=False))).replace("\u00a0", " ")
    assert "None of 4 candidates lowers mean system loss by more than it costs." in text
    assert "The winner on new scenarios</caption>" not in text


def test_an_interaction_above_zero_is_said_to_be_double_work(pages):
    text = rendered(findings.check(interactions_table()))
    assert "halt × fund do the same work twice" in text


def test_a_search_without_any_crossing_has_its_sentence_and_no_table():
    found = evidence.reverse_stress()
    calm = type(found)(**{**vars(found), "crossings": found.crossings.iloc[:0]})
    text = rendered(findings.check(calm))
    assert "<table" not in text and "holds at no size looked at" in text


def test_a_shock_that_nobody_found_has_its_sentence_alone():
    found = evidence.breaking_shock()
    none = type(found)(
        **{**vars(found), "moves": found.moves.iloc[:0], "distance": float("nan"), "shock": None}
    )
    text = rendered(findings.check(none))
    assert "no shock that was tried breaks" in text and "<table" not in text


@pytest.mark.parametrize(
    "kind",
    ["sobol", "morris", "variance", "accounts", "margins", "market", "attribution", "capital", "hedges"],
)
def test_a_table_without_rows_says_so(kind):
    text = rendered(findings.check(EVERY[kind]("halt").iloc[:0]))
    assert "The table holds no row." in text or "No policy set changes margin rates." in text


def test_two_studies_are_told_with_what_differs_and_which_sets_are_left_out(pages):
    text = " ".join(rendered(findings.check(evidence.studies())).replace("\u00a0", " ").split())
    assert "Their 60 scenarios are the same, so differences are paired." in text
    assert "Not compared: &#39;fund&#39; only in before; &#39;throttle&#39; only in after." in text
    assert "cascade, other step" in text and "the effect of &#39;halt&#39; +USD 30.0 m" in text


def test_two_studies_of_other_scenarios_warn_that_nothing_is_paired():
    text = rendered(findings.check(evidence.studies(seed=4)))
    assert '<p class="warn">Their scenarios are not the same (their seeds are 3 and 4)' in text


def test_two_findings_of_a_kind_have_anchors_of_their_own():
    text = rendered(findings.check([evidence.sobol_table(), evidence.split_table(), evidence.sobol_table()]))
    assert re.findall(r'<section id="([^"]+)">', text) == ["sobol", "variance", "sobol-2"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([3], r"findings\[0\]: 3 is nothing that a report can show.*ct\.reverse_stress.*ct\.sobol"),
        ([pd.DataFrame({"a": [1.0]})], r"a table with columns \['a'\].*is nothing"),
        ("sobol", "are no list"),
        ({"sobol": evidence.sobol_table()}, "are no list"),
        (
            [evidence.sobol_table().astype({"total": object})],
            r"findings\[0\], column 'total'.*holds no numbers",
        ),
        ([evidence.sobol_table(), SimpleNamespace(winner="x")], r"findings\[1\]"),
        ([ct.PriceShock], r"findings\[0\]"),
    ],
)
def test_what_is_no_finding_is_refused_by_its_place_and_what_is_allowed(given, message):
    with pytest.raises(SchemaError, match=message):
        findings.check(given)


def test_a_report_refuses_a_finding_before_anything_is_computed(tmp_path):
    with pytest.raises(SchemaError, match="nothing that a report can show"):
        ct.report(None, tmp_path / "page.html", findings=[3])
    assert list(tmp_path.iterdir()) == []


def test_findings_stand_between_the_results_and_the_controls(tmp_path, run):
    target = ct.report(
        run, tmp_path / "page.html", findings=[evidence.sobol_table(), evidence.reverse_stress()]
    )
    chapters = re.findall(r'<section id="([a-z]+)">', target.read_text(encoding="utf-8"))
    assert chapters[-5:] == ["ranking", "sobol", "reverse", "controls", "method"]


def test_none_is_no_finding():
    assert findings.check(None) == ()
    assert Material and reporting.report is ct.report


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Two folders of tiny studies of the same falls, and nothing else."""
    home = tmp_path_factory.mktemp("stored")
    net = ct.generate.perp_market(n_accounts=300, seed=1)
    falls = [ct.PriceShock({"BTC": -0.05 * i}) for i in range(1, 5)]
    for name, drop in (("early", 0.02), ("late", 0.2)):
        sets = {"margin": [ct.MarginMultiplier(1.5)], NASTY: [ct.InsuranceFund(factor=1.0 + drop)]}
        ct.compare(net, falls, ct.Cascade.static(), sets, store=home / name)
    return home


def test_stored_results_without_their_network_have_a_report_that_says_what_is_missing(stored, tmp_path):
    text = ct.report(ct.load_results(stored / "early"), tmp_path / "page.html").read_text(encoding="utf-8")
    chapters = re.findall(r'<section id="([a-z]+)">', text)
    assert chapters == ["summary", "scenarios", "policies", "frontier", "controls", "method"]
    assert "the stored results hold no network to run on" in " ".join(text.split())
    assert "4 scenarios on 1 network, read from stored results" in text.replace("\u00a0", " ")
    assert "<script" not in text and html.escape(NASTY) in text
    parser = Tags()
    parser.feed(text)
    assert parser.stack == []


def test_the_command_line_reports_on_one_folder_and_on_two(stored, tmp_path, capsys):
    target = tmp_path / "two.html"
    assert cli.main(["report", str(stored / "early"), "--out", str(target), "--quiet"]) == 0
    assert 'id="studies"' not in target.read_text(encoding="utf-8")
    words = ["report", str(stored / "early"), str(stored / "late"), "--out", str(target), "--quiet"]
    assert cli.main(words) == 0
    text = " ".join(target.read_text(encoding="utf-8").split())
    assert "Two studies: early and late" in text and "Their 4 scenarios are the same" in text
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{early}", "{nothing}"], "InputError"),
        (["{early}", "--n", "9"], "SchemaError: --n: changes a study"),
        (["{early}", "{late}", "--out", "no-such-folder/page.html"], "does not exist"),
    ],
)
def test_the_command_line_refuses_what_it_cannot_report_on(
    words, message, stored, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    places = {name: stored / name for name in ("early", "late", "nothing")}
    assert cli.main(["report", *(word.format(**places) for word in words)]) == 2
    assert message in capsys.readouterr().err
