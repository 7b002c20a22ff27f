"""Is what was given the kind of object that the picture needs?"""

from __future__ import annotations

from typing import Any, Final

from contagion.errors import SchemaError

__all__ = ["need", "need_sales", "need_sheets", "need_time"]

KINDS: Final = {
    "run": ("contagion_graph", "rounds"),
    "comparison": ("effects", "to_frame"),
    "network": ("obligations", "positions"),
}
"""Kind -> attributes by which it is known."""

ALLOWED: Final = {
    "run": "a run, such as ct.run(net, shock, ct.Cascade()) returns",
    "comparison": "a comparison, such as ct.compare(net, shocks, ct.Cascade(), policies) returns",
    "network": "a ct.Network",
}
REMEDIES: Final = {
    ("run", "comparison"): "cmp.rerun('none', 0) runs one scenario of a comparison with its records",
    ("run", "network"): "run a shock on the network first",
    ("comparison", "run"): "compare policy sets on the network of the run first",
    ("comparison", "network"): "compare policy sets on the network first",
    ("network", "run"): "pass run.network",
    ("network", "comparison"): "pass cmp.networks[0]",
}

WAVES: Final = ("wave", "recovery", "loss_caused")
"""Columns of nodes by which a run of balance sheets is known."""


def need(kind: str, given: object, where: str) -> None:
    """Refuse what is not of the kind that a picture is drawn from.

    Parameters
    ----------
    kind : str
        ``run``, ``comparison`` or ``network``.
    given : object
        What the function was called with.
    where : str
        Name of the argument.

    Raises
    ------
    SchemaError
        It is of another kind; the message says how to get the right one.
    """
    if _is(kind, given):
        return
    own = next((other for other in KINDS if _is(other, given)), "")
    name = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
    raise SchemaError(
        f"{name} is no {kind}",
        where=where,
        allowed=f"expected is {ALLOWED[kind]}",
        remedy=REMEDIES.get((kind, own), ""),
    )


def need_sheets(run: Any, where: str) -> None:
    """Refuse a run of another model than those of balance sheets, whose nodes fail in waves.

    Raises
    ------
    SchemaError
        It is no run, or one of another model; the message names the model.
    """
    need("run", run, where)
    if _has(run, "nodes", *WAVES):
        return
    raise SchemaError(
        f"a run of {_model(run)} has no waves of failing balance sheets",
        where=where,
        allowed="a run of ct.Clearing, DebtRank, Furfine, ThresholdCascade, NEVA or CrossHoldings",
        remedy="plot.rounds(run) and plot.cascade(run) draw what it has",
    )


def need_sales(run: Any, where: str) -> None:
    """Refuse a run of another model than fire sales.

    Raises
    ------
    SchemaError
        It is no run, or one of another model; the message names the model.
    """
    need("run", run, where)
    if _has(run, "markets", "sold_share") and _has(run, "rounds", "median_leverage"):
        return
    raise SchemaError(
        f"a run of {_model(run)} has no sales that follow from leverage or capital",
        where=where,
        allowed="a run of ct.FireSale",
        remedy="plot.rounds(run) draws a cascade, plot.waves(run) failures of balance sheets",
    )


def need_time(run: Any, where: str) -> None:
    """Refuse a run without prices and forced trades round by round: one of balance sheets.

    Raises
    ------
    SchemaError
        It is no run, or one of a model of balance sheets; the message names the model.
    """
    need("run", run, where)
    if not _has(run, "nodes", *WAVES):
        return
    raise SchemaError(
        f"a run of {_model(run)} has no clock, prices or forced trades",
        where=where,
        allowed="a run of ct.Cascade",
        remedy="plot.waves(run), plot.contagion_tree(run) and plot.losses_heatmap(run) draw what it has",
    )


def _has(run: Any, table: str, *columns: str) -> bool:
    return set(columns) <= set(getattr(getattr(run, table, None), "columns", ()))


def _model(run: Any) -> str:
    return type(run.model).__name__ if hasattr(run, "model") else "another model"


def _is(kind: str, given: object) -> bool:
    return not isinstance(given, type) and all(hasattr(given, name) for name in KINDS[kind])
