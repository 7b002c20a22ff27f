"""How do the early warnings of a market change from snapshot to snapshot? One row of indicators per network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import real
from contagion.errors import SchemaError, shown
from contagion.measures.books import book
from contagion.measures.closing import liquidity_adjusted_requirement
from contagion.measures.clusters import money_to_next_cluster
from contagion.measures.early_warning import LEVERAGES, distance_to_divergence, open_interest_above
from contagion.measures.liquidation import closing_orders, liquidation_map
from contagion.measures.prior_risk import DAY, fund_risk, system_risk
from contagion.measures.probability import count, probability_of_liquidation
from contagion.measures.scanned import note_scanned
from contagion.network.network import Network
from contagion.network.reserved import rest_of_market
from contagion.streams import check_seed

COLUMNS: Final = (
    "accounts",
    "open_interest",
    *(f"share_above_{leverage:g}x" for leverage in LEVERAGES),
    "margin_balance",
    "requirement",
    "requirement_adjusted",
    "requirement_adjusted_together",
    "liquidatable_fall",
    "liquidatable_rise",
    "divergence_fall",
    "divergence_rise",
    "peak_slope_fall",
    "peak_slope_rise",
    "cluster_money_fall",
    "cluster_money_rise",
    "cluster_break_even_fall",
    "cluster_break_even_rise",
    "expected_liquidated",
    "fund",
    "deficit_var",
    "deficit_es",
    "uncovered_es",
    "exhausted_worst",
    "direct_loss_es",
)
"""Names of the columns of `monitor`, in their order."""


def monitor(
    networks: Network | Mapping[str, Network] | Iterable[Network],
    *,
    reach: float = 0.1,
    horizon: float = DAY,
    volatility: Mapping[str, float] | float | None = None,
    correlation: float | pd.DataFrame | None = None,
    covariance: pd.DataFrame | None = None,
    level: float = 0.95,
    n: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the early warnings of snapshots of a market, before any shock and without a run.

    Parameters
    ----------
    networks : mapping of str to Network, or iterable of Network, or Network
        The snapshots, by name or in order.
    reach : float
        Common move, a fraction of every price, up to which `liquidatable` counts.
    horizon : float
        Seconds over which prices move, for the columns that draw.
    volatility, correlation, covariance
        Of daily log returns, as for `contagion.measures.covariance_of`.
    level : float
        Where the tail begins.
    n : int
        Paths and scenarios, at least 2.
    seed : int
        Root seed; every snapshot meets the same draws.

    Returns
    -------
    DataFrame
        One row per snapshot, index `snapshot` (its name, or its place from 0). Money is in the network's unit; an
        account is one of those behind a row; the rest of the market counts in open interest alone. Columns, always all
        of them and in this order:

        - accounts (number), open_interest (money, longs), share_above_3x, _5x, _10x, _20x (of open interest);
        - margin_balance, requirement (money), requirement_adjusted and requirement_adjusted_together (money, with the
          cost of closing each alone, and all at once; of a loan the collateral in full, and the part of it that does
          not count: no cost of closing, which keepers bear);
        - liquidatable_fall, liquidatable_rise (money closed by a common move of up to `reach`);
        - divergence_fall, divergence_rise (signed fraction: the smallest common move at which the static cascade feeds
          itself, NaN if none up to 60 %), peak_slope_fall, peak_slope_rise (largest slope, a ratio), both of positions
          alone and NaN where nobody has one: a protocol closes parts of a loan, when keepers gain by it, so that no
          level of the price closes so much money;
        - cluster_money_fall, cluster_money_rise (money: the least that pushes a mark to its next cluster),
          cluster_break_even_fall, cluster_break_even_rise (money: the smallest position for which a push pays);
        - expected_liquidated (money: what would be closed times the probability of liquidation within the horizon);
        - fund (money, all venues), deficit_var, deficit_es, uncovered_es (money beyond margin, and beyond the funds),
          exhausted_worst (largest probability of a fund's end), direct_loss_es (money).

        Accounts margined by scan are in none of the columns that need linear positions (levels, slopes, clusters): what
        each snapshot leaves out is named in ``frame.attrs["note"]``.

    Raises
    ------
    SchemaError
        There is no snapshot, or something else than a network.
    ValueRangeError, NetworkError
        As for the measures that the columns name.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.datasets.load("perp-venues")
    >>> table = ct.monitor({"today": net}, n=100)
    >>> table.index.tolist(), tuple(table.columns) == COLUMNS
    (['today'], True)
    """
    real(reach, "reach", above=0.0, below=1.0), count(n, "n", 2), check_seed(seed)
    named = _named(networks)
    moments = {
        "horizon": real(horizon, "horizon", above=0.0),
        "volatility": volatility,
        "correlation": correlation,
        "covariance": covariance,
    }
    rows = [
        _opening(net) | _levels(net, reach) | _clusters(net) | _draws(net, moments, level, n, seed)
        for net in named.values()
    ]
    index = pd.Index(list(named), name="snapshot")
    frame = pd.DataFrame(rows, index=index, columns=list(COLUMNS)).astype(np.float64)
    notes = {name: note_scanned(net, pd.DataFrame()).attrs.get("note") for name, net in named.items()}
    told = [f"snapshot {shown(str(name))}: {note}" for name, note in notes.items() if note]
    if told:
        frame.attrs["note"] = "; ".join(told)
    return frame


def _named(networks: Network | Mapping[str, Network] | Iterable[Network]) -> dict[str | int, Network]:
    """Return the snapshots by name or place."""
    allowed = "networks, or a mapping of names to networks"
    if isinstance(networks, Network):
        networks = [networks]
    if isinstance(networks, (str, bytes)) or not isinstance(networks, Iterable):
        raise SchemaError("are no snapshots", where="networks", value=networks, allowed=allowed)
    found: dict[str | int, Network] = {}
    if isinstance(networks, Mapping):
        found.update(networks)
    else:
        found.update(enumerate(networks))
    if not found:
        raise SchemaError("holds no snapshot", where="networks", allowed=allowed)
    for name, net in found.items():
        if not isinstance(net, Network):
            raise SchemaError("is no network", where=f"networks[{name!r}]", value=net, allowed=allowed)
    return found


def _opening(net: Network) -> dict[str, float]:
    """Return what the tables say without any move."""
    legs = book(net)
    own = ~rest_of_market(net.accounts.index)
    counts = net.accounts["count"].to_numpy(np.float64) * own
    long = np.maximum(legs.quantity, 0.0) * legs.price * legs.count
    adjusted = liquidity_adjusted_requirement(net).mul(counts, axis=0)
    shares = open_interest_above(net)["share"] if len(net.positions) else pd.Series(dtype=np.float64)
    row = {"accounts": float(counts.sum()), "open_interest": float(long.sum())}
    row |= {f"share_above_{leverage:g}x": float(shares.get(leverage, np.nan)) for leverage in LEVERAGES}
    return row | {
        "margin_balance": adjusted["margin_balance"].sum(),
        "requirement": adjusted["requirement"].sum(),
        "requirement_adjusted": adjusted["adjusted"].sum(),
        "requirement_adjusted_together": adjusted["adjusted_together"].sum(),
        "fund": net.venues["insurance_fund"].sum(),
    }


def _levels(net: Network, reach: float) -> dict[str, float]:
    """Return what a common move closes, and where closing feeds itself."""
    table = liquidation_map(net, width=reach, lowest=-reach, highest=reach)
    row: dict[str, float] = {}
    for side, furthest in (("fall", -0.6), ("rise", 0.6)):
        row[f"liquidatable_{side}"] = table.loc[table["move"] == side, "money"].sum()
        row[f"divergence_{side}"] = row[f"peak_slope_{side}"] = np.nan
        if (net.positions["quantity"] != 0.0).any():
            found = distance_to_divergence(net, furthest=furthest)
            row[f"divergence_{side}"], row[f"peak_slope_{side}"] = found.shock, found.peak_slope
    return row


def _clusters(net: Network) -> dict[str, float]:
    """Return the cheapest pushes to a cluster."""
    table = money_to_next_cluster(net)
    row: dict[str, float] = {}
    for side in ("fall", "rise"):
        here = table[table["move"] == side]
        row[f"cluster_money_{side}"] = float(here["money"].min())
        row[f"cluster_break_even_{side}"] = float(here["break_even_size"].min())
    return row


def _draws(net: Network, moments: Mapping[str, object], level: float, n: int, seed: int) -> dict[str, float]:
    """Return what needs draws of prices."""
    arguments: dict[str, Any] = {**moments, "n": n, "seed": seed}
    chances = probability_of_liquidation(net, **arguments)["probability"].to_numpy(np.float64)
    orders = closing_orders(net, book(net))
    own = orders[~rest_of_market(orders["account"])]
    expected = float((own["worth"] * chances[own["number"].to_numpy(np.int64)]).sum())
    funds = fund_risk(net, level=level, **arguments)
    system = system_risk(net, level=level, **arguments)
    risk, shortfall = system["var"].to_dict(), system["es"].to_dict()
    return {
        "expected_liquidated": expected,
        "deficit_var": risk["deficit"],
        "deficit_es": shortfall["deficit"],
        "uncovered_es": shortfall["uncovered"],
        "exhausted_worst": float(funds["exhausted"].max()) if len(funds) else np.nan,
        "direct_loss_es": shortfall["direct_loss"],
    }
