"""Whom do numbers belong to? Banks and securities with their labels, and values joined to them by name.

Labels are sorted inside and put back at the end, so that no result depends on the order they were written down in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, reals
from contagion.claims import labels_of
from contagion.errors import InputError, NetworkError, SchemaError

__all__ = ["Axis", "axis_of", "join", "labels", "once"]

SHOWN_LABELS = 20


@dataclass(frozen=True)
class Axis:
    """The banks, or the securities, of a table.

    Parameters
    ----------
    what : str
        ``banks`` or ``securities``, for messages.
    order : numpy.ndarray of int64, shape (n,)
        The caller's place of each internal place.
    names : pandas.Index, optional
        Labels in the caller's order.
    strict : bool
        Whether arrays without labels are refused: the labels came from a frame, which says nothing of their order.
    whose : str
        The argument that has one row or column for each, for messages.
    """

    what: str
    order: NDArray[np.int64]
    names: pd.Index | None = None
    strict: bool = False
    whose: str = "holdings"

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.order)

    def vector(self, values: Any, where: str, **limits: Any) -> FloatArray:
        """One checked number for each, shape (n,), in the internal order.

        Raises
        ------
        InputError
            If a number is refused, the length differs, or labels do not match; both sides are listed.
        """
        return self.table(values, where, 1, **limits)

    def table(self, values: Any, where: str, dimensions: int, **limits: Any) -> FloatArray:
        """Checked numbers, last axis one for each, in the internal order; a frame has them as columns."""
        array = reals(self._placed(values, where), where, **limits)
        if array.ndim != dimensions or array.shape[-1] != self.n:
            raise SchemaError(
                f"has shape {array.shape}, {self.whose} has {self.n} {self.what}",
                where=where,
                allowed=f"one number for each of the {self.what}",
            )
        return np.asarray(array[..., self.order])

    def name(self, place: int) -> object:
        """Label of an internal place, or its place in the caller's order."""
        return int(self.order[place]) if self.names is None else self.names[self.order[place]]

    def back(self, values: FloatArray, axis: int = 0) -> FloatArray:
        """Values of the internal order in the caller's."""
        return np.take(values, np.argsort(self.order), axis=axis)

    def _placed(self, values: Any, where: str) -> Any:
        """Labelled values in the caller's order; others as they are."""
        if isinstance(values, Mapping):
            values = pd.Series(dict(values), dtype=object)
        if not isinstance(values, (pd.Series, pd.DataFrame)):
            if self.strict and np.ndim(values):
                raise SchemaError(
                    f"has no labels, {self.whose} has",
                    where=where,
                    allowed="a Series or mapping by name: no joins by position",
                )
            return values
        given = values.columns if isinstance(values, pd.DataFrame) else values.index
        if self.names is None:
            if labels_of(given) is None:
                return values.to_numpy()
            raise SchemaError(
                f"is labelled, {self.whose} is not", where=where, allowed="labels on both, or on neither"
            )
        return np.take(values.to_numpy(), join(self.names, given, where), axis=-1)


def axis_of(
    names: pd.Index | None, n: int, what: str, *, strict: bool = False, whose: str = "holdings"
) -> Axis:
    """Return the axis of n things, sorted by name where they have names."""
    order = (
        np.arange(n) if names is None else np.argsort(np.array([str(name) for name in names]), kind="stable")
    )
    return Axis(what, order.astype(np.int64), names, strict, whose)


def join(expected: pd.Index, given: pd.Index, where: str) -> NDArray[np.int64]:
    """Where each expected label stands among the given ones.

    Raises
    ------
    NetworkError
        If a given label is there twice, is missing, or is not expected; the message lists both sides.
    """
    once(given, where)
    missing, extra = expected.difference(given), given.difference(expected)
    if len(missing) or len(extra):
        listed = [[str(name) for name in side[:SHOWN_LABELS]] for side in (missing, extra)]
        raise NetworkError(
            f"labels differ: missing {listed[0]}, not expected {listed[1]}",
            where=where,
            allowed="the same labels on both sides",
        )
    return np.asarray(given.get_indexer(expected), dtype=np.int64)


def labels(values: Any, where: str) -> pd.Index | None:
    """Labels given beside a table, each once."""
    if values is None:
        return None
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InputError("is not a list of labels", where=where, value=values)
    index = pd.Index(list(values), dtype=object)
    if index.hasnans:
        raise SchemaError("has an empty label", where=where, allowed="a label for each")
    return once(index, where)


def once(index: pd.Index, where: str) -> pd.Index:
    """Refuse a label that is there twice."""
    if not index.is_unique:
        raise NetworkError("is there twice", where=where, value=index[index.duplicated()][0])
    return index
