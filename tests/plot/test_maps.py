"""The liquidation map."""

import pytest

from contagion import plot
from contagion.errors import SchemaError
from contagion.measures.liquidation import liquidation_map as table_of


def heights(ax):
    """Return the money of all bars."""
    return sum(bar.get_height() for bar in ax.patches)


def test_the_bars_hold_all_the_money_of_the_map(make):
    net = make.network(300)
    ax = plot.liquidation_map(net)
    assert heights(ax) == pytest.approx(table_of(net, lowest=-0.5, highest=0.5)["money"].sum())


def test_falls_lie_left_of_today_and_rises_right(make):
    net = make.network(300)
    table = table_of(net, lowest=-0.5, highest=0.5)
    ax = plot.liquidation_map(net)
    left = sum(bar.get_height() for bar in ax.patches if bar.get_x() < -1e-9)
    assert left == pytest.approx(table.loc[table["move"] == "fall", "money"].sum())


@pytest.mark.parametrize("color", ["venue", "asset", "side", "market"])
def test_bars_may_be_split_by_any_column(color, make):
    net = make.network(200)
    ax = plot.liquidation_map(net, color=color)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(labels) == min(7, table_of(net)[color].nunique())
    assert labels[-1] == "6 more" or color != "market"


def test_another_column_is_refused(make):
    with pytest.raises(SchemaError, match=r"color: 'venues'.*did you mean 'venue'"):
        plot.liquidation_map(make.network(20), color="venues")


def test_one_asset_is_named_on_the_axis(make):
    ax = plot.liquidation_map(make.network(50), direction={"BTC": 1.0})
    assert ax.get_xlabel() == "move of the price of BTC (%)"
    ax = plot.liquidation_map(make.network(50), direction={"BTC": 1.0, "ETH": 1.5})
    assert ax.get_xlabel() == "common move (%) of BTC × 1, ETH × 1.5"


def test_a_map_without_any_liquidation_says_so(make):
    ax = plot.liquidation_map(make.network(50, leverage=1e-3))
    assert any("no move within this range closes any account" in text.get_text() for text in ax.texts)
    assert not ax.patches


def test_a_network_without_positions_is_drawn(make):
    net = make.network(3)
    net.positions = net.positions.iloc[:0]
    ax = plot.liquidation_map(net)
    ax.get_figure().canvas.draw()
    assert not ax.patches


def test_the_share_of_open_interest_above_each_leverage_is_written(make):
    ax = plot.liquidation_map(make.network(300))
    (note,) = [text.get_text() for text in ax.texts if "open interest by leverage" in text.get_text()]
    assert all(f"above {step}×" in note for step in (3, 5, 10, 20))
