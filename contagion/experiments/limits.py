"""How much open interest can the funds of a venue carry, and who would be deleveraged how often?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from contagion.errors import NetworkError, SchemaError, ValueRangeError, nearest
from contagion.experiments import arguments
from contagion.families import moved
from contagion.measures.intervals import expected_shortfall
from contagion.measures.shortfall import check_level
from contagion.measures.stressed import resources
from contagion.policies.base import Policy
from contagion.propagation.run import check_model
from contagion.results import Run
from contagion.streams import check_seed

if TYPE_CHECKING:
    from contagion.families import Family
    from contagion.network.network import Network
    from contagion.propagation.run import Model
    from contagion.shocks import Shock

__all__ = ["OpenInterestLimit", "adl_probability", "open_interest_limit"]

MULTIPLES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Where open interest is tried first, as multiples of what it is (assumed range)."""


@dataclass(frozen=True)
class OpenInterestLimit:
    """The largest multiple of open interest that the funds of a venue carry, and what it rests on.

    Parameters
    ----------
    multiple : float
        Largest multiple below the first crossing, to the tolerance; the last one tried if there is no crossing, NaN if
        not even the first one holds.
    crossings : tuple of float
        All multiples found at which the shortfall crosses the resources, rising: more than one means that more open
        interest is not always worse.
    table : DataFrame
        Index multiple, rising; shortfall (expected shortfall of the venue's deficits beyond its members' own
        contributions to the default fund), fund and own_capital (at the opening, under the policies), left (resources
        less deficits, the mean where it is least), all in money, and holds (left is not below 0).
    note : str
        What the search did not find out.
    """

    multiple: float
    crossings: tuple[float, ...]
    table: pd.DataFrame
    note: str


def open_interest_limit(
    net: Network,
    shocks: Family | Shock | Sequence[Shock],
    venue: str,
    model: Model | None = None,
    *,
    level: float = 0.99,
    n: int | None = None,
    seed: int = 0,
    policies: Sequence[Policy] = (),
    multiples: Sequence[float] = MULTIPLES,
    tolerance: float = 0.02,
) -> OpenInterestLimit:
    """Return the largest multiple of a venue's open interest at which its funds cover the tail of its deficits.

    At a multiple every account at the venue holds so many times its positions and balances: the same leverage, more
    money, the same depth and the same funds. The same scenarios are run at all multiples (common random numbers). From
    neighbours on the grid of which one holds and the other does not, the crossing is found by halving.

    Deficits and what stands against them are those of `contagion.cover`, after the openings of the policies: what
    members lose beyond their margin and their own contributions, against the fund, own capital as far as the venue's
    cash goes, and the contributions of the members who leave nothing uncovered in the scenario.

    Parameters
    ----------
    net : Network
        The network.
    shocks : family, Shock or sequence of Shock
        Scenarios, as for `contagion.compare`.
    venue : str
        Name of the venue.
    model : Cascade, optional
        Default `Cascade()`.
    level : float, default 0.99
        Level of the expected shortfall.
    n, seed : int
        Number of scenarios and root seed.
    policies : sequence of Policy, optional
        Rules in force.
    multiples : sequence of float
        Grid, rising, above 0.
    tolerance : float, default 0.02
        Width of a crossing as a share of it, at which halving ends.

    Returns
    -------
    OpenInterestLimit
        The limit, all crossings, and every multiple that was tried.

    Raises
    ------
    NetworkError
        If the venue does not exist.
    SchemaError, ValueRangeError
        If the grid does not rise, or a number is out of range.
    """
    from contagion.propagation.cascade.model import Cascade

    if venue not in net.venues.index:
        hint = nearest(str(venue), list(net.venues.index))
        raise NetworkError(f"is no venue of the network{hint}", where="venue", value=venue)
    check_level(level)
    grid = [float(one) for one in multiples]
    if not grid or grid[0] <= 0.0 or (np.diff(grid) <= 0.0).any():
        raise ValueRangeError("does not rise from above 0", where="multiples", value=list(multiples))
    if not 0.0 < tolerance < 1.0:
        raise ValueRangeError("is no share", where="tolerance", value=tolerance, allowed="above 0, below 1")
    family, number = arguments.scenarios(shocks, n)
    ready = Cascade() if model is None else check_model(model)
    given = (policies,) if isinstance(policies, Policy) else tuple(policies)
    drawn = [family.scenario(moved(family, net), i, check_seed(seed)) for i in range(number)]
    tried: dict[float, dict[str, float]] = {}

    def holds(multiple: float) -> bool:
        if multiple not in tried:
            prepared = ready.prepare(scaled(net, venue, multiple), given)
            tried[multiple] = _tail(prepared, drawn, venue, level, seed)
        return tried[multiple]["left"] >= 0.0

    found = [holds(multiple) for multiple in grid]
    edges = [_bisect(holds, a, b, tolerance) for a, b, x, y in _pairs(grid, found) if x != y]
    rising = sorted(tried)
    index = pd.Index(rising, name="multiple", dtype=np.float64)
    table = pd.DataFrame([tried[one] for one in rising], index=index)
    table["holds"] = table["left"] >= 0.0
    crossings = tuple(0.5 * (a + b) for a, b in edges)
    if not found[0]:
        return OpenInterestLimit(float("nan"), crossings, table, f"fails at {grid[0]:g} already: try less")
    if not edges:
        return OpenInterestLimit(grid[-1], (), table, f"holds up to {grid[-1]:g}: try more")
    note = (
        "" if len(edges) == 1 else f"{len(edges)} crossings: beyond the first the funds hold again in places"
    )
    return OpenInterestLimit(edges[0][0], crossings, table, note)


def scaled(net: Network, venue: str, multiple: float) -> Network:
    """Return the network in which every account at a venue has `multiple` times its positions and balances."""
    there = net.accounts.index[net.accounts["venue"] == venue]
    tables: dict[str, Any] = {}
    for name in ("positions", "balances"):
        table = getattr(net, name)
        factor = np.where(table["account"].isin(there), multiple, 1.0)
        tables[name] = table.assign(quantity=table["quantity"].to_numpy(float) * factor)
    return net.replace(**tables)


def adl_probability(runs: Iterable[Run], confidence: float = 0.95) -> pd.DataFrame:
    """Return, for every account, how often it is deleveraged over runs of the same network.

    Parameters
    ----------
    runs : iterable of Run
        One run a scenario.
    confidence : float, default 0.95
        Confidence of the interval.

    Returns
    -------
    DataFrame
        Index account; deleveraged (number of runs), probability, low, high (exact binomial interval) and n.

    Raises
    ------
    SchemaError
        If there is no run, something else than a run, or runs of different accounts.
    ValueRangeError
        If the confidence is no share.

    References
    ----------
    Clopper, Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the binomial.
    """
    check_level(confidence, "confidence")
    given = list(runs) if isinstance(runs, Iterable) else [runs]
    for place, one in enumerate(given):
        if not isinstance(one, Run):
            allowed = "runs: a comparison keeps no accounts, so run its scenarios with ct.run"
            raise SchemaError("is no run", where=f"runs[{place}]", value=one, allowed=allowed)
        if not one.accounts.index.equals(given[0].accounts.index):
            raise SchemaError("has other accounts than the first run", where=f"runs[{place}]")
    if not given:
        raise SchemaError("is empty", where="runs", allowed="at least one run")
    hits = np.sum([(one.accounts["deleveraged_notional"] > 0.0).to_numpy() for one in given], axis=0)
    n, outside = len(given), 0.5 * (1.0 - confidence)
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), n - hits + 1, outside), 0.0)
    high = np.where(hits < n, betaincinv(hits + 1, np.maximum(n - hits, 1), 1.0 - outside), 1.0)
    return pd.DataFrame(
        {"deleveraged": hits, "probability": hits / n, "low": low, "high": high, "n": n},
        index=given[0].accounts.index,
    )


def _tail(prepared: Any, shocks: Sequence[Shock], venue: str, level: float, seed: int) -> dict[str, float]:
    """Return the row of the table: deficits of the venue in their tail, and what stands against them, in money."""
    opening = prepared.opening
    fund, own, prefunded = resources(prepared.opened).loc[[venue]].to_numpy(np.float64)[0].tolist()
    book, scale = opening.book, opening.units.scale
    place = opening.names.venues.index(venue)
    member = np.where(book.venue == place, book.member_of, -1)
    contribution = book.member_contribution / scale
    deficits, lacking = [], []
    for i, shock in enumerate(shocks):
        state = prepared.simulate(shock, seed, i, record=False)
        row = state.venues[place]
        failing = np.unique(member[(state.deficit > 0) & (member >= 0)])
        others = max(0.0, prefunded - float(contribution[failing].sum()))
        deficits.append(float(row["bad_debt"] - row["own_contributions_paid"]) / scale)
        lacking.append(deficits[-1] - fund - own - others)
    return {
        "shortfall": expected_shortfall(deficits, level),
        "fund": fund,
        "own_capital": own,
        "left": -expected_shortfall(lacking, level),
    }


def _pairs(grid: list[float], found: list[bool]) -> Iterable[tuple[float, float, bool, bool]]:
    """Return neighbours on the grid and whether the fund holds at them."""
    return zip(grid, grid[1:], found, found[1:], strict=False)


def _bisect(holds: Any, low: float, high: float, tolerance: float) -> tuple[float, float]:
    """Return the two sides of a crossing, close to each other; the first is on the side of `low`."""
    at_low = holds(low)
    while high - low > tolerance * low:
        middle = 0.5 * (low + high)
        if holds(middle) == at_low:
            low = middle
        else:
            high = middle
    return low, high
