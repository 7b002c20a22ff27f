"""Do several measures rank the same nodes alike? Ranks and their correlations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray
from contagion.claims import IntArray
from contagion.errors import SchemaError, ValueRangeError

__all__ = ["RankCorrelation", "rank_correlation", "tie_groups"]


@dataclass(frozen=True)
class RankCorrelation:
    """Rankings of the same nodes by several measures, and how well they agree.

    Parameters
    ----------
    ranks : pandas.DataFrame, shape (n, n_measures)
        Rank by each measure, 1 for the largest value; ties share the mean of their ranks.
    spearman, kendall : pandas.DataFrame, shape (n_measures, n_measures)
        Spearman's rho and Kendall's tau-b of every pair of measures; NaN where a measure is the same for all nodes, for
        it orders nobody and neither agrees nor disagrees. `notes` names these measures.
    """

    ranks: pd.DataFrame
    spearman: pd.DataFrame
    kendall: pd.DataFrame

    @property
    def notes(self) -> pd.Series[Any]:
        """Why a measure has no correlations, text by measure; empty where it has.

        Examples
        --------
        >>> found = rank_correlation(pd.DataFrame({"debt": [3.0, 2.0], "core": [1.0, 1.0]}))
        >>> found.notes.to_dict()
        {'debt': '', 'core': 'core is the same for all 2 nodes'}
        """
        flat = self.ranks.nunique() == 1
        why = f"is the same for all {len(self.ranks):,} nodes"
        text = [f"{name} {why}" if same else "" for name, same in zip(flat.index, flat, strict=True)]
        return pd.Series(text, index=self.ranks.columns, name="note", dtype=object)


def rank_correlation(measures: pd.DataFrame) -> RankCorrelation:
    """Rank nodes by several measures and return how well the rankings agree.

    Parameters
    ----------
    measures : pandas.DataFrame, shape (n, n_measures)
        One row a node, one column a measure, larger values more important; finite numbers, at least two nodes.

    Raises
    ------
    InputError
        If it is no frame of finite numbers with at least two rows and one column.

    Examples
    --------
    >>> frame = pd.DataFrame({"debt": [3.0, 2.0, 1.0], "criticality": [0.5, 0.7, 0.1]}, index=["A", "B", "C"])
    >>> found = rank_correlation(frame)
    >>> found.ranks["criticality"].tolist()
    [2.0, 1.0, 3.0]
    >>> float(found.spearman.loc["debt", "criticality"])
    0.5
    """
    from scipy.stats import kendalltau, rankdata

    values = _measures(measures)
    ranks = rankdata(-values, axis=0)
    columns = measures.columns
    count = len(columns)
    spearman, kendall = np.full((count, count), np.nan), np.full((count, count), np.nan)
    varies = np.ptp(ranks, axis=0) > 0.0
    for i in range(count):
        for j in range(i, count):
            if varies[i] and varies[j]:
                pair = ranks[:, i], ranks[:, j]
                spearman[i, j] = spearman[j, i] = 1.0 if i == j else np.corrcoef(*pair)[0, 1]
                kendall[i, j] = kendall[j, i] = 1.0 if i == j else kendalltau(*pair).statistic
    return RankCorrelation(
        pd.DataFrame(ranks, index=measures.index, columns=columns),
        pd.DataFrame(spearman, index=columns, columns=columns),
        pd.DataFrame(kendall, index=columns, columns=columns),
    )


def tie_groups(values: Sequence[float] | FloatArray) -> IntArray:
    """Number of the group of equal values each belongs to, 0 for the largest, shape (n,); rounding makes no difference.

    Examples
    --------
    >>> tie_groups([0.1, 0.30000000000000004, 0.3]).tolist()
    [1, 0, 0]
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(-found, kind="stable")
    slack = 1e-12 * float(np.abs(found).max())
    group, head = np.zeros(len(found), dtype=np.int64), float(found[order[0]])
    for before, place in pairwise(order.tolist()):
        apart = head - float(found[place]) > slack
        group[place] = group[before] + int(apart)
        head = float(found[place]) if apart else head
    return group


def _measures(measures: pd.DataFrame) -> FloatArray:
    if not isinstance(measures, pd.DataFrame):
        raise SchemaError(
            "is no frame", where="measures", value=type(measures).__name__, allowed="a DataFrame"
        )
    if len(measures) < 2 or len(measures.columns) < 1:
        raise SchemaError(
            f"has shape {measures.shape}", where="measures", allowed="two nodes and one measure"
        )
    for column, kind in measures.dtypes.items():
        if kind.kind not in "iufb":
            raise SchemaError("is no column of numbers", where="measures", value=column)
    values = measures.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        row, column = (int(place) for place in np.argwhere(~np.isfinite(values))[0])
        raise ValueRangeError(
            "is not finite",
            where=f"measures[{measures.columns[column]!r}] of {measures.index[row]!r}",
            value=float(values[row, column]),
        )
    return values
