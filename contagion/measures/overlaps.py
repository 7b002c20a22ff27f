"""Who holds the same illiquid things? Overlaps of portfolios weighted with illiquidity, and who would hurt whom.

References
----------
Cont, Schaanning (2019), Monitoring indirect contagion, Journal of Banking and Finance 104.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from contagion.arrays import FloatArray
from contagion.holdings import Holdings, read_holdings, same_money

__all__ = ["Overlaps", "cont_schaanning_overlap"]


@dataclass(frozen=True)
class Overlaps:
    """Overlaps of portfolios, and the losses that follow from them under linear impact.

    Everything per bank is worked out from the sparse holdings; the full matrix only if it is asked for.

    Parameters
    ----------
    first_round_loss, loss_inflicted_on_others : numpy.ndarray, shape (n_banks,)
        Money each bank loses by the sales given, and money the others lose if it alone sells everything.
    price_return : numpy.ndarray, shape (n_securities,)
        Signed return by the sales given.
    banks, securities : pandas.Index, optional
        Labels.
    """

    first_round_loss: FloatArray
    loss_inflicted_on_others: FloatArray
    price_return: FloatArray
    banks: pd.Index | None
    securities: pd.Index | None
    _holdings: Holdings = field(repr=False)
    _scaled: csr_array = field(repr=False)

    @classmethod
    def of(cls, table: Holdings, impact: FloatArray, fraction: FloatArray) -> Overlaps:
        """Overlaps of checked holdings; impact per money and fractions in their internal order."""
        held, column = table.matrix.data, table.matrix.indices
        total = np.asarray(table.matrix.sum(axis=0)).ravel()
        others = np.maximum(total[column] - held, 0.0)
        inflicted = csr_array(
            (held * others * impact[column], column, table.matrix.indptr), table.matrix.shape
        )
        fall = impact * (table.matrix.T @ fraction)
        return cls(
            first_round_loss=table.banks.back(table.matrix @ fall),
            loss_inflicted_on_others=table.banks.back(
                np.asarray(inflicted.sum(axis=1), dtype=np.float64).ravel()
            ),
            price_return=table.securities.back(0.0 - fall),
            banks=table.banks.names,
            securities=table.securities.names,
            _holdings=table,
            _scaled=csr_array(table.matrix @ diags_array(np.sqrt(impact))),
        )

    @property
    def overlap_matrix(self) -> csr_array:
        """``holdings diag(1 / depth) holdings'`` as a sparse matrix; own sales on the diagonal."""
        order = np.argsort(self._holdings.banks.order)
        return csr_array(self._scaled @ self._scaled.T)[order][:, order]

    def among(self, chosen: NDArray[np.int64]) -> csr_array:
        """The overlaps of some banks only, by their places in the caller's order; as many rows as were chosen."""
        own = self._scaled[np.argsort(self._holdings.banks.order)[chosen]]
        return csr_array(own @ own.T)

    @cached_property
    def overlap(self) -> FloatArray:
        """The same as a full array."""
        return np.asarray(self.overlap_matrix.toarray())

    @cached_property
    def _spectrum(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues, ascending, and the last eigenvector, internal order; by the smaller of both products."""
        banks, securities = np.asarray(self._scaled.shape).tolist()
        if banks <= securities:
            values, vectors = np.linalg.eigh((self._scaled @ self._scaled.T).toarray())
            return values, vectors[:, -1]
        values, vectors = np.linalg.eigh((self._scaled.T @ self._scaled).toarray())
        last = self._scaled @ vectors[:, -1]
        size = float(np.linalg.norm(last))
        if not size > 0.0:
            last, size = np.eye(banks)[-1], 1.0
        padded = np.concatenate([np.zeros(banks - securities), values])
        return np.sort(padded), last / size

    @property
    def eigenvalues(self) -> FloatArray:
        """Eigenvalues of the overlaps, ascending, shape (n_banks,)."""
        return self._spectrum[0]

    @property
    def principal_eigenvector(self) -> FloatArray:
        """The last eigenvector with unit 2-norm and positive sum, shape (n_banks,)."""
        vector = self._spectrum[1]
        signed = vector if vector.sum() >= 0.0 else -vector
        return self._holdings.banks.back(signed + 0.0)

    @property
    def indirect_contagion_index(self) -> FloatArray:
        """Importance of each bank in the network of overlaps, shape (n_banks,): the principal eigenvector.

        Other normalisations are in use (equity, total loss); compare ranks rather than levels.
        """
        return self.principal_eigenvector

    def to_frame(self) -> pd.DataFrame:
        """The measures of every bank, one row each."""
        names = ("first_round_loss", "loss_inflicted_on_others", "indirect_contagion_index")
        return pd.DataFrame({name: getattr(self, name) for name in names}, index=self.banks)


def cont_schaanning_overlap(
    holdings: Any,
    market_depth: Any,
    delever_fraction: Any,
    *,
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> Overlaps:
    """Liquidity-weighted overlaps of portfolios, and losses under linear impact at the new price.

    Parameters
    ----------
    holdings : array_like, sparse or DataFrame, shape (n_banks, n_securities)
        Money, >= 0.
    market_depth : array_like, Series or mapping, shape (n_securities,)
        Money that moves the price by 100 % under linear impact, > 0.
    delever_fraction : array_like, Series or mapping, shape (n_banks,)
        Share of its portfolio that each bank sells, in [0, 1].
    banks, securities, units
        As in `greenwood_landier_thesmar`; units of `holdings` and `market_depth`.

    Raises
    ------
    InputError
        If a number is refused, shapes differ, labels do not match, or units differ.

    Examples
    --------
    >>> found = cont_schaanning_overlap([[40, 10], [20, 30]], [1000, 400], [0.5, 0])
    >>> found.overlap.round(9).tolist(), found.first_round_loss.tolist()
    ([[1.85, 1.55], [1.55, 2.65]], [0.925, 0.775])

    References
    ----------
    Cont, Schaanning (2019), Monitoring indirect contagion, Journal of Banking and Finance 104.
    """
    same_money(units, ("holdings", "market_depth"))
    table = read_holdings(holdings, "holdings", banks, securities)
    depth = table.securities.vector(market_depth, "market_depth", above=0.0)
    fraction = table.banks.vector(delever_fraction, "delever_fraction", low=0.0, high=1.0)
    return Overlaps.of(table, 1.0 / depth, fraction)
