"""Which study does a folder of results belong to? A manifest says it, and its hash is the study's name.

Two parts: the identity, whose hash is the study id, and labels, which a later call may extend (a larger n). The number
of scenarios is no part of the identity because scenario i is the same however many are drawn: the same study with a
larger n goes on where it stopped. Workers, batches and the order of policy sets are none either.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import contagion
from contagion.errors import CorruptResultError, SchemaError, StudyMismatchError, shown
from contagion.experiments.plain import canonical, digest, plain
from contagion.network.sources import read_bytes

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.policies import Policy

__all__ = [
    "MANIFEST",
    "PACKAGES",
    "Manifest",
    "identity_of",
    "package_versions",
    "python_version",
    "words_of",
]

MANIFEST: Final = "manifest.json"
SCHEMA: Final = 1
PACKAGES: Final = ("networkx", "numba", "numpy", "pandas", "scipy")
LARGEST: Final = 256_000_000


@dataclass(frozen=True)
class Manifest:
    """What a folder of results holds.

    Parameters
    ----------
    identity : dict
        Plain data that decides over every number: schema, engine and package versions, fingerprints of the
        networks, policy sets, shock, model, seed, level, names of the columns.
    labels : dict
        What does not: order of the policy sets, n, scenarios a chunk, units and assets of the networks.
    """

    identity: dict[str, Any]
    labels: dict[str, Any]

    @cached_property
    def study(self) -> str:
        """Study id, the SHA-256 of the identity."""
        return digest(self.identity)

    @property
    def names(self) -> list[str]:
        """Policy sets in the order of their codes, which is alphabetical."""
        return sorted(self.identity["policies"])

    def key(self, name: str) -> str:
        """First eight digits of the hash of a policy set."""
        return str(self.identity["policies"][name]["sha256"])[:8]

    def to_bytes(self) -> bytes:
        """Return the file's content, written in one way only; it ends with its own hash."""
        content = {"identity": self.identity, "labels": self.labels, "study": self.study}
        return (canonical({**content, "z_sha256": digest(content)}) + "\n").encode()

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest and refuse one that is not byte for byte what was written.

        Raises
        ------
        CorruptResultError
            If a single bit of it has changed.
        InputError
            If it cannot be read, or is a link out of its folder.
        """
        data = read_bytes(path, path.parent, LARGEST)
        try:
            content = json.loads(data)
            manifest = cls(dict(content["identity"]), dict(content["labels"]))
            whole = hashlib.sha256(data).digest() == hashlib.sha256(manifest.to_bytes()).digest()
        except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
            whole = False
        if not whole:
            raise CorruptResultError(
                "is not what was written",
                where=MANIFEST,
                remedy="delete it and run the study again with this store: finished chunks are kept",
            )
        return manifest

    def with_scenarios(self, n: int) -> Manifest:
        """Return the manifest of the same study with at least n scenarios."""
        return replace(self, labels={**self.labels, "n": max(n, int(self.labels["n"]))})

    def require(self, other: Manifest, folder: str) -> None:
        """Refuse another study than the one of the folder, whose manifest this is.

        Raises
        ------
        StudyMismatchError
            Naming every field that differs.
        """
        differing = list(_differences(self.identity, other.identity, ""))
        if differing:
            named = "; ".join(
                f"{field}: {_short(mine)}, not {_short(yours)}" for field, mine, yours in differing[:5]
            )
            more = f"; and {len(differing) - 5} more" if len(differing) > 5 else ""
            raise StudyMismatchError(
                f"holds another study: its {named}{more}",
                where=f"store {shown(folder)}",
                remedy="give another folder, or the study that this folder was made with",
            )


def identity_of(
    worlds: Sequence[Network],
    family: Any,
    model: Any,
    sets: Mapping[str, Sequence[Policy]],
    seed: int,
    level: float,
    columns: Mapping[str, Iterable[str]],
    metric: str,
) -> dict[str, Any]:
    """Return the identity of a study: whatever decides over its numbers.

    Parameters
    ----------
    worlds, family, model, sets, seed, level
        As `contagion.compare` takes them.
    columns : mapping of str to names
        Names of the metrics and of the parts of an outlay, in their order.
    metric : str
        The metric that the study is about: named in advance, it cannot be exchanged afterwards.

    Raises
    ------
    SchemaError
        If a policy, shock or model holds something that cannot be told apart from another.
    """
    told = {name: plain(list(chosen), f"policy set {shown(name)}") for name, chosen in sets.items()}
    hashed = {name: digest([name, content]) for name, content in told.items()}
    if len({found[:8] for found in hashed.values()}) < len(hashed):
        raise SchemaError("have the same short hash", where="policies", remedy="rename one of the sets")
    return {
        "schema": SCHEMA,
        "engine": contagion.__version__,
        "python": ".".join(python_version().split(".")[:2]),
        "packages": package_versions(),
        "networks": [world.fingerprint for world in worlds],
        "policies": {name: {"sha256": hashed[name], "plain": told[name]} for name in told},
        "shock": plain(family, "shock"),
        "model": plain(model, "model"),
        "seed": str(seed),
        "level": level,
        "metric": metric,
        "columns": {name: list(names) for name, names in columns.items()},
    }


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that numbers pass through."""
    return {name: _version(name) for name in PACKAGES}


def python_version() -> str:
    """Return the interpreter's version."""
    return platform.python_version()


def words_of(thing: Any) -> str:
    """Return what a shock or a model says about itself."""
    describe = getattr(thing, "describe", None)
    return str(describe()) if callable(describe) else repr(thing)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _differences(mine: Any, yours: Any, field: str) -> Iterable[tuple[str, Any, Any]]:
    """Yield the places in which two identities differ, with the values on both sides."""
    if isinstance(mine, dict) and isinstance(yours, dict):
        for key in dict.fromkeys([*mine, *yours]):
            if key == "sha256" and "plain" in mine:
                continue
            name = key if not field else f"{field}.{key}"
            yield from _differences(
                mine.get(key), yours.get(key), name.replace(".plain", "").replace(".fields", "")
            )
    elif isinstance(mine, list) and isinstance(yours, list) and len(mine) == len(yours):
        for place, (one, other) in enumerate(zip(mine, yours, strict=True)):
            yield from _differences(one, other, f"{field}[{place}]")
    elif canonical(mine) != canonical(yours):
        yield field, mine, yours


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict) and "class" in value:
        return str(value["class"]).rsplit(":", 1)[-1]
    return shown(value)[:60]
