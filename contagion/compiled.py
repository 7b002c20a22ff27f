"""How are the hot loops compiled, and when is a compiled copy on disk out of date?

Numba keeps compiled code on disk and throws it away when the *file of that function* changes, but a kernel contains
the kernels it calls from other files. Here every kernel carries one stamp of all sources that hold kernels and of those
they import, so that an edit to one of them makes all compile anew, and an edit elsewhere none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

from contagion import linking
from contagion.linking import INTERPRETED

Function = TypeVar("Function", bound=Callable[..., Any])

FOLDERS = ("markets", "margin", "propagation")


HOLDS_KERNELS = re.compile(rb"^from contagion\.compiled import .*\b(?:kernel|inner)\b", re.MULTILINE)
IMPORTED = re.compile(rb"^from contagion\.([\w.]+) import", re.MULTILINE)


def stamped() -> dict[Path, bytes]:
    """Source of every file of `FOLDERS` that holds kernels, and of what those import there, one from another."""
    root = Path(__file__).parent
    sources = {
        path: path.read_bytes() for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))
    }
    found = {path for path, source in sources.items() if HOLDS_KERNELS.search(source)}
    waiting = list(found)
    while waiting:
        for name in IMPORTED.findall(sources[waiting.pop()]):
            path = root.joinpath(*name.decode().split(".")).with_suffix(".py")
            if path in sources and path not in found:
                found.add(path)
                waiting.append(path)
    return {path: source for path, source in sources.items() if path in found}


def _stamp() -> tuple[str, int]:
    """Digest of every source file that compiled code comes from, in the form of numba's own source stamp."""
    digest = hashlib.sha256()
    for source in stamped().values():
        digest.update(source)
    return digest.hexdigest(), 0


STAMP = _stamp()
COMPILERS: dict[str, dict[str, Any]] = {"kernel": {}, "inner": {}}
if linking.is_known():
    COMPILERS = {
        "kernel": {"pipeline_class": linking.KernelCompiler},
        "inner": {"pipeline_class": linking.PartCompiler},
    }


def kernel(function: Function) -> Function:
    """Compile `function` without the interpreter lock, strict floating point, with a copy on disk.

    Outside `FOLDERS` kernels call kernels of their own file only, and numba's own stamp of that file is enough.
    """
    dispatcher = _dispatcher(function, cache=True, no_cfunc_wrapper=True, **COMPILERS["kernel"])
    cache_file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache_file is not None and function.__module__.split(".")[1] in FOLDERS:
        cache_file._source_stamp = STAMP
    return dispatcher


def inner(function: Function) -> Function:
    """The same for kernels that only other kernels call: no entry from Python, no copy of their own on disk."""
    return _dispatcher(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, **COMPILERS["inner"])


def _dispatcher(function: Function, **options: Any) -> Any:
    """Numba's dispatcher, made to compile once for all constants of a type, not once per constant.

    With ``NUMBA_DISABLE_JIT=1`` the function itself: the same rounds as plain Python, slow, without compiling.
    """
    if INTERPRETED:
        return function
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy", **options)(function)
    template = dispatcher.get_call_template

    def of_plain_types(args: Any, kwargs: Any) -> Any:
        plain = tuple(numba.types.unliteral(a) for a in args)
        return template(plain, {name: numba.types.unliteral(a) for name, a in kwargs.items()})

    dispatcher.get_call_template = of_plain_types
    return dispatcher


def is_on_disk(dispatcher: Any) -> bool:
    """Whether a kernel has a compiled copy on disk that is not out of date."""
    cache_file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    load = getattr(cache_file, "_load_index", None)
    return bool(load()) if load is not None else False
