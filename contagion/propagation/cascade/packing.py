"""One pointer in place of seventy arrays: how compiled code receives the book and the state.

A tuple of arrays would be copied, array by array, into every compiled call, which makes compiling slow. Packed, the
same arrays hang on one struct; nothing is copied, writes are seen on both sides.
"""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
from numba import types
from numba.experimental import structref

from contagion.compiled import kernel
from contagion.linking import INTERPRETED
from contagion.propagation.cascade.layout import Book, State


class BookType(types.StructRef):
    """Compiled type of a packed book."""

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)
        self.name = f"cascade.Book#{zlib.crc32(repr(fields).encode())}"


class StateType(types.StructRef):
    """Compiled type of a packed state."""

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)
        self.name = f"cascade.State#{zlib.crc32(repr(fields).encode())}"


class PackedBook(structref.StructRefProxy):
    """Handle of a packed book."""


class PackedState(structref.StructRefProxy):
    """Handle of a packed state."""


structref.register(BookType)
structref.register(StateType)
structref.define_proxy(PackedBook, BookType, list(Book._fields))
structref.define_proxy(PackedState, StateType, list(State._fields))


@kernel
def _pack_book(arrays: Any) -> Any:
    """Hang the arrays of a book on one struct."""
    return PackedBook(*arrays)


@kernel
def _pack_state(arrays: Any) -> Any:
    """Hang the arrays of a state on one struct."""
    return PackedState(*arrays)


def _plain(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same arrays if they are contiguous and writable, as compiled code wants them; anything else is a mistake."""
    for array in arrays:
        if not (array.flags.c_contiguous and array.flags.writeable):
            raise TypeError("arrays of the cascade are contiguous and writable")
    return arrays


class Row(np.record):  # type: ignore[misc]  # numpy's own recipe, whatever its stubs say
    """A row of a table for kernels that run as plain Python: its fields are attributes, before any method."""

    def __getattribute__(self, name: str) -> Any:
        """A field by its name, `round` too."""
        names = np.record.__getattribute__(self, "dtype").names
        return self[name] if name in names else np.record.__getattribute__(self, name)


def _interpreted(arrays: Book | State) -> SimpleNamespace:
    """The same arrays for kernels that run as plain Python."""
    rows = {name: getattr(arrays, name) for name in arrays._fields}
    tables = {name: row.view(np.dtype((Row, row.dtype))) for name, row in rows.items() if row.dtype.names}
    return SimpleNamespace(**rows | tables)


def pack_book(book: Book) -> Any:
    """Packed book."""
    arrays = _plain(tuple(book))
    return _interpreted(book) if INTERPRETED else _pack_book(arrays)


def pack_state(state: State) -> Any:
    """Packed state, over the same arrays."""
    arrays = _plain(tuple(state))
    return _interpreted(state) if INTERPRETED else _pack_state(arrays)


def book_type(book: Book) -> BookType:
    """Compiled type of a book, without packing it."""
    return BookType([(name, numba.typeof(getattr(book, name))) for name in Book._fields])


def state_type(state: State) -> StateType:
    """Compiled type of a state, without packing it."""
    return StateType([(name, numba.typeof(getattr(state, name))) for name in State._fields])


def writable(array: Any) -> Any:
    """Contiguous, writable copy (or the array itself where it is both)."""
    return np.require(array, requirements=["C", "W", "A"])
