"""A model whose metrics are known in closed form, and a small network for it."""

import _thread
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.streams import key64

METRICS = (
    "system_loss",
    "direct_loss",
    "forced_cost",
    "deferred_notional",
    "halted_seconds",
    "policy_cost",
)


@dataclass(frozen=True)
class Scaled(ct.Policy):
    """Stands in for a built-in policy: multiplies the loss."""

    factor: float = 0.5


@dataclass(frozen=True)
class Interpreted(ct.Policy):
    """Stands in for a policy written in Python: the run leaves compiled code."""

    factor: float = 0.5


@dataclass(frozen=True)
class Failing(ct.Policy):
    """Fails in every scenario whose number is a multiple of `every`."""

    every: int = 3


HEARD = threading.Event()
"""Set by a test once the main thread has taken notice of Ctrl-C."""


@dataclass(frozen=True)
class Interrupting(ct.Policy):
    """Presses Ctrl-C in one scenario; with `inside` the scenario itself receives it."""

    at: int = 5
    inside: bool = True


@dataclass(frozen=True)
class ClosedFormPrepared:
    policies: tuple[ct.Policy, ...]
    assets: tuple[str, ...]
    size: float
    metric_names: tuple[str, ...] = METRICS

    @property
    def compiled(self) -> bool:
        return not any(isinstance(policy, Interpreted) for policy in self.policies)

    def metrics(self, shock: Any, seed: int, scenario: int) -> np.ndarray:
        for policy in self.policies:
            self._misbehave(policy, scenario)
        direct = self.size * sum(-shock.moves.get(asset, 0.0) for asset in self.assets)
        factor = np.prod([getattr(policy, "factor", 1.0) for policy in self.policies])
        drawn = key64(seed, "answer", scenario) / 2.0**64
        loss = factor * (max(direct, 0.0) + drawn)
        shut = 60.0 * sum(type(policy) is not ct.Policy for policy in self.policies)
        return np.array([loss, direct, loss / 3.0, drawn, shut, 0.0])

    def _misbehave(self, policy: ct.Policy, scenario: int) -> None:
        if isinstance(policy, Failing) and scenario % policy.every == 0:
            raise ValueError(f"scenario {scenario} cannot be run <b>")
        if isinstance(policy, Interrupting) and scenario == policy.at:
            if policy.inside:
                raise KeyboardInterrupt
            if threading.current_thread() is not threading.main_thread():
                _thread.interrupt_main()
                HEARD.wait(30.0)  # else the other worker may end the study before the main thread wakes

    def run(self, shock: Any, seed: int, scenario: int) -> "ClosedFormRun":
        metrics = pd.Series(self.metrics(shock, seed, scenario), index=list(self.metric_names))
        nodes = pd.DataFrame({"kind": ["exchange", "trader"], "loss_caused": [metrics["system_loss"], 1.0]})
        nodes.index = pd.Index(["V", "T"], name="node")
        venues = pd.DataFrame({"loss_caused": [metrics["system_loss"]]}, index=pd.Index(["V"], name="venue"))
        return ClosedFormRun(metrics, nodes, venues)


@dataclass(frozen=True)
class ClosedFormRun:
    metrics: pd.Series
    nodes: pd.DataFrame
    venues: pd.DataFrame


@dataclass(frozen=True)
class ClosedForm:
    """System loss is size times the sum of falls plus a keyed draw, times the factors of the policies."""

    prepared: list[tuple[str, ...]] = field(default_factory=list, compare=False, repr=False)

    def prepare(self, net: ct.Network, policies: Sequence[ct.Policy]) -> ClosedFormPrepared:
        self.prepared.append(tuple(type(policy).__name__ for policy in policies))
        assets = tuple(name for name in net.assets.index if name != net.unit)
        return ClosedFormPrepared(tuple(policies), assets, float(net.nodes["cash"].sum()))


def small_network(cash: float = 100.0) -> ct.Network:
    return ct.Network(
        nodes={"name": ["V", "T"], "kind": ["exchange", "trader"], "cash": [0.0, cash]},
        assets={
            "name": ["USD", "BTC", "ETH"],
            "kind": ["currency", "coin", "coin"],
            "price": [1.0, 100.0, 10.0],
        },
    )


@pytest.fixture
def net() -> ct.Network:
    return small_network()


@pytest.fixture
def family() -> Any:
    return ct.PriceShocks.normal(scale=0.1)


@pytest.fixture
def model() -> ClosedForm:
    return ClosedForm()


def small_market(pairs: int = 30, seed: int = 0) -> ct.Network:
    """One venue, one perp; longs of mixed leverage face calmer shorts over a thin book."""
    draws = np.random.default_rng(seed)
    lots = np.round(draws.lognormal(0.0, 1.0, pairs), 3)
    quantity = np.concatenate([lots, -lots])
    leverage = np.concatenate([draws.uniform(3.0, 25.0, pairs), draws.uniform(2.0, 6.0, pairs)])
    traders = [f"t{i:03d}" for i in range(2 * pairs)]
    accounts = [f"a{i:03d}" for i in range(2 * pairs)]
    return ct.Network(
        nodes={
            "name": ["V", *traders],
            "kind": ["exchange", *["trader"] * len(traders)],
            "cash": [1e6, *[500.0] * len(traders)],
        },
        assets={
            "name": ["USD", "BTC"],
            "kind": ["currency", "coin"],
            "price": [1.0, 1000.0],
            "volatility": [0.0, 0.03],
        },
        venues={"name": ["V"], "insurance_fund": [500.0], "fee": [0.0005], "adl_trigger": ["fund"]},
        markets={"name": ["BTC-PERP"], "venue": ["V"], "asset": ["BTC"], "kind": ["perp"], "schedule": ["s"]},
        schedules={"name": ["s"], "form": ["tiers"]},
        tiers={
            "schedule": ["s", "s"],
            "floor": [0.0, 2000.0],
            "initial_rate": [0.02, 0.05],
            "maintenance_rate": [0.01, 0.025],
        },
        depth={
            "market": ["BTC-PERP"] * 2,
            "side": ["bid", "ask"],
            "band": [0.01] * 2,
            "amount": [3000.0] * 2,
        },
        accounts={"name": accounts, "owner": traders, "venue": ["V"] * len(accounts)},
        balances={
            "account": accounts,
            "asset": ["USD"] * len(accounts),
            "quantity": np.abs(quantity) * 1000.0 / leverage,
        },
        positions={
            "account": accounts,
            "market": ["BTC-PERP"] * len(accounts),
            "quantity": quantity,
            "entry_price": [1000.0] * len(accounts),
        },
    )
