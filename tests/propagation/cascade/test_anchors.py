"""Anchors of the cascade chapter, section 6: closed forms, negative controls, and the limits of each."""

from __future__ import annotations

import numpy as np
import pytest

import contagion as ct
from contagion.propagation.clearing import eisenberg_noe
from contagion.propagation.firesales.closed_forms import borel_cascade, discrete_cascade, linear_cascade
from tests.propagation.cascade.books import PRICE, one_market

TRIGGERS = (960.0, 952.0, 941.0, 939.0, 928.0, 910.0, 885.0, 850.0)
SIZES = (40.0, 25.0, 60.0, 30.0, 55.0, 80.0, 100.0, 120.0)
BOOK = tuple(zip(SIZES, TRIGGERS, strict=True))
SHOCK = ct.PriceShock({"X": -0.0625})  # to 960
FUNDED = {"insurance_fund": 1e9}
GAP = ct.PriceShock({"X": -0.0625}, over=0.0)


def kappa(depth: float, price: float) -> float:
    """Fall of the price per unit sold into the linear book at the shocked price."""
    return 2.0**-6 * price * price / depth


def end(run: ct.Run) -> tuple[float, set[str]]:
    """Closing price of the perp and who was closed."""
    closed = run.accounts.index[run.accounts["closed_at"].notna()]
    return float(run.markets.loc["M", "closing_price"]), set(closed)


@pytest.mark.parametrize("form", ["linear", "exponential"])
@pytest.mark.parametrize("strength", [0.01, 0.05, 0.1, 0.2, 0.4])
def test_discrete_accounts_reach_the_least_fixed_point(form: str, strength: float) -> None:
    """The static cascade ends where the closed form of discrete triggers ends."""
    start = PRICE * (1.0 - 0.0625)
    depth = 2.0**-6 * start * start / strength
    net = one_market(BOOK, depth=depth, market={"impact": form}, venue=FUNDED)
    price, closed = end(ct.run(net, SHOCK, ct.Cascade.static()))
    impact = strength if form == "linear" else strength / start
    expected = discrete_cascade(TRIGGERS, SIZES, start, impact=impact, impact_form=form)
    assert closed == {f"a{i:04d}" for i in expected.liquidated}
    assert price == pytest.approx(expected.final_price, rel=1e-6)


@pytest.mark.parametrize("density", [0.0, 0.2, 0.5, 0.8])
def test_uniform_density_falls_by_the_geometric_sum(density: float) -> None:
    """Liquidations of uniform density rho: total fall s / (1 - kappa rho), up to one account's share."""
    start, n, spacing = PRICE * (1.0 - 0.0625), 3000, 0.125
    strength = 0.02
    size = density / strength * spacing
    triggers = PRICE - spacing * np.arange(1, n + 1)
    book = [(size, float(t)) for t in triggers] if size else [(1.0, 1.0)]
    depth = 2.0**-6 * start * start / strength
    run = ct.run(one_market(book, depth=depth, venue=FUNDED), SHOCK, ct.Cascade.static())
    expected = linear_cascade(start - PRICE, impact_per_unit=strength, liquidation_density=size / spacing)
    price, _ = end(run)
    assert PRICE - price == pytest.approx(-expected.total_move, abs=2 * spacing / (1.0 - density) + 1e-6)


def test_at_a_branching_ratio_of_one_every_account_is_closed() -> None:
    """Above criticality nothing stops the fall before the book of accounts ends."""
    start, spacing, strength = PRICE * (1.0 - 0.0625), 0.5, 0.02
    book = [(1.05 / strength * spacing, float(PRICE - spacing * (k + 1))) for k in range(600)]
    net = one_market(book, depth=2.0**-6 * start * start / strength, venue=FUNDED)
    _, closed = end(ct.run(net, SHOCK, ct.Cascade.static()))
    assert len(closed) == 600


def test_random_cascades_have_borel_cluster_sizes() -> None:
    """One closed account closes a Poisson number of others: cluster sizes follow Borel's law."""
    n, runs, branching = 4000, 400, 0.5
    rng = np.random.default_rng(7)
    size, strength = 1.0, 1e-5
    start = PRICE * (1.0 - 0.0625)
    depth = 2.0**-6 * start * start / strength
    reach = (
        n * size * strength / branching
    )  # triggers uniform: each sale of `size` covers `branching` of them on average
    clusters = []
    for _ in range(runs):
        triggers = np.sort(start - reach * rng.random(n))[::-1]
        triggers = np.concatenate([[start + 1.0], triggers])
        sold, found = 1, 1
        while found < len(triggers) and triggers[found] > start - strength * size * sold:
            found += 1
            sold = found
        clusters.append(found)
    law = borel_cascade(branching_ratio=branching)
    assert np.mean(clusters) == pytest.approx(law.mean, abs=4 * np.sqrt(law.variance / runs))
    triggers = np.concatenate([[start + 1.0], np.sort(start - reach * rng.random(200) * 200 / n)[::-1]])
    net = one_market([(size, float(t)) for t in triggers], depth=depth, venue=FUNDED)
    expected = discrete_cascade(
        triggers, np.ones(len(triggers)), start, impact=strength, impact_form="linear"
    )
    _, closed = end(ct.run(net, SHOCK, ct.Cascade.static()))
    assert len(closed) == len(expected.liquidated)


def static_end(net: ct.Network, *policies: ct.Policy) -> tuple[bytes, ...]:
    """Bits of the end of a static run: positions, cash, displacement."""
    prepared = ct.Cascade.static().prepare(net, policies)
    state = prepared.simulate(SHOCK)
    markets = [
        state.markets[name].tobytes() for name in ("permanent", "last", "provider_lots", "provider_cash")
    ]
    return (state.quantity.tobytes(), state.cash.tobytes(), state.node_cash.tobytes(), *markets)


HALT_ALL = ct.Halt(drop=0.01, window=np.inf, length=30.0, scope="all")


def test_in_the_static_limit_a_halt_of_all_markets_changes_nothing() -> None:
    """Negative control, bit for bit."""
    net = one_market(BOOK, depth=2.0**16, venue=FUNDED)
    run = ct.run(net, SHOCK, ct.Cascade.static(), [HALT_ALL])
    assert run.metrics["halted_seconds"] > 0
    assert static_end(net, HALT_ALL) == static_end(net)


def test_with_recovery_a_halt_lowers_the_end() -> None:
    """The negative control fails, as it should, once displacement decays."""
    net = one_market(
        BOOK, depth=2.0**16, market={"permanent_share": 0.0, "impact_half_life": 60.0}, venue=FUNDED
    )
    plain = ct.run(net, GAP, ct.Cascade(step=10.0))
    halted = ct.run(net, GAP, ct.Cascade(step=10.0), [ct.Halt(drop=0.07, window=np.inf, length=300.0)])
    assert halted.metrics["halted_seconds"] > 0
    assert halted.metrics["liquidated_notional"] < plain.metrics["liquidated_notional"]


def test_with_top_ups_a_halt_changes_the_end() -> None:
    """The clock of margin calls breaks the negative control."""
    net = one_market(BOOK, depth=2.0**16, venue={**FUNDED, "call_ratio": 2.0, "call_delay": 60.0}, cash=1e6)
    tiers = [{"schedule": "s", "floor": 0.0, "initial_rate": 0.05, "maintenance_rate": 0.02}]
    accounts = net.accounts.assign(reaction="top_up", response=1.0)
    accounts.loc["rest_of_market:V", "reaction"] = "none"
    balances = net.balances.assign(quantity=net.balances["quantity"] * 1.4)
    called = net.replace(tiers=tiers, accounts=accounts, balances=balances)
    gentle = ct.PriceShock({"X": -0.08}, over=60.0)
    plain = ct.run(called, gentle, ct.Cascade(step=10.0))
    halted = ct.run(called, gentle, ct.Cascade(step=10.0), [ct.Halt(drop=0.005, window=np.inf, length=600.0)])
    assert plain.metrics["margin_called"] > 0
    assert halted.metrics["liquidated_notional"] != plain.metrics["liquidated_notional"]


def test_with_partial_closing_a_halt_changes_the_end() -> None:
    """Path-dependent closing breaks the negative control: during a halt outside prices fall on."""
    venue = {**FUNDED, "procedure": "partial", "target": 1.5, "min_clip": 0.1}
    net = one_market(BOOK, depth=2.0**18, venue=venue)
    tiers = [{"schedule": "s", "floor": 0.0, "initial_rate": 0.05, "maintenance_rate": 0.02}]
    net = net.replace(tiers=tiers)
    slow = ct.PriceShock({"X": -0.0625}, over=600.0)
    plain = ct.run(net, slow, ct.Cascade(step=10.0))
    halted = ct.run(net, slow, ct.Cascade(step=10.0), [ct.Halt(drop=0.01, window=np.inf, length=300.0)])
    assert end(plain) != end(halted)


def test_with_clocked_arbitrage_a_halt_changes_the_end() -> None:
    """While one market is halted, arbitrage between the others goes on: waiting is not neutral."""
    net = three_venues()
    plain = ct.run(net, GAP, ct.Cascade(step=10.0, stages=("arbitrage", "defaults")))
    halt = ct.Halt(drop=0.07, window=np.inf, length=120.0, markets=("M",))
    halted = ct.run(net, GAP, ct.Cascade(step=10.0, stages=("arbitrage", "defaults")), [halt])
    assert halted.metrics["halted_seconds"] > 0
    assert (plain.events["kind"] == "arbitrage").any()
    assert end(plain) != end(halted)


def three_venues() -> ct.Network:
    """The one-market book, two more venues, and arbitrageurs between neighbours."""
    net = one_market(BOOK, depth=2.0**16, venue=FUNDED)
    tables = {
        name: (frame.reset_index() if frame.index.name else frame).to_dict("records")
        for name, frame in net.tables.items()
    }
    venue, market = tables["venues"][0], tables["markets"][0]
    depth = list(tables["depth"])
    for other, name in (("W", "N"), ("Z", "O")):
        tables["nodes"].append({**tables["nodes"][0], "name": other, "kind": "exchange", "cash": 1e9})
        tables["venues"].append({**venue, "name": other})
        tables["markets"].append({**market, "name": name, "venue": other})
        tables["depth"] += [{**row, "market": name} for row in depth]
    tables["strategies"] = []
    for k, (one, two) in enumerate((("V", "W"), ("W", "Z"))):
        tables["nodes"].append({**tables["nodes"][0], "name": f"arb{k}", "kind": "institution", "cash": 1e6})
        for place in (one, two):
            account = f"arb{k}{place}"
            row = {
                "owner": f"arb{k}",
                "venue": place,
                "mode": "cross",
                "count": 1,
                "reaction": "none",
                "response": 0.0,
            }
            tables["accounts"].append({"name": account, **row})
            tables["balances"].append({"account": account, "asset": "USD", "quantity": 1e5})
        legs = {"long_account": f"arb{k}{one}", "short_account": f"arb{k}{two}"}
        tables["strategies"].append(
            {"name": f"s{k}", "kind": "arbitrage", **legs, "asset": "X", "rate": 0.005, "capital": 1e6}
        )
    return net.replace(**{name: rows for name, rows in tables.items() if rows})


def test_arbitrage_narrows_the_gap_between_venues() -> None:
    """With capital at work the venues end closer together than without."""
    net = three_venues()
    with_it = ct.run(net, GAP, ct.Cascade(step=10.0))
    without = ct.run(net, GAP, ct.Cascade(step=10.0, stages=("defaults",)))

    def gap(run: ct.Run) -> float:
        return abs(run.markets.loc["M", "closing_price"] - run.markets.loc["N", "closing_price"])

    assert gap(with_it) < gap(without)


def test_without_impact_contagion_is_exactly_zero() -> None:
    """No impact: prices are outside prices and forced sales cost nothing."""
    net = one_market(BOOK, depth=2.0**16, market={"impact_coefficient": 0.0}, venue=FUNDED)
    run = ct.run(net, SHOCK, ct.Cascade(step=10.0))
    assert run.metrics["liquidated_accounts"] > 0
    assert run.metrics["forced_cost"] == 0.0
    assert run.metrics["branching_ratio"] == 0.0
    assert run.metrics["price_amplification"] == 1.0
    assert (run.paths["last"] == run.paths["outside"]).all()


def test_without_margin_accounts_the_model_is_its_clearing_chapter() -> None:
    """Only obligations: what creditors get is the greatest clearing vector."""
    names = ["A", "B", "C", "D"]
    liabilities = np.array([[0, 30, 20, 0], [10, 0, 40, 0], [0, 25, 0, 15], [5, 0, 0, 0]], dtype=float)
    assets = np.array([0.0, 12.0, 9.0, 30.0])
    kept = 64.0  # what A loses in the shock
    rows = [
        {"debtor": names[i], "creditor": names[j], "amount": liabilities[i, j]}
        for i in range(4)
        for j in range(4)
        if liabilities[i, j]
    ]
    nodes = [
        {"name": n, "kind": "institution", "cash": assets[i] + (kept if n == "A" else 0.0)}
        for i, n in enumerate(names)
    ]
    net = ct.Network(nodes=nodes, obligations=rows)
    run = ct.run(net, ct.Default(["A"]), ct.Cascade(step=60.0))
    expected = eisenberg_noe(liabilities, assets)
    failed = run.nodes["failed_at"].notna().to_numpy()
    assert (failed == (expected.defaulted | (np.arange(4) == 0))).all()
    assert run.nodes["closing_equity"].to_numpy() == pytest.approx(expected.equity, abs=1e-4)


def test_without_obligations_nobody_is_cleared() -> None:
    """No obligations: venue mechanics alone."""
    run = ct.run(one_market(BOOK, depth=2.0**16, venue=FUNDED), SHOCK, ct.Cascade(step=10.0))
    assert not run.events["kind"].isin(["node_default", "venue_default"]).any()


def test_zero_shock_on_the_made_network_does_nothing_at_all() -> None:
    """No order, no call, and the placebo is bit-equal to nothing."""
    net = ct.generate.perp_market(n_accounts=2000, seed=3)
    run = ct.run(net, ct.PriceShock({"BTC": 0.0}), ct.Cascade(step=60.0))
    placebo = ct.run(net, ct.PriceShock({"BTC": 0.0}), ct.Cascade(step=60.0), [ct.Policy()])
    assert run.events.empty and run.ledger.empty
    assert run.metrics.equals(placebo.metrics)
    assert run.metrics["system_loss"] == 0.0 and run.metrics["system_gain"] == 0.0


def test_a_halt_of_one_market_is_neutral_for_isolated_books_in_the_static_limit() -> None:
    """Every account's legs are on one side: halting its only market only delays."""
    net = one_market(BOOK, depth=2.0**16, venue=FUNDED)
    one = ct.Halt(drop=0.01, window=np.inf, length=10.0, markets=("M",))
    assert static_end(net, one) == static_end(net)
