"""Findings made by hand, as the functions of the toolkit return them: for pictures and reports, without a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from contagion.comparison import Comparison
from contagion.experiments.across import StudyComparison, compare_studies
from contagion.experiments.break_even import BreakEven
from contagion.experiments.choice import Choice
from contagion.experiments.families import PriceShocks
from contagion.experiments.likeliest import BreakingShock
from contagion.experiments.phases import PhaseDiagram
from contagion.experiments.reverse import ReverseStress

PARAMETERS = ["shock.size", "markets.impact_half_life", "halt.drop"]


def sobol_table(names: list[str] | None = None) -> pd.DataFrame:
    """Shares of variance of three parameters, of which the first matters most."""
    table = pd.DataFrame(
        {
            "first": [0.61, 0.12, -0.01],
            "first_se": [0.06, 0.05, 0.02],
            "total": [0.78, 0.30, 0.02],
            "total_se": [0.05, 0.06, 0.01],
            "points": 64,
        },
        index=pd.Index(names or PARAMETERS, name="parameter"),
    )
    table.attrs = {"metric": "system_loss", "policy": "halt", "against": "none", "n": 16, "seed": 3}
    return table


def morris_table(names: list[str] | None = None) -> pd.DataFrame:
    """Elementary effects in money."""
    table = pd.DataFrame(
        {
            "mu": [4.1e8, -1.1e8, 2.0e6],
            "mu_star": [4.1e8, 1.3e8, 4.0e6],
            "sigma": [0.6e8, 1.6e8, 1.0e6],
            "mu_star_se": [0.2e8, 0.3e8, 0.5e6],
            "trajectories": 10,
        },
        index=pd.Index(names or PARAMETERS, name="parameter"),
    )
    table.attrs = {"metric": "system_loss", "policy": "none", "against": "", "n": 16, "seed": 3}
    return table


def split_table(names: list[str] | None = None) -> pd.DataFrame:
    """Variance by source."""
    table = pd.DataFrame(
        {
            "first": [0.70, 0.08, 0.05],
            "first_se": [0.07, 0.04, 0.03],
            "total": [0.86, 0.16, 0.11],
            "total_se": [0.05, 0.05, 0.04],
            "variance": 4e16,
            "n": 128,
        },
        index=pd.Index(names or ["shock", "network", "parameters"], name="source"),
    )
    table.attrs = {"seed": 3, "draws": 999}
    return table


def players_table(names: list[str] | None = None) -> pd.DataFrame:
    """Contributions of three venues and what remains; they sum to the total of 100 million."""
    rows = [(6e7, 4e7, 8e7, 0.6, ""), (3e7, 1e7, 5e7, 0.3, ""), (-1e7, -2e7, 1e6, -0.1, "")]
    rows.append((2e7, np.nan, np.nan, 0.2, "with every player sound"))
    index = pd.Index([*(names or ["binance", "bybit", "okx"]), "rest"], name="player")
    table = pd.DataFrame(rows, columns=["contribution", "low", "high", "share", "note"], index=index)
    table.attrs = {
        "method": "shapley",
        "metric": "system_loss",
        "total": 1e8,
        "rest": 2e7,
        "n": 40,
        "seed": 3,
    }
    return table


def stages_table(names: list[str] | None = None) -> pd.DataFrame:
    """Contributions of two mechanisms by three rules."""
    stages = names or ["unwinding", "defaults"]
    table = pd.DataFrame(index=pd.Index([*stages, "rest"], name="stage"))
    for rule, values in {"first_in": (3e7, 1e7), "last_in": (5e7, 3e7), "shapley": (4e7, 2e7)}.items():
        table[rule] = [*values, 4e7]
        table[f"{rule}_low"], table[f"{rule}_high"] = (
            [*(value + change for value in values), np.nan] for change in (-8e6, 8e6)
        )
    table["share"] = table["shapley"] / 1e8
    table["note"] = ["", "", "without any of these stages"]
    table.attrs = {"metric": "system_loss", "total": 1e8, "rest": 4e7, "n": 40, "seed": 3}
    return table


def reverse_stress(condition: str = "venue_defaults >= 1", policy: str = "halt") -> ReverseStress:
    """A search in which venues fail, fail no longer, and fail again; under the halt they never do."""
    failed = (0.0, 2.0, 0.0, 3.0)
    rows = [("none", 0.1 * i, value, float(value > 0), value > 0, False) for i, value in enumerate(failed)]
    rows += [(policy, 0.1 * i, 0.0, 0.0, False, False) for i in range(4)]
    crossings = [
        ("none", 0.05, 0.0, 0.1, 0.1, True, True, -0.049),
        ("none", 0.15, 0.1, 0.2, 0.1, False, False, -0.139),
        ("none", 0.25, 0.2, 0.3, 0.1, True, False, -0.221),
    ]
    return ReverseStress(
        condition=condition,
        metric="venue_defaults",
        limit=1.0,
        shock="BTC −63.2 % over 30 min",
        table=pd.DataFrame(rows, columns=["policy", "size", "value", "share", "holds", "refined"]),
        crossings=pd.DataFrame(
            crossings,
            columns=["policy", "size", "low", "high", "resolution", "begins", "refined", "BTC"],
        ),
        unit="USD",
    )


def phase_diagram(policy: str = "none") -> PhaseDiagram:
    """Four squares, one of each outer phase and two with the boundary."""
    cells = [
        (0.0, 0.5, 10.0, 60.0, 1.0, "below"),
        (0.5, 1.0, 10.0, 60.0, 3.0, "boundary"),
        (0.0, 0.5, 60.0, 110.0, 3.0, "boundary"),
        (0.5, 1.0, 60.0, 110.0, 9.0, "above"),
    ]
    points = [(x, y, x * y, x * y > 30.0, 0, 4) for x in (0.0, 0.5, 1.0) for y in (10.0, 60.0, 110.0)]
    return PhaseDiagram(
        x="shock.size",
        y="markets.impact_half_life",
        metric="system_loss",
        condition="system_loss >= 30",
        policy=policy,
        table=pd.DataFrame(points, columns=["x", "y", "value", "holds", "level", "n"]),
        cells=pd.DataFrame(cells, columns=["x_low", "x_high", "y_low", "y_high", "value", "phase"]),
        unit="USD",
    )


def breaking_shock(condition: str = "venue_defaults >= 1", asset: str = "BTC") -> BreakingShock:
    """A most likely breaking shock of two assets."""
    moves = pd.DataFrame(
        {"move": [-0.21, -0.30], "log_return": [-0.236, -0.357], "deviations": [-2.36, -2.97]},
        index=pd.Index([asset, "ETH"], name="asset"),
    )
    shares: dict[str, Any] = {"share": 0.03, "share_low": 0.0111, "share_high": 0.0642}
    return BreakingShock(
        condition, "normal", moves, 3.05, 0.0095, n=200, runs=520, shock=SimpleNamespace(), **shares
    )


def break_even(policy: str = "halt") -> BreakEven:
    """An effect that is 0 up to 60 s, helps up to about 300 s and harms above."""
    values = np.array([30.0, 60.0, 120.0, 240.0, 290.0, 310.0, 480.0, 600.0])
    effect = np.array([0.0, 0.0, -4e7, -2e7, -2e6, 1e6, 3e7, 5e7])
    spread = np.array([0.0, 0.0, 1e7, 1e7, 1e7, 1e7, 1e7, 1.2e7])
    table = pd.DataFrame({"value": values, "effect": effect, "low": effect - spread, "high": effect + spread})
    crossings = {
        "crossing": [303.3],
        "low": [290.0],
        "high": [310.0],
        "resolution": [20.0],
        "helps": ["below"],
    }
    return BreakEven(
        parameter="halt.length",
        policy=policy,
        against="none",
        metric="system_loss",
        unit="s",
        table=table.assign(n=64, refined=False),
        crossings=pd.DataFrame({**crossings, "sure_low": [240.0], "sure_high": [480.0]}),
        flats=pd.DataFrame({"low": [30.0], "high": [60.0], "before": [np.nan], "after": [-1.0]}),
        level=0.95,
        seconds=2.0,
        effect_at=lambda value: np.array([value]),
    )


def choice(winner: str = "halt early", *, confirmed: bool = True) -> Choice:
    """Four candidates, whose winner keeps half of its lead on new scenarios, or none that is worth its cost."""
    table = pd.DataFrame(
        {
            "benefit": [9e7, 9.5e7, 4e7, 1e7],
            "cost": [2e7, 6e7, 5e7, 5e6],
            "net": [7e7, 3.5e7, -1e7, 5e6],
            "frontier": [True, True, False, True],
        },
        index=pd.Index([winner, "halt late", "fund", "throttle"], name="policy"),
    ).sort_values("net", ascending=False)
    names = [
        "benefit_search",
        "benefit",
        "low",
        "high",
        "curse",
        "cost",
        "net",
        "helped",
        "harmed",
        "p_value",
        "n",
    ]
    numbers = [9e7, 5e7, 2e7, 8e7, 4e7, 2.2e7, 2.8e7, 0.7, 0.2, 0.004, 200.0]
    found = pd.Series(numbers if confirmed else np.nan, index=names, name=winner)
    study: Any = SimpleNamespace(n=200, level=0.95)
    return Choice(
        winner if confirmed else "none",
        table,
        found,
        study,
        study if confirmed else None,
        "system_loss",
        "USD",
    )


def study(
    losses: dict[str, Any], *, seed: int = 3, n: int = 60, scale: float = 0.1, networks: int = 1, **told: Any
) -> Comparison:
    """A comparison whose losses are given per policy set, shape (n,); NaN is a run that failed."""
    family = PriceShocks.normal(scale)
    numbers = np.arange(n)
    keys = pd.DataFrame({"scenario": numbers, "network": numbers % networks})
    parts = []
    for name, values in losses.items():
        loss = np.asarray(values, dtype=np.float64)
        status = np.where(np.isfinite(loss), "ok", "error")
        rows = {"policy": name, **keys, "status": status, "system_loss": loss, "bad_debt": 0.1 * loss}
        parts.append(pd.DataFrame(rows))
    table = pd.concat(parts, ignore_index=True)
    world: Any = SimpleNamespace(unit="USD", fingerprint="f" * 64)
    provenance = {
        "shock": "normal",
        "model": "cascade",
        "policies": {name: [name] for name in losses},
        **told,
    }
    return Comparison(
        policies={name: [] for name in losses},
        networks=(world,) * networks,
        model=None,  # type: ignore[arg-type]
        family=family,
        n=n,
        seed=seed,
        level=0.95,
        scenarios=pd.concat([keys, family.draw(["BTC"], n, seed)], axis=1),
        errors=pd.DataFrame(columns=["policy", "scenario", "network", "seed", "message"]),
        note="",
        provenance=provenance,
        table=table,
        outlays=pd.DataFrame(index=table.index),
    )


def common_losses(n: int = 60) -> np.ndarray:
    """Losses of the scenarios that two studies share, shape (n,)."""
    return 1e8 * np.exp(np.random.default_rng(8).normal(0.0, 0.5, n))


def studies(name: str = "halt", *, seed: int = 3) -> StudyComparison:
    """Two studies of the same scenarios, or of others, in the second of which a halt no longer helps."""
    base, noise = common_losses(), 1e5 * np.random.default_rng(9).normal(size=60)
    first = study({"none": base, name: base - 3e7 + noise, "fund": base})
    second = study(
        {"none": base + 1e7 + noise, name: base + 1e7 - noise, "throttle": base},
        seed=seed,
        model="cascade, other step",
    )
    return compare_studies(first, second, names=("before", "after"))
