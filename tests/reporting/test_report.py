"""The page is one file, escapes every name, repeats its bytes, and shows the numbers of the comparison."""

from __future__ import annotations

import base64
import hashlib
import html
import math
import re
from types import SimpleNamespace

import pytest

import contagion as ct
from contagion.errors import InputError, SchemaError

ALWAYS = ("difference", "helped", "unchanged", "harmed", "n", "median_difference", "tail_difference")
WHERE_KNOWN = ("low", "high", "p_adjusted", "median_low", "median_high", "tail_low", "tail_high")
MEAN = ("difference", "low", "high", "p_adjusted")
BESIDE = ("deferred_notional", "liquidated_notional", "adl_notional", "bad_debt")


def same(left, right):
    return left == right or (math.isnan(left) and math.isnan(right))


def test_every_number_of_the_policy_table_is_the_number_of_the_comparison(page, comparison, read_numbers):
    numbers = {(n.policy, n.metric, n.statistic): n for n in read_numbers(page) if n.table == "policy-table"}
    loss = comparison.effects("system_loss", against="none")
    wanted = {}
    for policy, row in loss.iterrows():
        known = [name for name in WHERE_KNOWN if math.isfinite(row[name])]
        wanted |= {(policy, "system_loss", name): row[name] for name in (*ALWAYS, *known)}
    for metric in BESIDE:
        for policy, row in comparison.effects(metric, against="none").iterrows():
            wanted |= {(policy, metric, name): row[name] for name in MEAN if math.isfinite(row[name])}
    assert ("halt", "system_loss", "low") in wanted
    for policy in loss.index:
        wanted[policy, "policy_cost", "cost"] = comparison.costs().loc[policy, "cost"]
        wanted[policy, "halted_seconds", "mean"] = comparison.deferred.loc[policy, "halted_seconds"]
    assert set(numbers) == set(wanted)
    assert [key for key, value in wanted.items() if not same(numbers[key].value, float(value))] == []


def test_every_number_of_the_detailed_tables_is_the_number_of_the_comparison(page, comparison, read_numbers):
    numbers = [n for n in read_numbers(page) if n.table.startswith("effects-")]
    assert {n.metric for n in numbers} >= {"system_loss", "adl_notional", "halted_seconds", "policy_cost"}
    effects = {metric: comparison.effects(metric, against="none") for metric in {n.metric for n in numbers}}
    assert [
        n for n in numbers if not same(n.value, float(effects[n.metric].loc[n.policy, n.statistic]))
    ] == []


def test_the_levels_are_those_of_the_tail_statistics(page, comparison, read_numbers):
    tail = comparison.tail("system_loss")
    frame = comparison.to_frame().groupby("policy")["system_loss"]
    numbers = [n for n in read_numbers(page) if n.table == "tail-table"]
    assert {n.statistic for n in numbers} >= {"mean", "median", "var", "es", "k"}
    for n in numbers:
        if n.statistic in ("mean", "median"):
            assert n.value == pytest.approx(frame.agg(n.statistic)[n.policy], rel=1e-12)
        else:
            assert same(n.value, float(tail.loc[n.policy, n.statistic]))


def test_a_benefit_stands_beside_its_cost_and_what_it_put_off(page, comparison):
    rows = re.findall(r"<tr>.*?</tr>", page[page.index('id="policy-table"') :].split("</table>")[0], re.S)
    shown = [row for row in rows if 'data-statistic="difference"' in row]
    assert len(shown) == len(comparison.policies) - 1
    for row in shown:
        for wanted in ("policy_cost", "deferred_notional", "liquidated_notional", "adl_notional"):
            assert f'data-metric="{wanted}"' in row


def test_hostile_names_are_text_and_nothing_else(page, hostile):
    assert "<script" not in page
    for name in hostile.values():
        assert html.escape(name) in page


def test_no_request_leaves_the_page(page, run_page):
    for text in (page, run_page):
        assert re.findall(r'(?:src|href|action|data)="(?!data:image/png;base64,|#)', text) == []
        outside = re.sub(r'src="data:[^"]*"', "", text)
        for word in ("@import", "url(", "<link", "<iframe", "javascript:", "onerror=", "onload="):
            assert word not in outside
        assert "default-src 'none'" in outside


def test_the_policy_on_content_allows_exactly_the_style_that_is_there(page):
    style = re.search(r"<style>(.*?)</style>", page, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert ' style="' not in page


def test_the_same_study_gives_the_same_bytes(page, comparison, band, tmp_path):
    again = ct.report(comparison, tmp_path / "other-name.html", leverage_band=band)
    assert again.read_bytes() == page.encode()


def test_neither_paths_nor_dates_nor_the_name_of_the_file_are_in_the_page(page, tmp_path):
    assert str(tmp_path.parent.parent) not in page
    assert "report.html" not in page
    assert re.search(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d", page) is None


def test_the_chapters_come_in_order_and_the_contents_list_them(page):
    chapters = re.findall(r'<section id="([a-z]+)">', page)
    assert chapters == [
        "summary",
        "rules",
        "facts",
        "network",
        "scenarios",
        "cascade",
        "executions",
        "beyond",
        "policies",
        "frontier",
        "ranking",
        "leverage",
        "controls",
        "method",
    ]
    assert re.findall(r'href="#([a-z]+)"', page) == chapters


def test_a_report_on_one_run_leaves_out_what_needs_many(run_page, run, read_numbers):
    chapters = re.findall(r'<section id="([a-z]+)">', run_page)
    assert "policies" not in chapters
    assert {"summary", "rules", "cascade", "ranking", "controls", "method"} <= set(chapters)
    tiles = {n.metric: n.value for n in read_numbers(run_page) if n.metric in run.metrics.index}
    assert tiles["system_loss"] == run.metrics["system_loss"]
    assert "one run of one scenario" in run_page


def test_placebo_and_negative_control_are_shown_and_pass(page):
    controls = page[page.index('id="controls"') :].split("</table>")[0]
    for check in ("Placebo policy", "Negative control", "Ledger", "Failed runs"):
        assert check in controls
    assert "FAILED" not in controls


def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(run, tmp_path):
    target = tmp_path / "page.html"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="overwrite=True"):
        ct.report(run, target)
    assert target.read_text(encoding="utf-8") == "mine"
    ct.report(run, target, overwrite=True)
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_place_that_cannot_hold_the_page_is_refused_before_anything_is_computed(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        ct.report(None, tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        ct.report(None, tmp_path / "none" / "page.html")


def test_what_is_no_result_is_refused(tmp_path):
    with pytest.raises(SchemaError, match="a Comparison or a Run"):
        ct.report({"system_loss": 1.0}, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [None, 3, b"report.html"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(SchemaError, match=r"is no path.*report\.html"):
        ct.report(None, path)


def test_the_limits_call_nothing_calibrated_that_the_user_supplied(run_page):
    limits = " ".join(run_page[run_page.index("Limits</h3>") :].split())
    assert "it was supplied by the user, and its tables name no sources" in limits
    assert "margin tiers of the venues that publish them" not in limits


def test_the_limits_name_the_facts_behind_a_network_that_has_them(net):
    from contagion.reporting.sections import method

    made = dict(method.origin(ct.generate.perp_market(n_accounts=400)))
    assert made["Calibrated:"].startswith("margin tiers of the venues that publish them")
    assert dict(method.origin(net)) == {
        "Calibrated:": method.SUPPLIED,
        "Illustrative:": method.SUPPLIED_ILLUSTRATIVE,
    }


def test_the_head_counts_one_network_in_the_singular(net):
    from contagion.reporting import _subtitle
    from contagion.reporting.material import Material

    def head(n, networks):
        return _subtitle(
            Material(networks, SimpleNamespace(n=n, networks=networks, seed=0, metric_names=["bad_debt"]), ())
        ).replace("\u00a0", " ")

    assert head(1, (net,)).startswith("1 scenario on 1 network of ")
    assert head(1500, (net, net)).startswith("1,500 scenarios on 2 networks of ")


def test_the_limits_say_where_asks_end(page, run_page):
    from contagion.propagation.cascade.liquidate import LARGEST_RISE

    for text in (page, run_page):
        limits = text[text.index("Limits</h3>") :]
        assert f"no ask rests above {LARGEST_RISE:g} times the outside price" in " ".join(limits.split())


def test_the_band_says_how_many_scenarios_and_accounts_stand_behind_it(page):
    chapter = page[page.index('id="leverage"') :]
    caption = chapter[chapter.index("<figcaption>") : chapter.index("</figcaption>")].replace("\u00a0", " ")
    assert (
        "Behind each point n = 8 scenarios at each of the leverages 3, 5, 8 on a network of 5,000 account rows."
        in caption
    )


def test_the_picture_of_the_cascade_is_said_to_show_ribbons(page):
    assert "ribbons run from who set off forced trades" in page
    assert not re.search(r"\barrows?\b", page.lower())


def test_the_picture_of_the_band_has_units_on_every_axis(band):
    from matplotlib.figure import Figure

    from contagion.reporting.sections.leverage import _draw

    level, change = Figure().subplots(1, 2)
    _draw(level, change, band, "USD")
    assert (level.get_xlabel(), level.get_ylabel()) == (
        "median leverage of accounts (×)",
        "system loss (bn USD)",
    )
    assert change.get_ylabel() == "change of system loss (bn USD)"


def test_the_course_of_a_run_names_the_market_that_fell_most(run_page, run):
    falls = run.markets["largest_fall"]
    assert f"was that of {html.escape(falls.idxmax())}." in run_page


def test_notes_give_the_scatter_between_networks_in_money(page, comparison):
    from contagion.reporting import formats

    assert "variance between" not in page
    said = formats.remark("approximate; for these 4 networks, variance between networks 4e+16")
    assert said.replace(formats.GLUE, " ").endswith("standard deviation between networks 200 m")
    assert formats.remark("no interval: k = 3 < 25") == "no interval: k = 3 < 25"
