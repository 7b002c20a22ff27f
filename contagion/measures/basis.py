"""How far did markets stand from fair value, how widely, and did one venue's distance follow others'?

The basis of a market is price over fair value less 1; fair value is the index for perpetuals, spot markets and pools,
and the forward price ``index exp(carry years)`` for dated futures. Options are marked to a model, and have no basis.

References
----------
Hull (2018), "Options, Futures, and Other Derivatives", chapter 5, for cost of carry and convergence. Granger (1969),
Econometrica 37(3), for what past values elsewhere explain beyond a market's own; Diebold, Yilmaz (2012),
International Journal of Forecasting 28(1), for spill-overs as shares of variance.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError

__all__ = ["basis_closing", "basis_spillover", "basis_table", "systemic_basis"]

Floats = npt.NDArray[np.float64]
SECONDS_PER_YEAR: Final = 365.0 * 86_400.0
COLUMNS: Final = ("round", "time", "venue", "market", "kind", "price", "fair", "basis")
SPILLOVER: Final = ("widest", "market", "round", "time", "from_others", "correlation", "n")
DERIVATIVES: Final = ("perp", "future")
NAN: Final = float("nan")


def basis_table(paths: pd.DataFrame, markets: pd.DataFrame) -> pd.DataFrame:
    """Return the basis of every market but options, over rounds.

    Parameters
    ----------
    paths : DataFrame
        Prices by round and market: round, time (s), market, last, index, as `Run.paths`.
    markets : DataFrame
        Index market; kind, venue, expiry (s, NaN for none) and carry (per year).

    Returns
    -------
    DataFrame
        round, time, venue, market, kind, price (last price at the beginning of the round), fair (the index, or the
        forward price at it) and basis (price / fair - 1). A future's last row is that of the round in which it expires:
        what its price lacked to the index at which it settles.

    Raises
    ------
    SchemaError
        If a column is missing, or a market of `paths` has no row in `markets`.

    Examples
    --------
    >>> paths = pd.DataFrame({"round": [0], "time": [0.0], "market": ["F"], "last": [103.0], "index": [100.0]})
    >>> terms = {"kind": "future", "venue": "V", "expiry": 0.25 * 365 * 86_400, "carry": 0.08}
    >>> found = basis_table(paths, pd.DataFrame([terms], index=["F"]))
    >>> round(float(found["fair"].iloc[0]), 4), round(float(found["basis"].iloc[0]), 4)
    (102.0201, 0.0096)
    """
    _has(paths, "paths", ("round", "time", "market", "last", "index"))
    _has(markets, "markets", ("kind", "venue", "expiry", "carry"))
    unknown = sorted(set(paths["market"]) - set(markets.index))
    if unknown:
        raise SchemaError(f"has no row for {unknown[0]!r}", where="markets")
    terms = markets.loc[paths["market"]]
    time, expiry = paths["time"].to_numpy(float), terms["expiry"].fillna(np.inf).to_numpy(float)
    clock = paths.drop_duplicates("round").set_index("round")["time"].sort_index()
    before = clock.shift(fill_value=-np.inf).loc[paths["round"]].to_numpy(float)
    left = np.where(np.isinf(expiry), 0.0, np.maximum(expiry - time, 0.0)) / SECONDS_PER_YEAR
    kind = terms["kind"].to_numpy()
    price = paths["last"].to_numpy(float)
    growth = np.where(kind == "future", np.exp(terms["carry"].to_numpy(float) * left), 1.0)
    fair = paths["index"].to_numpy(float) * growth
    found = pd.DataFrame(
        {
            "round": paths["round"].to_numpy(),
            "time": time,
            "venue": terms["venue"].to_numpy(),
            "market": paths["market"].to_numpy(),
            "kind": kind,
            "price": price,
            "fair": fair,
            "basis": price / fair - 1.0,
        }
    )
    kept = np.asarray((kind != "option") & (before < expiry), dtype=np.bool_)
    return found.loc[kept].reset_index(drop=True)


def basis_closing(basis: pd.DataFrame) -> pd.Series:
    """Return the last basis of every market, index market; of a future that expired that of its last round.

    Examples
    --------
    >>> basis_closing(pd.DataFrame({"round": [1, 0], "market": ["M", "M"], "basis": [0.2, 0.1]})).to_dict()
    {'M': 0.2}
    """
    _has(basis, "basis", ("round", "market", "basis"))
    return basis.sort_values("round", kind="stable").groupby("market")["basis"].last()


def systemic_basis(basis: pd.DataFrame, weights: pd.Series | None = None) -> pd.Series:
    """Return the mean size of the basis over the derivatives of a system, by round.

    Parameters
    ----------
    basis : DataFrame
        As `basis_table` returns it.
    weights : Series, optional
        Weight of each market, index market, at least 0: open interest or the money in its book. By default all
        perpetuals and futures weigh the same.

    Returns
    -------
    Series
        Index round: the weighted mean of ``abs(basis)`` over perpetuals and futures that have not expired; NaN where
        none has weight.

    Raises
    ------
    SchemaError
        If a column, or the weight of a market, is missing.
    ValueRangeError
        If a weight is negative or no number.

    Examples
    --------
    >>> rows = {"round": [0, 0], "market": ["A", "B"], "kind": ["perp", "future"], "basis": [0.02, -0.06]}
    >>> systemic_basis(pd.DataFrame(rows), pd.Series({"A": 3.0, "B": 1.0})).round(4).to_dict()
    {0: 0.03}
    """
    _has(basis, "basis", ("round", "market", "kind", "basis"))
    rows = basis[basis["kind"].isin(DERIVATIVES)]
    weight = np.ones(len(rows))
    if weights is not None:
        missing = sorted(set(rows["market"]) - set(weights.index))
        if missing:
            raise SchemaError(f"has no weight of {missing[0]!r}", where="weights")
        weight = weights.loc[rows["market"]].to_numpy(float)
        if not (np.isfinite(weight) & (weight >= 0.0)).all():
            raise ValueRangeError("holds what is no weight", where="weights", allowed="at least 0")
    parts = pd.DataFrame({"size": weight * rows["basis"].abs().to_numpy(), "weight": weight})
    sums = parts.groupby(rows["round"].to_numpy()).sum()
    found = sums["size"] / sums["weight"].where(sums["weight"] > 0.0)
    return found.rename_axis("round").rename("systemic_basis")


def basis_spillover(basis: pd.DataFrame) -> pd.DataFrame:
    """Return how wide the basis of every venue became, and how much of it followed other venues.

    A venue's width is the mean of ``abs(basis)`` over its perpetuals and futures, its widening the change of that from
    round to round.

    Parameters
    ----------
    basis : DataFrame
        As `basis_table` returns it.

    Returns
    -------
    DataFrame
        Index venue: widest (the basis that was largest in size, with its sign), market, round and time of it,
        from_others (share of the widening that its own width a round before leaves unexplained and the mean width of
        the other venues a round before explains: a partial R², Granger's question), correlation (of its widening with
        the mean widening of the others in the same round) and n (rounds with a widening). Shares are NaN where there is
        no other venue, nothing is left to explain or fewer than 4 rounds tell of it. A share shows order in time,
        no cause, and chance alone makes it about 1 / n.

    Raises
    ------
    SchemaError
        If a column is missing.

    Examples
    --------
    >>> wide = {"A": [0, 4, 1, 0, 0, 0], "B": [0, 0, 4, 1, 0, 0]}  # per cent; B is A a round later
    >>> rows = [(t, 10.0 * t, v, v, "perp", wide[v][t] / 100) for v in wide for t in range(6)]
    >>> table = pd.DataFrame(rows, columns=["round", "time", "venue", "market", "kind", "basis"])
    >>> basis_spillover(table)["from_others"].round(3).to_dict()
    {'A': 0.182, 'B': 1.0}
    """
    _has(basis, "basis", ("round", "time", "venue", "market", "kind", "basis"))
    rows = basis[basis["kind"].isin(DERIVATIVES)].reset_index(drop=True)
    size = rows["basis"].abs()
    width = size.groupby([rows["round"], rows["venue"]]).mean().unstack()
    found = {}
    for venue in width.columns:
        here = np.flatnonzero(rows["venue"] == venue)
        at = int(here[size.to_numpy()[here].argmax()])
        others = width.drop(columns=venue).mean(axis=1)
        share, correlation, n = _followed(width[venue].to_numpy(float), others.to_numpy(float))
        when = [rows[name].iloc[at] for name in ("basis", "market", "round", "time")]
        found[str(venue)] = [*when, share, correlation, n]
    table = pd.DataFrame.from_dict(found, orient="index", columns=list(SPILLOVER))
    return table.rename_axis("venue")


def _followed(own: Floats, others: Floats) -> tuple[float, float, int]:
    """Partial R² of others' width a round before, correlation of widenings, and the number of rounds that tell."""
    told = np.isfinite(own) & np.isfinite(others)
    own, others = own[told], others[told]
    n = max(0, len(own) - 1)
    if n < 4:
        return NAN, NAN, n
    widening, elsewhere = np.diff(own), np.diff(others)
    alone = np.column_stack([np.ones(n), own[:-1]])
    left = _unexplained(widening, alone)
    both = _unexplained(widening, np.column_stack([alone, others[:-1]]))
    share = max(0.0, 1.0 - both / left) if left > 1e-24 * n else NAN
    varies = min(widening.std(), elsewhere.std()) > 0.0
    return share, float(np.corrcoef(widening, elsewhere)[0, 1]) if varies else NAN, n


def _unexplained(values: Floats, columns: Floats) -> float:
    """Sum of squares that a regression leaves."""
    coefficients = np.linalg.lstsq(columns, values, rcond=None)[0]
    return float(((values - columns @ coefficients) ** 2).sum())


def _has(table: pd.DataFrame, where: str, columns: tuple[str, ...]) -> None:
    """Raise SchemaError unless a frame has some columns."""
    if not isinstance(table, pd.DataFrame):
        what = type(table).__name__
        raise SchemaError(f"is a {what}, no table", where=where, remedy="take the table of a run: run.basis")
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise SchemaError(f"has no column {missing[0]!r}", where=where, allowed=", ".join(columns))
