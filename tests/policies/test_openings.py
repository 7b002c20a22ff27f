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
from contagion.policies.base import Policy
from tests.worlds import random_world

ROUNDING = 1e-9  # relative, of gross money: sums of floats
OPENINGS: dict[str, Policy] = {
    "margin multiplier up": ct.MarginMultiplier(factor=1.7),
    "margin multiplier up, violators": ct.MarginMultiplier(factor=1.7, response="violators"),
    "margin multiplier down": ct.MarginMultiplier(factor=0.6),
    "tiered margin": ct.TieredMargin(factor=2.0, above=150.0),
    "tiered margin, violators": ct.TieredMargin(factor=2.0, above=150.0, response="violators"),
    "tiers by table": ct.TieredMargin(tiers=({"floor": 0.0, "initial_rate": 0.2, "maintenance_rate": 0.1},)),
    "partial liquidation": ct.PartialLiquidation(),
    "insurance fund": ct.InsuranceFund(factor=3.0, amount=25.0),
    "smaller fund": ct.InsuranceFund(factor=0.5),
    "deleveraging": ct.AutoDeleveraging(),
    "no deleveraging": ct.AutoDeleveraging(trigger="none"),
    "socialised loss": ct.SocialisedLoss(),
    "placebo": ct.Policy(),
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


@pytest.mark.parametrize("place", NETWORKS)
@pytest.mark.parametrize("name", OPENINGS)
def test_the_sum_of_equity_funds_and_outside_payers_is_unchanged(name: str, place: str) -> None:
    before = network(place)
    after = OPENINGS[name].opening(before)
    gross = math.fsum(abs(part) for part in parts(before))
    assert abs(math.fsum(parts(after)) - math.fsum(parts(before))) <= ROUNDING * gross


def test_every_built_in_policy_with_an_opening_is_among_those_tested() -> None:
    kinds = [k for k in vars(ct.policies).values() if isinstance(k, type) and issubclass(k, Policy)]
    with_opening = {kind for kind in kinds if kind.opening is not Policy.opening}
    assert with_opening <= {type(policy) for policy in OPENINGS.values()}


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
    rest = [str(owner) for owner in after.accounts["owner"] if str(owner).startswith("rest_of_market:")]
    old = before.positions.set_index(["account", "market"])["quantity"]
    new = after.positions.set_index(["account", "market"])["quantity"].reindex(old.index).fillna(0.0)
    named = ~old.index.get_level_values(0).str.startswith("rest_of_market:")
    assert (new[named].abs() <= old[named].abs()).all()
    assert (new[named] * old[named] >= 0.0).all()
    assert rest or (new[named] == old[named]).all()


@pytest.mark.parametrize("place", NETWORKS)
def test_nobody_uses_more_of_his_margin_than_before_at_constant_utilisation(place: str) -> None:
    before = network(place)
    after = ct.MarginMultiplier(factor=1.7).opening(before)
    named = [name for name in before.accounts.index if not str(name).startswith("rest_of_market:")]
    was, now = utilisation(before, named), utilisation(after, named)
    assert (now <= was * (1.0 + ROUNDING)).all()


@pytest.mark.parametrize("place", NETWORKS)
def test_violators_alone_change_and_meet_the_new_call_level(place: str) -> None:
    before = network(place)
    policy = ct.MarginMultiplier(factor=1.7, response="violators")
    after = policy.opening(before)
    ruled = before.replace(tiers=after.tiers)
    named = [name for name in before.accounts.index if not str(name).startswith("rest_of_market:")]
    ratio = before.venues["call_ratio"].loc[before.accounts["venue"].loc[named]].to_numpy()
    fine = utilisation(ruled, named) * ratio <= 1.0
    held_before, held_after = sizes(before, named), sizes(after, named)
    assert np.array_equal(held_before[fine], held_after[fine])
    assert (utilisation(after, named) * ratio <= 1.0 + ROUNDING).all()


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
