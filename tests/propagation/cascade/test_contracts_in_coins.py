"""Contracts that settle in coins, inside the cascade, against the pure functions of the margin chapter and by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import NetworkError, PolicyError, ValueRangeError
from contagion.margin import account_equity, liquidation_price_bybit_inverse_isolated
from contagion.network.equity import opening_account_equity, opening_requirement
from contagion.propagation.cascade import codes
from contagion.shocks import Shock
from tests.coin_worlds import coin_world
from tests.propagation.cascade.coin_books import COIN, PRICE, QUANTA, RATE, coin_net, equity, play

CONTRACTS = 10_000.0
MARGIN = 0.04  # BTC: five times leverage
SIDES = (1.0, -1.0)


def coins_of(side: float, price: float, entry: float = PRICE, margin: float = MARGIN) -> Fraction:
    """Equity in coins of an inverse position, exactly."""
    profit = Fraction(side * CONTRACTS) * (1 / Fraction(entry) - 1 / Fraction(price))
    return Fraction(margin) + profit


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("move", [-0.1, -0.03, 0.0, 0.05, 0.12])
@pytest.mark.parametrize("entry", [PRICE, 48_000.0])
def test_the_equity_of_an_inverse_position_is_that_of_the_margin_chapter_at_the_coins_price(
    side: float, move: float, entry: float
) -> None:
    price = PRICE * (1.0 + move)
    found = equity(play(coin_net("inverse", side * CONTRACTS, MARGIN, entry=entry), {"BTC": move}))
    leg = {"symbol": "P", "side": side, "size": CONTRACTS, "entry_price": entry, "mark_price": price}
    stated = account_equity(MARGIN, [leg], contract="inverse").equity
    assert found == pytest.approx(float(coins_of(side, price, entry) * Fraction(price)), abs=QUANTA)
    assert found == pytest.approx(float(stated) * price, abs=QUANTA)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("leverage", [3.0, 10.0])
def test_an_inverse_position_is_liquidated_at_the_price_that_the_venue_publishes(
    side: float, leverage: float
) -> None:
    net = coin_net("inverse", side * CONTRACTS, CONTRACTS / PRICE / leverage)
    price = liquidation_price_bybit_inverse_isolated(
        side, CONTRACTS, PRICE, leverage, maintenance_rate=RATE, taker_fee=0.0
    )
    for shift, closed in ((-1e-8, side > 0.0), (1e-8, side < 0.0)):
        run = play(net, {"BTC": float(price) * (1.0 + shift) / PRICE - 1.0})
        assert (run.accounts["liquidated_notional"]["A"] > 0.0) == closed


@pytest.mark.parametrize("side", SIDES)
def test_with_tiers_an_inverse_position_is_liquidated_at_the_root_of_equity_and_requirement(
    side: float,
) -> None:
    tiers = [
        {"floor": 0.0, "initial_rate": 0.01, "maintenance_rate": 0.005},
        {"floor": 4_000.0, "initial_rate": 0.05, "maintenance_rate": 0.02},
    ]
    net = coin_net("inverse", side * CONTRACTS, MARGIN, tiers=tiers)
    asked = 0.005 * 4_000.0 + 0.02 * 6_000.0  # of a notional that is CONTRACTS of money at every price
    # coins x price = asked: (margin + side C / entry) price - side C = asked
    price = (asked + side * CONTRACTS) / (MARGIN + side * CONTRACTS / PRICE)
    for shift, closed in ((-1e-8, side > 0.0), (1e-8, side < 0.0)):
        run = play(net, {"BTC": price * (1.0 + shift) / PRICE - 1.0})
        assert (run.accounts["liquidated_notional"]["A"] > 0.0) == closed


@pytest.mark.parametrize("side", SIDES)
def test_a_stablecoin_that_loses_its_peg_changes_what_a_contract_settled_in_it_is_worth(side: float) -> None:
    found = equity(play(coin_net("stable", side * 1.0, 5_000.0), {"USDT": -0.05}))
    # BTC costs 50 000 / .95 of the stablecoin now; margin and profit are stablecoins at .95
    in_stable = Fraction(5_000) + Fraction(side) * (Fraction(50_000) / Fraction(95, 100) - 50_000)
    assert found == pytest.approx(float(in_stable * Fraction(95, 100)), abs=QUANTA)
    assert found == pytest.approx(4_750.0 + side * 2_500.0, abs=QUANTA)


def test_a_contract_in_a_stablecoin_at_par_is_worth_what_the_same_contract_in_money_is() -> None:
    for side in SIDES:
        runs = [play(coin_net(kind, side, 5_000.0), {"BTC": -0.04}) for kind in ("stable", "money")]
        assert equity(runs[0]) == pytest.approx(equity(runs[1]), abs=QUANTA)


def test_entry_prices_in_a_stablecoin_off_its_peg_are_stated_in_that_coin() -> None:
    net = coin_net("stable", 1.0, 5_000.0, entry=52_000.0, stable=0.96)
    assert opening_account_equity(net)["A"] == pytest.approx(50_000.0 + 0.96 * (5_000.0 - 52_000.0), abs=1e-9)
    assert equity(play(net, {"BTC": 0.0})) == pytest.approx(
        50_000.0 + 0.96 * (5_000.0 - 52_000.0), abs=QUANTA
    )


def test_losses_of_an_inverse_long_are_convex_and_those_of_its_margin_come_on_top() -> None:
    fall, rise = (
        equity(play(coin_net("inverse", CONTRACTS, MARGIN), {"BTC": move})) / (PRICE * (1.0 + move))
        for move in (-0.1, 0.1)
    )
    assert MARGIN - fall > rise - MARGIN > 0.0  # in coins: it loses more than it wins
    # a linear contract of 0.2 BTC on a margin of 2 000 in money would leave 1 000: a tenth of the margin is lost too
    assert fall * 0.9 * PRICE == pytest.approx(1_000.0 - 0.1 * 2_000.0, abs=QUANTA)


@pytest.mark.parametrize("side", SIDES)
def test_a_gap_beyond_bankruptcy_leaves_a_debt_in_coins_that_is_bought_back_and_paid_by_the_fund(
    side: float,
) -> None:
    move = -0.3 if side > 0.0 else 0.4
    net = coin_net("inverse", side * CONTRACTS, 0.02, venue={"insurance_fund": 1e5})
    run = play(net, {"BTC": move})
    price = PRICE * (1.0 + move)
    owed = -coins_of(side, price, margin=0.02) * Fraction(price)
    assert owed > 0
    assert run.accounts["deficit"]["A"] == pytest.approx(float(owed), rel=1e-9)
    assert run.venues["fund_used"]["V"] == pytest.approx(float(owed), rel=1e-9)
    assert equity(run) == 0.0
    bought = run.events[(run.events["kind"] == "liquidation") & (run.events["market"] == "S")]
    assert len(bought) == 1 and bought["lots"].iloc[0] > 0.0


def test_the_order_of_inverse_contracts_moves_the_book_by_their_money_whatever_the_price() -> None:
    resting, fall = 2.0**20, -0.25
    net = coin_net("inverse", CONTRACTS, 0.02, resting=resting, venue={"residual": "own_equity"})
    run = play(net, {"BTC": fall})
    fill = run.events[run.events["market"] == "P"].iloc[0]
    outside = PRICE * (1.0 + fall)
    moved = 0.01 * CONTRACTS / resting  # a linear book: one band of 1 % per `resting` of money
    assert fill["price"] == pytest.approx(outside * (1.0 - 0.5 * moved), rel=1e-12)
    assert fill["money"] == pytest.approx(CONTRACTS * outside / fill["price"], rel=1e-9)


@pytest.mark.parametrize("side", SIDES)
def test_a_bankrupt_inverse_position_is_matched_at_the_price_at_which_its_coins_are_gone(side: float) -> None:
    move, margin = (-0.1, 0.02) if side > 0.0 else (0.15, 0.02)
    venue = {"insurance_fund": 0.0, "adl_trigger": "fund", "adl_price": "bankruptcy"}
    net = coin_net("inverse", side * CONTRACTS, margin, venue=venue)
    run = play(net, {"BTC": move})
    matched = run.events[(run.events["kind"] == "adl") & (run.events["account"] == "A")].iloc[0]
    # margin + side C (1 / entry - 1 / price) = 0
    bankrupt = side * CONTRACTS / (margin + side * CONTRACTS / PRICE)
    assert matched["price"] == pytest.approx(bankrupt, rel=1e-8)
    assert run.metrics["adl_notional"] > 0.0
    assert abs(equity(run)) <= QUANTA
    coins = (1_000.0 * margin - side * CONTRACTS * (1.0 / PRICE - 1.0 / bankrupt)) * PRICE * (1.0 + move)
    assert equity(run, "B") == pytest.approx(coins, abs=1e-3)


def test_funding_of_inverse_contracts_is_paid_in_coins_on_their_notional_in_coins() -> None:
    net = coin_net("inverse", CONTRACTS, MARGIN, market={"funding_interval": 30.0})
    net = net.replace(venues=net.venues.assign(funding_interest=0.24))
    prepared = ct.Cascade(step=10.0, horizon=60.0).prepare(net)
    state = prepared.simulate(ct.PriceShock({"BTC": -0.02}, over=0.0), seed=0)
    market = state.markets[prepared.opening.names.markets.index("P")]
    rows = state.ledger[state.ledger["kind"] == codes.BY_FUNDING]
    assert set(rows["instrument"].tolist()) == {
        len(state.markets) + prepared.opening.names.assets.index("BTC")
    }
    paid = -rows[(rows["entity"] == codes.ACCOUNT) & (rows["id"] == 0)]["amount"]
    lot = prepared.opening.units.asset_lots[prepared.opening.names.assets.index("BTC")]
    expected = CONTRACTS / market["mark"] * market["funding_rate"] / lot
    assert len(paid) == 2 and (paid == np.rint(expected)).all() and expected > 1_000.0
    assert rows["amount"].sum() == 0


def test_an_inverse_future_pays_the_coins_between_entry_and_index_when_it_expires() -> None:
    terms = {"kind": "future", "expiry": 30.0, "carry": 0.1}
    run = play(coin_net("inverse", CONTRACTS, MARGIN, market=terms), {"BTC": 0.05})
    price = PRICE * 1.05
    assert (run.events["kind"] == "expiry").sum() == 1
    assert equity(run) == pytest.approx(float(coins_of(1.0, price) * Fraction(price)), abs=QUANTA)


def test_a_failing_venue_closes_contracts_in_coins_and_turns_the_coins_into_money() -> None:
    net = coin_net("inverse", CONTRACTS, MARGIN, venue={"customer_share": 1.0})
    run = ct.run(
        net, ct.PriceShock({"BTC": -0.05}, over=0.0) + ct.Default(["V"]), ct.Cascade(step=10.0, horizon=60.0)
    )
    worth = coins_of(1.0, 0.95 * PRICE) * Fraction(0.95 * PRICE)
    assert run.nodes["closing_equity"]["A"] == pytest.approx(float(worth), abs=QUANTA)
    assert run.accounts["closing_equity"]["A"] == 0.0


def test_profit_in_a_coin_counts_with_the_weight_of_the_coin_and_what_was_opened_with_does_not() -> None:
    for kind, quantity, margin in (("inverse", -CONTRACTS, MARGIN), ("stable", -0.2, 2_000.0)):
        net = coin_net(kind, quantity, margin, weight=0.8)
        prepared = ct.Cascade(step=10.0, horizon=60.0).prepare(net)
        state = prepared.simulate(ct.PriceShock({"BTC": 0.0}, over=0.0), seed=0)
        scale = prepared.opening.units.scale
        # 2 000 of margin with weight .8, and the maintenance of a notional of 10 000
        assert state.requirement[0] / scale == pytest.approx(0.2 * 2_000.0 + RATE * 10_000.0, rel=1e-6)
        assert opening_requirement(net)["A"] == pytest.approx(0.2 * 2_000.0 + RATE * 10_000.0, rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_what_the_tables_say_of_accounts_is_what_the_engine_starts_from(seed: int) -> None:
    world = coin_world(seed)
    prepared = world.model.prepare(world.net)
    state = prepared.simulate(ct.PriceShock({"AAA": 0.0}, over=0.0), seed=seed)
    net, scale = prepared.network, prepared.opening.units.scale
    run = world.model.prepare(world.net).run(ct.PriceShock({"AAA": 0.0}, over=0.0), seed)
    count = net.accounts["count"].to_numpy(float)
    tables = opening_account_equity(net).to_numpy() * count
    engine = run.accounts["opening_equity"].reindex(net.accounts.index).to_numpy()
    assert np.allclose(engine, tables, rtol=1e-5, atol=1e-3)
    assert scale > 0.0 and len(state.requirement) == len(prepared.opening.names.accounts)


def test_the_rest_of_the_market_takes_the_other_side_of_inverse_contracts_without_a_profit() -> None:
    net = coin_net("inverse", CONTRACTS, MARGIN, entry=40_000.0)
    alone = net.replace(positions=net.positions[net.positions["account"] == "A"], rest_of_market="add")
    rest = alone.positions[alone.positions["account"] == "rest_of_market:V"].iloc[0]
    assert rest["quantity"] == -CONTRACTS and rest["entry_price"] == PRICE
    assert opening_account_equity(alone)["rest_of_market:V"] == pytest.approx(CONTRACTS, abs=1e-9)


REFUSED = [
    ({"contract": "inverse", "settle": "USD"}, {}, "an inverse contract settles in its asset"),
    ({"contract": "inverse", "settle": "USDT"}, {}, "an inverse contract settles in its asset"),
    ({"contract": "inverse", "quote": "USDT", "settle": "BTC"}, {}, "the unit 'USD'"),
    ({"quote": "USDT", "settle": ""}, {}, "for a contract quoted in 'USDT'; write 'USDT'"),
    ({"settle": "USDT"}, {}, "a linear contract settles in what it is quoted in"),
    ({"quote": "USDT"}, {}, "a linear contract settles in what it is quoted in"),
    ({}, {"procedure": "bybit"}, "a procedure of the venue out of close_out, partial, ladder"),
    ({}, {"procedure": "takeover"}, "a procedure of the venue out of close_out, partial, ladder"),
    ({}, {"margin": "scan"}, "margin 'tiers'"),
]


@pytest.mark.parametrize(("market", "venue", "allowed"), REFUSED)
def test_what_is_not_followed_is_refused_by_name(
    market: dict[str, str], venue: dict[str, str], allowed: str
) -> None:
    base = {"quote": "USD", "settle": "USD", "contract": "linear"} if market else {}
    with pytest.raises(NetworkError, match="is not modelled") as caught:
        coin_net("inverse", CONTRACTS, MARGIN, market=base | market, venue=venue)
    assert "markets row" in str(caught.value) and "'P'" in str(caught.value) and allowed in str(caught.value)


def test_a_coin_that_the_venue_does_not_accept_is_refused_by_name() -> None:
    net = coin_net("inverse", CONTRACTS, MARGIN)
    with pytest.raises(NetworkError, match="is no collateral at 'V'"):
        net.replace(
            collateral=net.collateral[net.collateral["asset"] != COIN["inverse"]],
            balances=net.balances.assign(asset="USD"),
        )


def test_measures_and_policies_that_read_money_alone_refuse_contracts_in_coins() -> None:
    net = coin_net("inverse", CONTRACTS, MARGIN)
    with pytest.raises(NetworkError, match="settled in something else than the unit"):
        ct.measures.liquidation_prices(net)
    with pytest.raises(PolicyError, match=r"^CrossOrIsolated cannot change.* settled in something else"):
        ct.Cascade().prepare(net, [ct.policies.CrossOrIsolated("isolated")])


def test_the_price_in_a_stablecoin_that_loses_its_peg_rises_by_what_the_basis_between_currencies_takes_out() -> (
    None
):
    run = play(coin_net("stable", 1.0, 5_000.0), {"USDT": -0.05, "BTC": -0.02})
    table = ct.measures.currency_basis(run)
    last = table[table["round"] == table["round"].max()].set_index("market")
    assert last["quote"].to_dict() == {"P": "USDT", "S": "USD", "U": "USD"}
    assert last["quoted"]["P"] == pytest.approx(49_000.0 / 0.95, rel=1e-12)
    assert last["unadjusted"]["P"] == pytest.approx(1.0 / 0.95 - 1.0, rel=1e-12)
    assert last["basis"].to_numpy() == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)


def issued() -> ct.Network:
    """The stablecoin in which the contract settles is owed by a node."""
    net = coin_net("stable", 0.02, 300.0, other_margin=700.0)
    book = {"market": "U", "band": 0.01, "amount": 200.0}
    issuer = {"name": "I", "kind": "protocol", "external_assets": 1_000.0}
    return net.replace(
        nodes=[*net.nodes.reset_index().to_dict("records"), issuer],
        assets=net.assets.assign(issuer=["I" if name == "USDT" else "" for name in net.assets.index]),
        depth=pd.concat(
            [
                net.depth[net.depth["market"] != "U"],
                pd.DataFrame([book | {"side": side} for side in ("bid", "ask")]),
            ],
            ignore_index=True,
        ),
    )


@pytest.mark.parametrize("shock", [ct.Mint("USDT", 1e8), ct.Default(["I"])])
def test_a_run_in_which_the_coin_of_a_contract_becomes_nothing_is_refused_by_name(shock: Shock) -> None:
    falls = shock + ct.PriceShock({"BTC": -0.1}, over=0.0)
    with pytest.raises(ValueRangeError, match=r"market 'P'.*settles in 'USDT'.*settle in money"):
        ct.run(issued(), falls, ct.Cascade(step=10.0, horizon=60.0))


def test_a_contract_pays_in_a_coin_that_has_lost_half_of_its_price() -> None:
    run = play(issued(), {"BTC": -0.1, "USDT": -0.5})
    assert run.metrics["system_loss"] < 1_000.0  # what all accounts together hold
