"""A value in a column that nothing reads is refused, with the row, the column and a remedy; policies clean up."""

from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import InputError, NetworkError, PolicyError
from tests.propagation.cascade.lending import Loan, Protocol, lending_net
from tests.propagation.cascade.small import Holder, Rules, small_net

LOAN = {"a": Loan({"ETH": 10.0, "USD": -5000.0})}
TRADER = {"a": Holder({"M": 1.0}, 1000.0)}

AT_LENDERS = [
    ("fee", 0.01),
    ("adl_trigger", "fund"),
    ("adl_rank", "binance"),
    ("mark", "last"),
    ("mark_weight", 0.25),
    ("mid_weight", 2.0),
    ("funding_clamp", 0.001),
    ("portfolio_offset", 0.5),
    ("throughput", 100.0),
    ("target", 2.0),
    ("clip_wait", 60.0),
    ("auction_cut", 0.9),
    ("auction_keepers", 3),
    ("margin", "scan"),
    ("scan_range", 0.2),
    ("chain", "mainnet"),
]
AT_EXCHANGES = [
    ("close_factor", 0.25),
    ("full_close_health_factor", 0.95),
    ("protocol_fee", 0.1),
    ("min_leftover", 10.0),
    ("write_off", False),
    ("auction_kind", "flip"),
    ("auction_penalty", 0.2),
    ("min_profit", 1.0),
    ("gas_used", 1e5),
    ("gas_price", 50.0),
    ("gas_asset", "X"),
    ("target", 2.0),
    ("step_size", 10.0),
    ("adl_rank", "binance"),
    ("adl_price", "mark"),
    ("rank_interval", 60.0),
    ("adl_window", 60.0),
    ("scan_range", 0.2),
    ("scan_volatility_up", 0.1),
    ("scan_volatility_down", 0.1),
    ("scan_extreme", 0.5),
    ("scan_extreme_share", 0.5),
    ("short_minimum", 0.03),
    ("model_penalty", 0.05),
    ("chain", "mainnet"),
]


@pytest.mark.parametrize(("column", "value"), AT_LENDERS)
def test_what_a_lending_protocol_does_not_read_is_refused(column: str, value: Any) -> None:
    with pytest.raises(PolicyError, match=rf"venues row 1, column {column}, 'P': .* is not read: .*leave it"):
        lending_net(LOAN, Protocol({column: value}))


@pytest.mark.parametrize(("column", "value"), AT_EXCHANGES)
def test_what_an_exchange_does_not_read_is_refused(column: str, value: Any) -> None:
    extra = {"gas_asset": "X"} if column == "gas_used" else {}
    with pytest.raises(PolicyError, match=rf"venues row 1, column {column}, 'V': .* is not read: .*leave it"):
        small_net(TRADER, Rules({column: value, **extra}))


@pytest.mark.parametrize(
    ("rules", "column"),
    [
        ({"procedure": "okx", "first_clip": 0.5}, "first_clip"),
        ({"procedure": "partial", "clip_wait": 60.0}, "clip_wait"),
        ({"adl_trigger": "fund", "adl_ratio": 0.5}, "adl_ratio"),
        ({"mark": "index", "mark_weight": 0.25}, "mark_weight"),
        ({"funding_rule": "binance", "funding_cap": 0.01}, "funding_cap"),
        ({"margin": "scan", "portfolio_offset": 0.5}, "portfolio_offset"),
    ],
)
def test_what_another_word_of_the_row_leaves_unread_is_refused(rules: dict[str, Any], column: str) -> None:
    with pytest.raises(PolicyError) as caught:
        small_net(TRADER, Rules(rules))
    assert "unread" in caught.value.issues["code"].tolist()
    assert f"column {column}" in str(caught.value)


def test_blocks_that_take_no_time_have_no_capacity() -> None:
    with pytest.raises(
        PolicyError,
        match=r"row 1, column block_capacity, 'V': 2\.0 is not read: the block_time is 0\.0; .*leave it empty",
    ):
        small_net(TRADER, Rules({"block_capacity": 2.0}))
    with pytest.raises(PolicyError, match="column block_capacity, 'P'"):
        lending_net(LOAN, Protocol({"block_capacity": 2.0}))
    small_net(TRADER, Rules({"block_capacity": 2.0, "block_time": 12.0}))


def test_rising_bids_read_no_falling_price() -> None:
    auction = {"procedure": "auction", "auction_kind": "flip"}
    lending_net(LOAN, Protocol({**auction, "auction_tail": 60.0, "auction_penalty": 0.1}))
    with pytest.raises(PolicyError, match="auction_buffer"):
        lending_net(LOAN, Protocol({**auction, "auction_buffer": 1.5}))


def test_a_falling_price_counts_no_keepers() -> None:
    with pytest.raises(PolicyError, match="column auction_keepers, 'P': 0 is not read"):
        lending_net(LOAN, Protocol({"procedure": "auction", "auction_keepers": 0}))


def test_dear_gas_that_nobody_pays_is_refused_before_the_run() -> None:
    with pytest.raises(NetworkError, match="no venue of the network pays for gas"):
        ct.run(lending_net(LOAN), ct.GasShock(2.0))
    ct.run(lending_net(LOAN), ct.GasShock(1.0), ct.Cascade(step=10.0, horizon=10.0))


def test_gas_needs_the_coin_that_pays_for_it() -> None:
    with pytest.raises(PolicyError, match=r"gas_used.*gas_asset") as caught:
        lending_net(LOAN, Protocol({"gas_used": 450_000.0}))
    assert caught.value.issues["code"].tolist() == ["no-gas-asset"]
    lending_net(LOAN, Protocol({"gas_used": 450_000.0, "gas_asset": "ETH"}))


def test_a_venue_that_lends_trades_no_perpetual() -> None:
    net = small_net(TRADER)
    protocol = net.nodes["kind"].where(net.nodes.index != "V", "protocol")
    with pytest.raises(NetworkError, match="closes no positions"):
        net.replace(nodes=net.nodes.assign(kind=protocol), venues=[{"name": "V", "procedure": "lending"}])


def test_nobody_queues_for_profits_at_a_protocol() -> None:
    with pytest.raises(PolicyError, match="takes nothing at a protocol"):
        lending_net(LOAN, Protocol({"residual": "profit_queue"}))


def test_another_procedure_takes_the_old_ones_parameters_away() -> None:
    net = small_net(TRADER, Rules({"procedure": "hyperliquid", "clip_wait": 60.0, "first_clip": 0.5}))
    okx = ct.policies.Procedure("okx").opening(net).venues.loc["V"]
    assert (okx["procedure"], okx["clip_wait"], okx["first_clip"]) == ("okx", 60.0, 0.2)
    sold = ct.PartialLiquidation(target=2.0).opening(net).venues.loc["V"]
    assert (sold["procedure"], sold["target"], sold["clip_wait"]) == ("partial", 2.0, 30.0)


def test_without_deleveraging_its_parameters_go() -> None:
    rules = {"adl_trigger": "pool", "adl_ratio": 0.1, "adl_rank": "binance", "rank_interval": 60.0}
    net = small_net(TRADER, Rules(rules))
    for policy in (ct.SocialisedLoss(), ct.AutoDeleveraging(trigger="none")):
        venue = policy.opening(net).venues.loc["V"]
        found = [venue[name] for name in ("adl_trigger", "adl_ratio", "adl_rank", "rank_interval")]
        assert found == ["", 0.3, "bitmex", 0.0]


@pytest.mark.parametrize("name", sorted(ct.margin.rulebooks.RULEBOOKS))
@pytest.mark.parametrize("before", ["hyperliquid", "increments", "dydx"])
def test_every_rulebook_follows_every_procedure(name: str, before: str) -> None:
    given = {
        "hyperliquid": {"first_clip": 0.5, "mark_weight": 0.25, "mark": "weighted"},
        "increments": {"step_size": 10.0, "adl_trigger": "pool", "adl_window": 60.0},
        "dydx": {"spread_to_maintenance": 0.5, "adl_trigger": "fund", "rank_interval": 60.0},
    }
    net = small_net(TRADER, Rules({"procedure": before, **given[before]}))
    venue = ct.policies.Rulebook(name).opening(net).venues.loc["V"]
    assert {column: venue[column] for column in ct.rulebook(name)} == dict(ct.rulebook(name))


def test_an_auction_takes_close_factors_away_and_a_close_factor_needs_loans_that_have_one() -> None:
    rules = Protocol({"close_factor": 0.25, "full_close_health_factor": 0.95, "protocol_fee": 0.1})
    auctioned = ct.Auction(kind="flip", tail=60.0).opening(lending_net(LOAN, rules))
    venue = auctioned.venues.loc["P"]
    assert (venue["close_factor"], venue["protocol_fee"]) == (0.5, 0.0)
    assert np.isnan(venue["full_close_health_factor"])
    with pytest.raises(PolicyError, match="it acts on venues with procedure lending"):
        ct.CloseFactor().opening(auctioned)


def test_policies_for_positions_leave_lenders_alone_unless_they_name_them() -> None:
    net = lending_net(LOAN)
    for policy in (
        ct.AutoDeleveraging(),
        ct.policies.FeeSplit(fee=0.01, to_fund=0.5),
        ct.PartialLiquidation(),
    ):
        assert policy.opening(net).venues.loc["P", "procedure"] == "lending"
    for named in (ct.AutoDeleveraging(venues=("P",)), ct.policies.FeeSplit(fee=0.01, venues=("P",))):
        with pytest.raises(InputError, match=r"'P': .* is not read"):
            named.opening(net)


@pytest.mark.parametrize(
    ("column", "value"),
    [("oracle", "local"), ("oracle_lag", 600.0), ("oracle_threshold", 0.01), ("oracle_heartbeat", 60.0)],
)
def test_an_oracle_of_no_coin_is_found(column: str, value: Any) -> None:
    found = small_net(TRADER, Rules({column: value})).check()
    [row] = found[found["code"] == "unread"].itertuples()
    assert (row.severity, row.table, row.row) == ("warning", "venues", 1)
    assert f"{column} is not read" in row.remedy and "'V'" in row.remedy
    assert "unread" not in small_net(TRADER).check()["code"].tolist()
    loan = lending_net(LOAN, Protocol({} if column == "oracle" else {column: value}))
    assert "unread" not in loan.check()["code"].tolist()


def test_a_schedule_at_a_venue_that_scans_is_refused_by_row() -> None:
    market = {"name": "P", "venue": "V", "asset": "X", "kind": "perp", "schedule": "s"}
    tables = {
        "nodes": [{"name": "V", "kind": "exchange"}],
        "assets": [{"name": "USD", "kind": "currency", "price": 1.0}, {"name": "X", "price": 8.0}],
        "schedules": [{"name": "s"}],
        "tiers": [{"schedule": "s", "floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.05}],
    }
    with pytest.raises(InputError, match=r"markets row 1, column schedule.*'V' asks margin by scan.*empty"):
        ct.Network(**tables, markets=[market], venues=[{"name": "V", "margin": "scan"}])
    ct.Network(**tables, markets=[market], venues=[{"name": "V"}])
    ct.Network(**tables, markets=[market | {"schedule": ""}], venues=[{"name": "V", "margin": "scan"}])
