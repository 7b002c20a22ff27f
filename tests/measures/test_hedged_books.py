"""Gamma, hedges and margins of the books of a network, against the formulas and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

import contagion as ct
from contagion.errors import InputError
from contagion.markets.options import black_scholes
from contagion.measures import book_hedges, book_margins, network_gamma
from contagion.network.scans import venue_scenarios
from tests.propagation.cascade.coin_books import coin_net
from tests.propagation.cascade.hedgers import SPOT, STRIKE, VOLATILITY, YEARS, Hedged, gap, hedged_net
from tests.propagation.cascade.small import Holder, Rules, small_net

MOVES = [-0.1, 0.0, 0.1]


def test_gamma_of_a_network_is_that_of_its_options_and_longs_are_shorts() -> None:
    found = network_gamma(hedged_net(Hedged(-500.0)), MOVES)
    prices = SPOT * (1.0 + np.array(MOVES))
    width = VOLATILITY * math.sqrt(YEARS)
    middle = np.log(prices / STRIKE) / width + 0.5 * width
    gamma = np.exp(-0.5 * middle**2) / (math.sqrt(2.0 * math.pi) * prices * width)
    assert found["asset"].tolist() == ["X"] * 3
    assert found["price"].tolist() == pytest.approx(prices.tolist(), rel=1e-12)
    assert found["hedged"].tolist() == pytest.approx((-500.0 * gamma * prices**2 / 100.0).tolist(), rel=1e-9)
    assert (found["hedged"] + found["unhedged"]).abs().max() == pytest.approx(0.0, abs=1e-9)
    delta = [float(black_scholes("call", p, STRIKE, YEARS, VOLATILITY).delta) for p in (*prices, SPOT)]
    wanted = [500.0 * (one - delta[-1]) for one in delta[:-1]]  # written calls: bought as the price rises
    assert found["hedge_trade"].tolist() == pytest.approx(wanted, abs=1e-9)


def test_without_hedgers_all_gamma_is_unhedged_and_half_a_ratio_is_half() -> None:
    none = network_gamma(hedged_net(Hedged(-500.0, ratio=None)), MOVES)
    half = network_gamma(hedged_net(Hedged(-500.0, ratio=0.5)), MOVES)
    whole = network_gamma(hedged_net(Hedged(-500.0)), MOVES)
    assert none["hedged"].tolist() == [0.0] * 3
    assert half["hedged"].tolist() == pytest.approx((0.5 * whole["hedged"]).tolist(), rel=1e-12)
    with pytest.raises(InputError, match="leaves no price"):
        network_gamma(hedged_net(Hedged(-500.0)), [-1.0])


def test_a_delta_hedge_takes_away_what_the_formulas_say() -> None:
    net = hedged_net(Hedged(-500.0, kind="perp", hedge=240.0))
    scenarios = venue_scenarios(net, 0)
    item, hedge = [], []
    start = float(black_scholes("call", SPOT, STRIKE, YEARS, VOLATILITY).price)
    for move, wider, share in zip(scenarios.price, scenarios.volatility, scenarios.share, strict=True):
        sigma = VOLATILITY * (1.0 + wider)
        worth = float(black_scholes("call", SPOT * (1.0 + move), STRIKE, YEARS, sigma).price)
        item.append(-500.0 * (worth - start) * share)
        hedge.append(240.0 * SPOT * move * share)
    both = [one + other for one, other in zip(item, hedge, strict=True)]
    found = book_hedges(net).loc["h"]
    assert found["kind"] == "hedge"
    assert found["unhedged_loss"] == pytest.approx(-min(item), rel=1e-9)
    assert found["hedged_loss"] == pytest.approx(-min(both), rel=1e-9)
    assert found["loss_reduction"] == pytest.approx(1.0 - min(both) / min(item), rel=1e-9)
    assert found["variance_reduction"] == pytest.approx(1.0 - np.var(both) / np.var(item), rel=1e-9)


def test_opposite_legs_of_an_account_are_a_hedged_book_and_share_their_margin() -> None:
    # 8 units of M long at 1024 and 8 of N short; margin 1/16, of which half the smaller side is spared
    holders = {"a": Holder({"M": 8.0, "N": -8.0}, 3000.0), "b": Holder({"M": 8.0}, 3000.0)}
    rules = Rules(venue={"portfolio_offset": 0.5})
    net = small_net(holders, rules, {"M": "X", "N": "X"})
    hedges, margins = book_hedges(net), book_margins(net)
    assert hedges.index.tolist() == ["a/X"]
    lost = 0.16 * 8.0 * 1024.0  # the widest move of the grid
    assert hedges.loc["a/X", ["unhedged_loss", "hedged_loss", "loss_reduction"]].tolist() == [
        pytest.approx(lost),
        0.0,
        1.0,
    ]
    assert margins.index.tolist() == ["a", "b"]
    leg = 8.0 * 1024.0 / 16.0
    both = margins.loc["a"]
    assert both["margin"] == 1.5 * leg
    assert both["isolated_margin"] == 2.0 * leg
    assert both["stressed_loss"] == pytest.approx(lost)
    assert both["hedged"] == pytest.approx(lost / (1.5 * leg))
    assert both["isolated"] == pytest.approx(
        leg / (2.0 * leg)
    )  # one leg's margin for its loss, the other idle
    assert both["shortfall"] == 0.0
    assert both["isolated_shortfall"] == pytest.approx(lost - leg)
    alone = margins.loc["b"]
    assert alone["hedged"] == alone["isolated"] == pytest.approx(1.0)
    assert alone["shortfall"] == pytest.approx(lost - leg)


def test_scanned_margin_covers_its_worst_scenario() -> None:
    margins = book_margins(hedged_net(Hedged(-500.0))).loc["book"]
    assert margins["margin"] == pytest.approx(margins["stressed_loss"], rel=1e-9)
    assert margins["hedged"] == pytest.approx(1.0, rel=1e-9)
    assert margins["shortfall"] == pytest.approx(0.0, abs=1e-6)


def two_venues(near: float, far: float, coins: float = 0.0) -> ct.Network:
    """Owner o has `near` units of M at V and `far` of W at U, against y and z, and coins in a wallet at home."""
    net = small_net({"a": Holder({"M": near}, 3000.0, owner="o")})
    market = net.markets.reset_index().to_dict("records")[0]
    depth = net.depth.to_dict("records")
    account = net.accounts.reset_index().query("name == 'a'").to_dict("records")[0]
    return net.replace(
        nodes=[
            *({"name": name, "kind": "exchange", "cash": 1e6} for name in ("U", "V")),
            *({"name": name, "kind": "trader"} for name in "oyz"),
        ],
        venues=[{"name": "U"}, {"name": "V"}],
        markets=[market, market | {"name": "W", "venue": "U"}],
        depth=[*depth, *(row | {"market": "W"} for row in depth)],
        accounts=[
            account | {"name": name, "owner": owner, "venue": venue}
            for name, owner, venue in (("a", "o", "V"), ("b", "o", "U"), ("y", "y", "V"), ("z", "z", "U"))
        ],
        balances=[{"account": name, "asset": "USD", "quantity": 3000.0} for name in "abyz"],
        positions=[
            {"account": name, "market": market, "quantity": units, "entry_price": 1024.0}
            for name, market, units in (
                ("a", "M", near),
                ("y", "M", -near),
                ("b", "W", far),
                ("z", "W", -far),
            )
            if units
        ],
        holdings=[{"node": "o", "asset": "X", "quantity": coins}] if coins else [],
    )


def test_a_market_maker_who_hedges_at_another_venue_is_one_book() -> None:
    found = book_hedges(two_venues(8.0, -6.0))
    assert found.index.tolist() == ["o/*/X"]
    row = found.loc["o/*/X"]
    assert (row["kind"], row["asset"], row["venues"]) == ("owner", "X", 2)
    unit, leg = 0.16 * 1024.0, 1024.0 / 16.0  # the widest move of the grid, and the margin
    assert row["unhedged_loss"] == pytest.approx(8.0 * unit)
    assert row["hedged_loss"] == pytest.approx(2.0 * unit)
    assert row["loss_reduction"] == pytest.approx(0.75)
    assert row["variance_reduction"] == pytest.approx(1.0 - (2.0 / 8.0) ** 2)
    assert row["margin"] == row["isolated_margin"] == 14.0 * leg
    assert row["stressed_loss"] == pytest.approx(8.0 * unit)
    # as one book 6 units are made good by the gains at U, the other 2 by margin; as held, only the margin at V pays
    assert 2.0 * unit < 14.0 * leg
    assert row["hedged"] == pytest.approx(8.0 * unit / (14.0 * leg))
    assert row["held"] == row["isolated"] == pytest.approx(8.0 * leg / (14.0 * leg))


def test_books_are_listed_by_strategy_account_or_owner() -> None:
    net = two_venues(8.0, -8.0)
    strategy = {"name": "s", "kind": "basis", "asset": "X", "long_account": "a", "short_account": "b"}
    traded = net.replace(strategies=[strategy])
    assert book_hedges(traded).index.tolist() == ["s"]  # the owner's legs are the strategy's
    assert book_hedges(traded, by="strategy").index.tolist() == ["s"]
    assert book_hedges(traded, by="owner").index.tolist() == ["o/*/X"]
    assert book_hedges(traded, by="account").empty
    columns = ["hedged_loss", "loss_reduction", "margin", "venues", "held", "isolated"]
    one, other = book_hedges(traded).loc["s", columns], book_hedges(traded, by="owner").loc["o/*/X", columns]
    assert one.tolist() == pytest.approx(other.tolist())
    assert book_hedges(two_venues(8.0, 8.0)).empty  # both on one side
    with pytest.raises(InputError, match="strategy"):
        book_hedges(net, by="strategies")


def test_coins_at_home_hedge_a_short_position_but_are_no_margin_for_it() -> None:
    row = book_hedges(two_venues(-4.0, 0.0, coins=4.0)).loc["o/*/X"]
    unit, leg = 0.16 * 1024.0, 1024.0 / 16.0
    assert (row["unhedged_loss"], row["hedged_loss"]) == (pytest.approx(4.0 * unit), 0.0)
    assert row["variance_reduction"] == pytest.approx(1.0)
    assert row["margin"] == row["isolated_margin"] == 4.0 * leg  # coins lock none
    assert row["hedged"] == pytest.approx(4.0 * unit / (4.0 * leg))  # a rise: all made good by the coins
    assert row["held"] == row["isolated"] == pytest.approx(1.0)


def test_offset_legs_of_an_account_cover_more_of_their_loss_than_apart() -> None:
    rules = Rules(venue={"portfolio_offset": 1.0})
    net = small_net({"a": Holder({"M": 8.0, "N": -8.0}, 3000.0)}, rules, {"M": "X", "N": "X"})
    row = book_hedges(net, by="account").loc["a/X"]
    leg, lost = 8.0 * 1024.0 / 16.0, 0.16 * 8.0 * 1024.0
    assert (row["margin"], row["isolated_margin"]) == (leg, 2.0 * leg)  # the smaller side is spared
    assert row["hedged"] == row["held"] == pytest.approx(lost / leg)
    assert row["isolated"] == pytest.approx(0.5)


def test_a_short_of_inverse_contracts_on_coins_of_the_account_is_a_dollar() -> None:
    # 1,000 USD of contracts at 50,000 and 0.02 coins: what one gains the other loses, at every price
    net = coin_net("inverse", 1_000.0, 0.3, other_margin=0.02)
    row = book_hedges(net).loc["B/BTC"]
    assert row["unhedged_loss"] == pytest.approx(160.0)
    assert row["hedged_loss"] == pytest.approx(0.0, abs=1e-9)
    assert row["variance_reduction"] == pytest.approx(1.0)
    assert row["margin"] == pytest.approx(0.005 * 1_000.0)
    assert row["hedged"] == row["held"] == pytest.approx(160.0 / 5.0)
    assert row["isolated"] == pytest.approx(1.0)


@pytest.mark.parametrize(("kind", "units"), [("inverse", 1_000.0), ("stable", 0.02), ("money", 0.02)])
def test_contracts_that_settle_in_coins_lose_what_they_lose_in_money(kind: str, units: float) -> None:
    margins = book_margins(coin_net(kind, units, 500.0))
    # long 1,000 of value: 16 % of it in a fall (an inverse contract pays coins that have fallen too)
    assert margins.loc["A", "stressed_loss"] == pytest.approx(160.0)
    assert margins.loc["A", "margin"] == pytest.approx(5.0)
    assert margins.loc["A", "isolated"] == pytest.approx(5.0 / 5.0)


def test_what_hedges_of_options_made_in_runs() -> None:
    net = hedged_net(Hedged(-500.0, kind="perp", hedge=240.0))
    run = ct.run(net, gap(0.05), ct.Cascade(step=10.0, horizon=60.0))
    found = ct.strategy_hedges([run])
    assert found.hedged.loc[0, "h"] < 0.0 < found.hedging.loc[0, "h"]
    alone, both = -found.hedged.loc[0, "h"], -(found.hedged + found.hedging).loc[0, "h"]
    assert found.loss_reduction["h"] == pytest.approx(1.0 - max(0.0, both) / alone)
    spot = ct.run(hedged_net(Hedged(-500.0)), gap(0.05), ct.Cascade(step=10.0, horizon=60.0))
    hedging = ct.strategy_hedges([spot]).hedging.loc[0, "h"]
    # coins held from the opening on gain too: they are what the node has outside its accounts
    assert hedging == pytest.approx(
        spot.nodes.loc["dealer", "closing_equity"]
        - spot.nodes.loc["dealer", "opening_equity"]
        - ct.strategy_hedges([spot]).hedged.loc[0, "h"],
        rel=1e-9,
    )
