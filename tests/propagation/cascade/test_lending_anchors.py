"""Spirals of liquidations, their frontier with and without a pool, splitting one: closed forms in the cascade."""

import math
from itertools import pairwise

import pytest

from contagion.propagation.firesales.fixed_spread import (
    qin_two_step,
    toxic_liquidation,
    toxic_liquidation_cpamm,
)
from contagion.results import Run
from tests.propagation.cascade.lending import LOT, Loan, Protocol, fall, lending_net, play

BONUS = 0.0625
WORTH = 7680.0  # ten ether after the fall


def moved(run: Run, account: str, instrument: str, rounds: int) -> float:
    """Units that an account received in the first rounds."""
    rows = run.ledger[(run.ledger["account"] == account) & (run.ledger["instrument"] == instrument)]
    return float(rows.loc[rows["round"] <= rounds, "amount"].sum()) * LOT


def ltv(run: Run, debt: float, rounds: int) -> float:
    """Loan-to-value at constant prices after so many rounds of liquidation."""
    left = debt - moved(run, "a", "money", rounds)
    return left / (WORTH + 768.0 * moved(run, "a", "holding:ETH", rounds))


@pytest.mark.parametrize("debt", [7235.0, 7400.0, 7650.0])
def test_above_the_frontier_repeated_liquidations_follow_the_spiral_down_to_bad_debt(debt: float) -> None:
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -debt})}), fall(0.25))
    pure = toxic_liquidation(WORTH, debt, liquidation_incentive=BONUS, close_factor=0.5, max_steps=50)
    assert debt / WORTH > float(pure.frontier_ltv)
    assert pure.ltv_rises
    for step, after in enumerate(pure.path, 1):
        if not math.isnan(float(after.ltv)) and float(after.collateral) > 20.0:
            assert ltv(run, debt, step) == pytest.approx(float(after.ltv), rel=1e-3)
    assert run.metrics["bad_debt"] == pytest.approx(float(pure.bad_debt), abs=0.01)
    assert run.accounts.loc["a", "closing_equity"] == 0.0


@pytest.mark.parametrize("debt", [6200.0, 6800.0, 7220.0])
def test_below_the_frontier_repeated_liquidations_make_a_loan_healthy(debt: float) -> None:
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -debt})}), fall(0.25))
    pure = toxic_liquidation(WORTH, debt, liquidation_incentive=BONUS, close_factor=0.5, max_steps=50)
    assert debt / WORTH < float(pure.frontier_ltv)
    assert not pure.ltv_rises
    path = [debt / WORTH, *(ltv(run, debt, step) for step in range(1, 1 + int(run.metrics["rounds"])))]
    assert all(later <= earlier for earlier, later in pairwise(path))
    assert path[-1] <= 0.8
    assert run.metrics["bad_debt"] == 0.0


@pytest.mark.parametrize("reserve", [76_800.0, 307_200.0])
@pytest.mark.parametrize("beyond", [-0.004, 0.004])  # of the frontier
def test_against_a_pool_the_frontier_is_lower_by_the_penalty(reserve: float, beyond: float) -> None:
    frontier = float(toxic_liquidation_cpamm(WORTH / reserve, liquidation_incentive=BONUS).frontier_ltv)
    assert frontier < 1.0 / (1.0 + BONUS)
    debt = (frontier + beyond) * WORTH
    pool = {"kind": "pool", "impact": "constant_product", "impact_coefficient": 1.0}
    rules = Protocol(
        {"close_factor": 2.0**-8},
        {"ETH": {"liquidation_threshold": 0.75, "loan_to_value": 0.5, "bonus": BONUS}},
        pool,
        depth=reserve * (1.0 / math.sqrt(1.0 - 2.0**-6) - 1.0),
    )
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -debt})}, rules), fall(0.25), horizon=20.0)
    paths = run.paths[(run.paths["market"] == "ETH-USD") & (run.paths["round"] == 2)]
    price = float(paths["index"].iloc[0])
    assert price < 768.0
    left = debt - moved(run, "a", "money", 1)
    after = left / ((10.0 + moved(run, "a", "holding:ETH", 1)) * price)
    assert (after > debt / WORTH) == (beyond > 0.0)


def test_who_repays_just_short_of_health_first_repays_more_in_two_steps() -> None:
    debt, factor = 6200.0, 0.5
    best = qin_two_step(WORTH, debt, liquidation_threshold=0.8, liquidation_spread=BONUS, close_factor=factor)
    assert best.repay1_within_close_factor
    once = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -debt})}), fall(0.25), horizon=10.0)
    assert moved(once, "a", "money", 1) == pytest.approx(float(best.single_repay), abs=1e-3)
    assert moved(once, "keeper:P", "money", 1) == pytest.approx(float(best.single_profit), abs=1e-3)

    share = float(best.repay1) / debt * (1.0 - 1e-4)  # a hair below health
    first = play(
        lending_net({"a": Loan({"ETH": 10.0, "USD": -debt})}, Protocol({"close_factor": share})),
        fall(0.25),
        horizon=10.0,
    )
    held, owed = 10.0 + moved(first, "a", "holding:ETH", 1), debt - moved(first, "a", "money", 1)
    assert held * 768.0 * 0.8 < owed
    second = play(lending_net({"a": Loan({"ETH": held, "USD": -owed})}), fall(0.25), horizon=10.0)
    repaid = moved(first, "a", "money", 1) + moved(second, "a", "money", 1)
    gained = moved(first, "keeper:P", "money", 1) + moved(second, "keeper:P", "money", 1)
    assert repaid == pytest.approx(float(best.two_step_repay), abs=0.05)
    assert gained == pytest.approx(float(best.two_step_profit), abs=0.05)
    assert repaid > moved(once, "a", "money", 1)
