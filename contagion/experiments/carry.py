"""How does a prepared network reach a worker process? Packed once, its arrays mapped from memory, kept there.

The arrays of a network are taken out of the packed form, so that joblib maps the large ones into every worker in place
of copying them, and a dask cluster holds them once. A worker unpacks a network once and keeps the last few.
"""

from __future__ import annotations

from collections import OrderedDict
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from contagion.propagation.run import Prepared

__all__ = ["KEPT", "Carried", "opened"]

KEPT: Final = 16
"""Networks that a worker process keeps unpacked."""

Bytes = npt.NDArray[np.uint8]

_unpacked: OrderedDict[str, Any] = OrderedDict()


class Carried:
    """A prepared network on its way to the workers; in its own process it stays the object it is.

    Parameters
    ----------
    prepared : Prepared
        The network under one policy set.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self._key = uuid4().hex
        self._packed: tuple[Bytes, ...] = ()

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return (_unpack, (self._key, *self._pack()))

    def __sizeof__(self) -> int:
        """Bytes on the way, so that a cluster sends it to each worker once and not with every task."""
        return sum(part.nbytes for part in self._pack())

    def _pack(self) -> tuple[Bytes, ...]:
        if not self._packed:
            buffers: list[Any] = []
            body = _pickler().dumps(self.prepared, protocol=5, buffer_callback=buffers.append)
            views = (buffer.raw() for buffer in buffers)
            self._packed = (np.frombuffer(body, np.uint8), *(np.frombuffer(view, np.uint8) for view in views))
        return self._packed


def opened(given: Any) -> Any:
    """Return the prepared network, whether it was carried or not."""
    return given.prepared if isinstance(given, Carried) else given


def _writable(buffer: Bytes) -> Bytes:
    """The bytes themselves where they may be written to: compiled code is made for such arrays only."""
    return buffer if buffer.flags.writeable else buffer.copy()


def _pickler() -> ModuleType:
    """The pickler that joblib itself uses, which takes classes of a script or notebook along; it has moved once."""
    try:
        return import_module("cloudpickle")
    except ImportError:
        return import_module("joblib.externals.cloudpickle")


def _unpack(key: str, body: Bytes, *buffers: Bytes) -> Any:
    """Return the network that was packed; the same object for the same key within a process."""
    import pickle

    if key not in _unpacked:
        _unpacked[key] = pickle.loads(body.data, buffers=[_writable(buffer) for buffer in buffers])
        while len(_unpacked) > KEPT:
            _unpacked.popitem(last=False)
    _unpacked.move_to_end(key)
    return _unpacked[key]
