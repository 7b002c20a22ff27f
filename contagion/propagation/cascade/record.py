"""Step 7: from the arrays of a finished run to the tables of a `Run`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.measures.basis import basis_closing, basis_table
from contagion.network import Network
from contagion.propagation.cascade import codes, record_tables
from contagion.propagation.cascade.attribution import attribute
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.executions import liquidations_table
from contagion.propagation.cascade.graph import contagion_graph
from contagion.propagation.cascade.haircuts import frozen_table, haircuts_table, issuer_losses
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.loss_edges import costs_table
from contagion.propagation.cascade.losses import losses_table
from contagion.propagation.cascade.outcome import METRICS, Worths
from contagion.propagation.cascade.unpaid import default_losses, unpaid_table
from contagion.propagation.provenance import provenance
from contagion.results import Run
from contagion.shocks import Shock

if TYPE_CHECKING:
    from contagion.propagation.cascade.model import Prepared

Floats = npt.NDArray[np.float64]


def make_run(
    prepared: Prepared, shock: Shock, seed: int, scenario: int, state: State, worth: Worths, metrics: Floats
) -> Run:
    """Assemble a run."""
    opening = prepared.opening
    n_rounds = int(state.clock["round"][0])
    events = events_table(opening, state)
    paths = paths_table(opening, state, n_rounds)
    attribution = attribute(opening, state, events)
    accounts, ledger = accounts_table(opening, state, worth), ledger_table(opening, state)
    unpaid = unpaid_table(events, ledger, accounts["owner"], 1.0 / opening.units.scale)
    caused = {who: caused_by(attribution, events, unpaid, who) for who in ("node", "venue")}
    run = Run(
        metrics=pd.Series(metrics, index=pd.Index(METRICS, name="metric"), name="value"),
        rounds=rounds_table(state, n_rounds),
        paths=paths,
        accounts=accounts,
        nodes=nodes_table(prepared, state, worth, caused["node"]),
        markets=markets_table(prepared.opened, opening, state, paths),
        venues=venues_table(opening, state, caused["venue"]),
        events=events.assign(cause=attribution["cause"]),
        ledger=ledger,
        liquidations=liquidations_table(opening, state),
        losses=losses_table(opening, state, prepared.opened.nodes["kind"].to_numpy(object)),
        network=prepared.network,
        shock=shock,
        model=prepared.model,
        policies=prepared.policies,
        provenance=provenance(
            prepared.network,
            prepared.model,
            shock,
            prepared.policies,
            seed,
            scenario,
            quantum=f"2^-{opening.units.exponent} {prepared.network.unit}",
        ),
        attribution=attribution,
        draw_graph=partial(
            contagion_graph,
            lots=pd.Series(opening.markets["lot"], index=pd.Index(opening.names.markets)),
            unpaid=unpaid,
            haircuts=haircuts_table(opening, state),
            frozen=frozen_table(opening, state),
            costs=costs_table(opening, state),
        ),
        again=lambda model: model.prepare(prepared.network, prepared.policies).run(shock, seed, scenario),
    )
    return run


def _named(codes: npt.NDArray[Any], names: tuple[str, ...]) -> npt.NDArray[np.object_]:
    """Names of codes; empty text for -1."""
    return np.asarray((*names, ""), dtype=object)[codes]


def rounds_table(state: State, n_rounds: int) -> pd.DataFrame:
    """One row a round."""
    frame = pd.DataFrame({name: state.rounds[name][:n_rounds] for name in record_tables.ROUND.names or ()})
    return frame.rename_axis("round")


def paths_table(opening: Opening, state: State, n_rounds: int) -> pd.DataFrame:
    """Prices, displacement and depth per round and market."""
    names, history = opening.names.markets, state.history[:n_rounds]
    n = len(names)
    columns: dict[str, Any] = {
        "round": np.repeat(np.arange(n_rounds), n),
        "time": np.repeat(state.rounds["time"][:n_rounds], n),
        "market": np.tile(np.asarray(names, dtype=object), n_rounds),
    }
    for name in ("outside", "last", "mark", "index", "displacement", "depth", "halted"):
        columns[name] = history[name].ravel()
    return pd.DataFrame(columns)


def accounts_table(opening: Opening, state: State, worth: Worths) -> pd.DataFrame:
    """Final table of accounts; money is of the whole row, equity of one account behind it times `count`."""
    book, names, quantum = opening.book, opening.names, 1.0 / opening.units.scale
    count = book.count
    return pd.DataFrame(
        {
            "owner": _named(book.owner, names.nodes),
            "venue": _named(book.venue, names.venues),
            "count": count,
            "opening_equity": worth.accounts_opening * count,
            "closing_equity": worth.accounts_closing * count,
            "outside_change": (worth.accounts_outside - worth.accounts_opening) * count,
            "liquidated_notional": state.liquidated * quantum,
            "deleveraged_notional": state.deleveraged * quantum,
            "taken_over_notional": state.taken_over * quantum,
            "calls": state.calls.copy(),
            "posted": state.posted * quantum,
            "deficit": state.deficit * quantum,
            "first_trigger": state.first_trigger.copy(),
            "closed_at": state.closed_at.copy(),
        },
        index=pd.Index(names.accounts, name="account", dtype=object),
    )


def caused_by(attribution: pd.DataFrame, events: pd.DataFrame, unpaid: pd.DataFrame, who: str) -> pd.Series:
    """Money that every node or venue (`who`) caused: forced trades triggered, haircuts of its tokens, unpaid debts."""
    flows = attribution.groupby(who)["caused"].sum()
    for losses in (issuer_losses(events, who), default_losses(unpaid)):
        flows = flows.add(losses, fill_value=0.0)
    return flows


def nodes_table(prepared: Prepared, state: State, worth: Worths, caused: pd.Series) -> pd.DataFrame:
    """Final table of nodes."""
    opening = prepared.opening
    gap = worth.outside_change - worth.change
    index = pd.Index(opening.names.nodes, name="node", dtype=object)
    return pd.DataFrame(
        {
            "kind": prepared.opened.nodes["kind"].to_numpy(),
            "counted": opening.book.counted,
            "opening_equity": worth.opening,
            "outside_change": worth.outside_change,
            "closing_equity": worth.closing,
            "loss": np.maximum(gap, 0.0),
            "gain": np.maximum(-gap, 0.0),
            "direct_loss": np.maximum(-worth.outside_change, 0.0),
            "failed_at": np.where(state.node_failed, state.node_failed_at, np.nan),
            "loss_caused": caused.reindex(index).fillna(0.0).to_numpy(),
        },
        index=index,
    )


def markets_table(net: Network, opening: Opening, state: State, paths: pd.DataFrame) -> pd.DataFrame:
    """Final table of markets."""
    names, markets, quantum = opening.names, state.markets, 1.0 / opening.units.scale
    closing = basis_closing(basis_table(paths, net.markets))
    return pd.DataFrame(
        {
            "venue": _named(markets["venue"], names.venues),
            "asset": _named(markets["asset"], names.assets),
            "kind": net.column("markets", "kind"),
            "opening_price": markets["opening"],
            "closing_price": markets["mark"],
            "outside_price": markets["outside"],
            "lowest_price": markets["lowest"],
            "largest_fall": markets["largest_fall"],
            "basis_peak": markets["basis_peak"],
            "basis_closing": closing.reindex(list(names.markets)).to_numpy(),
            "liquidated_notional": markets["liquidated"] * quantum,
            "adl_notional": markets["deleveraged"] * quantum,
            "takeover_notional": markets["taken_over"] * quantum,
            "halted_seconds": markets["halted_seconds"],
            "depth_lowest": markets["depth_lowest"],
        },
        index=pd.Index(names.markets, name="market", dtype=object),
    )


def venues_table(opening: Opening, state: State, caused: pd.Series) -> pd.DataFrame:
    """Final table of venues."""
    names, venues, quantum = opening.names, state.venues, 1.0 / opening.units.scale
    index = pd.Index(names.venues, name="venue", dtype=object)
    return pd.DataFrame(
        {
            "fund_opening": venues["fund_opening"] * quantum,
            "fund_closing": venues["fund"] * quantum,
            "fund_used": venues["fund_used"] * quantum,
            "bad_debt": venues["bad_debt"] * quantum,
            "uncovered": venues["uncovered"] * quantum,
            "residual_loss": venues["residual_paid"] * quantum,
            "withdrawn": venues["withdrawn"] * quantum,
            "refused": venues["refused"] * quantum,
            "own_capital_paid": venues["own_capital_paid"] * quantum,
            "default_fund_paid": venues["default_fund_paid"] * quantum,
            "own_contributions_paid": venues["own_contributions_paid"] * quantum,
            "assessed": venues["assessed"] * quantum,
            "replenished": venues["replenished"] * quantum,
            "liquidated_notional": venues["liquidated"] * quantum,
            "adl_notional": venues["deleveraged"] * quantum,
            "takeover_notional": venues["taken_over"] * quantum,
            "keepers": venues["keeper"] * quantum,
            "failed_at": np.where(venues["failed"], venues["failed_at"], np.nan),
            "loss_caused": caused.reindex(index).fillna(0.0).to_numpy(),
        },
        index=index,
    )


def events_table(opening: Opening, state: State) -> pd.DataFrame:
    """All events in order."""
    names = opening.names
    raw = state.events[: int(state.clock["n_events"][0])]
    return pd.DataFrame(
        {
            "round": raw["round"],
            "time": raw["time"],
            "kind": np.asarray(codes.EVENTS, dtype=object)[raw["kind"]],
            "account": _named(raw["account"], names.accounts),
            "node": _named(raw["node"], names.nodes),
            "venue": _named(raw["venue"], names.venues),
            "market": _named(raw["market"], names.markets),
            "lots": raw["lots"],
            "price": raw["price"],
            "money": raw["money"],
        }
    ).rename_axis("event")


def instrument_names(opening: Opening) -> npt.NDArray[np.object_]:
    """Names by instrument code, negative ones from the end: perp markets, assets held, external, claim, money."""
    names = opening.names
    fixed = ("external", "claim", "money")
    return np.asarray((*names.markets, *(f"holding:{asset}" for asset in names.assets), *fixed), dtype=object)


def member_names(opening: Opening) -> tuple[str, ...]:
    """Venue and member of every contribution to a default fund."""
    book, names = opening.book, opening.names
    venue = np.repeat(np.arange(len(names.venues)), np.diff(book.member_indptr))
    return tuple(
        f"{names.venues[v]}/{names.nodes[n]}"
        for v, n in zip(venue.tolist(), book.member_node.tolist(), strict=True)
    )


def ledger_table(opening: Opening, state: State) -> pd.DataFrame:
    """Every posting, with names."""
    names = opening.names
    raw = state.ledger[: int(state.clock["n_ledger"][0])]
    venue_names = names.venues
    who = np.empty(len(raw), dtype=object)
    by_entity = (
        ("", names.accounts),
        ("provider:", names.markets),
        ("fund:", venue_names),
        ("cash:", names.nodes),
        ("keeper:", venue_names),
        ("burn:", venue_names),
        ("", ("outside",)),
        ("default_fund:", member_names(opening)),
    )
    for code, (prefix, known) in enumerate(by_entity):
        rows = raw["entity"] == code
        who[rows] = [prefix + name for name in _named(raw["id"][rows], known)]
    return pd.DataFrame(
        {
            "round": raw["round"],
            "event": raw["event"],
            "account": who,
            "kind": np.asarray(codes.REASONS, dtype=object)[raw["kind"]],
            "instrument": instrument_names(opening)[raw["instrument"]],
            "amount": raw["amount"],
        }
    )
