"""Compiled copies on disk are out of date when, and only when, a source they come from has changed."""

import ast
from pathlib import Path

import pytest

import contagion
from contagion.compiled import FOLDERS, stamped

ROOT = Path(contagion.__file__).parent
SOURCES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def decorators(path: Path) -> set[str]:
    """Names of all decorators of functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {one.id for function in functions for one in function.decorator_list if isinstance(one, ast.Name)}


def imported(path: Path) -> set[Path]:
    """Files of `FOLDERS` that a file imports, packages left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
            found |= {ROOT.parent.joinpath(*name.split(".")).with_suffix(".py") for name in names}
    return found & set(SOURCES)


def test_every_file_with_a_kernel_is_stamped() -> None:
    holding = {path for path in SOURCES if decorators(path) & {"kernel", "inner"}}
    assert len(holding) > 50
    assert holding <= set(stamped())


def test_every_file_that_a_stamped_one_imports_is_stamped() -> None:
    for path in stamped():
        assert imported(path) <= set(stamped()), path.name


@pytest.mark.parametrize(
    "name", ["cascade/codes.py", "cascade/layout.py", "cascade/rounds.py", "clearing_sweeps.py"]
)
def test_constants_and_kernels_are_stamped(name: str) -> None:
    assert ROOT / "propagation" / name in stamped()


@pytest.mark.parametrize(
    "name", ["cascade/build.py", "cascade/model.py", "firesales/engine.py", "solvency/base.py"]
)
def test_a_change_of_plain_python_compiles_nothing(name: str) -> None:
    assert ROOT / "propagation" / name not in stamped()
