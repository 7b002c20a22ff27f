"""The cost of closing at the current depth, by hand and against the kernels of the markets."""

import math

import numpy as np
import pytest

from contagion.errors import NetworkError
from contagion.markets.book import Book
from contagion.measures.closing import liquidity_adjusted_requirement
from contagion.measures.market_books import cost_share, market_books
from tests.measures.test_clusters import ruled
from tests.measures.test_liquidation import market

BOOKS = [
    Book("exponential", 1e-6),
    Book("linear", 1e-6),
    Book("square_root", 2e-4),
    Book("square_root", 2e-4, 50.0),
    Book("depth_curve", 1.0, 0.0, (0.01, 0.02, 0.05), (1e4, 5e4, 1e5)),
    Book("exponential", 0.0),
]


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: f"{book.kind}-{book.scale:g}-{book.lot_money:g}")
@pytest.mark.parametrize(("side", "sign", "word"), [("bid", 1.0, "sell"), ("ask", -1.0, "buy")])
def test_the_share_is_that_of_the_kernels_average_price(book, side, sign, word):
    money = np.array([0.0, 1e-3, 1.0, 49.0, 51.0, 1e3, 2e4, 7e4, 9.9e4])
    share, untaken = cost_share(book, money, side)
    end = book.move(0.0, sign * money)
    expected = sign * (1.0 - book.average(1.0, 0.0, end))
    np.testing.assert_allclose(share, expected, rtol=1e-9, atol=1e-15)
    assert not untaken.any() and (share >= 0.0).all()


def test_what_an_exhausted_book_does_not_take_costs_its_last_price():
    book = BOOKS[4]
    share, untaken = cost_share(book, np.array([2e5]), "bid")
    inside = (1e4 * 0.005 + 4e4 * 0.015 + 5e4 * 0.035) / 1e5
    assert untaken[0] == pytest.approx(0.5)
    assert share[0] == pytest.approx(0.5 * inside + 0.5 * 0.05)
    linear, left = cost_share(BOOKS[1], np.array([2e6]), "bid")
    assert left[0] == pytest.approx(0.5, abs=1e-5)
    assert linear[0] == pytest.approx(0.75, abs=1e-5)


def test_requirement_and_cost_are_added_by_hand():
    # the books give way by 1e-6 per unit of money; x sells 500, y sells 7 x 1000, z buys 1000
    positions = [("x", "BTC", 5.0, 100.0), ("y", "BTC", 10.0, 100.0), ("z", "BTC", -10.0, 100.0)]
    net = ruled(market(positions, {"x": 100.0, "y": 300.0, "z": 300.0}, counts={"y": 7}))
    table = liquidity_adjusted_requirement(net)
    assert table.loc["ax", ["margin_balance", "requirement"]].tolist() == [100.0, 5.0]
    assert table.loc["ax", "closing_cost"] == pytest.approx(500.0 * 250e-6)
    assert table.loc["ay", "closing_cost"] == pytest.approx(1000.0 * 500e-6)  # one of seven
    assert table.loc["ax", "closing_cost_together"] == pytest.approx(500.0 * 3750e-6)
    assert table.loc["ay", "closing_cost_together"] == pytest.approx(1000.0 * 3750e-6)
    assert table.loc["az", "closing_cost_together"] == pytest.approx(1000.0 * 500e-6)
    assert table.loc["ax", "adjusted_together"] == pytest.approx(5.0 + 500.0 * 3750e-6)
    assert (table["untaken_together"] == 0.0).all()


def test_the_fee_of_the_market_is_a_cost_of_closing():
    net = market([("x", "BTC", 5.0, 100.0)], {"x": 100.0})
    table = liquidity_adjusted_requirement(ruled(net, fee=0.001))
    free = liquidity_adjusted_requirement(ruled(net))
    for column in ("closing_cost", "closing_cost_together"):
        assert table.loc["ax", column] - free.loc["ax", column] == pytest.approx(0.5)


def test_the_rest_of_the_market_stays():
    net = ruled(market([("x", "BTC", 5.0, 100.0)], {"x": 100.0}))
    rest = liquidity_adjusted_requirement(net).loc["rest_of_market:V"]
    assert rest["closing_cost"] == rest["closing_cost_together"] == pytest.approx(500.0 * 250e-6)


def test_several_positions_are_closed_in_their_own_markets():
    net = ruled(
        market([("x", "BTC", 5.0, 100.0), ("x", "ETH", -50.0, 10.0)], {"x": 300.0}), impact="exponential"
    )
    found = liquidity_adjusted_requirement(net).loc["ax", "closing_cost"]
    sold = 500.0 * (1.0 - (1.0 - math.exp(-500e-6)) / 500e-6)
    bought = 500.0 * ((math.exp(500e-6) - 1.0) / 500e-6 - 1.0)
    assert found == pytest.approx(sold + bought, rel=1e-9)


def test_a_market_without_depth_on_the_side_that_closes_is_refused():
    net = market([("x", "BTC", 5.0, 100.0)], {"x": 100.0})
    bare = net.replace(depth=net.depth[(net.depth["market"] != "BTC") | (net.depth["side"] == "ask")])
    with pytest.raises(NetworkError, match=r"'BTC'.*no depth on the bid side.*table depth"):
        liquidity_adjusted_requirement(bare)


def test_square_roots_use_the_volatility_of_the_asset_and_the_lot():
    net = ruled(market([], {"x": 1.0}), impact="square_root", volume=1e6)
    book = market_books(net)["BTC", "bid"]
    assert book.scale == pytest.approx(0.03 / 1e3) and book.lot_money == pytest.approx(100.0 * 2.0**-20)


def test_an_account_without_positions_costs_nothing_to_close():
    table = liquidity_adjusted_requirement(market([], {"x": 60.0}))
    assert table.loc["ax"].tolist() == [60.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
