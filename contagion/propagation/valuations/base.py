"""What does a valuation function know, and what must hold for it? Books of the debtors, and checks.

A valuation function gives the share V of its face value that a claim on each node is worth, from the node's equity
alone: between 0 and 1, never falling in equity. Anything of the form ``function(equity, books)`` will do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import BalanceSheets
from contagion.errors import SchemaError, ValueRangeError

if TYPE_CHECKING:
    from contagion.propagation.valuations.lines import Line

__all__ = ["Books", "Prepared", "Valuation", "prepared", "refuse"]

SLACK = 1e-9  # by which a value may leave [0, 1] or fall: rounding of the user's formula
PROBES = 33


@dataclass(frozen=True)
class Books:
    """What a valuation function may look at; every array has shape (n,), in the caller's order of nodes.

    Parameters
    ----------
    external_assets : numpy.ndarray
        Money owned outside the network, after the shock.
    equity : numpy.ndarray
        Face equity after the shock: the upper end of the values asked for.
    assets_before, equity_before : numpy.ndarray
        The same two before the shock.
    claimed, owed, due : numpy.ndarray
        What a node is owed by others, owes inside the network, and owes in all.
    """

    external_assets: FloatArray
    equity: FloatArray
    assets_before: FloatArray
    equity_before: FloatArray
    claimed: FloatArray
    owed: FloatArray
    due: FloatArray
    sheets: BalanceSheets = field(repr=False)

    @property
    def n(self) -> int:
        """Number of nodes."""
        return self.sheets.n

    def vector(self, values: Any, where: str, **limits: Any) -> FloatArray:
        """Return one number per node from a number, an array, or a Series or mapping by name."""
        return np.asarray(self.sheets.back(self.sheets.vector(values, where, **limits)))

    def name(self, place: int) -> object:
        """Name of a node, or its position."""
        names = self.sheets.names
        return place if names is None else names[place]


@dataclass(frozen=True)
class Prepared:
    """A valuation function with its parameters checked against the books.

    Parameters
    ----------
    value : callable
        From equity, shape (n,), to the worth of claims on each node per unit of face value, shape (n,).
    sigma : numpy.ndarray, optional
        Volatility of external assets, where the valuation has one.
    line : Line, optional
        The same function as a line with a threshold, which is solved in finitely many steps.
    """

    value: Callable[[FloatArray], FloatArray]
    sigma: FloatArray | None = None
    line: Line | None = None


class Valuation(ABC):
    """Base class of valuation functions with parameters; a subclass says how it is prepared."""

    @abstractmethod
    def prepared(self, books: Books) -> Prepared:
        """Check the parameters against the books; raise before anything is computed."""

    def __call__(self, equity: FloatArray, books: Books) -> FloatArray:
        """Worth of claims on each node per unit of face value, shape (n,)."""
        return self.prepared(books).value(np.asarray(equity, dtype=np.float64))


def prepared(valuation: Any, books: Books) -> Prepared:
    """Return a checked valuation: a built-in one, or a user's function probed over all equity that can occur.

    Raises
    ------
    InputError
        If it cannot be called, gives another shape, no finite number or one outside [0, 1], or falls in equity.
    """
    if isinstance(valuation, Valuation):
        return valuation.prepared(books)
    if not callable(valuation):
        raise SchemaError(
            "is no function", where="valuation", value=valuation, allowed="function(equity, books)"
        )

    _need_two(valuation)

    def value(equity: FloatArray) -> FloatArray:
        return _checked(valuation(equity.copy(), books), equity, books)

    _probe(value, books)
    return Prepared(value)


def _need_two(valuation: Callable[..., Any]) -> None:
    """Refuse a function that cannot be called with equity and books."""
    try:
        signature(valuation).bind(None, None)
    except TypeError as error:
        raise SchemaError(
            f"cannot be called with two values: {error}", where="valuation", allowed="function(equity, books)"
        ) from None
    except ValueError:  # built-in functions may tell nothing about themselves
        return


def _checked(found: Any, equity: FloatArray, books: Books) -> FloatArray:
    try:
        worth = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError):
        raise SchemaError("gives no numbers", where="valuation", value=found) from None
    if worth.shape != (books.n,):
        raise SchemaError(
            f"gives shape {worth.shape}",
            where="valuation",
            allowed=f"shape ({books.n},), one value a node (numpy.where, not if)",
        )
    wrong = ~((worth >= -SLACK) & (worth <= 1.0 + SLACK))
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise ValueRangeError(
            f"is what a claim on {books.name(place)!r} is worth at equity {equity[place]:.6g}",
            where="valuation",
            value=float(worth[place]),
            allowed="a finite number >= 0 and <= 1",
        )
    return np.clip(worth, 0.0, 1.0)


def _probe(value: Callable[[FloatArray], FloatArray], books: Books) -> None:
    """Ask for values over all equity that can occur, from worthless claims to claims at face value."""
    before = np.zeros(books.n)
    for share in np.linspace(-1.0, 0.0, PROBES):
        equity = books.equity + share * books.claimed
        worth = value(equity)
        falls = worth < before - SLACK
        if falls.any():
            place = int(np.flatnonzero(falls)[0])
            raise ValueRangeError(
                f"gives less for more equity: {worth[place]:.6g} after {before[place]:.6g} "
                f"for {books.name(place)!r} at equity {equity[place]:.6g}",
                where="valuation",
                allowed="a function that never falls in equity",
            )
        before = worth


def refuse(wrong: NDArray[np.bool_], where: str, values: FloatArray, allowed: str, books: Books) -> None:
    """Raise for the first node whose value is wrong, if there is one."""
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise ValueRangeError(
            f"of {books.name(place)!r} is out of range",
            where=where,
            value=float(values[place]),
            allowed=allowed,
        )
