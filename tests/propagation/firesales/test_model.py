"""The model `FireSale` on networks gives what the pure functions and hand calculations give on arrays."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import ConvergenceError, InputError, NetworkError, PolicyError, UnitError
from contagion.propagation.firesales import (
    AllOnDefault,
    CapitalRatio,
    FloorRule,
    LeverageBands,
    LeverageTarget,
    LeverageThreshold,
    LinearRule,
    ShareRule,
    SquareRootRule,
    UnitRule,
)
from contagion.propagation.firesales.bands import leverage_bands
from contagion.propagation.firesales.consistent_prices import breuer_summer_urosevic
from contagion.propagation.firesales.impacts import (
    ExponentialInShare,
    FlooredExponential,
    LinearImpact,
    SquareRootImpact,
    thinned,
)
from contagion.propagation.firesales.joint import cifuentes_ferrucci_shin
from contagion.propagation.firesales.responses import Action
from contagion.propagation.firesales.targeting import greenwood_iterated, greenwood_landier_thesmar

CASES = Path(__file__).parents[2] / "reference" / "cases" / "firesale"
STILL = ct.PriceShock({"S0": 0.0}, over=0)


def bank_network(held, equity, *, other=0.0, cash=0.0, debts_inside=None, prices=None):
    """A network of banks A, B, ... with holdings of S0, S1, ... and the debts that leave this equity."""
    held = np.asarray(held, dtype=float)
    n, k = held.shape
    banks, names = [chr(65 + i) for i in range(n)], [f"S{j}" for j in range(k)]
    prices = np.ones(k) if prices is None else np.asarray(prices, dtype=float)
    inside = np.zeros((n, n)) if debts_inside is None else np.asarray(debts_inside, dtype=float)
    other, cash = np.broadcast_to(other, n), np.broadcast_to(cash, n)
    assets = held.sum(axis=1) + other + cash + inside.sum(axis=0)
    debts = assets - np.asarray(equity, dtype=float) - inside.sum(axis=1)
    nodes = [
        {
            "name": bank,
            "kind": "institution",
            "cash": cash[i],
            "external_assets": other[i] + max(0.0, -debts[i]),
            "external_liabilities": max(0.0, debts[i]),
        }
        for i, bank in enumerate(banks)
    ]
    return ct.Network(
        nodes=nodes,
        assets=[{"name": name, "kind": "coin", "price": prices[j]} for j, name in enumerate(names)],
        holdings=[
            {"node": banks[i], "asset": names[j], "quantity": held[i, j] / prices[j]}
            for i in range(n)
            for j in range(k)
            if held[i, j] > 0.0
        ],
        obligations=[
            {"debtor": banks[i], "creditor": banks[j], "amount": inside[i, j]}
            for i in range(n)
            for j in range(n)
            if inside[i, j] > 0.0
        ],
    )


HELD = [[60.0, 40.0, 0.0], [0.0, 50.0, 100.0], [30.0, 0.0, 70.0]]
EQUITY = [5.0, 8.0, 9.0]
IMPACT = {"S0": 1e-4, "S1": 2e-4, "S2": 5e-5}


@pytest.mark.parametrize("order", ["pro_rata", "liquid_first"])
def test_leverage_targeting_on_a_network_is_that_of_the_paper(order):
    net = bank_network(HELD, EQUITY, other=[20.0, 0.0, 10.0])
    assets = np.sum(HELD, axis=1) + np.array([20.0, 0.0, 10.0])
    weights = np.array(HELD) / assets[:, None]
    shock = [-0.01, 0.0, -0.02]
    paper = greenwood_landier_thesmar(
        assets, EQUITY, weights, shock, list(IMPACT.values()), selling_order=order
    )
    model = ct.FireSale.greenwood_landier_thesmar(order=order, impact=LinearRule(per_money=IMPACT))
    run = ct.run(net, ct.PriceShock({"S0": -0.01, "S2": -0.02}, over=0), model)
    assert run.nodes["sold"].to_numpy() == pytest.approx(paper.bank_sales, rel=1e-9)
    assert run.metrics["aggregate_vulnerability"] == pytest.approx(paper.aggregate_vulnerability, rel=1e-9)
    assert run.nodes["price_loss"].to_numpy() == pytest.approx(
        paper.indirect_vulnerability * np.array(EQUITY), rel=1e-9
    )
    assert run.nodes["price_loss_caused"].to_numpy() == pytest.approx(
        paper.systemicness * sum(EQUITY), rel=1e-9
    )
    assert run.markets["fall"].to_numpy() == pytest.approx(
        -paper.price_return / (1.0 + np.array(shock)), rel=1e-9
    )


def test_a_loss_of_other_assets_makes_leverage_targeters_sell_too():
    net = bank_network([[100.0]], [10.0], other=50.0)
    model = ct.FireSale.greenwood_landier_thesmar(impact=LinearRule(per_money=1e-4))
    run = ct.run(net, ct.AssetShock({"A": -0.04}), model)
    # 2 of equity lost at a leverage of 140 / 10: sells 28 of all assets, two thirds of it in S0
    assert run.metrics["sales"] == pytest.approx(28.0 * 100.0 / 150.0, rel=1e-12)


def test_rounds_of_leverage_targeting_are_the_series_and_tell_the_distance_to_divergence():
    net = bank_network(HELD, EQUITY)
    assets = np.sum(HELD, axis=1)
    weights = np.array(HELD) / assets[:, None]
    paper = greenwood_iterated(assets, EQUITY, weights, [-0.01, 0.0, 0.0], list(IMPACT.values()), rounds=4)
    model = ct.FireSale.greenwood_iterated(4, impact=LinearRule(per_money=IMPACT))
    run = ct.run(net, ct.PriceShock({"S0": -0.01}, over=0), model)
    assert run.rounds["loss"].diff().iloc[1:].to_numpy() / sum(EQUITY) == pytest.approx(
        paper.av_by_round, rel=1e-9
    )
    assert run.metrics["distance_to_divergence"] == pytest.approx(paper.critical_impact_multiple, rel=1e-9)


def test_threshold_deleveraging_reproduces_the_record_of_two_banks():
    record = json.loads((CASES / "cont_schaanning_two_banks.json").read_text())
    data, told, params = record["input"], record["expected"], record["params"]
    held, illiquid = np.array(data["holdings"], dtype=float), np.array(data["illiquid_holdings"], dtype=float)
    net = bank_network(held, data["equity"], other=illiquid.sum(axis=1))
    sigma, volume = np.array(data["volatility"]), np.array(data["average_daily_volume"])
    depth = params["depth_coefficient"] * volume / sigma * math.sqrt(params["horizon_days"])
    lost = illiquid @ np.array(data["illiquid_stress"]) / illiquid.sum(axis=1)
    rule = FloorRule(
        depth={f"S{j}": float(d) for j, d in enumerate(depth)},
        floor={
            f"S{j}": b / p for j, (b, p) in enumerate(zip(data["price_floor"], data["price"], strict=True))
        },
    )
    model = ct.FireSale.cont_schaanning(
        max_leverage=params["max_leverage"],
        target_leverage=params["target_leverage"],
        settlement=params["settlement_weight"],
        impact=rule,
    )
    shock = ct.AssetShock({chr(65 + i): -float(share) for i, share in enumerate(lost)})
    run = ct.run(net, shock, model)
    assert run.nodes["price_loss"].to_numpy() == pytest.approx(told["total_loss"], rel=1e-9)
    assert run.metrics["rounds_with_sales"] == told["rounds_with_sales"]
    assert run.markets["closing_price"].to_numpy() == pytest.approx(
        np.array(told["final_price"]) / np.array(data["price"]), rel=1e-9
    )


@pytest.mark.parametrize("end", ["least", "most"])
def test_consistent_prices_are_those_of_the_paper_at_both_ends(end):
    held, other, equity = [[145.0], [435.0], [300.0]], [1170.0, 1245.0, 1190.0], [28.0, 80.0, 65.0]
    market = {"securities": ["S0"], "volatility": [1.0], "average_daily_volume": [45454.5]}
    paper = breuer_summer_urosevic(
        held, other, equity, market, max_leverage=40, impact_scale=1.0, securities=["S0"]
    )
    rule = SquareRootRule(scale=1.0, volatility=1.0, volume=45454.5)
    model = ct.FireSale(LeverageThreshold(40, 40, worthless_too=True), impact=rule, rounds=end)
    run = ct.run(bank_network(held, equity, other=other), STILL, model)
    ends = {"least": (paper.price_return_lower, paper.fire_sale_loss_lower),
            "most": (paper.price_return_upper, paper.fire_sale_loss_upper)}  # fmt: skip
    fall, loss = ends[end]
    assert -run.markets["fall"].to_numpy() == pytest.approx(fall, abs=1e-11)
    assert run.metrics["fire_sale_loss"] == pytest.approx(loss, rel=1e-9)
    other_loss = {"least": ends["most"], "most": ends["least"]}[end][1]
    assert run.metrics["other_end_loss"] == pytest.approx(other_loss, rel=1e-9)


def test_bands_default_and_sell_step_by_step_as_the_pure_function():
    held, cash, loan = [[50.0], [50.0]], [5.0, 5.0], [92.0, 89.0]
    paper = leverage_bands(
        held, cash, [100.0, 100.0], loan, [0.0, 0.0], [-0.04], price_impact=0.05, min_ratio=0.06,
        trigger_ratio=0.1, target_ratio=0.12, steps=6,
    )  # fmt: skip
    model = ct.FireSale.leverage_bands(min_ratio=0.06, trigger_ratio=0.1, target_ratio=0.12, steps=6)
    net = bank_network(held, [8.0, 11.0], other=45.0, cash=5.0)
    run = ct.run(net, ct.PriceShock({"S0": -0.04}, over=0), model)
    assert run.markets["closing_price"].to_numpy() == pytest.approx(paper.final_price, rel=1e-12)
    assert int(run.nodes["defaulted"].sum()) == paper.total_defaults
    assert run.nodes["price_loss"].to_numpy() == pytest.approx(paper.total_loss - paper.shock_loss, rel=1e-9)


@pytest.mark.parametrize("end", ["least", "most"])
def test_defaults_and_prices_settle_together_as_in_the_paper(end):
    debts, outside = [[0, 6, 2], [3, 0, 5], [4, 1, 0]], np.array([9.0, 10.5, 12.0])
    cash, units = np.array([2.0, 1.5, 3.0]), np.array([9.8, 12.0, 9.0])
    paper = cifuentes_ferrucci_shin(debts, outside, cash, units, min_capital_ratio=0.1, price_elasticity=0.02)
    inside = np.array(debts, dtype=float)
    equity = cash + units + inside.sum(axis=0) - inside.sum(axis=1) - outside
    net = bank_network(units[:, None], equity, cash=cash, debts_inside=inside)
    assert net.nodes["external_assets"].sum() == 0.0
    model = ct.FireSale.cifuentes_ferrucci_shin(min_capital_ratio=0.1, elasticity=0.02, end=end)
    run = ct.run(net, STILL, model)
    worst = "worst_" if end == "most" else ""
    assert run.markets["closing_price"]["S0"] == pytest.approx(getattr(paper, f"{worst}price"), rel=1e-9)
    assert run.nodes["paid_inside"].to_numpy() + run.nodes["paid_outside"].to_numpy() == pytest.approx(
        getattr(paper, f"{worst}payments"), rel=1e-9
    )
    assert run.nodes["closing_equity"].to_numpy() == pytest.approx(
        getattr(paper, f"{worst}net_worth"), abs=1e-9
    )
    assert run.nodes["defaulted"].tolist() == getattr(paper, f"{worst}defaulted").tolist()


def test_losses_by_channel_add_up_and_interact():
    # A's loan book loses 10; B, who has lent it 20, is within its leverage but for A's failure; C only holds S0
    net = bank_network(
        [[0.0], [50.0], [50.0]],
        [5.0, 8.0, 10.0],
        other=[40.0, 0.0, 0.0],
        debts_inside=[[0, 20, 0], [0, 0, 0], [0, 0, 0]],
    )
    rule = LinearRule(per_money=1e-3)
    model = ct.FireSale(LeverageThreshold(10.0, 8.0), impact=rule, clearing=ct.Clearing())
    m = ct.run(net, ct.AssetShock({"A": -0.25}), model).metrics
    claims = 20.0 * 5.0 / 35.0  # A pays 30 of 35
    fall = (650.0 - math.sqrt(650.0**2 - 4.0 * 1000.0 * 26.0)) / 2000.0  # 20 d 50 (1 - d) = 26 + 350 d
    assert m["claims_loss"] == pytest.approx(claims, rel=1e-9)
    assert m["worst_fall"] == pytest.approx(fall, rel=1e-9)
    assert m["interaction_loss"] == pytest.approx(100.0 * fall, rel=1e-9)
    assert m["system_loss"] == pytest.approx(claims + 100.0 * fall, rel=1e-9)


def test_a_placebo_market_of_infinite_depth_loses_exactly_nothing():
    net = bank_network(HELD, EQUITY)
    for model in (
        ct.FireSale(impact=LinearRule(per_money=0.0)),
        ct.FireSale.greenwood_landier_thesmar(impact=LinearRule(per_money=0.0)),
        ct.FireSale(impact=ShareRule(price_impact=0.0), rounds="most"),
        ct.FireSale(CapitalRatio(0.1), impact=UnitRule(elasticity=0.0), clearing=ct.Clearing()),
    ):
        metrics = ct.run(net, ct.PriceShock({"S0": -0.01}, over=0), model).metrics
        assert metrics["fire_sale_loss"] == 0.0 and metrics["worst_fall"] == 0.0


def test_everybody_sells_on_default_only():
    one = 10.0 * (1.0 - math.exp(-0.5))
    net = bank_network([[10.0, 0.0], [10.0, 10.0], [0.0, 10.0]], [1.0, one - 0.01, one - 0.01], other=50.0)
    rule = ShareRule(price_impact=1.0 - math.exp(-1.0), reference_share=1.0)
    run = ct.run(net, ct.AssetShock({"A": -0.04}), ct.FireSale(AllOnDefault(), impact=rule, rounds="least"))
    assert run.nodes["defaulted"].tolist() == [True, True, True]
    assert run.nodes["fundamental"].tolist() == [True, False, False]


def test_a_node_that_the_shock_lets_fail_sells_everything():
    net = bank_network([[60.0], [40.0]], [30.0, 20.0])
    run = ct.run(net, ct.Default(["A"]), ct.FireSale(impact=LinearRule(per_money=1e-3), settlement=1.0))
    assert run.nodes["sold"].tolist() == [60.0, 0.0]
    assert run.nodes.loc["B", "price_loss"] == pytest.approx(0.06 * 40.0, rel=1e-12)
    graph = run.contagion_graph()
    assert graph.edges["A", "B"]["channel"] == "price"
    assert graph.edges["A", "B"]["weight"] == pytest.approx(2.4, rel=1e-12)


def test_edges_of_the_graph_sum_to_what_was_lost_through_prices():
    run = ct.run(bank_network(HELD, EQUITY), ct.PriceShock({"S0": -0.05}, over=0),
                 ct.FireSale(LeverageThreshold(12.0, 10.0), impact=LinearRule(per_money=IMPACT)))  # fmt: skip
    graph = run.contagion_graph()
    own = sum(told.get("own_price_loss", 0.0) for _, told in graph.nodes(data=True))
    paid = sum(edge.get("price", 0.0) for _, _, edge in graph.edges(data=True))
    assert own + paid == pytest.approx(run.metrics["fire_sale_loss"], rel=1e-12)
    assert run.nodes["price_loss_caused"].sum() == pytest.approx(run.metrics["fire_sale_loss"], rel=1e-12)


def test_relabelling_banks_and_assets_permutes_the_answer_and_changes_nothing_else():
    net = bank_network(HELD, EQUITY)
    new = {"A": "Z", "B": "M", "C": "B"}
    assets = {"S0": "T", "S1": "A", "S2": "Q"}
    again = ct.Network(
        nodes=net.nodes.rename(index=new),
        assets=net.assets.rename(index=assets),
        holdings=net.holdings.assign(
            node=[new[str(x)] for x in net.holdings["node"]],
            asset=[assets[str(x)] for x in net.holdings["asset"]],
        ),
    )
    model = ct.FireSale(LeverageThreshold(12.0, 10.0), impact=LinearRule(per_money=1e-4))
    one = ct.run(net, ct.PriceShock({"S0": -0.05}, over=0), model)
    two = ct.run(again, ct.PriceShock({"T": -0.05}, over=0), model)
    assert two.nodes["price_loss"].rename({v: k for k, v in new.items()}).sort_index().to_numpy() == (
        pytest.approx(one.nodes["price_loss"].to_numpy(), rel=1e-12)
    )


def test_cash_and_currencies_pay_debts_back_before_anything_is_sold():
    plain = bank_network([[90.0]], [4.0], cash=10.0)
    run = ct.run(plain, STILL, ct.FireSale(LeverageThreshold(20.0, 15.0), impact=LinearRule(per_money=0.0)))
    assert run.metrics["sales"] == pytest.approx(30.0, rel=1e-12)  # 100 down to 60, 10 of it out of cash
    coins = plain.replace(
        nodes=plain.nodes.assign(cash=0.0),
        assets=pd.concat([plain.assets, plain.assets.rename(index={"S0": "EUR"}).assign(kind="currency")]),
        holdings=[
            {"node": "A", "asset": "S0", "quantity": 90.0},
            {"node": "A", "asset": "EUR", "quantity": 10.0},
        ],
    )
    again = ct.run(coins, STILL, ct.FireSale(LeverageThreshold(20.0, 15.0), impact=LinearRule(per_money=0.0)))
    assert again.metrics["sales"] == pytest.approx(30.0, rel=1e-12)
    assert again.markets.index.tolist() == ["S0"]


def test_impact_is_read_from_the_spot_markets_of_the_assets():
    net = ct.generate.overlapping_portfolios(8, 3, seed=1)
    rule = FloorRule()
    bound = rule.on(ct.FireSale().prepare(net).sales.market)
    spot = net.markets[net.markets["kind"] == "spot"].set_index("asset")["volume"].sort_index()
    sigma = net.assets.loc[spot.index, "volatility"]
    assert bound.scale == pytest.approx((0.4 * spot / sigma * math.sqrt(20.0)).to_numpy(), rel=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: ct.FireSale("sell"), InputError, "response"),
        (lambda: ct.FireSale(impact=FloorRule), InputError, "impact"),
        (lambda: ct.FireSale(order="random"), InputError, "order"),
        (lambda: ct.FireSale(settlement=1.5), InputError, "settlement"),
        (lambda: ct.FireSale(rounds="ever"), InputError, "rounds"),
        (lambda: ct.FireSale(rounds=2.5), InputError, "rounds"),
        (lambda: ct.FireSale(rounds=3, clearing=ct.Clearing()), InputError, "clearing"),
        (lambda: ct.FireSale(clearing=ct.DebtRank()), InputError, "clearing"),
        (lambda: ct.FireSale(rounds="least", settlement=0.5), InputError, "settlement"),
        (lambda: ct.FireSale(LeverageTarget(), rounds="most"), InputError, "response"),
        (lambda: ct.FireSale(rounds="least", order="liquid_first"), InputError, "order"),
        (lambda: FloorRule(floor=1.0), InputError, "floor"),
        (lambda: LinearRule(per_money={"S0": -1.0}), InputError, "per_money"),
        (lambda: ShareRule(price_impact=1.0), InputError, "price_impact"),
        (lambda: ct.FireSale(round_length=0.0), InputError, "round_length"),
        (lambda: ct.FireSale(LeverageThreshold(10.0, 20.0)), InputError, "target"),
        (lambda: LeverageThreshold(0.0, 0.0), InputError, "limit"),
        (lambda: CapitalRatio(2.0), InputError, "minimum"),
        (lambda: AllOnDefault(-1.0), InputError, "slack"),
        (lambda: LeverageBands(0.05, 0.04, 0.06), InputError, "trigger_ratio"),
        (lambda: LeverageThreshold(float("nan"), 3.0), InputError, "limit"),
        (lambda: LeverageThreshold(20.0, -1.0), InputError, "target"),
        (lambda: ct.FireSale(LeverageThreshold(20.0, 30.0)), InputError, "target"),
        (lambda: CapitalRatio(8), InputError, "minimum"),
        (lambda: CapitalRatio("8 %"), InputError, "minimum"),
        (lambda: AllOnDefault(slack=-1.0), InputError, "slack"),
        (lambda: LeverageTarget(capped="no"), InputError, "capped"),
        (lambda: LeverageBands(0.5, 0.1, 0.6), InputError, "trigger_ratio"),
        (lambda: LeverageBands(0.05, 0.1, 0.01), InputError, "target_ratio"),
        (lambda: LeverageBands(0.05, 10, 0.1), InputError, "trigger_ratio"),
        (lambda: ct.FireSale.cont_schaanning(max_leverage=-5), InputError, "limit"),
        (lambda: ct.FireSale(weights="frozen"), InputError, "weights"),
        (lambda: FloorRule(depth=1e9, depth_coefficient=0.5), InputError, "depth_coefficient"),
        (lambda: LinearRule(per_money=1e-9, horizon_days=5), InputError, "horizon_days"),
    ],
)
def test_parts_that_are_wrong_or_do_not_go_together_are_refused_by_name(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_what_the_network_lacks_is_named_with_the_remedy():
    net = bank_network(HELD, EQUITY)
    with pytest.raises(NetworkError, match=r"volume.*S0.*FloorRule.depth"):
        ct.run(net, STILL, ct.FireSale())
    with pytest.raises(InputError, match=r"missing \['S1', 'S2'\].*not expected \['S9'\]"):
        ct.run(net, STILL, ct.FireSale(impact=LinearRule(per_money={"S0": 1e-4, "S9": 1e-4})))
    with pytest.raises(UnitError, match="EUR"):
        ct.run(net, STILL, ct.FireSale(impact=LinearRule(per_money=1e-4, unit="EUR")))
    with pytest.raises(UnitError, match="EUR"):
        ct.run(net, STILL, ct.FireSale(impact=ShareRule(unit="EUR")))
    with pytest.raises(NetworkError, match=r"holdings.*FireSale reads"):
        ct.run(ct.Network(nodes=[{"name": "A"}]), STILL, ct.FireSale())
    poor = bank_network([[10.0]], [0.0])
    with pytest.raises(NetworkError, match="'A'"):
        ct.run(poor, STILL, ct.FireSale.greenwood_landier_thesmar(impact=LinearRule(per_money=1e-4)))


def test_sales_that_go_on_for_ever_are_an_error_and_policies_need_rounds():
    @dataclass(frozen=True)
    class SlowSales(ct.Policy):
        share: float = 0.5

        def orders(self, world, cap):
            return self.share * cap

    net = bank_network([[90.0]], [4.0])
    model = ct.FireSale(LeverageThreshold(20.0, 15.0), impact=LinearRule(per_money=0.0), rounds=3)
    run = ct.run(net, STILL, model, policies=[SlowSales()])
    # 30 must go; half of what is asked each round: 15, then 7.5 of 15, then 3.75
    assert run.paths.groupby("round")["sold"].sum().tolist() == pytest.approx([0.0, 15.0, 0.0, 0.0], rel=1e-9)
    with pytest.raises(PolicyError, match="SlowSales"):
        ct.run(
            net, STILL, ct.FireSale(impact=LinearRule(per_money=0.0), rounds="least"), policies=[SlowSales()]
        )


def test_many_scenarios_are_those_of_single_runs():
    net = bank_network(HELD, EQUITY)
    model = ct.FireSale(LeverageThreshold(12.0, 10.0), impact=LinearRule(per_money=IMPACT))
    shocks = ct.PriceShocks.student_t(df=4, scale=0.05)
    found = ct.compare(net, shocks, model, policies={"none": []}, n=20, seed=3, n_jobs=1).to_frame()
    drawn = shocks.draw(list(net.assets.index), 3, 3)
    for scenario in range(3):
        moves = np.expm1(drawn.iloc[scenario]).to_dict()
        alone = ct.run(net, ct.PriceShock(moves, over=0), model).metrics
        row = found[found["scenario"] == scenario].iloc[0]
        assert row["system_loss"] == pytest.approx(alone["system_loss"], rel=1e-9)
        assert row["sales"] == pytest.approx(alone["sales"], rel=1e-9)


def test_a_study_names_the_parts_of_a_fire_sale():
    from contagion import studies

    text = """
[network]
generate = "overlapping_portfolios"
n_nodes = 6
n_assets = 3
[model]
kind = "FireSale"
rounds = "least"
[model.response]
kind = "CapitalRatio"
minimum = 0.08
[model.impact]
kind = "SquareRootRule"
scale = 0.5
[model.clearing]
alpha = 0.9
"""
    model = studies.parse(text).model
    assert model == ct.FireSale(
        CapitalRatio(0.08), impact=SquareRootRule(scale=0.5), rounds="least", clearing=ct.Clearing(alpha=0.9)
    )
    named = studies.parse('[model]\nkind = "FireSale.breuer_summer_urosevic"\nmax_leverage = 30.0\n').model
    assert named == ct.FireSale.breuer_summer_urosevic(max_leverage=30.0)
    with pytest.raises(InputError, match=r"model\.impact"):
        studies.parse('[model]\nkind = "FireSale"\n[model.impact]\nkind = "Cubic"\n')


def test_a_shock_to_depth_makes_the_same_sale_fall_further():
    net = bank_network([[90.0]], [4.0])
    rule = LinearRule(per_money=1e-3)
    model = ct.FireSale(LeverageThreshold(20.0, 15.0), impact=rule, rounds=1)
    for change in (-0.5, {"S0": -0.5}):
        run = ct.run(net, STILL + ct.DepthShock(change), model)
        assert run.metrics["worst_fall"] == pytest.approx(30.0 * 1e-3 / 0.5, rel=1e-12)  # 30 of 90 sold
    made = ct.generate.overlapping_portfolios(4, 2, seed=1)
    market = ct.FireSale().prepare(made).sales.market
    first = market.spot[0]
    found = market.depth_factors(ct.DepthShock({first: -0.9}))
    assert found == pytest.approx([0.1, 1.0], rel=1e-12)


@pytest.mark.parametrize(
    "impact",
    [
        LinearImpact(np.array([1e-3])),
        SquareRootImpact(np.array([0.02]), np.array([50.0]), 1.0),
        FlooredExponential(np.array([0.3]), np.array([80.0])),
        ExponentialInShare(np.array([1.5]), np.array([100.0])),
    ],
)
def test_thin_markets_fall_as_if_more_were_sold(impact):
    price = np.array([[0.9]])
    found = thinned(impact, np.array([0.25])).fall(np.array([[7.0]]), price)
    assert found == pytest.approx(impact.fall(np.array([[28.0]]), price), rel=1e-12)


@dataclass(frozen=True)
class Cubic:
    """One's own rule of impact: the fall grows with the cube of what is sold."""

    scale: float

    def on(self, market):
        return self

    def fall(self, units, price):
        return np.minimum(1.0, self.scale * units**3)


@dataclass(frozen=True)
class HalfInLoss:
    """One's own response: who has less than 10 of equity sells half of what it has."""

    def act(self, state):
        value = state.held.against(state.price)
        fraction = np.where(state.equity < 10.0, 0.5, 0.0)
        nothing = np.zeros_like(value)
        return Action(fraction, fraction * value, state.equity, nothing, nothing.astype(bool))


def test_own_rules_of_impact_and_responses_are_written_in_a_few_lines():
    net = bank_network([[80.0], [20.0]], [8.0, 12.0])
    run = ct.run(net, STILL, ct.FireSale(HalfInLoss(), impact=Cubic(1e-6), settlement=1.0, rounds=1))
    assert run.metrics["worst_fall"] == pytest.approx(40.0**3 * 1e-6, rel=1e-12)
    assert run.nodes["price_loss"].tolist() == pytest.approx([80.0 * 0.064, 20.0 * 0.064], rel=1e-12)
    thin = ct.run(
        net,
        STILL + ct.DepthShock(-0.5),
        ct.FireSale(HalfInLoss(), impact=Cubic(1e-6), settlement=1.0, rounds=1),
    )
    assert thin.metrics["worst_fall"] == pytest.approx(80.0**3 * 1e-6, rel=1e-12)


def test_e1_policies_that_never_act_change_no_bit():
    net = ct.generate.overlapping_portfolios(12, 5, seed=2)
    found = ct.compare(
        net,
        ct.PriceShocks.student_t(df=4, scale=0.1),
        ct.FireSale(),
        policies={
            "none": [],
            "buyer": [ct.AssetPurchases(budget=0.0)],
            "throttle": [ct.SaleThrottle(share=1.0)],
        },
        n=12,
        seed=5,
        n_jobs=1,
    )
    effects = found.effects("fire_sale_loss", against="none")
    assert (found.to_frame()["fire_sale_loss"] > 0.0).any()
    assert (effects["unchanged"] == 1.0).all() and (effects["difference"] == 0.0).all()


def test_what_is_liquid_after_a_shock_to_depth_is_sold_first():
    net = bank_network([[50.0, 50.0]], [4.0])
    rule = LinearRule(per_money={"S0": 1e-4, "S1": 2e-4})
    model = ct.FireSale(LeverageThreshold(20.0, 15.0), order="liquid_first", impact=rule, rounds=1)
    assert ct.run(net, STILL, model).markets["sold"].tolist() == pytest.approx([40.0, 0.0], rel=1e-12)
    thin = ct.run(net, STILL + ct.DepthShock({"S0": -0.9}), model)
    assert thin.markets["sold"].tolist() == pytest.approx([0.0, 40.0], rel=1e-12)


@dataclass(frozen=True)
class Answers:
    """A rule of impact that answers what it is told to."""

    answer: object

    def on(self, market):
        return self

    def fall(self, units, price):
        return self.answer


@pytest.mark.parametrize("answer", [np.full((2, 1), np.nan), np.zeros((1, 1)), "much", 0.5])
def test_answers_of_own_rules_of_impact_that_are_no_falls_are_refused_by_name(answer):
    net = bank_network([[50.0, 50.0]], [4.0])
    with pytest.raises(InputError, match=r"Answers\.fall"):
        ct.run(net, STILL, ct.FireSale(LeverageThreshold(20.0, 15.0), impact=Answers(answer), rounds=1))


def test_own_rules_of_impact_take_no_more_than_everything():
    net = bank_network([[50.0, 50.0]], [4.0])
    run = ct.run(
        net, STILL, ct.FireSale(LeverageThreshold(20.0, 15.0), impact=Answers(np.full((2, 1), 2.0)), rounds=1)
    )
    assert run.markets["closing_price"].tolist() == [0.0, 0.0]
    assert run.metrics["fire_sale_loss"] == pytest.approx(
        80.0, rel=1e-12
    )  # half price for the 40 that are sold


@pytest.mark.parametrize("clearing", [None, ct.Clearing()])
def test_linear_impact_beyond_everything_leaves_prices_at_0_at_fixed_points(clearing):
    net = bank_network([[90.0], [60.0]], [4.0, 6.0])
    model = ct.FireSale(
        LeverageThreshold(20.0, 20.0), impact=LinearRule(per_money=0.5), rounds="most", clearing=clearing
    )
    run = ct.run(net, STILL, model)
    assert run.markets["closing_price"].tolist() == [0.0]
    assert run.metrics["fire_sale_loss"] == 150.0 and run.metrics["system_loss"] == 10.0


def test_what_a_node_loses_that_the_shock_lets_fail_is_no_loss_through_prices():
    net = bank_network([[60.0], [40.0]], [30.0, 20.0], debts_inside=[[0, 10], [0, 0]])
    for parts in ({"rounds": "least"}, {"clearing": ct.Clearing()}):
        model = ct.FireSale(LeverageThreshold(33.0, 30.0), impact=LinearRule(per_money=0.0), **parts)
        m = ct.run(net, ct.Default(["A"]), model).metrics
        assert (m["system_loss"], m["claims_loss"], m["interaction_loss"]) == (30.0, 30.0, 0.0)


def test_creditors_of_a_higher_rank_keep_what_they_are_paid_when_they_decide_on_sales():
    # A pays B 10 in full and C 2 of 10; at 0.98 B has equity 5 against 59 that are risky: 9 of 49 must go
    net = ct.Network(
        nodes=[
            {"name": "A", "kind": "institution", "external_assets": 12.0},
            {"name": "B", "kind": "institution", "cash": 1.0, "external_liabilities": 55.0},
            {"name": "C", "kind": "institution", "cash": 20.0, "external_liabilities": 55.0},
        ],
        assets=[{"name": "S0", "kind": "coin", "price": 1.0}],
        holdings=[{"node": node, "asset": "S0", "quantity": 50.0} for node in "BC"],
        obligations=[
            {"debtor": "A", "creditor": "B", "amount": 10.0, "seniority": 1},
            {"debtor": "A", "creditor": "C", "amount": 10.0, "seniority": 2},
        ],
    )
    model = ct.FireSale(CapitalRatio(0.1), impact=LinearRule(per_money=0.0), clearing=ct.Clearing())
    run = ct.run(net, ct.PriceShock({"S0": -0.02}, over=0), model)
    assert run.nodes["sold"].tolist() == pytest.approx([0.0, 9.0, 0.0], rel=1e-9)
    assert run.nodes["loss_on_claims"].tolist() == pytest.approx([0.0, 0.0, 8.0], rel=1e-12)


def test_aggregate_vulnerability_is_a_share_of_the_equity_of_all_as_its_measure_is():
    net = bank_network([[60.0], [0.0]], [5.0, 10.0], other=[0.0, 50.0])
    model = ct.FireSale.greenwood_landier_thesmar(impact=LinearRule(per_money=1e-4))
    m = ct.run(net, ct.PriceShock({"S0": -0.01}, over=0), model).metrics
    book = ct.measures.portfolios(net, market_depth={"S0": 1e4})
    assert m["aggregate_vulnerability"] == pytest.approx(
        ct.measures.aggregate_vulnerability(book, {"S0": -0.01}), rel=1e-12
    )
    assert m["aggregate_vulnerability"] == pytest.approx(
        60.0 * 1e-4 * 6.6 / 15.0, rel=1e-12
    )  # sells 0.6 * 11


def test_loans_are_repaid_before_a_loss_is_counted_at_either_end():
    @dataclass(frozen=True)
    class Lend(ct.Policy):
        def support(self, world, loans):
            return loans + np.array([20.0, 0.0])

    net = bank_network([[90.0], [60.0]], [4.0, 3.0])
    for parts in ({"rounds": "least"}, {"clearing": ct.Clearing()}):
        model = ct.FireSale(LeverageThreshold(20.0, 20.0), impact=LinearRule(per_money=1e-5), **parts)
        m = ct.run(net, ct.PriceShock({"S0": -0.02}, over=0), model, policies=[Lend()]).metrics
        assert m["lent"] == 20.0 and m["system_loss"] > 0.0
        assert m["other_end_loss"] == pytest.approx(m["system_loss"], rel=1e-9)


@pytest.mark.parametrize("rounds", ["until_no_sales", "least", "most"])
def test_no_price_falls_below_zero_however_steep_linear_impact_is(rounds):
    net = bank_network([[50.0], [50.0]], [5.0, 5.0], other=50.0)
    model = ct.FireSale(LeverageThreshold(15.0, 12.0), impact=LinearRule(per_money=1e3), rounds=rounds)
    run = ct.run(net, ct.PriceShock({"S0": -0.05}, over=0), model)
    assert run.markets["closing_price"].tolist() == [0.0] and run.markets["fall"].tolist() == [1.0]
    # all of 47.5 is sold; in rounds half of the fall spares what is sold in it
    lost = 47.5 if model.at_fixed_point else 23.75
    assert run.nodes["price_loss"].to_numpy() == pytest.approx([lost, lost], rel=1e-12)
    assert run.nodes["defaulted"].all()


def test_targets_of_leverage_sell_no_more_than_is_held_where_portfolios_move_on():
    net = bank_network([[50.0], [50.0]], [5.0, 5.0])
    model = ct.FireSale(LeverageTarget(), impact=LinearRule(per_money=1e-2), rounds=50)
    run = ct.run(net, ct.PriceShock({"S0": -0.02}, over=0), model)
    assert (run.nodes["sold"] <= 49.0 + 1e-9).all() and run.markets["sold_share"].max() <= 1.0 + 1e-12
    assert run.markets["closing_price"].min() >= 0.0
    up = ct.PriceShock({"S0": 0.02}, over=0)
    with pytest.raises(ConvergenceError, match="rise without end"):
        ct.run(net, up, model)
    with pytest.raises(ConvergenceError, match="rise without end"):
        model.prepare(net).follow(up)


@dataclass(frozen=True)
class Sells:
    """A response that puts up the share it is told to."""

    share: object

    def act(self, state):
        nothing = np.zeros_like(state.equity)
        return Action(self.share + nothing, nothing, nothing, nothing, nothing.astype(bool))


@pytest.mark.parametrize("share", [np.nan, 1.5, np.zeros(3)])
def test_answers_of_own_responses_that_cannot_be_carried_out_are_refused_by_name(share):
    net = bank_network([[50.0, 50.0]], [4.0])
    with pytest.raises(InputError, match=r"Sells\.act"):
        ct.run(net, STILL, ct.FireSale(Sells(share), impact=LinearRule(per_money=1e-4), rounds=1))


def test_the_card_says_what_is_so_when_prices_rise_and_for_one_round():
    net = bank_network([[60.0], [40.0]], [5.0, 8.0])
    model = ct.FireSale.greenwood_landier_thesmar(impact=LinearRule(per_money=1e-4))
    card = dict(model.card(ct.run(net, ct.PriceShock({"S0": 0.05}, over=0), model)))
    assert card["sales"].endswith("prices rose, nodes bought")
    assert "for 1 round:" in card["model"] and "depth" not in card["model"]


def test_targets_of_leverage_of_another_network_are_refused_by_name():
    model = ct.FireSale(LeverageTarget(np.ones(2), np.ones(2)), impact=LinearRule(per_money=IMPACT))
    with pytest.raises(InputError, match=r"LeverageTarget\.total_assets.*3 nodes"):
        ct.run(bank_network(HELD, EQUITY), STILL, model)


def test_rounding_of_large_sheets_is_no_default_that_sells_everything():
    rng = np.random.default_rng(0)
    for _ in range(40):
        held = np.round(rng.uniform(1e6, 1e10, (4, 5)), 2)
        inside = np.round(rng.uniform(0.0, 1e9, (4, 4)), 2) * (1.0 - np.eye(4))
        net = bank_network(
            held,
            [0.0, 5e9, 5e9, 0.0],
            other=np.round(rng.uniform(1e8, 1e11, 4), 2),
            debts_inside=inside,
            prices=[0.1, 0.3, 0.7, 1.1, 3.3],
        )
        assert ct.run(net, STILL, ct.FireSale.caccioli()).metrics["banks_selling"] == 0


def test_a_sale_that_does_not_converge_names_the_asset():
    net = bank_network([[20.0, 50.0], [20.0, 50.0]], [5.0, 5.0])
    model = ct.FireSale(LeverageTarget(), impact=LinearRule(per_money={"S0": 0.0, "S1": 1e-2}), rounds=50)
    with pytest.raises(ConvergenceError, match=r"rise without end.*worst 'S1'") as found:
        ct.run(net, ct.PriceShock({"S1": 0.02}, over=0), model)
    assert found.value.worst == "S1" and found.value.round > 0


@pytest.mark.parametrize("rounds", [3.0, np.int64(3)])
def test_a_number_of_rounds_of_any_kind_is_followed_in_tables_too(rounds):
    net = bank_network(HELD, EQUITY)
    model = ct.FireSale(LeverageThreshold(12.0, 10.0), impact=LinearRule(per_money=IMPACT), rounds=rounds)
    run = ct.run(net, ct.PriceShock({"S0": -0.1}, over=0), model)
    assert len(run.rounds) == 1 + 3  # the shock, and three rounds
    assert model == ct.FireSale(LeverageThreshold(12.0, 10.0), impact=LinearRule(per_money=IMPACT), rounds=3)
    assert run.rounds["loss"].iloc[-1] == pytest.approx(run.metrics["fire_sale_loss"], rel=1e-12)
