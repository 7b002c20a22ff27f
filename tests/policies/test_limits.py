"""Limits and modes before the shock: who must shrink, by how much, and what equity does."""

from __future__ import annotations

import numpy as np
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.network.equity import opening_account_equity
from contagion.network.interest import notionals, open_interest, resting_money
from contagion.network.reserved import rest_of_market
from contagion.network.shrinking import shrink
from contagion.policies import ConcentrationAddOn, CrossOrIsolated, LeverageLimit, PositionLimit
from tests.propagation.cascade.small import OPENING, Holder, Rules, small_net
from tests.worlds import random_world

WORLDS = range(8)


def named(net: ct.Network) -> np.ndarray:
    """Accounts that are not the rest of the market."""
    return ~rest_of_market(net.accounts.index)


def gross(net: ct.Network) -> np.ndarray:
    """Money in the positions of each account."""
    return np.bincount(net.codes("positions", "account"), notionals(net), len(net.accounts))


def quantity(net: ct.Network, account: str) -> dict[str, float]:
    """Units held by market."""
    rows = net.positions[net.positions["account"] == account]
    return dict(zip(rows["market"], rows["quantity"], strict=True))


@pytest.mark.parametrize("number", WORLDS)
@pytest.mark.parametrize("response", ["shrink", "post"])
def test_nobody_is_above_the_leverage_limit(number: int, response: str) -> None:
    before = random_world(number, n=40).net
    after = LeverageLimit(max_leverage=5.0, response=response).opening(before)  # type: ignore[arg-type]
    equity = opening_account_equity(after).to_numpy()
    assert (gross(after) <= 5.0 * np.maximum(equity, 0.0) * (1.0 + 1e-9) + 1e-6)[named(after)].all()


def test_leverage_falls_to_the_limit_by_shrinking_or_by_posting_what_the_owner_has() -> None:
    holders = {
        "a": Holder({"M": 8.0}, 1024.0, "isolated", cash=512.0),
        "b": Holder({"M": -1.0}, 1024.0, "isolated"),
    }
    net = small_net(holders)
    assert quantity(LeverageLimit(4.0).opening(net), "a") == {"M": 4.0}
    posted = LeverageLimit(4.0, "post").opening(net)
    assert quantity(posted, "a") == {"M": 6.0} and posted.nodes.loc["a", "cash"] == 0.0
    assert quantity(posted, "b") == {"M": -1.0}


def test_positions_are_cut_to_a_share_of_the_open_interest_or_of_the_book() -> None:
    net = small_net(
        {"a": Holder({"M": 8.0}, 2048.0, "isolated"), "b": Holder({"M": 1.0}, 2048.0, "isolated")}
    )
    assert open_interest(net).tolist() == [9.0 * OPENING]
    assert quantity(PositionLimit(share=0.25).opening(net), "a") == {"M": 2.25}
    book = float(resting_money(net)[0])
    cut = PositionLimit(share=4.0 * OPENING / book, of="book").opening(net)
    assert quantity(cut, "a") == {"M": 4.0} and quantity(cut, "b") == {"M": 1.0}
    both = PositionLimit(notional=3.0 * OPENING, share=0.5).opening(net)
    assert quantity(both, "a") == {"M": 3.0}


def test_rounding_of_what_both_sides_give_up_is_no_position_of_the_rest_of_the_market() -> None:
    rules = Rules(market={"lot": float("nan")})
    sides = {"a": 0.2, "b": 0.4, "c": -0.6}
    holders = {name: Holder({"M": units}, abs(units) * OPENING / 8.0) for name, units in sides.items()}
    net = small_net(holders, rules)
    assert sum(sides.values()) == pytest.approx(0.0, abs=1e-15)
    after = LeverageLimit(4.0).opening(net)
    assert after.positions.set_index("account")["quantity"].to_dict() == {"a": 0.1, "b": 0.2, "c": -0.3}


def test_a_share_of_one_but_for_rounding_closes_nothing() -> None:
    net = small_net({"a": Holder({"M": 0.7}, 1024.0)}, Rules(market={"lot": float("nan")}))
    assert shrink(net, np.full(len(net.accounts), 1.0 - 2.0**-52)) is net
    assert shrink(net, np.full(len(net.accounts), 1.0 - 2.0**-20)) is not net


def test_other_positions_of_the_account_stay_when_one_is_too_large() -> None:
    net = small_net({"a": Holder({"M": 8.0, "N": 2.0}, 4096.0)}, markets={"M": "X", "N": "Y"})
    assert quantity(PositionLimit(notional=4.0 * OPENING, share=None).opening(net), "a") == {
        "M": 4.0,
        "N": 2.0,
    }


def test_the_add_on_is_asked_for_what_exceeds_the_share_of_the_book() -> None:
    net = small_net({"a": Holder({"M": 8.0}, 4096.0, "isolated")})
    book = float(resting_money(net)[0])
    after = ConcentrationAddOn(share=2.0 * OPENING / book, rate=0.25, response="violators").opening(net)
    schedule = str(after.markets.loc["M", "schedule"])
    rows = after.tiers[after.tiers["schedule"] == schedule].sort_values("floor")
    assert rows["floor"].tolist() == [0.0, 2.0 * OPENING]
    assert rows["maintenance_rate"].tolist() == [1.0 / 16.0, 5.0 / 16.0]
    assert rows["initial_rate"].tolist() == [1.0 / 8.0, 3.0 / 8.0]
    # 8 units, of which 6 pay the add-on: 0.5 + 1.5 units of maintenance against 4 of equity
    run = ct.run(net, ct.PriceShock({"X": -1.0 / 1024.0}, over=0.0), ct.Cascade(step=10.0, horizon=60.0))
    assert run.metrics["liquidated_accounts"] == 0.0
    assert quantity(after, "a") == {"M": 8.0}


def test_an_add_on_that_makes_a_maintenance_rate_one_is_refused() -> None:
    net = small_net({"a": Holder({"M": 8.0}, 4096.0, "isolated")})
    with pytest.raises(PolicyError, match="must stay below 1"):
        ConcentrationAddOn(share=0.01, rate=0.99).opening(net)


def test_a_schedule_that_grows_with_size_gets_no_add_on_unless_it_is_named() -> None:
    net = small_net({"a": Holder({"M": 8.0}, 4096.0, "isolated")})
    net = net.replace(schedules=net.schedules.assign(form="linear_in_size"))
    assert ConcentrationAddOn(share=0.01, rate=0.25).opening(net) is net
    with pytest.raises(PolicyError, match="has several tiers"):
        ConcentrationAddOn(share=0.01, rate=0.25, markets=("M",)).opening(net)


@pytest.mark.parametrize("number", WORLDS)
@pytest.mark.parametrize("mode", ["cross", "isolated"])
def test_equity_of_every_owner_and_lots_of_every_market_stay(number: int, mode: str) -> None:
    before = random_world(number, n=40).net
    after = CrossOrIsolated(mode).opening(before)  # type: ignore[arg-type]
    found = []
    for net in (before, after):
        money = opening_account_equity(net) * net.accounts["count"]
        lots = net.positions["quantity"] * net.accounts["count"].loc[net.positions["account"]].to_numpy()
        found.append(
            (money.groupby(net.accounts["owner"]).sum(), lots.groupby(net.positions["market"]).sum())
        )
    for old, new in zip(*found, strict=True):
        assert new.reindex(old.index).fillna(0.0).to_numpy() == pytest.approx(
            old.to_numpy(), rel=1e-9, abs=1e-6
        )


def test_a_cross_account_is_split_by_notional() -> None:
    net = small_net({"a": Holder({"M": 3.0, "N": -1.0}, 800.0, count=2)}, markets={"M": "X", "N": "Y"})
    after = CrossOrIsolated("isolated").opening(net)
    equity = opening_account_equity(after)
    assert equity["a"] == 600.0 and equity["a/N"] == 200.0
    assert after.accounts.loc[["a", "a/N"], "mode"].tolist() == ["isolated", "isolated"]
    assert after.accounts.loc["a/N", "count"] == 2
    assert quantity(after, "a") == {"M": 3.0} and quantity(after, "a/N") == {"N": -1.0}


def test_accounts_of_an_owner_are_joined_and_netted_at_the_mark() -> None:
    holders = {
        "a": Holder({"M": 3.0}, 100.0, "isolated", owner="o", entry=1000.0),
        "b": Holder({"M": -2.0}, 200.0, "isolated", owner="o", entry=1010.0),
        "c": Holder({"M": 1.0}, 300.0, "isolated", owner="p"),
    }
    after = CrossOrIsolated("cross").opening(small_net(holders))
    assert set(after.accounts.index[named(after)]) == {"a", "c"}
    assert after.accounts.loc["a", "mode"] == "cross" and after.accounts.loc["c", "mode"] == "isolated"
    assert quantity(after, "a") == {"M": 1.0}
    assert opening_account_equity(after)["a"] == 100.0 + 3.0 * 24.0 + 200.0 - 2.0 * 14.0


def test_joining_what_was_split_gives_the_first_network_its_positions_back() -> None:
    net = small_net({"a": Holder({"M": 3.0, "N": -1.0}, 800.0)}, markets={"M": "X", "N": "Y"})
    again = CrossOrIsolated("cross").opening(CrossOrIsolated("isolated").opening(net))
    assert quantity(again, "a") == quantity(net, "a")
    assert opening_account_equity(again)["a"] == opening_account_equity(net)["a"]


def test_the_legs_of_strategies_are_neither_split_nor_joined() -> None:
    before = random_world(3, n=40).net
    legs = {"basis", "arb1", "arb2"}
    for mode in ("cross", "isolated"):
        after = CrossOrIsolated(mode).opening(before)  # type: ignore[arg-type]
        for leg in legs:
            assert quantity(after, leg) == quantity(before, leg)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LeverageLimit(-1.0),
        lambda: LeverageLimit(0.0),
        lambda: PositionLimit(share=0.0),
        lambda: PositionLimit(notional=0.0, share=None),
        lambda: LeverageLimit(response="ask"),  # type: ignore[arg-type]
        lambda: PositionLimit(share=None),
        lambda: PositionLimit(of="depth"),  # type: ignore[arg-type]
        lambda: ConcentrationAddOn(share=0.0),
        lambda: ConcentrationAddOn(rate=2.0),
        lambda: CrossOrIsolated("both"),  # type: ignore[arg-type]
    ],
)
def test_limits_that_are_none_are_refused(make: object) -> None:
    with pytest.raises(PolicyError):
        make()  # type: ignore[operator]


def test_who_is_left_owing_without_positions_has_nothing_to_trade_when_called() -> None:
    net = small_net({"a": Holder({"M": 8.0}, -64.0), "b": Holder({"M": -1.0}, 8192.0)})
    accounts = net.accounts
    accounts.loc[["a", "b"], "reaction"] = ["deleverage", "hedge"]
    net = net.replace(accounts=accounts)
    after = LeverageLimit(4.0).opening(net)
    assert quantity(after, "a") == {} and quantity(after, "b") == {"M": -1.0}
    assert after.accounts.loc[["a", "b"], "reaction"].tolist() == ["none", "hedge"]
    assert opening_account_equity(after)["a"] == -64.0
