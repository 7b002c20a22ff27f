"""How many pairs of banks share two assets? Counted in a network, and expected in random ones.

A pair of banks that shares s assets counts s (s - 1) / 2 times: once for each pair of assets.

References
----------
McKay, Wormald, Wysocka (2004), "Short cycles in random regular graphs", Electronic Journal of Combinatorics 11: the
number of short cycles of a random regular graph tends to a Poisson number that does not depend on its size. For the
cycles of two banks and two assets its mean is ((k - 1)(d - 1))² / 4 with degrees k and d.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from contagion.experiments.stability_networks import OverlapNetworks
from contagion.propagation.firesales.stability_graphs import Links

__all__ = ["chance_in_pair", "expected_pairs", "pairs_of"]


def pairs_of(held: Links, n_assets: int, bank: int) -> tuple[int, bool]:
    """Pairs of banks and assets that they share, and whether `bank` is in one.

    Examples
    --------
    >>> import numpy as np
    >>> held = Links(np.array([0, 2, 4, 5]), np.array([0, 1, 0, 1, 1]))
    >>> pairs_of(held, 2, 0), pairs_of(held, 2, 2)
    ((1, True), (1, False))
    """
    pairs, shared = np.unique(_shared(held, n_assets), return_counts=True)
    several = shared > 1
    first, second = np.divmod(pairs[several], len(held.start) - 1)
    total = int((shared[several] * (shared[several] - 1) // 2).sum())
    return total, bool(((first == bank) | (second == bank)).any())


def _shared(held: Links, n_assets: int) -> NDArray[np.int64]:
    """One code per asset and pair of its holders."""
    by_asset, n_banks = held.turned(n_assets), len(held.start) - 1
    holders = np.diff(by_asset.start)
    codes = [np.zeros(0, dtype=np.int64)]
    for count in np.unique(holders[holders > 1]).tolist():
        places = by_asset.start[:-1][holders == count][:, None] + np.arange(count)
        banks = by_asset.column[places]  # rising within an asset
        one, other = np.triu_indices(count, 1)
        codes.append((banks[:, one] * n_banks + banks[:, other]).ravel())
    return np.concatenate(codes)


def expected_pairs(networks: OverlapNetworks) -> float:
    """Mean number of pairs: exact for independent links, for regular networks up to terms that fade with their size.

    For regular networks the links of a bank's assets are matched at random with what the other banks have left.
    """
    banks, assets, degree = networks.n_banks, networks.n_assets, networks.bank_degree
    if networks.graph == "poisson":
        return math.comb(banks, 2) * math.comb(assets, 2) * (degree / assets) ** 4
    others = degree * networks.banks_per_asset - 1.0
    left = (banks - 1.0) * degree - others
    if left <= 0.0:
        return 0.0
    return 0.25 * banks * degree * (degree - 1.0) ** 2 * others**2 / left


def chance_in_pair(networks: OverlapNetworks) -> float:
    """Chance that a bank is in a pair: exact for independent links, else as if pairs were independent."""
    if networks.graph == "regular":
        return -math.expm1(-2.0 * expected_pairs(networks) / networks.n_banks)
    return _chance_poisson(networks.n_banks, networks.n_assets, networks.bank_degree / networks.n_assets)


def _chance_poisson(n_banks: int, n_assets: int, link: float) -> float:
    """One less the chance that no other bank holds two of the assets of a bank, which holds a binomial number."""
    from scipy.special import gammaln, xlog1py, xlogy

    degree = np.arange(n_assets + 1.0)
    ways = gammaln(n_assets + 1.0) - gammaln(degree + 1.0) - gammaln(n_assets - degree + 1.0)
    law = np.exp(ways + xlogy(degree, link) + xlog1py(n_assets - degree, -link))
    at_most_one = (1.0 - link) ** degree + degree * link * (1.0 - link) ** np.maximum(degree - 1.0, 0.0)
    return float(1.0 - (law * np.minimum(at_most_one, 1.0) ** (n_banks - 1.0)).sum())
