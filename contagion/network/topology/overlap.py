"""Who holds the same assets? Overlap of portfolios, the channel of fire sales.

Overlap weighted by market depth, which turns sales into losses, belongs to fire sales and is not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.arrays import reals, word
from contagion.errors import SchemaError
from contagion.network.network import Network

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["holdings_matrix", "portfolio_overlap"]


def holdings_matrix(net: Network) -> csr_array:
    """Return holdings x price of a network, shape (n_nodes, n_assets), money, in the order of its tables.

    Examples
    --------
    >>> net = Network([{"name": "A"}], assets=[{"name": "X", "price": 2.0}],
    ...               holdings=[{"node": "A", "asset": "X", "quantity": 3.0}])
    >>> holdings_matrix(net).toarray()
    array([[6.]])
    """
    from scipy.sparse import csr_array

    node, asset = net.codes("holdings", "node"), net.codes("holdings", "asset")
    money = net.holdings["quantity"].to_numpy() * net.assets["price"].to_numpy()[asset]
    return csr_array((money, (node, asset)), shape=(len(net.nodes), len(net.assets)))


def portfolio_overlap(holdings: Any, measure: str = "cosine") -> csr_array:
    """Return how alike the portfolios of all pairs of nodes are.

    Parameters
    ----------
    holdings : Network, array_like, sparse or DataFrame, shape (n_nodes, n_assets)
        Money held per node and asset, >= 0.
    measure : str
        ``cosine`` of the two rows; ``jaccard``: assets that both hold over assets that either holds.

    Returns
    -------
    scipy.sparse.csr_array, shape (n_nodes, n_nodes)
        Symmetric, in [0, 1], 0 on the diagonal; nothing is stored for pairs that share no asset.

    Raises
    ------
    InputError
        If an amount is negative or not finite, or the measure is unknown.

    Notes
    -----
    Memory is that of the pairs that share an asset: all pairs, where everybody holds one.

    Examples
    --------
    >>> held = [[3, 4, 0], [3, 0, 0], [0, 0, 1]]
    >>> portfolio_overlap(held).toarray()
    array([[0. , 0.6, 0. ],
           [0.6, 0. , 0. ],
           [0. , 0. , 0. ]])
    >>> portfolio_overlap(held, measure="jaccard").toarray()[0]
    array([0. , 0.5, 0. ])

    References
    ----------
    Cont, Schaanning (2019), Journal of Financial Stability 43, section 3.
    """
    from scipy.sparse import diags_array

    chosen = word(measure, "measure", ("cosine", "jaccard"))
    held = _money(holdings)
    if chosen == "jaccard":
        held.data = np.ones_like(held.data)
        shared = _off_diagonal(held @ held.T)
        size = np.asarray(held.sum(axis=1))
        rows, columns = shared.nonzero()
        shared.data = shared.data / (size[rows] + size[columns] - shared.data)
        return shared
    largest = held.max(axis=1).toarray().ravel()
    held = diags_array(np.divide(1.0, largest, out=np.zeros(len(largest)), where=largest > 0.0)) @ held
    length = np.sqrt(np.asarray((held * held).sum(axis=1)))
    unit = diags_array(np.divide(1.0, length, out=np.zeros(len(length)), where=length > 0.0)) @ held
    shared = _off_diagonal(unit @ unit.T)
    shared.data = np.minimum(shared.data, 1.0)
    return shared


def _money(holdings: Any) -> Any:
    from scipy.sparse import csr_array

    if isinstance(holdings, Network):
        holdings = holdings_matrix(holdings)
    if isinstance(holdings, pd.DataFrame):
        holdings = holdings.to_numpy()
    if hasattr(holdings, "tocsr"):
        held = csr_array(holdings, dtype=np.float64, copy=True)
        reals(held.data, "holdings", low=0.0)
    else:
        full = reals(holdings, "holdings", low=0.0)
        if full.ndim != 2:
            raise SchemaError(
                f"has shape {full.shape}", where="holdings", allowed="one row a node, one column an asset"
            )
        held = csr_array(full)
    held.sum_duplicates()
    held.eliminate_zeros()
    return held


def _off_diagonal(shared: Any) -> csr_array:
    """The matrix without its diagonal, sorted, in canonical form."""
    from scipy.sparse import csr_array

    found = shared.tocoo()
    apart = found.row != found.col
    kept = csr_array((found.data[apart], (found.row[apart], found.col[apart])), shape=found.shape)
    kept.sort_indices()
    return kept
