"""What leaves the place in which it began, calculated by hand: a shared chain, frozen money, a local depeg, a mint."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import contagion as ct
from tests.composed import joined
from tests.propagation.cascade.issuers import issuing_net
from tests.propagation.cascade.lending import Loan, Protocol, lending_net
from tests.propagation.cascade.test_frozen_money import net as frozen_net

HOLDERS = {"first": "P", "second": "Q"}
GAS = {"gas_used": 1000.0, "gas_asset": "ETH", "gas_price": 20.0}


def two_on_a_chain(chain: str, busy: int = 5) -> ct.Network:
    """P has `busy` loans of 720 against 1 ETH, Q one of 650; a block of ten seconds holds one liquidation."""
    rules = {
        "full_close_health_factor": 0.95,
        "block_time": 10.0,
        "block_capacity": 1.0,
        "chain": chain,
        **GAS,
    }
    loans = {f"p{k}": Loan({"ETH": 1.0, "USD": -720.0}) for k in range(busy)}
    net = lending_net(loans, Protocol(venue=rules))
    return joined(
        net,
        {
            "nodes": [{"name": "Q", "kind": "protocol", "cash": 1e6}, {"name": "late", "kind": "trader"}],
            "venues": [{"name": "Q", "procedure": "lending", **rules}],
            "collateral": [{**row, "venue": "Q"} for row in net.collateral.to_dict("records")],
            "accounts": [{"name": "late", "owner": "late", "venue": "Q"}],
            "balances": [
                {"account": "late", "asset": "ETH", "quantity": 1.0},
                {"account": "late", "asset": "USD", "quantity": -650.0},
            ],
        },
    )


def at_q(chain: str, busy: int = 5) -> tuple[int, float, float]:
    """Round of the liquidation at Q, gas paid there, bad debt: ETH falls to 768, and to 563.2 after 50 seconds."""
    path = pd.DataFrame({"ETH": [1024.0, 768.0, 768.0, 563.2]}, index=[0.0, 10.0, 40.0, 50.0])
    run = ct.run(two_on_a_chain(chain, busy), ct.PricePath(path), ct.Cascade(step=10.0, horizon=600.0))
    hit = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == "late")]
    gas = run.ledger[(run.ledger["kind"] == "gas") & run.ledger["event"].isin(hit.index)]
    quantum = 2.0 ** float(run.provenance["quantum"].split(" ")[0].removeprefix("2^"))
    paid = quantum * float(gas["amount"][gas["amount"] > 0].sum())
    return int(hit["round"].iloc[0]), paid, float(run.venues.loc["Q", "bad_debt"])


def test_a_busy_protocol_makes_liquidations_of_another_on_its_chain_later_dearer_and_too_late() -> None:
    """Alone Q is served at 768, where 0.8 x 768 covers less than 0.95 of 650 and 650 x 1.0625 is less than 768.

    On one chain the five worse loans of P come first; each full block raises the base fee by an eighth. In round 6 one
    ETH repays 563.2 / 1.0625 only.
    """
    gas = 1000.0 * 20.0e-9 * 768.0
    assert at_q("") == (1, pytest.approx(gas, abs=2.0**-20), 0.0)
    late, paid, bad = at_q("mainnet")
    assert late == 6
    assert paid == pytest.approx(1000.0 * 20.0e-9 * 1.125**5 * 563.2, abs=2.0**-19)
    assert bad == pytest.approx(650.0 - 563.2 / 1.0625, abs=1e-4)
    assert at_q("mainnet", busy=2)[0] == 3
    assert at_q("mainnet", busy=2)[2] == 0.0


def failing(delay: float) -> ct.Network:
    """V fails: it has customer c and market maker T with 100 each, and owes lender B 100 and the world outside 100.

    What it owned is gone with it, the balances of 200 are all that is left for debts of 400.
    """
    net = frozen_net(delay)
    own = net.nodes["external_liabilities"].replace(200.0, 100.0)
    balances = net.balances.assign(quantity=net.balances["quantity"].replace(200.0, 100.0))
    net = net.replace(nodes=net.nodes.assign(external_liabilities=own), balances=balances)
    return joined(
        net,
        {
            "nodes": [{"name": "B", "kind": "institution", "cash": 1.0}, {"name": "c", "kind": "trader"}],
            "accounts": [{"name": "c", "owner": "c", "venue": "V"}],
            "balances": [{"account": "c", "asset": "USD", "quantity": 100.0}],
            "obligations": [{"debtor": "V", "creditor": "B", "amount": 100.0}],
        },
    )


def test_a_failed_exchange_freezes_customers_lenders_and_the_market_maker_who_is_liquidated_elsewhere() -> (
    None
):
    """Everybody loses half. T is called at W for 60: with the 50 it gets it stands at 105 when X is at 925, without at
    55, where 925 / 16 = 57.8 are required."""
    path = pd.DataFrame({"X": [1024.0, 960.0, 960.0, 925.0]}, index=[0.0, 10.0, 110.0, 120.0])
    shock: Any = ct.PricePath(path) + ct.Default(["V"])
    found = {}
    for delay in (0.0, 10_000.0):
        run = ct.run(failing(delay), shock, ct.Cascade(step=10.0, horizon=600.0))
        default = run.events[(run.events["kind"] == "node_default") & (run.events["node"] == "V")]
        assert default["price"].tolist() == [0.5]
        lost = run.losses[run.losses["channel"].isin(["failed venues", "claims"])].set_index("node")["money"]
        assert lost[["B", "T", "c"]].tolist() == [50.0, 50.0, 50.0]
        hit = {
            (source, target): told["weight"]
            for source, target, told in run.contagion_graph().edges(data=True)
            if told["channel"] == "default"
        }
        assert hit == {("V", name): 50.0 for name in ("B", "T", "c")}
        closed = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == "w")]
        found[delay] = (run.metrics["frozen"], closed["time"].tolist(), run.metrics["margin_posted"])
    assert found == {0.0: (0.0, [], 50.0), 10_000.0: (100.0, [120.0], 0.0)}


def depeg_net(oracle: str) -> ct.Network:
    """P and Q lend alike against a stablecoin; P has a thin market of its own, which is not in the index.

    A linear book of 100 within a quarter: 40 coins sold lower its price by 0.25 x 40 / 100 to 0.9.
    """
    book = {"impact": "linear", "permanent_share": 1.0, "capital_exponent": 0.0, "volatility_exponent": 0.0}
    market = {"asset": "S", "kind": "spot", "lot": 2.0**-20, **book}
    return ct.Network(
        nodes=[
            *({"name": name, "kind": "protocol", "cash": 1e6} for name in "PQ"),
            {"name": "E", "kind": "exchange", "cash": 1e6},
            *({"name": name, "kind": "trader"} for name in HOLDERS),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "S", "kind": "token", "price": 1.0},
        ],
        venues=[{"name": "P", "oracle": oracle}, {"name": "Q"}, {"name": "E"}],
        markets=[
            {"name": "E-S", "venue": "E", **market, "impact_coefficient": 0.0},
            {"name": "P-S", "venue": "P", **market, "in_index": False},
        ],
        depth=[
            {"market": name, "side": side, "band": 0.25, "amount": money}
            for name, money in (("E-S", 1e6), ("P-S", 100.0))
            for side in ("bid", "ask")
        ],
        collateral=[{"venue": name, "asset": "S", "liquidation_threshold": 0.9} for name in "PQ"],
        accounts=[
            {"name": n, "owner": n, "venue": venue, "reaction": "none"} for n, venue in HOLDERS.items()
        ],
        balances=[
            row
            for name in HOLDERS
            for row in (
                {"account": name, "asset": "S", "quantity": 10.0},
                {"account": name, "asset": "USD", "quantity": -8.5},
            )
        ],
    )


@pytest.mark.parametrize(("oracle", "closed"), [("local", ["first"]), ("index", [])])
def test_a_depeg_in_one_venues_market_liquidates_there_only(oracle: str, closed: list[str]) -> None:
    """At 0.9 the 10 coins count 8.1 against 8.5: for P, whose oracle is its own market; the index stands at 1."""
    run = ct.run(
        depeg_net(oracle), ct.Attack("S", 40.0, markets=["P-S"]), ct.Cascade(step=10.0, horizon=300.0)
    )
    local = run.paths[run.paths["market"] == "P-S"]
    assert local["last"].iloc[2] == pytest.approx(0.9, abs=1e-6)
    assert (local["index"] == 1.0).all()
    acted = run.events[run.events["kind"] == "liquidation"]["account"].unique().tolist()
    assert acted == closed
    assert run.markets.loc["E-S", "outside_price"] == 1.0


def test_an_unbacked_mint_halves_what_others_have_pledged() -> None:
    """100 tokens backed by 100; 100 more that nobody backs: a half each. 40 pledged at 0.9 count 36 against 24, then
    18."""
    net = issuing_net(
        {"A": (100.0, 0.0, {})},
        {"a": 60.0},
        nodes=[{"name": "m", "kind": "trader"}],
        accounts=[{"name": "m", "owner": "m", "venue": "V", "reaction": "none"}],
        balances=[
            {"account": "m", "asset": "a", "quantity": 40.0},
            {"account": "m", "asset": "USD", "quantity": -24.0},
        ],
        collateral=[{"venue": "V", "asset": "a", "weight": 0.9}],
    )
    run = ct.run(net, ct.Mint("a", 100.0, at=0.0), ct.Cascade(step=10.0, horizon=300.0))
    issuer = run.events[run.events["kind"] == "issuer"].iloc[0]
    assert issuer["price"] == pytest.approx(0.5, abs=1e-9)
    hit = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == "m")].iloc[0]
    assert hit["round"] == issuer["round"] + 1
    assert hit["price"] == pytest.approx(0.5, rel=1e-3)
    lost = run.losses[run.losses["channel"] == "issuers"].groupby("node")["money"].sum()
    assert lost["h"] == pytest.approx(30.0, abs=1e-6)
    assert ct.run(net, ct.Mint("a", 0.0), ct.Cascade(step=10.0, horizon=300.0)).metrics["issuer_loss"] == 0.0
