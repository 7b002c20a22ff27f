"""How are kernels put together: one optimisation per kernel, not one per function and caller.

Numba optimises every function it compiles, with copies of all functions below it, and turns each of these copies into
machine code, though only the last one is ever run. Here the functions that only kernels call are lowered once and left
as they are; the kernel that calls them links them, optimises the whole once and makes machine code of it.
"""

from __future__ import annotations

import os
from typing import Any

import numba
from llvmlite import binding
from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import codegen, compiler, typed_passes
from numba.core.compiler_machinery import register_pass
from numba.core.environment import lookup_environment

__all__ = ["INTERPRETED", "KernelCompiler", "PartCompiler", "is_known"]

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") == "1"

KNOWN = ((0, 68),)
"""Versions of numba that this was tested with; with others kernels compile as numba does it, in more time."""


def is_known() -> bool:
    """Whether the installed numba is one of the versions that this module was tested with."""
    return tuple(numba.version_info.short) in KNOWN


class Library(codegen.JITCodeLibrary):
    """Code of one function that becomes machine code with the code of all it calls, when it is asked for."""

    _codegen: Any
    _part: Any = None

    def add_linking_library(self, library: Any) -> None:
        """Remember what is called; parts stay unfinished."""
        if not isinstance(library, Library):
            library._ensure_finalized()
        self._linking_libraries.append(library)

    def add_llvm_module(self, module: Any) -> None:
        """Take a module as it is: it is optimised with all that calls it."""
        module.data_layout = self._codegen._data_layout
        self._final_module.link_in(module)

    def part(self) -> Any:
        """Module of this function alone, to be linked into several others."""
        if self._part is None:
            self._part = self._final_module.clone()
            for function in self._part.functions:
                if not function.is_declaration and function.linkage == binding.Linkage.external:
                    function.linkage = "linkonce_odr"
        return self._part

    def finalize(self) -> None:
        """Link all that is called, directly or not, each once; then optimise and make machine code."""
        found: set[Any] = {self}
        finished: dict[Any, None] = {}
        waiting: list[Any] = list(reversed(self._linking_libraries))
        while waiting:
            library = waiting.pop()
            if not isinstance(library, Library) or library._finalized:
                finished[library] = None
            elif library not in found:
                found.add(library)
                self._reload_init.update(library._reload_init)
                self._final_module.link_in(library.part(), preserve=True)
                waiting.extend(reversed(library._linking_libraries))
        self._linking_libraries = list(finished)
        super().finalize()
        self._set_environments()

    def _set_environments(self) -> None:
        """Hand every linked function its constants, as loading from disk does."""
        for variable in self._final_module.global_variables:
            environment = lookup_environment(variable.name)
            if environment is not None and not variable.is_declaration:
                self._codegen.set_env(variable.name, environment)


class _Lowering(typed_passes.NativeLowering):
    """Numba's lowering into a `Library`."""

    def run_pass(self, state: Any) -> bool:
        """Lower one function."""
        maker = state.targetctx.codegen()
        state.library = Library(maker, state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class KernelLowering(_Lowering):
    """Lowering of a kernel: linked with its parts, optimised, ready to run."""

    _name: Any = "kernel_lowering"


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(_Lowering):
    """Lowering of a part: known to its callers, no machine code."""

    _name: Any = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower one function and leave it unfinished."""
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        name, module = lowered.fndesc.qualname.split(".")[-1], lowered.fndesc.lookup_module()
        handle = _dynfunc.make_function(module, name, "", 0, lowered.env, (state.library,))
        state.targetctx.insert_user_function(handle, lowered.fndesc, [state.library])
        state.reload_init.extend(state.library._reload_init)
        state["cr"] = lowered._replace(cfunc=handle)
        return True


def _pipeline(state: Any, lowering: Any) -> Any:
    """Numba's own pipeline with another lowering."""
    manager = compiler.DefaultPassBuilder.define_nopython_pipeline(state)
    manager.passes = [
        (lowering if one is typed_passes.NativeLowering else one, text) for one, text in manager.passes
    ]
    manager._finalized = False
    manager.finalize()
    return manager


class Flags(compiler.Flags):
    """Numba's flags, compared by what is set: they are part of the key of every look-up in its tables of types."""

    def __hash__(self) -> int:
        """Numba's own: it depends on the names of the options only."""
        return HASH

    def __eq__(self, other: object) -> bool:
        """Numba's own, after a comparison that is quick."""
        quick = isinstance(other, compiler.Flags) and self._values == other._values
        return quick or bool(super().__eq__(other))


HASH = hash(compiler.Flags())


class _Compiler(compiler.CompilerBase):
    """Numba's compiler, with `Flags`."""

    def __init__(
        self, typing: Any, target: Any, library: Any, args: Any, result: Any, flags: Any, local: Any
    ) -> None:
        super().__init__(typing, target, library, args, result, Flags(flags), local)


class KernelCompiler(_Compiler):
    """Compiler of kernels."""

    def define_pipelines(self) -> list[Any]:
        """Numba's passes, with `KernelLowering`."""
        return [_pipeline(self.state, KernelLowering)]


class PartCompiler(_Compiler):
    """Compiler of functions that only kernels call."""

    def define_pipelines(self) -> list[Any]:
        """Numba's passes, with `PartLowering`."""
        return [_pipeline(self.state, PartLowering)]
