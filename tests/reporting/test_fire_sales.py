"""The report's section on fire sales: channels, prices, both ends, sellers; and what it says where nobody sells."""

import re
from html import unescape

import pytest

import contagion as ct
from contagion.propagation.firesales.rules import FloorRule, ShareRule
from contagion.reporting import glossary
from contagion.reporting.material import Material, Story
from contagion.reporting.sections import fire_sale_tables, fire_sales

SCRIPT = "<script>alert(1)</script>"


def town(first="A"):
    """Two banks hold 100 of S each: A owes 97.5, B owes 40; S has a spot market."""
    return ct.Network(
        nodes=[
            {"name": first, "kind": "institution", "external_liabilities": 97.5},
            {"name": "B", "kind": "institution", "external_liabilities": 40.0},
            {"name": "V", "kind": "exchange"},
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "S", "kind": "token", "price": 1.0, "volatility": 0.02},
        ],
        holdings=[{"node": name, "asset": "S", "quantity": 100.0} for name in (first, "B")],
        venues=[{"name": "V"}],
        markets=[{"name": "M", "venue": "V", "asset": "S", "kind": "spot", "volume": 50.0}],
    )


def sale(net=None, move=-0.01, model=None):
    return ct.run(
        net or town(), ct.PriceShock({"S": move}), model or ct.FireSale(impact=FloorRule(depth=2000.0))
    )


def section(run):
    material = Material((run.network,), None, (Story("run", "Chosen.", run),))
    return fire_sales.write(material)


def texts(block):
    """All texts of a block."""
    if block.kind in ("paragraph", "heading"):
        return [block.text]
    if block.kind == "points":
        return [text for item in block.items for text in item]
    if block.kind == "tiles":
        return [tile.label for tile in block.tiles]
    if block.kind == "figure":
        return [block.caption]
    cells = [part.text for row in block.rows for cell in row for part in cell.parts]
    return [block.caption, *block.columns, *cells, block.note]


def said(run):
    return " ".join(text for block in section(run).blocks for text in texts(block)).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def values(table, column):
    place = table.columns.index(column)
    return {row[0].parts[0].text: float(row[place].parts[0].value) for row in table.rows}


def page(result, tmp_path):
    path = ct.report(result, tmp_path / "page.html")
    text = re.sub(
        r"<style.*?</style>|data:image/png;base64,[^\"]*", "", path.read_text(encoding="utf-8"), flags=re.S
    )
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_channels_of_a_run_sum_to_all_that_is_lost():
    run = sale()
    table = fire_sale_tables.channels(run, "run", "USD")
    lost = values(table, "Loss, USD")
    assert lost["In all"] == pytest.approx(run.metrics["direct_loss"] + run.metrics["system_loss"])
    assert sum(lost[name] for name in ("Shock", "Prices", "Claims", "Both together")) == pytest.approx(
        lost["In all"]
    )
    assert lost["Shock"] == pytest.approx(2.0)
    assert lost["Claims"] == lost["Both together"] == 0.0
    assert sum(values(table, "Share").values()) == pytest.approx(2.0)


def test_prices_and_sales_stand_in_the_table_of_assets():
    run = sale()
    table = fire_sale_tables.assets(run, "run", "USD")
    row = run.markets.loc["S"]
    assert values(table, "Opening price")["S"] == 1.0
    assert values(table, "After the shock")["S"] == pytest.approx(0.99)
    assert values(table, "At the end")["S"] == row["closing_price"] < 0.99
    assert values(table, "Sold, USD")["S"] == row["sold"] > 0.0
    assert "Purchased, USD" not in table.columns


def test_sellers_stand_by_what_their_sales_cost_all():
    run = sale()
    table = fire_sale_tables.sellers(run, "run", "USD")
    assert [row[0].parts[0].text for row in table.rows] == ["A"]
    caused = values(table, "Loss its sales caused, USD")["A"]
    assert caused == pytest.approx(run.metrics["fire_sale_loss"])
    assert values(table, "Leverage before")["A"] == pytest.approx(99 / 1.5)


def test_the_section_tells_course_ends_and_distance():
    text = said(sale())
    assert "1 node sold USD" in text
    assert "rounds were followed" in text
    assert "Distance to divergence: if everybody went back to its leverage" in text
    assert "Who holds the same before the shock" in text
    least = said(sale(model=ct.FireSale(impact=FloorRule(depth=2000.0), rounds="least")))
    assert "computed with the least sales" in least
    most = said(sale(model=ct.FireSale(impact=FloorRule(depth=2000.0), rounds="most")))
    assert "computed with the most sales" in most


def test_where_nobody_sells_there_are_words_and_no_pictures_of_sales():
    calm = sale(move=0.0, model=ct.FireSale.caccioli(price_impact=0.1))
    assert "Nobody had to sell" in said(calm)
    assert [block.kind for block in section(calm).blocks].count("figure") == 1


def test_a_placebo_whose_sales_move_no_price_says_so():
    run = sale(model=ct.FireSale(impact=ShareRule(price_impact=0.0)))
    assert run.metrics["sales"] > 0.0
    assert "Prices did not fall with that: the sales cost nobody anything." in said(run)
    assert "Who caused losses" not in said(run)


def test_without_depths_in_the_tables_the_overlaps_are_left_out():
    net = town()
    bare = net.replace(markets=None, venues=None)
    text = said(sale(net=bare))
    assert "Who holds the same" not in text
    assert "Losses by channel" in text or "Shock, prices and claims" in text


def test_a_node_without_equity_before_the_shock_has_no_distance():
    nodes = town().nodes.reset_index().assign(external_liabilities=[97.5, 140.0, 0.0]).to_dict("records")
    assert "not defined before the shock" in said(sale(net=town().replace(nodes=nodes)))


def test_the_page_of_a_run_has_the_section_and_every_new_metric_has_words(tmp_path):
    run = sale()
    text = page(run, tmp_path)
    assert "Sales and prices" in text and "Falling prices" in text
    assert "Who must sell sells, prices fall with what is sold" in text
    assert "fire sales and their prices" not in text and "vary the impact before trusting a level" in text
    for name in ct.FireSale.own_metrics:
        assert glossary.metric(name).meaning
    other = ct.run(ct.generate.interbank(n=5), ct.AssetShock({"bank-0": -0.1}), ct.Clearing())
    (tmp_path / "page.html").unlink()
    assert "Sales and prices" not in page(other, tmp_path)


def test_the_page_of_a_comparison_has_channels_of_every_policy_set(tmp_path):
    model = ct.FireSale(impact=FloorRule(depth=2000.0), rounds="least")
    study = ct.compare(
        town(),
        ct.PriceShocks.normal(scale=0.01),
        model,
        {"equity": [ct.CapitalInjection(amounts=5.0)]},
        n=6,
        seed=2,
    )
    material = Material(study.networks, study, ())
    table = fire_sale_tables.policy_sets(material, study)
    means = study.to_frame().groupby("policy")[["direct_loss", "system_loss"]].mean().sum(axis=1)
    for policy, value in values(table, "In all").items():
        assert value == pytest.approx(means[policy])
    text = page(study, tmp_path)
    assert "Channels under each policy set" in text
    assert "Sales and prices" in text


def test_names_are_escaped(tmp_path):
    path = ct.report(sale(net=town(first=SCRIPT)), tmp_path / "page.html")
    assert SCRIPT not in path.read_text(encoding="utf-8")


def test_moves_of_prices_are_called_so_and_nobody_is_brought_down_where_no_claim_is_lost(tmp_path):
    shocks, model = ct.PriceShocks.student_t(df=4, scale=0.05), ct.FireSale(impact=FloorRule(depth=2000.0))
    found = ct.compare(town(), shocks, model, policies={"none": []}, n=12, seed=1, n_jobs=1)
    page = unescape(ct.report(found, tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "Price moves, before any impact of sales." in page
    assert "external assets of each node" not in page
    assert "Who brought down whom" not in page
