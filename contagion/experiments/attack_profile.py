"""Does it pay to push a price until others must sell? An attack at every budget, under every policy set.

The same attack runs with every budget under every set; what a position gains without any attack is taken off. Beside
it stands what tables alone say: the money that reaches the next cluster of liquidations, and its cost.

References
----------
Brunnermeier, Pedersen (2005), "Predatory trading", Journal of Finance 60.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import reals
from contagion.errors import ScenarioError, SchemaError, ValueRangeError
from contagion.experiments.arguments import PolicySets, check_workers, policy_sets
from contagion.experiments.attack_results import AttackProfile
from contagion.experiments.runner import OK, Group, Outcome, run_groups
from contagion.measures.clusters import money_to_next_cluster
from contagion.measures.index_push import COLUMNS, money_to_push_index
from contagion.network.settlement import settles_in_coins
from contagion.policies import Halt, IndexDesign, Policy, PriceBand
from contagion.propagation.cascade.attacking import budget_traded, position_gain, trading_gain
from contagion.propagation.cascade.model import Cascade, Prepared
from contagion.shocks import Attack, Shock
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.policies.costs import Outlay

__all__ = ["GRID", "attack_profile"]

GRID: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Budgets that are looked at by default, in parts of the money that reaches the next cluster by the tables."""

DEFENCES: Final[dict[str, Sequence[Policy]]] = {
    "halt": [Halt(drop=0.05, length=300.0)],
    "band": [PriceBand(below=0.02, above=0.02)],
    "lag": [IndexDesign(lag=300.0)],
    "outliers": [IndexDesign(deviation=0.01)],
}
"""Policy sets compared by default."""

PARTS: Final = ("index_move", "liquidated_notional", "cost", "gain", "traded")


def attack_profile(
    net: Network,
    asset: str,
    budgets: Sequence[float] | None = None,
    *,
    position: float | Mapping[str, float] | None = None,
    model: Cascade | None = None,
    policies: PolicySets | None = None,
    shock: Shock | None = None,
    side: str = "sell",
    markets: Sequence[str] | None = None,
    start: float = 0.0,
    over: float = 0.0,
    buy_back: float | None = 600.0,
    return_over: float = 600.0,
    seed: int = 0,
    n_jobs: int = 1,
) -> AttackProfile:
    """Run an attack on an asset's price at every budget under every policy set.

    Parameters
    ----------
    net : Network
        A network with margin accounts and a spot market of the asset in its index.
    asset : str
        Whose price is pushed.
    budgets : sequence of float, optional
        Money at opening prices, above 0. Default: a quarter to four times the money that reaches the next cluster of
        liquidations by `contagion.measures.money_to_push_index`.
    position : float or mapping of str to float, optional
        What the attacker holds besides, as in `contagion.Attack`. Default: as much as the middle budget, an assumption;
        0 where the asset has no perpetual that settles in the unit.
    model : Cascade, optional
        Default ``Cascade()``.
    policies : mapping of str to policies, optional
        As in `contagion.compare`, which puts "none" first. Default: a halt, a band, a lagged index and a rule for
        outliers, at settings that are assumptions.
    shock : Shock, optional
        What happens besides. With forced sales in it, `start` before them and `buy_back` after them the attack is
        predatory flow.
    side, markets, start, over, buy_back, return_over
        As in `contagion.Attack`; by default everything at once, bought back within 600 s from 600 s on (assumptions).
    seed : int, default 0
        Decides which owners answer calls: the same in all runs.
    n_jobs : int, default 1
        Workers, as in `contagion.compare`.

    Returns
    -------
    AttackProfile
        One row per set and budget, break-even budgets, and which sets make the attack a loss. Draw it with
        `contagion.plot.attack`.

    Raises
    ------
    InputError
        If an argument is of another kind or out of range, or the attack does not fit the network.
    ScenarioError
        If a run failed.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> found = attack_profile(
    ...     net, "BTC", [1e8, 4e8], model=ct.Cascade(step=60.0, horizon=1200.0), policies={}, position=1e9
    ... )
    >>> found.to_frame()["profitable"].tolist()
    [True, False]
    """
    chosen = model or Cascade()
    if not isinstance(chosen, Cascade) or chosen.is_static:
        what, allowed = "has no rounds in which an attack could end", "a ct.Cascade(...) with a clock"
        raise SchemaError(what, where="model", value=chosen, allowed=allowed)
    check_workers(n_jobs)
    sets = {
        name: found
        for name, found in policy_sets(DEFENCES if policies is None else policies).items()
        if name != "placebo" or (policies is not None and "placebo" in policies)
    }
    money = _budgets(net, asset, budgets, "fall" if side == "sell" else "rise")
    held = _default_position(net, asset, money) if position is None else position
    times = {"start": start, "over": over, "buy_back": buy_back, "return_over": return_over}
    attack = Attack(asset, 0.0, markets=markets, side=side, position=held, **times)  # type: ignore[arg-type]
    shocks = [_with(shock, replace(attack, budget=float(budget))) for budget in (0.0, *money)]
    found = _run(net, chosen, sets, shocks, asset, side, check_seed(seed), n_jobs)
    notional = sum(abs(value) for value in held.values()) if isinstance(held, Mapping) else float(held)
    return AttackProfile(
        asset=asset,
        attack=replace(attack, budget=float(money[-1])),
        table=_table(found, list(sets), money),
        index_push=_index_push(net, asset, notional),
        clusters=_clusters(net, asset, notional),
        unit=net.unit,
        seed=seed,
    )


def _budgets(net: Network, asset: str, budgets: Sequence[float] | None, move: str) -> npt.NDArray[np.float64]:
    """Return the budgets looked at, rising, each once."""
    if budgets is None:
        found = money_to_push_index(net, asset)
        needed = float(found.loc[found["move"] == move, "money"].iloc[0])
        if not np.isfinite(needed):
            raise ValueRangeError(
                "has no default",
                where="budgets",
                value=None,
                remedy="no cluster of liquidations is in reach: give budgets in money",
            )
        return needed * np.asarray(GRID)
    given = np.atleast_1d(reals(budgets, "budgets", above=0.0))
    if given.ndim != 1 or not len(given):
        raise SchemaError(
            "holds no budget", where="budgets", value=budgets, allowed="a list of money above 0"
        )
    return np.unique(given)


def _default_position(net: Network, asset: str, money: npt.NDArray[np.float64]) -> float:
    """Return the middle budget, or 0 where no perpetual on the asset settles in the unit."""
    own = (net.column("markets", "asset") == asset) & (net.column("markets", "kind") == "perp")
    return float(np.median(money)) if (own & ~settles_in_coins(net)).any() else 0.0


def _with(shock: Shock | None, attack: Attack) -> Shock:
    return attack if shock is None else shock + attack


@dataclass(frozen=True)
class _Measured:
    """A prepared network that tells of an attack alone."""

    prepared: Prepared
    asset: int
    falls: bool
    metric_names: tuple[str, ...] = PARTS

    @property
    def compiled(self) -> bool:
        """Whether its rounds run in compiled code."""
        return self.prepared.compiled

    def measure(self, shock: Shock, seed: int, scenario: int) -> tuple[npt.NDArray[np.float64], Outlay]:
        """Return how far the index is pushed, what was liquidated, and cost and gain of the attack."""
        state = self.prepared.simulate(shock, seed, scenario, record=False)
        names, quantum = self.prepared.metric_names, 1.0 / self.prepared.opening.units.scale
        values = self.prepared.measured(shock, state)
        path = np.cumsum(state.index_return[: int(state.clock["round"][0]), self.asset])
        furthest = path.min() if self.falls else path.max()
        parts = (
            np.expm1(furthest),
            values[names.index("liquidated_notional")],
            0.0 - trading_gain(state) * quantum,
            position_gain(state) * quantum,
            budget_traded(state) * quantum,
        )
        return np.array(parts), self.prepared.outlay(state)


def _run(
    net: Network,
    model: Cascade,
    sets: Mapping[str, Any],
    shocks: Sequence[Shock],
    asset: str,
    side: str,
    seed: int,
    n_jobs: int,
) -> npt.NDArray[np.float64]:
    """Run every shock under every set; returns parts, shape (n_sets, n_shocks, n_parts)."""
    first = model.prepare(net)
    place = first.opening.names.assets.index(asset) if asset in first.opening.names.assets else 0
    first.shock_arrays(shocks[-1])
    groups: list[Group] = []
    for policies in sets.values():
        ready: Any = _Measured(first.under(policies), place, side == "sell")
        groups += [Group(len(groups) + row, ready, (0,), (shock,)) for row, shock in enumerate(shocks)]
    outcome = Outcome.empty(len(groups), 1, len(PARTS))
    run_groups(groups, outcome, seed=seed, n_jobs=n_jobs)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if (outcome.status != OK).any():
        why = next(iter(outcome.messages.values()), "none came back")
        raise ScenarioError(f"{outcome.failures} of {len(groups)} runs failed; first: {why}")
    found: npt.NDArray[np.float64] = outcome.metrics[:, 0, : len(PARTS)].reshape(
        len(sets), len(shocks), len(PARTS)
    )
    return found


def _table(found: npt.NDArray[np.float64], names: list[str], money: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Return one row per set and budget; gains are those beyond the run with budget 0."""
    parts = {name: found[:, 1:, place].ravel() for place, name in enumerate(PARTS)}
    traded = parts.pop("traded")
    parts["gain"] = (found[:, 1:, 3] - found[:, :1, 3]).ravel()
    table = pd.DataFrame(
        {
            "policy": np.repeat(names, len(money)),
            "budget": np.tile(money, len(names)),
            "traded": traded,
            **parts,
        }
    )
    table["profit"] = table["gain"] - table["cost"]
    table["profitable"] = table["profit"] > 0.0
    return table


def _index_push(net: Network, asset: str, size: float) -> pd.DataFrame:
    """Return what it takes to push the index, by the tables; nothing is known of an asset without derivatives."""
    markets = net.markets[net.markets["kind"].isin(["perp", "future"])]
    if asset in set(markets["asset"]):
        return money_to_push_index(net, asset, size)
    unknown = dict.fromkeys(COLUMNS, np.nan) | {"asset": asset, "market": ""}
    return pd.DataFrame([unknown | {"move": move} for move in ("fall", "rise")], columns=list(COLUMNS))


def _clusters(net: Network, asset: str, size: float) -> pd.DataFrame:
    """Return what it takes to push each perpetual's own last price, by the tables."""
    table = money_to_next_cluster(net, size)
    return table[table["asset"] == asset].reset_index(drop=True)
