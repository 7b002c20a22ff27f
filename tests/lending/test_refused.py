"""Bad input of every lending rule is refused by the name of its key, with what would be accepted."""

import math

import numpy as np
import pytest

from contagion import lending
from contagion.errors import InputError, PolicyError

CLOSING = {"close_factor": 0.5, "full_close_health_factor": 0.95, "small_position": 2000}
HELD = {"collateral_amount": 10, "collateral_price": 1000, "debt_amount": 9000, "debt_price": 1}
LEG = {"symbol": "ETH", "amount": 1, "price": 1}
GOOD = {
    "aave_health_factor": {
        "collaterals": [LEG],
        "debts": [{**LEG, "symbol": "D"}],
        "liquidation_thresholds": {"ETH": 0.8},
        "loan_to_values": {"ETH": 0.75},
    },
    "aave_close_factor": {
        "health_factor": 0.97,
        "collateral_value": 5,
        "debt_value": 5,
        "version": "v3.3",
        **CLOSING,
    },
    "aave_max_repay": {"debts": [1, 2], "debt_index": 0, "version": "v3", "close_factor": 0.5},
    "aave_partial_limits": {"collateral_value": 1, "debt_value": 1, "min_leftover": 1},
    "aave_liquidation": {
        **HELD,
        "requested_repay": None,
        "version": "v3.3",
        "liquidation_threshold": 0.8,
        "liquidation_bonus": 0.05,
        "protocol_fee": 0.1,
        **CLOSING,
        "min_leftover": 1000,
        "other_collateral_value": 1,
        "other_collateral_threshold": 0.5,
        "other_debt_value": 1,
    },
    "aave_liquidation_price": {"collateral_amount": 1, "debt_value": 1, "liquidation_threshold": 0.5},
    "leverage_loop": {"loan_to_value": 0.5, "liquidation_threshold": 0.75},
    "compound_v2_liquidation": {
        **HELD,
        "collateral_factor": 0.75,
        "close_factor": 0.5,
        "liquidation_incentive": 1.08,
    },
    "comet_absorb": {
        "debt": 10,
        "collaterals": [{"symbol": "ETH", "value": 9}],
        "liquidate_factors": {"ETH": 0.8},
        "liquidation_factors": {"ETH": 0.9},
        "store_front_price_factor": 0.5,
    },
    "comet_quote_collateral": {
        "base_amount": 1,
        "asset_price": 1,
        "base_price": 1,
        "store_front_price_factor": 0.5,
        "liquidation_factor": 0.9,
    },
    "maker_dutch_auction": {"time_s": 1, "shape": "stairstep", "top_price": 1, "cut": 0.9, "step_s": 1},
    "maker_time_to_par": {"buffer": 1.3, "cut": 0.99, "step_s": 90},
    "maker_flip_auction": {"lot": 1, "oracle_price": 1, "debt": 1, "winning_bid": 1, "penalty": 0.1},
    "liquity_stability_pool": {"deposits": [1], "debts": [1], "collaterals": [1], "price": 1},
    "liquity_liquidation": {
        "pool": 1,
        "collateral": 1,
        "debt": 1,
        "price": 1,
        "other_collaterals": [1],
        "other_debts": [1],
        "mode": "normal",
        "minimum_ratio": 1.1,
        "gas_fraction": 0.005,
    },
    "llamma_bands": {"band": 1, "A": 100, "base_price": 1},
    "llamma_band_state": {"oracle_price": 1, "price_up": 1, "x": 1, "y": 1, "A": 100},
    "keeper_profit": {
        "repay_value": 1,
        "gas_used": 1,
        "gas_price_gwei": 1,
        "eth_price": 1,
        "liquidation_bonus": 0.05,
        "slippage": 0.01,
        "flash_fee": 0,
        "min_profit": 0,
    },
}
SIGNED = {("llamma_bands", "band"), ("keeper_profit", "min_profit")}
ENDLESS = {"health_factor", "requested_repay"}
ONE_NUMBER = {"aave_max_repay", "liquity_stability_pool"}
NUMBERS = [
    (name, key)
    for name, keys in GOOD.items()
    for key, value in keys.items()
    if isinstance(value, (int, float)) or key == "requested_repay"
]
POSITIVE = [
    ("aave_liquidation", "collateral_price"),
    ("aave_liquidation", "debt_price"),
    ("compound_v2_liquidation", "collateral_price"),
    ("compound_v2_liquidation", "debt_price"),
    ("comet_quote_collateral", "asset_price"),
    ("comet_quote_collateral", "base_price"),
    ("maker_dutch_auction", "top_price"),
    ("maker_dutch_auction", "step_s"),
    ("maker_dutch_auction", "cut"),
    ("maker_time_to_par", "cut"),
    ("maker_flip_auction", "oracle_price"),
    ("liquity_stability_pool", "price"),
    ("liquity_liquidation", "price"),
    ("llamma_bands", "base_price"),
    ("llamma_band_state", "oracle_price"),
    ("llamma_band_state", "price_up"),
    ("keeper_profit", "eth_price"),
]


def call(name, **changes):
    return getattr(lending, name)(**{**GOOD[name], **changes})


def test_every_rule_is_listed_here_and_takes_its_good_input():
    assert set(GOOD) == set(lending.__all__)
    for name in GOOD:
        assert call(name) is not None


@pytest.mark.parametrize(("name", "key"), NUMBERS)
def test_a_number_that_is_negative_missing_or_no_number_is_refused(name, key):
    for value in (
        math.nan,
        -math.inf,
        "1",
        True,
        [1, None],
        [[1], [1, 2]],
        *([] if (name, key) in SIGNED else [-1]),
    ):
        with pytest.raises(InputError, match=key):
            call(name, **{key: value})
    if key not in ENDLESS:
        with pytest.raises(InputError, match=key):
            call(name, **{key: math.inf})


@pytest.mark.parametrize(("name", "key"), POSITIVE)
def test_a_price_or_step_of_zero_is_refused(name, key):
    with pytest.raises(InputError, match=rf"{key}.*> 0"):
        call(name, **{key: 0})


@pytest.mark.parametrize(("name", "key"), [pair for pair in NUMBERS if pair[0] not in ONE_NUMBER])
def test_shapes_that_do_not_fit_are_refused(name, key):
    other = next(second for first, second in NUMBERS if first == name and second != key)
    first, second = (1.0 if GOOD[name][k] is None else GOOD[name][k] for k in (key, other))
    with pytest.raises(InputError, match="shapes"):
        call(name, **{key: np.full(2, first), other: np.full(3, second)})


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("aave_close_factor", {"close_factor": 0}, "close_factor"),
        ("aave_max_repay", {"close_factor": 1.5}, "close_factor"),
        ("aave_liquidation", {"close_factor": [0.5, 0]}, "close_factor"),
        ("compound_v2_liquidation", {"close_factor": 0}, "close_factor"),
        ("aave_liquidation", {"liquidation_bonus": 0.25}, "liquidation_bonus"),
        ("compound_v2_liquidation", {"collateral_factor": 0.8, "liquidation_incentive": 1.25}, "incentive"),
        ("aave_health_factor", {"liquidation_thresholds": {"ETH": 0.7}}, "loan_to_value"),
        ("leverage_loop", {"liquidation_threshold": 0.4}, "loan_to_value"),
        ("comet_quote_collateral", {"store_front_price_factor": 1, "liquidation_factor": 0}, "discount"),
        ("maker_dutch_auction", {"oracle_price": 1}, "top_price"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused_as_a_policy(name, changes, says):
    with pytest.raises(PolicyError, match=says):
        call(name, **changes)


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("aave_close_factor", {"version": "v4"}, "version.*v3.3"),
        ("aave_liquidation", {"version": 3}, "version"),
        ("aave_max_repay", {"version": "3.3"}, "version.*v3.3"),
        ("maker_dutch_auction", {"shape": "stairs"}, "shape.*stairstep"),
        ("liquity_liquidation", {"mode": "recover"}, "mode.*recovery"),
        ("aave_health_factor", {"liquidation_thresholds": {"eth": 0.8}}, "ETH.*liquidation_thresholds"),
        ("aave_health_factor", {"liquidation_thresholds": 0.8}, "liquidation_thresholds"),
        ("aave_health_factor", {"loan_to_values": {}}, "loan_to_values"),
        ("aave_health_factor", {"collaterals": LEG}, "collaterals"),
        ("aave_health_factor", {"collaterals": [1]}, r"collaterals\[0\]"),
        ("aave_health_factor", {"collaterals": [{**LEG, "symbol": 1}]}, r"collaterals\[0\].symbol"),
        ("aave_health_factor", {"collaterals": [{**LEG, "price": 0}]}, r"collaterals\[0\].price"),
        ("aave_health_factor", {"debts": [{"symbol": "D", "amount": 1}]}, r"debts\[0\].*price"),
        ("aave_health_factor", {"debts": [{**LEG, "amount": -1}]}, r"debts\[0\].amount"),
        ("aave_health_factor", {"debts": [{**LEG, "amount": [1, 2], "price": [1, 2, 3]}]}, "shapes"),
        ("comet_absorb", {"liquidate_factors": {}}, "liquidate_factors"),
        ("comet_absorb", {"liquidation_factors": {"ETH": 1.1}}, "liquidation_factors"),
        ("comet_absorb", {"collaterals": [{"symbol": "ETH"}]}, "value"),
        ("aave_liquidation", {"min_leftover": None}, "min_leftover.*v3.3"),
        ("aave_liquidation", {"close_factor": None}, "close_factor.*v3.3"),
        ("aave_max_repay", {"debts": np.ones((3, 2)), "close_factor": [0.5, 0.5]}, "shapes"),
        ("liquity_stability_pool", {"debts": [1, 2]}, "collaterals"),
        ("comet_absorb", {"debt": [1, 2], "collaterals": [{"symbol": "ETH", "value": [1, 1, 1]}]}, "shapes"),
        ("liquity_liquidation", {"pool": [1, 2], "debt": [1, 2, 3]}, "shapes"),
        ("aave_max_repay", {"debt_index": 2}, "debt_index.*0 to 1"),
        ("aave_max_repay", {"debt_index": -1}, "debt_index"),
        ("aave_max_repay", {"debt_index": 0.5}, "debt_index"),
        ("aave_max_repay", {"debts": [], "debt_index": 0}, "debt_index"),
        ("leverage_loop", {"loan_to_value": 1, "liquidation_threshold": 1}, "loan_to_value.*< 1"),
        ("compound_v2_liquidation", {"liquidation_incentive": 0.9}, "liquidation_incentive"),
        ("maker_dutch_auction", {"top_price": None}, "oracle_price.*top_price"),
        ("maker_dutch_auction", {"top_price": None, "oracle_price": 1}, "buffer"),
        ("maker_dutch_auction", {"cut": None}, "cut.*stairstep"),
        ("maker_dutch_auction", {"shape": "linear"}, "tau_s.*linear"),
        ("maker_dutch_auction", {"cut": 1.1}, "cut"),
        ("maker_time_to_par", {"cut": 1}, "cut.*< 1"),
        ("liquity_stability_pool", {"deposits": 1}, "deposits"),
        ("liquity_liquidation", {"other_debts": [1, 2]}, "other_debts"),
        ("liquity_liquidation", {"other_debts": 1, "other_collaterals": 1}, "other_debts"),
        ("liquity_liquidation", {"minimum_ratio": 0.9}, "minimum_ratio"),
        ("liquity_liquidation", {"total_ratio": 0}, "total_ratio"),
        ("liquity_liquidation", {"gas_fraction": 1.1}, "gas_fraction"),
        ("llamma_bands", {"band": 0.5}, "band.*whole"),
        ("llamma_bands", {"A": 1}, "A.*> 1"),
        ("keeper_profit", {"slippage": 1.1}, "slippage"),
    ],
)
def test_words_rows_and_ranges_are_refused_by_name(name, changes, says):
    with pytest.raises(InputError, match=says):
        call(name, **changes)
