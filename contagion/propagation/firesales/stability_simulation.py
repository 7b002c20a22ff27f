"""How often does one failure bring down many, and how many then? Simulated cascades on random networks.

Run r draws its network and its first failure from streams of its own, so that the first runs of a longer simulation
are those of a shorter one, and leverage or capital can be compared on the same networks.

References
----------
Caccioli, Shrestha, Moore, Farmer (2014), Journal of Banking & Finance 46.
Gai, Kapadia (2010), Proceedings of the Royal Society A 466.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from contagion.arrays import real
from contagion.errors import TooLargeError, ValueRangeError
from contagion.propagation.firesales import stability_graphs as graphs
from contagion.propagation.firesales.stability import WHOLE, caccioli_regular, holders_of, whole
from contagion.propagation.firesales.stability_kernels import claims_failures, overlap_failures
from contagion.propagation.firesales.stability_runs import ContagionRuns, contagion_runs

__all__ = [
    "ContagionRuns",
    "caccioli_poisson",
    "caccioli_regular_simulation",
    "gai_kapadia_simulation",
]

MOST_NODES = 100_000_000
MOST_LINKS = 1_000_000_000


def caccioli_regular_simulation(
    n_banks: Any,
    bank_degree: Any,
    banks_per_asset: Any,
    *,
    price_elasticity: Any,
    leverage: Any,
    runs: Any,
    seed: int,
    extent_threshold: Any = 0.05,
) -> ContagionRuns:
    """Cascades of sales on random graphs in which all banks hold equally many assets and all assets have equal holders.

    In small networks pairs of banks that share two assets make contagion below the critical leverage too.

    Parameters
    ----------
    n_banks
        Number of banks; with `banks_per_asset` it must give a whole number of assets.
    bank_degree, banks_per_asset, price_elasticity
        As in `caccioli_regular`; a bank holds at most all assets.
    leverage
        Assets over equity, > 0.
    runs, seed
        Number of runs, and the root of their streams.
    extent_threshold
        Share of banks in [0, 1] above which failures count as contagion.

    Raises
    ------
    InputError
        If a number is not finite or out of range, or a number of links or assets is not whole.

    Examples
    --------
    >>> found = caccioli_regular_simulation(
    ...     300, 3, 1.0, price_elasticity=1.0536, leverage=11.0, runs=4, seed=1)
    >>> found.contagion_probability, found.mean_extent_given_contagion
    (1.0, 1.0)
    """
    banks = whole(n_banks, "n_banks", least=1, most=MOST_NODES)
    degree = whole(bank_degree, "bank_degree", least=1)
    ratio = real(banks_per_asset, "banks_per_asset", above=0.0)
    holders_of(degree, ratio)
    assets = assets_of(banks, ratio, degree)
    check_links(float(banks) * degree)
    theory = caccioli_regular(degree, ratio, price_elasticity=price_elasticity, leverage=leverage)
    return _overlap_runs(
        lambda random: graphs.regular_portfolios(banks, assets, degree, random),
        (banks, assets),
        (price_elasticity, leverage),
        (runs, seed, extent_threshold),
        theory.critical_leverage,
    )


def caccioli_poisson(
    n_banks: Any,
    n_assets: Any,
    mean_bank_degree: Any,
    *,
    price_elasticity: Any,
    leverage: Any,
    runs: Any,
    seed: int,
    extent_threshold: Any = 0.05,
) -> ContagionRuns:
    """Cascades of sales where every bank holds every asset with the same probability, in equal shares.

    Parameters
    ----------
    n_banks, n_assets
        Numbers of banks and assets, >= 1.
    mean_bank_degree
        Assets that a bank holds on average, from 0 to `n_assets`; a bank may hold none and then sells nothing.
    price_elasticity, leverage, runs, seed, extent_threshold
        As in `caccioli_regular_simulation`.

    Raises
    ------
    InputError
        If a number is not finite or out of range.

    Examples
    --------
    >>> found = caccioli_poisson(200, 200, 4.0, price_elasticity=1.0536, leverage=20.0, runs=20, seed=1)
    >>> found.contagion_probability > 0.8
    True
    """
    banks = whole(n_banks, "n_banks", least=1, most=MOST_NODES)
    assets = whole(n_assets, "n_assets", least=1, most=MOST_NODES)
    probability = real(mean_bank_degree, "mean_bank_degree", low=0.0, high=float(assets)) / assets
    check_links(banks * assets * probability)
    return _overlap_runs(
        lambda random: graphs.random_portfolios(banks, assets, probability, random),
        (banks, assets),
        (price_elasticity, leverage),
        (runs, seed, extent_threshold),
        None,
    )


def gai_kapadia_simulation(
    n_banks: Any,
    mean_degree: Any,
    capital: Any,
    interbank_assets: Any,
    *,
    runs: Any,
    seed: int,
    extent_threshold: Any = 0.05,
) -> ContagionRuns:
    """Cascades of defaults where every bank owes every other with the same probability and all claims are lost.

    Parameters
    ----------
    n_banks
        Number of banks, >= 2.
    mean_degree
        Mean number of debtors and creditors, from 0 to ``n_banks - 1``.
    capital, interbank_assets
        Shares of total assets, in [0, 1]; a bank spreads its claims evenly over its debtors.
    runs, seed, extent_threshold
        As in `caccioli_regular_simulation`.

    Raises
    ------
    InputError
        If a number is not finite or out of range.

    Examples
    --------
    >>> found = gai_kapadia_simulation(300, 3.0, 0.04, 0.2, runs=30, seed=1)
    >>> 0.5 < found.contagion_probability < 1.0
    True
    """
    n = whole(n_banks, "n_banks", least=2, most=MOST_NODES)
    probability = real(mean_degree, "mean_degree", low=0.0, high=float(n - 1)) / (n - 1)
    check_links(n * (n - 1) * probability)
    own = real(capital, "capital", low=0.0, high=1.0)
    claims = real(interbank_assets, "interbank_assets", low=0.0, high=1.0)

    def one(random: np.random.Generator, first: int) -> int:
        debts = graphs.random_debts(n, probability, random)
        in_degree = np.bincount(debts.column, minlength=n).astype(np.int64)
        return int(claims_failures(debts.start, debts.column, in_degree, first, claims, own))

    return contagion_runs(one, n, (runs, seed, extent_threshold), None)


def assets_of(banks: int, banks_per_asset: float, bank_degree: float) -> int:
    """Number of assets of so many banks.

    Raises
    ------
    ValueRangeError
        If it is not whole, or a bank would hold more than all.
    """
    number = banks / banks_per_asset
    if not 0.5 < number < MOST_NODES + 0.5 or abs(number - round(number)) > WHOLE * number:
        raise ValueRangeError(
            "is no whole number of assets",
            where="n_banks / banks_per_asset",
            value=number,
            allowed=f"a whole number from 1 to {MOST_NODES:,}",
        )
    assets = round(number)
    if bank_degree > assets:
        raise ValueRangeError(
            "is out of range", where="bank_degree", value=bank_degree, allowed=f"at most the {assets} assets"
        )
    return assets


def check_links(number: float) -> None:
    """Refuse networks that do not fit into memory.

    Raises
    ------
    TooLargeError
        If there are more links than a billion.
    """
    if number > MOST_LINKS:
        raise TooLargeError(
            "are too many links", where="links of a network", value=number, allowed=f"at most {MOST_LINKS:,}"
        )


def _overlap_runs(
    draw: Callable[[np.random.Generator], graphs.Links],
    size: tuple[int, int],
    market: tuple[Any, Any],
    study: tuple[Any, Any, Any],
    critical: float | None,
) -> ContagionRuns:
    """Cascades on portfolios drawn for each run."""
    elasticity = real(market[0], "price_elasticity", low=0.0)
    equity = 1.0 / real(market[1], "leverage", above=0.0)

    def one(random: np.random.Generator, first: int) -> int:
        held = draw(random)
        by_asset = held.turned(size[1])
        return int(
            overlap_failures(
                held.start, held.column, by_asset.start, by_asset.column, first, elasticity, equity
            )
        )

    return contagion_runs(one, size[0], study, critical)
