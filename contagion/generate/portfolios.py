"""Made networks of overlapping portfolios: institutions that hold the same assets, and a spot market for each asset.

Numbers are assumptions with a range (``contagion.facts.load("portfolios")``); none is measured on an institution.

References
----------
Sources stand in each row of ``datasets/facts/portfolios.csv``. Caccioli, Shrestha, Moore, Farmer (2014), Journal of
Banking and Finance 46, for random bipartite networks of holdings.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from contagion.arrays import FloatArray, real, whole
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.generate.assumptions import read_assumptions
from contagion.generate.interbank_balance import Interbank, draw_sheets
from contagion.generate.interbank_networks import interbank_sheets
from contagion.generate.portfolio_links import asset_sizes, draw_holders, draw_weights, holding_probability
from contagion.network.network import Network
from contagion.streams import check_seed, stream

__all__ = ["overlapping_portfolios"]

WHERE: Final = "overlapping_portfolios"
VENUE: Final = "exchange"
MOST_HOLDINGS: Final = 50_000_000
FINEST: Final = 2.0**-40
"""A lot is the largest power of two below this share of all that is held of an asset."""
SIZES: Final = ("mean_assets", "size_sd", "cash_share", "interbank_share")


def overlapping_portfolios(
    n_nodes: int = 100,
    n_assets: int = 20,
    seed: int = 0,
    *,
    mean_degree: float | None = None,
    interbank: str | Interbank | None = None,
    markets: bool = True,
    unit: str = "USD",
    **assumptions: float,
) -> Network:
    """Make institutions whose portfolios overlap, with balance sheets that balance by construction.

    Parameters
    ----------
    n_nodes, n_assets : int
        Institutions and assets.
    seed : int, default 0
        Same seed, same bits.
    mean_degree : float, optional
        Assets that a node holds in the mean, in place of `density` (this over `n_assets`).
    interbank : str or Interbank, optional
        Kind of the links of `contagion.generate.interbank`, such as ``"core_periphery"``, with its other assumptions
        as they are; or what `contagion.generate.interbank_sheets` made for as many banks, whose sizes, cash and debts
        are then taken over. None: nobody owes anybody in the network.
    markets : bool, default True
        Whether there is a spot market for each asset, at a venue called ``exchange``, with a volume per day.
    unit : str, default "USD"
        The unit of money.
    **assumptions : float
        Any row of ``contagion.facts.load("portfolios")`` by its name, such as `density` (probability that a node holds
        an asset), `leverage` (total assets over equity), `similarity` and `concentration` of portfolios,
        `securities_share`, `turnover`, `volatility`.

    Returns
    -------
    Network
        Institutions ``bank-0``, ... with cash, external assets, external liabilities and holdings, everybody of at
        least one asset; assets ``asset-0``, ... with volatility. For every node cash, holdings, claims and external
        assets are debts plus equity, and equity is what its leverage says (less where debts inside the network leave
        no room for it). One table serves `contagion.Cascade`, the models of balance sheets, and models of fire sales.

    Raises
    ------
    InputError
        If a number is unknown or out of range, shares leave no room, or `interbank` is of another size.
    TooLargeError
        If more than fifty million holdings are expected.

    Examples
    --------
    >>> net = overlapping_portfolios(40, 8, seed=3, mean_degree=2, leverage=25.0)
    >>> len(net.nodes), len(net.assets), int((net.markets["kind"] == "spot").sum())
    (41, 9, 8)
    """
    n, k = whole(n_nodes, f"{WHERE}, n_nodes", low=1), whole(n_assets, f"{WHERE}, n_assets", low=1)
    check_seed(seed)
    settings = _settings(n, k, mean_degree, assumptions)
    sheets = _sheets(interbank, n, seed, settings, assumptions)
    worth = settings["securities_share"] * sheets.total_assets
    _check_room(worth, sheets, settings)
    sizes = asset_sizes(k, seed, settings)
    chance = holding_probability(sizes, settings["density"], settings["popularity"])
    node, asset = draw_holders(n, chance, seed)
    money = worth[node] * draw_weights(node, asset, sizes, seed, settings)
    price = settings["price"]
    total = np.bincount(asset, money, k)
    held = np.where(total > 0.0, total, total.mean())
    lot = 2.0 ** np.floor(np.log2(FINEST * held / price))
    quantity = np.rint(money / price / lot[asset]) * lot[asset]
    tables = _balanced(
        sheets, np.bincount(node, quantity * price, n).astype(np.float64), seed, settings, unit
    )
    names = _numbered("asset", k)
    tables |= {
        "assets": _assets(names, _scattered("volatility", k, seed, settings), price, unit),
        "holdings": {
            "node": tables["nodes"]["name"][node],
            "asset": names[asset],
            "quantity": quantity,
        },
    }
    if markets:
        volume = held * _scattered("turnover", k, seed, settings)
        tables |= _markets(tables["nodes"], names, lot, volume)
    return Network(unit=unit, **tables)


def _settings(n: int, k: int, mean_degree: float | None, assumptions: dict[str, float]) -> dict[str, float]:
    """Assumptions with the caller's changes; `mean_degree` in place of `density`."""
    settings = read_assumptions(assumptions, "portfolios", WHERE)
    if mean_degree is not None:
        if "density" in assumptions:
            raise SchemaError(
                "says the same as mean_degree", where=WHERE, value="density", allowed="one of both"
            )
        settings["density"] = real(mean_degree, f"{WHERE}, mean_degree", above=0.0, high=float(k)) / k
    if not settings["density"] > 0.0:
        raise ValueRangeError(
            "is no density", where=f"{WHERE}, density", value=0.0, allowed="above 0, up to 1"
        )
    real(settings["leverage"], f"{WHERE}, leverage", above=1.0)
    if settings["density"] * n * k > MOST_HOLDINGS:
        raise TooLargeError(
            "holdings are expected",
            where=WHERE,
            value=f"{settings['density'] * n * k:,.0f}",
            allowed=f"at most {MOST_HOLDINGS:,}",
            remedy="lower the density, or the number of nodes or assets",
        )
    return settings


def _sheets(
    interbank: str | Interbank | None, n: int, seed: int, settings: dict[str, float], given: dict[str, float]
) -> Interbank:
    """Sizes, cash and debts of banks: with links of a kind, as given, or without links."""
    if isinstance(interbank, Interbank):
        unread = [name for name in given if name in SIZES]
        if unread:
            raise SchemaError(
                "is not read where interbank brings the sizes",
                where=WHERE,
                value=unread[0],
                allowed="leave it out",
            )
        if interbank.n != n:
            raise SchemaError(
                f"has {interbank.n} banks", where=f"{WHERE}, interbank", allowed=f"n_nodes = {n}"
            )
        return interbank
    own = {name: settings[name] for name in SIZES}
    if interbank is not None:
        return interbank_sheets(interbank, n, seed, **own)  # type: ignore[arg-type]
    none = np.zeros(0, dtype=np.int64)
    rest = read_assumptions(own, "interbank", WHERE)
    return draw_sheets(none, none, n, seed, rest, "log_normal", "none")


def _check_room(worth: FloatArray, sheets: Interbank, settings: dict[str, float]) -> None:
    """Refuse holdings that are more than what is left beside cash and claims."""
    lacking = worth - sheets.external_assets - 1e-9 * sheets.total_assets
    if (lacking > 0.0).any():
        worst = int(lacking.argmax())
        raise ValueRangeError(
            f"leaves no room for cash and claims of bank {worst}",
            where=f"{WHERE}, securities_share",
            value=settings["securities_share"],
            allowed=f"at most {sheets.external_assets[worst] / sheets.total_assets[worst]:.3g}",
            remedy="lower it, cash_share or interbank_share",
        )


def _balanced(
    sheets: Interbank, held: FloatArray, seed: int, settings: dict[str, float], unit: str
) -> dict[str, Any]:
    """Tables of nodes and obligations: external assets fill up to total assets, liabilities to assets less equity."""
    outside = np.maximum(0.0, sheets.total_assets - sheets.cash - sheets.claims.claimed - held)
    assets = outside + sheets.cash + sheets.claims.claimed + held
    noise = stream(seed, "portfolios", "leverage").normal(size=sheets.n)
    spread = settings["leverage_sd"]
    debts = (settings["leverage"] - 1.0) * np.exp(spread * noise - spread**2 / 2)
    equity = np.minimum(assets / (1.0 + debts), assets - sheets.claims.owed)
    made = sheets.network(unit)
    nodes = made.nodes.reset_index()[["name", "kind", "cash"]].to_dict("series")
    return {
        "nodes": {name: column.to_numpy() for name, column in nodes.items()}
        | {
            "external_assets": outside,
            "external_liabilities": np.maximum(0.0, assets - equity - sheets.claims.owed),
        },
        "obligations": made.obligations,
    }


def _scattered(name: str, k: int, seed: int, settings: dict[str, float]) -> FloatArray:
    """Log-normal numbers with the mean `name` and the spread of the log `name`_sd, shape (n_assets,)."""
    noise, spread = stream(seed, "portfolios", name).normal(size=k), settings[f"{name}_sd"]
    return np.asarray(settings[name] * np.exp(spread * noise - spread**2 / 2))


def _assets(names: Any, volatility: FloatArray, price: float, unit: str) -> dict[str, Any]:
    """The unit of money, then the assets."""
    return {
        "name": np.append(np.array([unit], dtype=object), names),
        "kind": ["currency"] + ["token"] * len(names),
        "price": np.append(1.0, np.full(len(names), price)),
        "volatility": np.append(0.0, volatility),
    }


def _markets(nodes: dict[str, Any], assets: Any, lot: FloatArray, volume: FloatArray) -> dict[str, Any]:
    """A venue with one spot market an asset; the venue is a node without anything of its own."""
    of_venue = {"name": VENUE, "kind": "exchange"}
    grown = {name: np.append(column, of_venue.get(name, 0.0)) for name, column in nodes.items()}
    return {
        "nodes": grown,
        "venues": {"name": [VENUE]},
        "markets": {
            "name": assets + "-SPOT",
            "venue": VENUE,
            "asset": assets,
            "kind": "spot",
            "lot": lot,
            "volume": volume,
            "impact": "square_root",
        },
    }


def _numbered(word: str, n: int) -> Any:
    """Names ``word-0``, ``word-1``, ... with leading zeros."""
    digits = len(str(max(0, n - 1)))
    return np.array([f"{word}-{place:0{digits}d}" for place in range(n)], dtype=object)
