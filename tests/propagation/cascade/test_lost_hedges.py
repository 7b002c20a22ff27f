"""Hedges of options that are closed by force, and hedgers whose account or owner is gone."""

from __future__ import annotations

import pandas as pd
import pytest

import contagion as ct
from contagion.errors import InputError
from contagion.markets.options import black_scholes
from tests.propagation.cascade.hedgers import LOT, SPOT, STRIKE, VOLATILITY, YEARS, Hedged, gap, hedged_net

WAITING = 1.5 * LOT
STILL = {"impact_coefficient": 0.0}
MODEL = ct.Cascade(step=10.0, horizon=300.0)


def path(*prices: float) -> ct.PricePath:
    """Prices at the opening, and a new one every hundred seconds."""
    times, values = [0.0], [SPOT]
    for j, price in enumerate(prices):
        times += [100.0 * j, 100.0 * j + 10.0] if j else [10.0]
        values += [values[-1], price] if j else [price]
    return ct.PricePath(pd.DataFrame({"X": values}, index=times))


def units(run: ct.Run, kind: str) -> pd.Series:
    """Units bought (sold: negative) by the hedger's account in events of a kind, by time."""
    rows = run.events[(run.events["kind"] == kind) & (run.events["account"] == "hedge")]
    return (rows["lots"] * LOT).groupby(rows["time"]).sum()


def delta(price: float, seconds: float = 0.0) -> float:
    """Of one call, so long after the opening."""
    left = YEARS - seconds / (365.0 * 86_400.0)
    return float(black_scholes("call", price, STRIKE, left, VOLATILITY).delta)


def long_hedge(money: float, **venue: object) -> ct.Network:
    """500 calls written against 240 units of the perpetual, in an account with so much money."""
    net = hedged_net(Hedged(-500.0, kind="perp", hedge=240.0, money=money, market=STILL))
    row = {"name": "P", "mark": "last", **venue}
    return net.replace(venues=[{"name": "O", "margin": "scan"}, row])


def test_who_was_closed_out_does_not_hedge_any_more() -> None:
    # at 90 the 240 units have lost 2,400 of 3,000 and need 1,350: sold, and 600 are left that would margin 48 units
    run = ct.run(long_hedge(3_000.0), path(90.0, 80.0), MODEL)
    assert units(run, "liquidation").to_dict() == {10.0: -240.0}
    assert units(run, "delta_hedge").empty
    assert run.accounts.loc["hedge", "closing_equity"] == pytest.approx(600.0, abs=1e-3)
    assert run.metrics["deferred_notional"] == 0.0
    assert delta(80.0) < delta(90.0) < delta(SPOT)  # it would have sold at both


def test_an_account_in_liquidation_waits_and_hedges_what_it_lost_once_it_is_out() -> None:
    """Partial closing down to twice the requirement: what went by force is bought back when there is margin again."""
    net = long_hedge(3_000.0, procedure="partial", target=2.0, min_clip=0.05, fee=0.0)
    run = ct.run(net, path(90.0, 120.0), MODEL)
    forced, hedged = units(run, "liquidation"), units(run, "delta_hedge")
    assert set(forced.index).isdisjoint(hedged.index)
    # equity 600 at 90 covers twice the requirement of 600 / (2 x 5.625) units: the others are sold
    assert 240.0 + forced.sum() == pytest.approx(600.0 / (2.0 * 90.0 / 16.0), abs=WAITING)
    before = hedged[hedged.index < 110.0]
    # below a requirement of half the margin there is none free to buy with, but delta has fallen: nothing is bought
    assert (before <= 0.0).all()
    at = float(hedged.index.max())
    kept = 240.0 + forced.sum() + hedged.sum()
    # at 120 there is margin for 2 x the equity, but not for the whole hedge: as far as it goes
    price, equity = 120.0, 600.0 + (240.0 + forced.sum() + before.sum()) * 30.0
    wanted = 240.0 + 500.0 * (delta(price, at) - delta(SPOT))
    assert wanted > equity / (price / 8.0)
    assert kept == pytest.approx(equity / (price / 8.0), abs=10.0 * LOT)


def test_a_deleveraged_hedge_is_put_on_again() -> None:
    """Held calls, sold perpetuals: in the fall t goes bankrupt, the winner's hedge is cut and sold anew."""
    net = hedged_net(Hedged(500.0, kind="perp", hedge=-240.0, trader=100.0, market=STILL))
    venues = [{"name": "O", "margin": "scan"}, {"name": "P", "mark": "last", "adl_trigger": "fund"}]
    run = ct.run(net.replace(venues=venues), gap(-0.15), ct.Cascade(step=10.0, horizon=100.0))
    forced, hedged = units(run, "adl"), units(run, "delta_hedge")
    assert forced.to_dict() == {10.0: 100.0}
    last = float(hedged.index.max())
    wanted = 500.0 * (delta(SPOT) - delta(85.0, last))  # bought back as delta falls
    assert hedged.sum() == pytest.approx(wanted - 100.0, abs=2.0 * LOT)  # and the cut part sold again
    assert hedged[20.0] == pytest.approx(-100.0, abs=0.01)


@pytest.mark.parametrize("kind", ["spot", "perp"])
def test_a_failed_owner_does_not_hedge(kind: str) -> None:
    net = hedged_net(Hedged(-500.0, kind=kind, market=STILL))
    prices = path(98.0, 90.0)
    free, failed = (ct.run(net, shock, MODEL) for shock in (prices, prices + ct.Default(["dealer"])))
    times = [run.events.loc[run.events["kind"] == "delta_hedge", "time"].max() for run in (free, failed)]
    assert times[0] >= 110.0
    assert times[1] == 10.0  # the default is settled at the end of the first round


def test_one_hedger_for_each_account_that_hedges() -> None:
    net = hedged_net(Hedged(-500.0, kind="perp"))
    accounts = net.accounts.reset_index().to_dict("records")
    accounts.append({"name": "more", "owner": "dealer", "venue": "O", "reaction": "none"})
    row = {"kind": "hedge", "asset": "X", "short_account": "hedge"}
    rows = [row | {"name": "h", "long_account": "book"}, row | {"name": "i", "long_account": "more"}]
    with pytest.raises(InputError, match="serves 2 hedgers on 'X'") as caught:
        net.replace(accounts=accounts, strategies=rows)
    assert "short_account" in str(caught.value)
