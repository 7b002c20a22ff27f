"""What did the two legs of each hedge make? Basis trades of a network, over scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from contagion.comparison import Comparison
from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments.account_results import REASONS
from contagion.experiments.outcomes import runs_of
from contagion.measures.hedges import hedge_table
from contagion.network.network import Network
from contagion.results import Run

__all__ = ["StrategyHedges", "strategy_hedges"]

KINDS = ("basis", "hedge")


@dataclass(frozen=True, eq=False)
class StrategyHedges:
    """Results of both legs of every hedge, in the network's unit; rows are scenarios, columns hedges.

    Parameters
    ----------
    hedged, hedging : pandas.DataFrame
        What the long leg and what the short leg gained, transfers between owner and account left out.
    """

    hedged: pd.DataFrame
    hedging: pd.DataFrame

    @property
    def effectiveness(self) -> pd.DataFrame:
        """One row per hedge, as `contagion.measures.hedge_table` gives it; at least two scenarios."""
        if len(self.hedged) < 2:
            raise ValueRangeError(
                "holds one scenario",
                where="source",
                allowed="two or more, over which legs can offset each other",
            )
        return hedge_table(self.hedged, self.hedging)

    @property
    def loss_reduction(self) -> pd.Series:
        """Per hedge 1 - losses of item and hedge together / losses of the item alone, summed over the scenarios.

        NaN where the item lost nothing; below 0 the hedge added to the losses.
        """
        alone = (-self.hedged).clip(lower=0.0).sum()
        both = (-(self.hedged + self.hedging)).clip(lower=0.0).sum()
        return (1.0 - both / alone.where(alone > 0.0)).rename("loss_reduction").rename_axis("hedge")


@dataclass(frozen=True)
class _Hedge:
    """A long leg, and the accounts (or the node's coins, beside an account) that hedge it."""

    name: str
    node: str
    account: str
    short: tuple[str, ...]


def strategy_hedges(source: Comparison | Sequence[Run], policy: str = "none") -> StrategyHedges:
    """Return what the legs of each strategy made in every scenario.

    A strategy of kind basis or hedge with a short account is a hedge of its long account, or of what its node holds
    outside accounts; a hedger of options in spot hedges its long account with what its node holds outside accounts. A
    node whose holdings several strategies hedge is one hedge of its name, with all their short accounts. Accounts count
    whole, whatever else they hold.

    Parameters
    ----------
    source : Comparison or sequence of Run
        Scenarios, all on networks with the same strategies; those of a study run again.
    policy : str, default "none"
        Which set of a study.

    Returns
    -------
    StrategyHedges

    Raises
    ------
    SchemaError
        If the source is something else, or networks have other strategies.
    ValueRangeError
        If there is no run, no such set, or no strategy with two legs.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> runs = [ct.run(net, ct.PriceShock({"BTC": -x}), ct.Cascade.static()) for x in (0.05, 0.3)]
    >>> hedges = ct.strategy_hedges(runs)
    >>> bool((hedges.hedged.loc[1] < 0.0).any() and (hedges.hedging.loc[1] > 0.0).any())
    True
    """
    known: list[_Hedge] | None = None
    long, short = {}, {}
    for scenario, _, run in runs_of(source, policy):
        found = _hedges(run.network)
        if known is not None and found != known:
            raise SchemaError("has other strategies than the first", where=f"network of scenario {scenario}")
        known = found
        results, outside = _account_results(run), _outside_accounts(run)
        long[scenario] = {
            hedge.name: float(results[hedge.account]) if hedge.account else float(outside[hedge.node])
            for hedge in found
        }
        short[scenario] = {
            hedge.name: float(results[list(hedge.short)].sum())
            + (float(outside[hedge.node]) if hedge.account and hedge.node else 0.0)
            for hedge in found
        }
    if known is None:
        raise ValueRangeError("holds no run", where="source", allowed="at least one scenario that ran")
    frames = [pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario") for rows in (long, short)]
    return StrategyHedges(*frames)


def _hedges(net: Network) -> list[_Hedge]:
    """Hedges by name, those of one node together."""
    found: dict[str, _Hedge] = {}
    row: Any
    for row in net.strategies.itertuples():
        in_spot = row.kind == "hedge" and row.long_account and row.spot_node
        legs = row.short_account and (row.long_account or row.spot_node)
        if row.kind not in KINDS or not (legs or in_spot):
            continue
        if in_spot:
            found[str(row.Index)] = _Hedge(str(row.Index), str(row.spot_node), str(row.long_account), ())
            continue
        name = str(row.Index) if row.long_account else str(row.spot_node)
        before = found[name].short if name in found else ()
        short = before if row.short_account in before else (*before, str(row.short_account))
        node = "" if row.long_account else str(row.spot_node)
        found[name] = _Hedge(name, node, str(row.long_account), short)
    if not found:
        raise ValueRangeError("has no strategy with two legs", where="strategies", value=len(net.strategies))
    return list(found.values())


def _account_results(run: Run) -> pd.Series:
    """Change of equity of every account, without what owners put in and took out."""
    change = run.accounts["closing_equity"] - run.accounts["opening_equity"]
    ledger = run.ledger
    moved = ledger[ledger["kind"].isin(REASONS["transfers"]) & (ledger["instrument"] == "money")]
    money = moved.groupby("account")["amount"].sum() * _quantum(run)
    return change - money.reindex(change.index).fillna(0.0)


def _outside_accounts(run: Run) -> pd.Series:
    """Change of equity of every node that did not happen in its accounts: holdings above all."""
    change = run.nodes["closing_equity"] - run.nodes["opening_equity"]
    inside = _account_results(run).groupby(run.accounts["owner"]).sum()
    return change - inside.reindex(change.index).fillna(0.0)


def _quantum(run: Run) -> float:
    """Money in a quantum of the ledger, from the provenance: "2^-20 USD"."""
    exponent = str(run.provenance["quantum"]).split(" ")[0].removeprefix("2^")
    return float(2.0 ** int(exponent.replace("--", "")))
