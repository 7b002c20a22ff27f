"""Openings move money and positions but make none: equity, funds and outside payers add up to what they were."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.network.equity import opening_account_equity
from contagion.network.reserved import PREFIX
from contagion.policies import (
    ConcentrationAddOn,
    CrossOrIsolated,
    DynamicMargin,
    FeeSplit,
    LeverageLimit,
    OpenInterestMargin,
    PositionLimit,
)
from contagion.policies.base import Policy
from contagion.propagation.cascade.openings import commitments
from tests.worlds import random_world

ROUNDING = 1e-9  # relative, of gross money: sums of floats
OPENINGS: dict[str, Policy] = {
    "margin multiplier up": ct.MarginMultiplier(factor=1.7),
    "margin multiplier up, violators": ct.MarginMultiplier(factor=1.7, response="violators"),
    "margin multiplier down": ct.MarginMultiplier(factor=0.6),
    "tiered margin": ct.TieredMargin(factor=1.1, above=150.0),
    "tiered margin, violators": ct.TieredMargin(factor=1.1, above=150.0, response="violators"),
    "tiers by table": ct.TieredMargin(tiers=({"floor": 0.0, "initial_rate": 0.2, "maintenance_rate": 0.1},)),
    "partial liquidation": ct.PartialLiquidation(),
    "insurance fund": ct.InsuranceFund(factor=3.0, amount=25.0),
    "smaller fund": ct.InsuranceFund(factor=0.5),
    "deleveraging": ct.AutoDeleveraging(),
    "no deleveraging": ct.AutoDeleveraging(trigger="none"),
    "procedure": ct.policies.Procedure("takeover"),
    "rulebook": ct.policies.Rulebook("okx"),
    "socialised loss": ct.SocialisedLoss(),
    "index design": ct.IndexDesign(markets=(), deviation=0.05, lag=60.0),
    "placebo": ct.Policy(),
    "dynamic margin with a floor": DynamicMargin(floor=1.5),
    "dynamic margin with a floor, violators": DynamicMargin(floor=1.5, response="violators"),
    "open-interest margin": OpenInterestMargin(lower=0.1, upper=2.0, most=1.8),
    "concentration add-on": ConcentrationAddOn(share=0.01, rate=0.05),
    "leverage limit": LeverageLimit(max_leverage=4.0),
    "leverage limit, posted": LeverageLimit(max_leverage=4.0, response="post"),
    "position limit": PositionLimit(share=0.02),
    "isolated accounts": CrossOrIsolated("isolated"),
    "cross accounts": CrossOrIsolated("cross"),
    "capital injection": ct.CapitalInjection(1000.0),
    "capital injection, equal": ct.CapitalInjection(1000.0, rule="equal"),
    "exposure limit": ct.ExposureLimit(share=0.001),
    "central clearing": ct.CentralClearing(default_fund=0.1, capital=50.0),
    "central clearing of a part": ct.CentralClearing(share=0.3, default_fund=0.0),
    "ring-fence": ct.RingFence(capital=0.0),
    "leverage cap, raised": ct.LeverageCap(maximum=1.2, response="raise"),
    "liquidity buffer": ct.LiquidityBuffer(share=0.05, nodes=("t010", "t017")),
    "merger": ct.Merger(("bank", "fund", "t000"), into="group"),
    "split": ct.Split("t001", parts=3),
    "fees burned": FeeSplit(fee=0.01, to_fund=0.0, to_keeper=0.0, burned=1.0),
}
NOT_THERE = {  # nobody owes money outside in the generated market, and its nodes have other names
    ("ring-fence", "generated"),
    *((name, "generated") for name in ("liquidity buffer", "merger", "split")),
    *(("liquidity buffer", place) for place in ("world 1", "world 2")),  # these nodes hold nothing there
}
NETWORKS = ("world 1", "world 2", "world 3", "generated")
MARGINS = [name for name in OPENINGS if name.startswith(("margin", "tier"))]


@cache
def network(name: str) -> ct.Network:
    """A random world's network, or a generated market."""
    if name == "generated":
        return ct.generate.perp_market(n_accounts=300, seed=1)
    return random_world(int(name.split()[1]), n=40).net


def parts(net: ct.Network) -> list[float]:
    """Cash, outside balances, holdings, accounts at opening prices, funds, minus what outside payers put in."""
    price, count = net.assets["price"], net.accounts["count"]
    found = list(net.nodes["cash"] + net.nodes["external_assets"] - net.nodes["external_liabilities"])
    found += list(net.holdings["quantity"].to_numpy() * price.loc[net.holdings["asset"]].to_numpy())
    held = net.balances
    found += list(held["quantity"].to_numpy() * count.loc[held["account"]].to_numpy())
    legs = net.positions
    mark = price.loc[net.markets["asset"].loc[legs["market"]].to_numpy()].to_numpy()
    profit = legs["quantity"].to_numpy() * (mark - legs["entry_price"].to_numpy())
    found += list(profit * count.loc[legs["account"]].to_numpy())
    found += list(net.venues["insurance_fund"])
    return [*found, *(-money for money in net.payers.values())]


def net_lots(net: ct.Network) -> pd.Series:
    """Longs minus shorts per market, in units."""
    legs = net.positions
    lots = legs["quantity"].to_numpy() * net.accounts["count"].loc[legs["account"]].to_numpy()
    return pd.Series(lots).groupby(legs["market"].to_numpy()).sum()


@pytest.mark.parametrize(
    ("name", "place"),
    [(name, place) for name in OPENINGS for place in NETWORKS if (name, place) not in NOT_THERE],
)
def test_the_sum_of_equity_funds_and_outside_payers_is_unchanged(name: str, place: str) -> None:
    before = network(place)
    after = OPENINGS[name].opening(before)
    gross = math.fsum(abs(part) for part in parts(before))
    assert abs(math.fsum(parts(after)) - math.fsum(parts(before))) <= ROUNDING * gross


def test_every_built_in_policy_with_an_opening_is_among_those_tested() -> None:
    kinds = [k for k in vars(ct.policies).values() if isinstance(k, type) and issubclass(k, Policy)]
    with_opening = {kind for kind in kinds if kind.opening is not Policy.opening}
    of_lenders = {ct.Auction, ct.CloseFactor}  # they change words of venues that lend, no money
    only_checks = {ct.AdaptiveHaircuts, ct.AssetPurchases, ct.SaleThrottle}  # they refuse, and change nothing
    assert with_opening <= {type(policy) for policy in OPENINGS.values()} | of_lenders | only_checks


@pytest.mark.parametrize("place", NETWORKS)
def test_openings_one_after_the_other_keep_the_sum_too(place: str) -> None:
    before = after = network(place)
    for name in (
        "margin multiplier up",
        "tiered margin, violators",
        "insurance fund",
        "margin multiplier down",
    ):
        after = OPENINGS[name].opening(after)
    gross = math.fsum(abs(part) for part in parts(before))
    assert abs(math.fsum(parts(after)) - math.fsum(parts(before))) <= ROUNDING * gross


@dataclass(frozen=True)
class Gift(Policy):
    """Every node finds `money` in its cash; `payer` says who gave it, if anybody."""

    money: float = 10.0
    payer: str = ""

    def opening(self, net: ct.Network) -> ct.Network:
        given = net.replace(nodes=net.nodes.assign(cash=net.nodes["cash"] + self.money))
        return given.replace(payers={self.payer: self.money * len(net.nodes)}) if self.payer else given


@pytest.mark.parametrize("money", [10.0, -1.0])
def test_an_opening_that_makes_or_destroys_money_is_refused_by_name(money: float) -> None:
    net = network("world 1")
    rich = net.replace(nodes=net.nodes.assign(cash=net.nodes["cash"] + 100.0))
    with pytest.raises(PolicyError, match=r"Gift\.opening changed the sum of equity, funds"):
        ct.Cascade().prepare(rich, [Gift(money)])


def test_an_opening_that_names_its_payer_keeps_the_sum() -> None:
    net = network("world 1")
    opened = ct.Cascade().prepare(net, [Gift(payer="state")]).opened
    assert math.fsum(parts(opened)) == pytest.approx(math.fsum(parts(net)), rel=ROUNDING)
    assert opened.nodes["cash"].sum() > net.nodes["cash"].sum()


@pytest.mark.parametrize("place", NETWORKS)
@pytest.mark.parametrize("name", MARGINS)
def test_the_rest_of_the_market_takes_the_other_side(name: str, place: str) -> None:
    before = network(place)
    after = OPENINGS[name].opening(before)
    size = (before.positions["quantity"].abs().sum()) * before.accounts["count"].max()
    assert (net_lots(after).abs() <= ROUNDING * size).all()
    rest = [str(owner) for owner in after.accounts["owner"] if str(owner).startswith(PREFIX)]
    old = before.positions.set_index(["account", "market"])["quantity"]
    new = after.positions.set_index(["account", "market"])["quantity"].reindex(old.index).fillna(0.0)
    named = ~old.index.get_level_values(0).str.startswith(PREFIX)
    assert (new[named].abs() <= old[named].abs()).all()
    assert (new[named] * old[named] >= 0.0).all()
    assert rest or (new[named] == old[named]).all()


@pytest.mark.parametrize("place", NETWORKS)
def test_nobody_uses_more_of_his_margin_than_before_at_constant_utilisation(place: str) -> None:
    before = network(place)
    after = ct.MarginMultiplier(factor=1.7).opening(before)
    named = [name for name in before.accounts.index if not str(name).startswith(PREFIX)]
    was, now = utilisation(before, named), utilisation(after, named)
    assert (now <= was * (1.0 + ROUNDING)).all()


@pytest.mark.parametrize("place", NETWORKS)
def test_violators_alone_change_and_meet_the_new_initial_requirement(place: str) -> None:
    before = network(place)
    policy = ct.MarginMultiplier(factor=1.7, response="violators")
    after = policy.opening(before)
    ruled = before.replace(tiers=after.tiers)
    named = [name for name in before.accounts.index if not str(name).startswith(PREFIX)]
    fine = leverage_used(ruled, named) <= 1.0
    assert fine.any() and not fine.all()
    held_before, held_after = sizes(before, named), sizes(after, named)
    assert np.array_equal(held_before[fine], held_after[fine])
    money = [opening_account_equity(one).loc[named].to_numpy() for one in (before, after)]
    gross = float(before.positions["quantity"].abs().sum()) * float(before.assets["price"].max())
    assert np.abs(money[0] - money[1])[fine].max() <= ROUNDING * gross
    assert (leverage_used(after, named) <= 1.0 + ROUNDING).all()


@pytest.mark.parametrize("place", NETWORKS)
def test_nobody_violates_a_rule_that_asks_no_more_than_the_old_one(place: str) -> None:
    before = network(place)
    after = ct.MarginMultiplier(factor=0.6, response="violators").opening(before)
    assert after == before.replace(tiers=after.tiers)


def test_accounts_below_the_tier_that_changes_are_no_violators() -> None:
    before = network("world 1")
    after = ct.TieredMargin(factor=1.5, above=400.0, response="violators").opening(before)
    legs = before.positions
    price = before.assets["price"].loc[before.markets["asset"].loc[legs["market"]]].to_numpy()
    largest = (legs["quantity"].abs() * price).groupby(legs["account"]).max()
    small = [name for name in largest.index[largest <= 400.0] if not str(name).startswith(PREFIX)]
    assert small and np.array_equal(sizes(before, small), sizes(after, small))


@pytest.mark.parametrize("place", NETWORKS)
@pytest.mark.parametrize("name", ["margin multiplier up", "tiers by table"])
def test_both_legs_of_a_basis_trade_shrink_together(name: str, place: str) -> None:
    before = network(place)
    after = OPENINGS[name].opening(before)
    basis = before.strategies[before.strategies["kind"] == "basis"]
    coins = [one.holdings.set_index(["node", "asset"])["quantity"] for one in (before, after)]
    perps = [held_in(one) for one in (before, after)]
    closed = 0.0
    for row in basis.itertuples():
        short = (row.short_account, row.asset)
        if perps[0].get(short, 0.0) == 0.0:
            continue
        bought_back = perps[1].get(short, 0.0) - perps[0][short]
        sold = coins[0][row.spot_node, row.asset] - coins[1][row.spot_node, row.asset]
        assert bought_back >= 0.0
        assert sold == pytest.approx(min(coins[0][row.spot_node, row.asset], bought_back), rel=1e-9)
        closed += bought_back
    assert closed > 0.0
    hedgers, price = basis["spot_node"].unique(), before.assets["price"]
    worth = [
        one.nodes["cash"].loc[hedgers]
        + (one.holdings["quantity"] * price.loc[one.holdings["asset"]].to_numpy())
        .groupby(one.holdings["node"])
        .sum()
        .reindex(hedgers)
        for one in (before, after)
    ]
    assert np.allclose(worth[0], worth[1], rtol=1e-9)


def test_two_accounts_of_one_basis_trade_keep_the_same_share() -> None:
    tables = random_world(1, n=4).net.tables
    venue = next(name for name in tables["venues"].index if name != "L")  # L lends
    accounts = pd.DataFrame({"name": ["carry-long", "carry-short"], "owner": "basis", "venue": venue})
    legs = pd.DataFrame(
        {
            "account": ["carry-long", "carry-short"],
            "market": f"AAA-perp-{venue}",
            "quantity": [7.0, -7.0],
            "entry_price": 100.0,
        }
    )
    money = pd.DataFrame(
        {"account": ["carry-long", "carry-short"], "asset": "USD", "quantity": [90.0, 300.0]}
    )
    trade = {"name": "carry2", "kind": "basis", "short_account": "carry-short", "asset": "AAA"}
    before = random_world(1, n=4).net.replace(
        accounts=pd.concat([tables["accounts"].reset_index(), accounts.assign(reaction="none")]).fillna(
            {"mode": "cross", "count": 1, "response": 0.5, "top_up_from": "cash"}
        ),
        positions=pd.concat([tables["positions"], legs]),
        balances=pd.concat([tables["balances"], money]),
        strategies=[
            *tables["strategies"].reset_index().to_dict("records"),
            {**trade, "long_account": "carry-long"},
        ],
    )
    after = ct.MarginMultiplier(factor=1.7, response="violators").opening(before)
    held = after.positions[after.positions["account"].isin(["carry-long", "carry-short"])]
    assert held["quantity"].sum() == 0.0
    assert 0.0 < held["quantity"].max() < 7.0


@pytest.mark.parametrize("place", NETWORKS)
def test_cash_from_coins_that_were_sold_is_no_money_locked_up(place: str) -> None:
    before = network(place)
    gross = math.fsum(abs(part) for part in parts(before))
    locked, given_up = commitments(before, ct.MarginMultiplier(factor=1.7).opening(before))
    assert locked <= ROUNDING * gross and given_up > 0.0
    after = ct.MarginMultiplier(factor=1.7, response="violators").opening(before)
    named = [name for name in before.accounts.index if not str(name).startswith(PREFIX)]
    count = before.accounts["count"].loc[named].to_numpy()
    money = [opening_account_equity(one).loc[named].to_numpy() * count for one in (before, after)]
    assert commitments(before, after)[0] == pytest.approx(
        float((money[1] - money[0]).sum()), abs=ROUNDING * gross
    )


@dataclass(frozen=True)
class Loses(Policy):
    """Half of all coins vanish but those of issuers, who must be able to pay."""

    def opening(self, net: ct.Network) -> ct.Network:
        part = net.holdings["node"].isin(net.assets["issuer"]).map({True: 1.0, False: 0.5})
        return net.replace(holdings=net.holdings.assign(quantity=part * net.holdings["quantity"]))


def test_an_opening_that_loses_coins_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"Loses\.opening changed the sum of equity"):
        ct.run(network("world 1"), ct.PriceShock({"AAA": -0.1}), ct.Cascade(step=60.0), [Loses()])


def held_in(net: ct.Network) -> dict[tuple[str, str], float]:
    """Units held per account and asset, of all accounts behind the row."""
    legs = net.positions
    units = legs["quantity"].to_numpy() * net.accounts["count"].loc[legs["account"]].to_numpy()
    asset = net.markets["asset"].loc[legs["market"]].to_numpy()
    return pd.Series(units).groupby([legs["account"].to_numpy(), asset]).sum().to_dict()


def leverage_used(net: ct.Network, accounts: list[str]) -> np.ndarray:
    """Initial margin over equity per account at opening prices, from the tables; 0 where nothing is held."""
    price, used = net.assets["price"], dict.fromkeys(accounts, 0.0)
    for leg in net.positions.itertuples():
        row = net.markets.loc[leg.market]
        tiers = net.tiers[net.tiers["schedule"] == row["schedule"]].sort_values("floor")
        notional = abs(leg.quantity) * float(price[row["asset"]])
        rate = tiers["initial_rate"][(tiers["floor"] < notional) | (tiers["floor"] == 0.0)].iloc[-1]
        if leg.account in used:
            used[leg.account] += notional * float(rate)
    equity = opening_account_equity(net)
    return np.asarray(
        [
            0.0 if used[name] == 0.0 else used[name] / equity[name] if equity[name] > 0.0 else math.inf
            for name in accounts
        ]
    )


def sizes(net: ct.Network, accounts: list[str]) -> np.ndarray:
    """Gross units held per account."""
    return (
        net.positions["quantity"]
        .abs()
        .groupby(net.positions["account"])
        .sum()
        .reindex(accounts)
        .fillna(0.0)
        .to_numpy()
    )


def utilisation(net: ct.Network, accounts: list[str]) -> np.ndarray:
    """Requirement over equity per account at opening prices, from the tables; 0 where nothing is held."""
    price, found = net.assets["price"], []
    tiers = {name: rows.sort_values("floor") for name, rows in net.tiers.groupby("schedule")}
    held = net.balances.groupby("account")["quantity"].sum()
    legs = dict(list(net.positions.groupby("account")))
    for account in accounts:
        equity, required = float(held.get(account, 0.0)), 0.0
        for leg in legs.get(account, net.positions.iloc[:0]).itertuples():
            row = net.markets.loc[leg.market]
            mark = float(price[row["asset"]])
            equity += leg.quantity * (mark - leg.entry_price)
            rows = tiers[row["schedule"]]
            floors, rates = rows["floor"].to_numpy(), rows["maintenance_rate"].to_numpy()
            tops = np.append(floors[1:], np.inf)
            notional = abs(leg.quantity) * mark
            required += float((rates * np.clip(np.minimum(notional, tops) - floors, 0.0, None)).sum())
        found.append(0.0 if required == 0.0 else required / equity if equity > 0.0 else math.inf)
    return np.asarray(found)
