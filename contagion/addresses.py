"""How does a kernel call other kernels without a copy of their code in its own: by their addresses.

A call by name would link the called kernel into the caller, to be optimised and made machine code once more.
"""

from __future__ import annotations

from typing import Any

import numba
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from contagion.linking import INTERPRETED

__all__ = ["addresses", "call"]

_FOUND: dict[Any, tuple[Any, ...]] = {}


def addresses(kernels: tuple[Any, ...], *arguments: Any) -> tuple[Any, ...]:
    """Where the machine code of `kernels` for arguments like these is; they are compiled or loaded if need be.

    Interpreted kernels stand for themselves.
    """
    if INTERPRETED:
        return kernels
    signature = tuple(numba.typeof(argument) for argument in arguments)
    if (kernels, signature) not in _FOUND:
        _FOUND[kernels, signature] = tuple(_address(one, signature) for one in kernels)
    return _FOUND[kernels, signature]


def _address(kernel: Any, signature: tuple[Any, ...]) -> int:
    """Address of the compiled function itself, below its wrapper for Python."""
    kernel.compile(signature)
    compiled = kernel.overloads[signature]
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _typed_call(typing: Any, address: Any, arguments: Any) -> Any:
    """Call a compiled function that returns nothing, with the arguments of a tuple; what it raises is raised here."""
    del typing

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        convention, kinds = context.call_conv, tuple(signature.args[1])
        function = builder.inttoptr(values[0], convention.get_function_type(types.none, kinds).as_pointer())
        unpacked = cgutils.unpack_tuple(builder, values[1], len(kinds))
        status, _ = convention.call_function(builder, function, types.none, kinds, unpacked)
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.none(address, arguments), generate


_call: Any = intrinsic(_typed_call)

if INTERPRETED:

    def call(address: Any, *arguments: Any) -> None:
        """Call an interpreted kernel, which stands for its address."""
        address(*arguments)

else:

    @numba.njit
    def call(address: Any, *arguments: Any) -> None:
        """Call the kernel at an address, compiled for arguments of these types."""
        _call(address, arguments)
