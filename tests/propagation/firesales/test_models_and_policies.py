"""Every fire sale under every built-in policy: something changes, or the policy is refused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.policies.base import Policy
from contagion.propagation.firesales.rules import FloorRule, LinearRule, ShareRule

SHOCK = ct.PriceShock({f"asset-{i}": -0.08 for i in range(4)}) + ct.AssetShock({"bank-00": -0.3})
MODELS = {
    "greenwood": ct.FireSale.greenwood_landier_thesmar(),
    "greenwood, liquid first": ct.FireSale.greenwood_landier_thesmar(order="liquid_first", capped=True),
    "greenwood, rounds": ct.FireSale.greenwood_iterated(3),
    "cont": ct.FireSale.cont_schaanning(max_leverage=22.0, impact=FloorRule(floor=0.5)),
    "cont, rounds": ct.FireSale.cont_schaanning(max_leverage=22.0, rounds=4, settlement=1.0),
    "breuer": ct.FireSale.breuer_summer_urosevic(max_leverage=22.0),
    "breuer, most": ct.FireSale.breuer_summer_urosevic(max_leverage=22.0, end="most"),
    "bands": ct.FireSale.leverage_bands(min_ratio=0.01, trigger_ratio=0.045, target_ratio=0.05, steps=5),
    "cifuentes": ct.FireSale.cifuentes_ferrucci_shin(min_capital_ratio=0.05, elasticity=1e-8),
    "caccioli": ct.FireSale.caccioli(price_impact=0.5),
    "with clearing": ct.FireSale(
        impact=ShareRule(price_impact=0.1), clearing=ct.Clearing(alpha=0.7, beta=0.7)
    ),
    "linear, threshold": ct.FireSale(impact=LinearRule(), rounds=3),
}
WITHOUT_ROUNDS = ("breuer", "breuer, most", "cifuentes", "caccioli", "with clearing")
KINDS = [
    kind
    for kind in vars(ct.policies).values()
    if isinstance(kind, type) and issubclass(kind, Policy) and kind is not Policy
]
NEED = {
    ct.AdaptiveHaircuts: {"window": 600.0},
    ct.LeverageCap: {"maximum": 18.0, "response": "raise"},
    ct.LiquidityBuffer: {"share": 0.08},
    ct.Merger: {"nodes": ("bank-00", "bank-01")},
    ct.RingFence: {"capital": 0.02},
    ct.Split: {"node": "bank-02", "parts": 3},
    ct.policies.Procedure: {"procedure": "takeover"},
    ct.policies.Rulebook: {"rulebook": "okx"},
}
SIZE_ZERO = {
    "placebo": ct.Policy(),
    "cap": ct.LeverageCap(maximum=1e9),
    "buffer": ct.LiquidityBuffer(share=0.0),
    "merger": ct.Merger(),
    "split": ct.Split(),
    "injection": ct.CapitalInjection(0.0),
    "purchases": ct.AssetPurchases(budget=0.0),
    "throttle": ct.SaleThrottle(share=1.0),
}


@cache
def net() -> ct.Network:
    """Twelve banks with claims on one another and overlapping portfolios."""
    return ct.generate.overlapping_portfolios(12, 4, seed=2, interbank="core_periphery", leverage=20.0)


@cache
def run(model: str, policy: Policy | None = None) -> ct.Run:
    return ct.run(net(), SHOCK, MODELS[model], [] if policy is None else [policy])


def made(kind: type[Policy]) -> Policy:
    return kind(**NEED.get(kind, {}))


def same(one: ct.Run, other: ct.Run) -> bool:
    return bool(np.array_equal(one.metrics.to_numpy(), other.metrics.to_numpy(), equal_nan=True))


@pytest.mark.parametrize("model", MODELS)
def test_the_shock_bites(model: str) -> None:
    assert run(model).metrics["fire_sale_loss"] > 0.0


@pytest.mark.parametrize("model", MODELS)
def test_every_built_in_policy_changes_something_or_is_refused(model: str) -> None:
    silent = []
    for kind in KINDS:
        try:
            other = run(model, made(kind))
        except PolicyError:
            continue
        if same(other, run(model)):
            silent.append(kind.__name__)
    assert silent == []


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", SIZE_ZERO)
def test_policies_of_size_zero_change_no_bit_or_are_refused_at_fixed_points(model: str, name: str) -> None:
    policy = SIZE_ZERO[name]
    if model in WITHOUT_ROUNDS and name in ("purchases", "throttle"):
        with pytest.raises(PolicyError, match="is a fixed point"):
            run(model, policy)
    else:
        assert same(run(model, policy), run(model))


@pytest.mark.parametrize("model", MODELS)
def test_policies_against_fire_sales_act_in_every_one(model: str) -> None:
    before_the_shock = (ct.LeverageCap, ct.LiquidityBuffer, ct.Merger, ct.Split, ct.CapitalInjection)
    in_rounds = () if model in WITHOUT_ROUNDS else (ct.AssetPurchases, ct.SaleThrottle)
    for kind in (*before_the_shock, *in_rounds):
        assert not same(run(model, made(kind)), run(model))
        assert run(model, made(kind)).metrics["policy_cost"] > 0.0


@pytest.mark.parametrize("model", ["greenwood", "cont", "bands", "linear, threshold"])
def test_many_scenarios_at_once_and_each_by_itself_say_the_same_under_policies(model: str) -> None:
    kinds = (ct.LeverageCap, ct.LiquidityBuffer, ct.Merger, ct.Split, ct.AssetPurchases, ct.SaleThrottle)
    sets = {kind.__name__: made(kind) for kind in kinds} | {
        "poor": ct.AssetPurchases(budget=1e8, share=0.5),
        "both": [ct.SaleThrottle(share=0.2, of="volume"), ct.AssetPurchases(budget=1e8)],
    }
    study = ct.compare(net(), ct.PriceShocks.normal(0.05), MODELS[model], sets, n=4, seed=5)
    rows = study.to_frame().set_index(["policy", "scenario"])
    for name in sets:
        for scenario in range(4):
            alone = study.rerun(name, scenario).metrics[study.metric_names]
            np.testing.assert_allclose(
                rows.loc[(name, scenario), study.metric_names].to_numpy(float), alone, rtol=1e-9, atol=1e-3
            )


@pytest.mark.parametrize("model", MODELS)
def test_equal_parts_of_a_bank_sell_and_lose_together_what_the_bank_does(model: str) -> None:
    parts = ["bank-00", "bank-00/2", "bank-00/3"]
    split = run(model, ct.Split("bank-00", parts=3, fee=0.0))
    for name in ("fire_sale_loss", "sales", "worst_fall", "system_loss", "direct_loss"):
        assert split.metrics[name] == pytest.approx(run(model).metrics[name], rel=1e-7, abs=1e-3)
    for name in ("sold", "loss", "price_loss", "closing_equity"):
        whole = run(model).nodes[name]["bank-00"]
        assert split.nodes.loc[parts, name].tolist() == pytest.approx([whole / 3.0] * 3, rel=1e-7, abs=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_a_merged_bank_loses_to_the_shock_what_its_parts_would(model: str) -> None:
    merged = run(model, ct.Merger(("bank-00", "bank-05"), into="both")).nodes["direct_loss"]
    apart = run(model).nodes["direct_loss"]
    assert merged["both"] == pytest.approx(apart["bank-00"] + apart["bank-05"], rel=1e-9)
    others = apart.index.drop(["bank-00", "bank-05"])
    np.testing.assert_allclose(merged[others], apart[others], rtol=1e-9)
