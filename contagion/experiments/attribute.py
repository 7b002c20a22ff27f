"""Who causes the loss? What the system would lose if a node, or a group, could not pass its distress on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.experiments import arguments
from contagion.experiments.coalitions import METHODS, REST, Game, contributions, shock_of, total_and_rest
from contagion.network.guarantee import guarantee
from contagion.network.network import Network
from contagion.network.reserved import rest_of_market
from contagion.policies import Policy
from contagion.propagation.run import check_model
from contagion.shocks import Default, Shock, Shocks
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.families import Family
    from contagion.propagation.run import Model, Prepared

__all__ = ["attribute"]

SYSTEMIC = ("exchange", "protocol", "institution")
MOST_UNNAMED = 20

Players = Sequence[str] | Mapping[str, Sequence[str]]
"""Names of nodes, or name of a group -> its nodes and accounts."""


def attribute(
    net: Network,
    shock: Family | Shock | Sequence[Shock],
    model: Model | None = None,
    *,
    players: Players | None = None,
    method: str = "shapley",
    metric: str = "system_loss",
    policies: Sequence[Policy] | Policy = (),
    n: int | None = None,
    permutations: int = 200,
    seed: int = 0,
    level: float = 0.95,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Share the loss of the system among those who pass distress on.

    A player takes part as the network says, or is made sound (`contagion.network.guarantee`): it keeps what it
    holds and owes, but is never forced to sell and never fails, because an outside payer guarantees it. A shock
    that names it as failing spares it then. The worth of a coalition is the metric with all others sound.

    Parameters
    ----------
    net : Network
        The network.
    shock : family of shocks, Shock or sequence of Shock
        As in `contagion.compare`.
    model : Model, optional
        How distress travels; ``ct.Cascade()`` if not given.
    players : sequence of str, or mapping of str to sequence of str, optional
        Nodes, or groups of nodes and accounts; the exchanges, protocols and institutions if not given, at most 20. A
        venue is its own fund and solvency, not its customers: to make a player of these, name their accounts.
    method : {"shapley", "leave_one_out", "first_in"}
        "leave_one_out": metric with everybody, less that without the player. "first_in": metric with the player
        alone, less that with nobody. "shapley": mean over all orders in which players can come, by enumeration up
        to 10 players, from sampled orders above.
    metric : str, default "system_loss"
        What is shared, its mean over the scenarios.
    policies : sequence of Policy, optional
        Policies in force.
    n : int, optional
        Number of scenarios, as in `contagion.compare`.
    permutations : int, default 200
        Orders sampled in all, at least one per scenario.
    seed : int, default 0
        Root seed of scenarios, runs and orders.
    level : float, default 0.95
        Coverage of the intervals.
    n_jobs : int, default 1
        Threads; the numbers do not depend on it.

    Returns
    -------
    pandas.DataFrame
        Index player, largest first: contribution (in the metric's unit), low, high, share (of the total), note.
        Under "shapley" a last row ``rest`` is what remains with every player sound, and the contributions sum to
        the total. Negative: the player's distress spares others. ``attrs`` holds method, metric, total, rest, n, seed
        and, where they were sampled, permutations.

    Raises
    ------
    SchemaError, ValueRangeError
        If an argument is of the wrong type or out of range, a player does not exist or two share a member.
    ScenarioError
        If the metric has no value in a run.

    References
    ----------
    Tarashev, Tsatsaronis, Borio (2016), Review of Finance 20(3). Drehmann, Tarashev (2013), Journal of Financial
    Intermediation 22(4). Zedda, Cannas (2020), Journal of Banking & Finance 112.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> longs = {"longs": net.positions.loc[net.positions["quantity"] > 0, "account"].unique()}
    >>> longs["longs"] = [name for name in longs["longs"] if not name.startswith("rest_of_market")]
    >>> table = ct.attribute(net, ct.PriceShock({"BTC": -0.3}), ct.Cascade.static(), players=longs)
    >>> bool(abs(table["contribution"].sum() - table.attrs["total"]) < 1e-3)
    True
    """
    if not isinstance(net, Network):
        raise SchemaError("is no network", where="net", value=net, allowed="a ct.Network")
    seed, ready = check_seed(seed), check_model(model)
    _, count = arguments.scenarios(shock, n)
    arguments.check_workers(n_jobs)
    if method not in METHODS:
        hint = nearest(str(method), METHODS)
        raise ValueRangeError(
            "is unknown", where="method", value=method, allowed=f"{', '.join(METHODS)}{hint}"
        )
    chosen = [policies] if isinstance(policies, Policy) else list(policies)
    groups = check_players(net, players)
    plan = _Plan(net, shock_of(net, shock, seed), ready, tuple(chosen), tuple(groups.values()))
    check_metric(plan.prepare((1 << len(groups)) - 1)[0], metric)
    game = Game(tuple(groups), plan.prepare, metric, count, seed, n_jobs)
    table = contributions(game, method, check_permutations(permutations), arguments.share("level", level))
    return finished(game, table, method)


@dataclass(frozen=True, eq=False)
class _Plan:
    """The same scenarios on networks in which some groups are sound."""

    net: Network
    scenario: Callable[[int], Shock]
    model: Model
    policies: tuple[Policy, ...]
    groups: tuple[tuple[str, ...], ...]

    def prepare(self, coalition: int) -> tuple[Prepared, Callable[[int], Shock]]:
        """The model ready for the coalition, and the shock of every scenario."""
        spared = [name for bit, group in enumerate(self.groups) if not coalition >> bit & 1 for name in group]
        nodes = frozenset(name for name in spared if name in self.net.nodes.index)
        accounts = [name for name in spared if name not in nodes]
        ready = self.model.prepare(guarantee(self.net, nodes, accounts), self.policies)
        return ready, lambda scenario: sparing(self.scenario(scenario), nodes)


@dataclass(frozen=True)
class Calm(Shock):
    """Nothing happens: what is left of a default that is spared."""

    def gap(self) -> Calm:
        """Return itself."""
        return self

    def describe(self) -> str:
        """Return one word."""
        return "nothing"

    def scaled(self, factor: float) -> Calm:
        """Return itself."""
        return self


def sparing(shock: Shock, nodes: frozenset[str]) -> Shock:
    """Return the shock without the default of these nodes.

    Raises
    ------
    SchemaError
        If a shock of one's own lets one of them fail.
    """
    if not shock.failing() & nodes:
        return shock
    if isinstance(shock, Shocks):
        return Shocks(tuple(sparing(part, nodes) for part in shock.parts))
    if not isinstance(shock, Default):
        name = min(shock.failing() & nodes)
        raise SchemaError(
            "fails in a shock that is no ct.Default and cannot be spared", where="players", value=name
        )
    left = [name for name in shock.nodes if name not in nodes]
    return Default(left) if left else Calm()


def check_players(net: Network, players: Players | None) -> dict[str, tuple[str, ...]]:
    """Return name -> members of every player, or refuse what does not exist, is empty or comes twice."""
    if players is None:
        players = _usual_players(net)
    if isinstance(players, (str, bytes)) or not isinstance(players, (Mapping, Sequence)) or not len(players):
        raise SchemaError(
            "is no list of players",
            where="players",
            value=players,
            allowed='names of nodes, or {"group": [names of nodes and accounts]}',
        )
    known = net.nodes.index
    groups: dict[str, tuple[str, ...]] = {}
    if isinstance(players, Mapping):
        known = known.union(net.accounts.index)
        groups = {str(name): tuple(members) for name, members in players.items()}
    else:
        groups = {str(name): (name,) for name in players}
    if REST in groups or len(groups) < len(players):
        what = "is the name of what remains" if REST in groups else "repeats a name"
        raise ValueRangeError(what, where="players", value=REST if REST in groups else list(players))
    _check_members(net, groups, known)
    return groups


def _usual_players(net: Network) -> list[str]:
    kinds = net.nodes["kind"].isin(SYSTEMIC).to_numpy()
    found = [str(name) for name in net.nodes.index[kinds & ~rest_of_market(net.nodes.index)]]
    if not 0 < len(found) <= MOST_UNNAMED:
        raise ValueRangeError(
            f"must be named: the network has {len(found)} exchanges, protocols and institutions",
            where="players",
            allowed="names of nodes, or groups of nodes and accounts",
        )
    return found


def _check_members(net: Network, groups: dict[str, tuple[str, ...]], known: pd.Index) -> None:
    """Refuse members that do not exist, and those who would be in two players, themselves or through an owner."""
    owners = net.accounts["owner"].to_dict()
    player_of: dict[str, str] = {}
    for name, members in groups.items():
        for member in members:
            if member not in known:
                what = f"does not exist{nearest(member, map(str, known))}"
                raise ValueRangeError(what, where=f"player {name!r}", value=member)
            if player_of.setdefault(member, name) != name:
                raise ValueRangeError("belongs to two players", where=f"player {name!r}", value=member)
    for member, name in player_of.items():
        owner = "" if member in net.nodes.index else str(owners[member])
        if player_of.get(owner, name) != name:
            what = f"belongs to two players, by itself and through its owner {owner!r}"
            raise ValueRangeError(what, where=f"player {name!r}", value=member)


def check_metric(ready: Prepared, metric: str) -> None:
    """Refuse a metric that the model does not have."""
    if metric not in ready.metric_names:
        words = f"one of {', '.join(ready.metric_names)}{nearest(metric, ready.metric_names)}"
        raise ValueRangeError("is unknown", where="metric", value=metric, allowed=words)


def check_permutations(permutations: object) -> int:
    """Return a number of orders, at least 1."""
    if isinstance(permutations, bool) or not isinstance(permutations, (int, np.integer)) or permutations < 1:
        raise ValueRangeError(
            "is no number of orders", where="permutations", value=permutations, allowed="1, 2, ..."
        )
    return int(permutations)


def finished(game: Game, table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the table with shares, sorted, and what it explains."""
    total, rest = total_and_rest(game)
    table = table.sort_values("contribution", ascending=False, kind="stable")
    if method == "shapley":
        row = pd.DataFrame(
            [(rest, np.nan, np.nan, "with every player sound")], columns=table.columns, index=[REST]
        )
        table = pd.concat([table, row]).rename_axis("player")
    share = table["contribution"] / total if total else 0.0 * table["contribution"]
    table.insert(3, "share", share)
    table.attrs = {
        "method": method, "metric": game.metric, "total": total, "rest": rest, "n": game.n, "seed": game.seed,
    }  # fmt: skip
    return table
