"""What a run leaves behind: metrics, tables, ledger, provenance, and a card that says what happened."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import networkx as nx

    from contagion.network import Network
    from contagion.policies.base import Policy
    from contagion.shocks import Shock


def money(value: float, unit: str) -> str:
    """A sum of money for people: ``USD 1.23 bn``."""
    if math.isnan(value):
        return "none"
    for size, word in ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{unit} {value / size:.2f} {word}"
    return f"{unit} {value:.2f}"


def number(value: float, digits: int = 2) -> str:
    """A number for people; "none" where there is none."""
    return "none" if math.isnan(value) else f"{value:,.{digits}f}"


@dataclass(frozen=True, repr=False)
class Run:
    """One run of a model: what happened to whom, and why. A table that a model does not have is empty.

    Attributes
    ----------
    metrics
        Scalars by name (money in the network's unit, shares as fractions, times in seconds).
    rounds
        One row a round: time (s), money liquidated, deleveraged, asked and deferred, bad debt, funds, calls.
    paths
        Long table of prices: round, time, market, outside, last, mark, index, displacement, depth, halted.
    accounts, nodes, markets, venues
        Final tables by name. `loss_caused` of a cascade: money of forced trades triggered by earlier forced flows,
        haircuts of tokens, charged to their issuers, and what failed nodes do not pay creditors and customers; of
        balance sheets: claims on the node that are not paid.
    events
        One row an event: round, time, kind, account, venue, market, lots (signed change), price, money, cause (share of
        the move of the mark since the opening that earlier forced flows made).
    ledger
        Every posting: round, event, account, kind, instrument, amount (lots or quanta, int64); sums to 0 per round and
        instrument (each leg of a deleveraging has an event of its own).
    liquidations
        One row a forced fill (liquidation, auction, takeover, close at the model's value): event, round, time (s, when
        the round begins), kind, account, venue, market, asset, side (of the position closed: long, short), lots,
        quantity (units),
        trigger_mark (mark when the account last fell below its requirement; of a coin the price by which its venue
        measured health then), mark, outside, execution (prices), bankruptcy_price (at the fill, with the account's
        equity spread over its legs by notional; of a coin the price at which the account is worth nothing, the prices
        of all coins of its side moving in proportion: of a single collateral debt / quantity), notional (money at the
        mark), delay (s from the trigger to the round of the fill), fill_rate (filled / asked, of that order),
        liquidation_basis (side x (trigger_mark - execution) / trigger_mark; of a loan with a debt in coins the mean
        over both trades), coverage (realised value / amount owed at the trigger) and time_to_close (s from the trigger
        to the end of the round in which the account was closed, a loan also by being healthy again), both in the rows
        of the round in which the account was first closed, else NaN.
    losses
        What every node lost beyond the outside shock, by channel: node, layer, channel, money (below 0: gained). Over
        channels they add up to loss less gain in `nodes`.
    network, shock, model, policies, provenance
        What was run. `network` is the one before the policies' openings.
    """

    metrics: pd.Series
    rounds: pd.DataFrame
    paths: pd.DataFrame
    accounts: pd.DataFrame
    nodes: pd.DataFrame
    markets: pd.DataFrame
    venues: pd.DataFrame
    events: pd.DataFrame
    ledger: pd.DataFrame
    liquidations: pd.DataFrame
    network: Network
    shock: Shock
    model: Any
    policies: tuple[Policy, ...]
    provenance: Mapping[str, Any]
    attribution: pd.DataFrame = field(repr=False)
    draw_graph: Callable[[Run], nx.DiGraph[Any]] = field(repr=False)
    again: Callable[..., Run] = field(repr=False)
    losses: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    @property
    def unit(self) -> str:
        """Unit of money."""
        return self.network.unit

    def contagion_graph(self) -> nx.DiGraph[Any]:
        """Who hit whom, by how much (money), through which channel.

        Returns
        -------
        networkx.DiGraph
            Nodes have `kind`, `loss` and `layer`; edges have `weight` (money), `channel`, `kind` and, of a cascade,
            the layers of both ends; its graph is a multigraph with an edge for each channel and kind between two
            nodes. A forced sale hits those whose sales it triggered in proportion to the displacement it had left in
            the market then (`price`; its own edge to the market tells by `kind` whether it was a liquidation, an
            unwinding or a hedge); ``outside`` hits with the share that the outside move explains. `default`,
            `issuer`, `freeze`, `haircut`, `bad debt`, `recall` and `adl` (profit at the mark that winners forgo) are
            money that the target lost through the source. `funding` and, by `kind` forced trades, hedging, displaced
            prices and all other channels of `losses` that pass through markets or the books of a venue (``books:``
            and its name), `cost` lead from these to who lost there and from who gained to them: into a node less out
            of it is what `losses` tells. `attack` leads from ``outside`` to the markets pushed, with the money traded
            there.
        """
        return self.draw_graph(self)

    def liquidation_basis(self, by: Sequence[str] = ("venue", "asset")) -> pd.DataFrame:
        """How forced fills were done, per group: distributions of basis, coverage, delays and fill rate.

        Parameters
        ----------
        by
            Columns of `liquidations` that make a group.

        Returns
        -------
        DataFrame
            As `contagion.measures.execution_table` returns it.

        Raises
        ------
        SchemaError
            If `by` names something else, or nothing.
        """
        from contagion.measures.executions import execution_table

        return execution_table(self.liquidations, by)

    @property
    def basis(self) -> pd.DataFrame:
        """How far every market stood from fair value in every round.

        Returns
        -------
        DataFrame
            round, time, venue, market, kind, price, fair, basis, as `contagion.measures.basis_table` returns it; empty
            for models without markets that have an index.
        """
        from contagion.measures.basis import COLUMNS, basis_table

        if not {"last", "index"} <= set(self.paths.columns):
            return pd.DataFrame(columns=list(COLUMNS))
        terms = self.network.markets[["expiry", "carry"]].reindex(self.markets.index)
        return basis_table(self.paths, self.markets[["kind", "venue"]].join(terms))

    def card(self) -> list[tuple[str, str]]:
        """What happened, as label and text; a model may say it in its own way."""
        own = getattr(self.model, "card", None)
        if own is not None:
            return list(own(self))
        m, unit = self.metrics, self.unit
        falls = self.markets["largest_fall"] if len(self.markets) else pd.Series(dtype=float)
        worst = f"{falls.idxmax()} fell {falls.max():.1%} at worst" if len(falls) else "no markets"
        return [
            ("shock", self.shock.describe()),
            ("model", self.model.describe()),
            ("policies", "; ".join(policy.name for policy in self.policies) or "none"),
            ("loss", f"{money(m['system_loss'], unit)} beyond {money(m['direct_loss'], unit)} of direct loss "
                     f"(amplification {number(m['loss_amplification'])}); gains {money(m['system_gain'], unit)}"),
            ("liquidated", f"{money(m['liquidated_notional'], unit)} of {m['liquidated_accounts']:,.0f} accounts; "
                           f"deleveraged {money(m['adl_notional'], unit)}"),
            ("bad debt", f"{money(m['bad_debt'], unit)}: funds paid {money(m['fund_used'], unit)}, "
                         f"customers {money(m['residual_loss'], unit)}, uncovered {money(m['uncovered'], unit)}"),
            ("prices", f"{worst}; branching ratio {number(m['branching_ratio'])}"),
            ("calls", f"{money(m['margin_called'], unit)} called, {money(m['margin_posted'], unit)} posted"),
            ("defaults", f"{m['venue_defaults']:.0f} venues, {m['node_defaults']:.0f} nodes"),
            ("time", f"{m['rounds']:.0f} rounds; halted {m['halted_seconds']:,.0f} market seconds; "
                     f"still to be sold {money(m['deferred_notional'], unit)}"),
        ]  # fmt: skip

    def __repr__(self) -> str:
        """The card in text."""
        rows = self.card()
        return "\n".join(
            [f"Run ({self.model.__class__.__name__})", *(f"  {label:<11}{text}" for label, text in rows)]
        )

    def _repr_html_(self) -> str:
        """The card for notebooks; every name is escaped."""
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for label, text in self.card()
        )
        return f"<table><caption>Run ({html.escape(self.model.__class__.__name__)})</caption>{body}</table>"
