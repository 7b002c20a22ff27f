"""Many networks from uncertain inputs: what is not known is drawn, beside the shock, from a stream of its own.

An input is a parameter of a generator (``"leverage_median"``) or a column of a table (``"markets.impact_half_life"``).
Draw k of an input depends on the seed, the name of the input and k alone: not on the other inputs, on how many networks
are drawn, on policies or on shocks.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import pandas as pd

from contagion.errors import NetworkError, SchemaError, ValueRangeError, nearest
from contagion.experiments import checked
from contagion.network.network import Network
from contagion.network.schema import TABLES
from contagion.streams import check_seed, key64, stream

__all__ = ["NetworkDraws", "draw_networks"]


class NetworkDraws(Sequence[Network]):
    """A list of networks that are made when they are asked for, by `draw_networks`.

    Attributes
    ----------
    parameters : pandas.DataFrame
        Index network (0, 1, ...), one column per input: its value, or its factor where it is relative.
    """

    def __init__(self, source: _Source, parameters: pd.DataFrame) -> None:
        self._source = source
        self.parameters = parameters

    def __len__(self) -> int:
        return len(self.parameters)

    @overload
    def __getitem__(self, index: int) -> Network: ...

    @overload
    def __getitem__(self, index: slice) -> list[Network]: ...

    def __getitem__(self, index: int | slice) -> Network | list[Network]:
        if isinstance(index, slice):
            return [self.at(place, place) for place in range(len(self))[index]]
        place = range(len(self))[index]
        return self.at(place, place)

    def at(self, network: int, parameters: int) -> Network:
        """Return the network of one draw under the inputs of another.

        Parameters
        ----------
        network : int
            Number of the draw of the network; it does not matter where one given network is varied.
        parameters : int
            Number of the draw of the inputs; both may lie beyond the length of the list.
        """
        return self._source.make(network, self._source.values(parameters))

    def __repr__(self) -> str:
        return f"NetworkDraws({len(self)} networks, inputs {', '.join(self.parameters.columns) or 'none'})"


def draw_networks(
    source: Network | Callable[..., Network],
    inputs: Mapping[str, Any] | None = None,
    n: int = 20,
    seed: int = 0,
    *,
    relative: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> NetworkDraws:
    """Return networks with uncertain inputs, for ``contagion.compare(networks=...)``.

    Parameters
    ----------
    source : Network or callable
        One network whose columns vary, or a generator such as ``contagion.generate.perp_market``; a generator with a
        parameter `seed` makes another network at every draw.
    inputs : mapping of str to distribution, optional
        Name -> a pair (low, high), uniform between them, or a frozen distribution of `scipy.stats` (anything with
        ``ppf``). Names are parameters of the generator, or ``table.column``: every row gets the value.
    n : int, default 20
        Networks; scenario i of a study runs on network i mod n.
    seed : int, default 0
        Root seed.
    relative : sequence of str, optional
        Names ``table.column`` whose draws multiply what the column holds.
    options : mapping, optional
        Parameters of the generator that do not vary.

    Returns
    -------
    NetworkDraws
        A sequence of networks with the table `parameters`.

    Raises
    ------
    SchemaError, ValueRangeError
        If an input is unknown or no distribution.
    NetworkError
        If source is neither a network nor a callable.

    Examples
    --------
    >>> import contagion as ct
    >>> from scipy.stats import lognorm
    >>> inputs = {"leverage_median": (3.0, 8.0), "depth.amount": lognorm(0.5)}
    >>> make, options = ct.generate.perp_market, {"n_accounts": 300}
    >>> nets = draw_networks(make, inputs, n=3, seed=7, relative=["depth.amount"], options=options)
    >>> len(nets), list(nets.parameters.columns)
    (3, ['leverage_median', 'depth.amount'])
    """
    if not isinstance(source, Network) and not callable(source):
        allowed = "a ct.Network, or a generator such as ct.generate.perp_market"
        raise NetworkError(f"source is {source!r:.80}, of type {type(source).__name__}; give {allowed}")
    count = checked.count("n", n)
    given = dict(inputs or {})
    made = _Source(source, given, frozenset(relative), dict(options or {}), check_seed(seed))
    made.check()
    rows = [made.values(place) for place in range(count)]
    return NetworkDraws(
        made, pd.DataFrame(rows, columns=list(given), index=pd.RangeIndex(count, name="network"))
    )


class _Source:
    """What makes a network from the numbers of two draws."""

    def __init__(
        self,
        source: Any,
        inputs: dict[str, Any],
        relative: frozenset[str],
        options: dict[str, Any],
        seed: int,
    ) -> None:
        self.source, self.inputs, self.relative = source, inputs, relative
        self.options, self.seed = options, seed

    def check(self) -> None:
        """Refuse inputs that mean nothing."""
        for name in self.relative:
            if name not in self.inputs or "." not in name:
                raise ValueRangeError(
                    "is no column among the inputs",
                    where="relative",
                    value=name,
                    allowed=", ".join(one for one in self.inputs if "." in one) or "nothing",
                )
        if isinstance(self.source, Network) and self.options:
            raise SchemaError("are for a generator", where="options", value=self.options)
        for name, distribution in self.inputs.items():
            self._check_name(name)
            _quantile(name, distribution, 0.5)

    def _check_name(self, name: str) -> None:
        if "." in name:
            table, _, column = name.partition(".")
            known = [f"{one}.{c.name}" for one in TABLES for c in TABLES[one].columns if c.kind == "number"]
            if name not in known:
                raise ValueRangeError(
                    f"is unknown{nearest(name, known)}", where="inputs", value=name, allowed="table.column"
                )
            if isinstance(self.source, Network) and not len(getattr(self.source, table)):
                raise ValueRangeError(
                    "has no row to change", where="inputs", value=name, remedy=f"drop {column}"
                )
            return
        words = _keywords(self.source)
        if words is not None and name not in words:
            what = f"is no parameter of the source{nearest(name, words)}"
            raise ValueRangeError(
                what, where="inputs", value=name, allowed=", ".join(words) or "table.column"
            )

    def values(self, place: int) -> dict[str, float]:
        """Draw `place` of every input."""
        return {
            name: _quantile(name, one, float(stream(self.seed, "input", name, place).random()))
            for name, one in self.inputs.items()
        }

    def make(self, network: int, values: Mapping[str, float]) -> Network:
        """Make a network and set its columns."""
        if isinstance(self.source, Network):
            net = self.source
        else:
            words = {name: value for name, value in values.items() if "." not in name}
            if "seed" in (_parameters(self.source) or ()) and "seed" not in self.options:
                words["seed"] = int(key64(self.seed, "network", network) >> 32)
            net = self.source(**{**self.options, **words})
            if not isinstance(net, Network):
                raise NetworkError(
                    f"source returned {net!r:.80}, of type {type(net).__name__}, no ct.Network"
                )
        changes: dict[str, Any] = {}
        for name, value in values.items():
            table, _, column = name.partition(".")
            if column:
                frame = changes.get(table, getattr(net, table))
                new = frame[column] * value if name in self.relative else value
                changes[table] = frame.assign(**{column: new})
        return net.replace(**changes) if changes else net


def _quantile(name: str, distribution: Any, share: float) -> float:
    """The value of an input below which a share of its draws lies."""
    where = f"inputs[{name!r}]"
    if hasattr(distribution, "ppf"):
        value = float(distribution.ppf(share))
    elif isinstance(distribution, Sequence) and not isinstance(distribution, str) and len(distribution) == 2:
        low, high = (checked.number(where, end) for end in distribution)
        if not low < high:
            raise ValueRangeError("does not rise", where=where, value=distribution, allowed="low < high")
        value = low + (high - low) * share
    else:
        allowed = "a pair (low, high), or a frozen distribution such as scipy.stats.lognorm(0.5)"
        raise SchemaError("is no distribution", where=where, value=distribution, allowed=allowed)
    if not math.isfinite(value):
        raise ValueRangeError("draws no number", where=where, value=value)
    return value


def _parameters(source: Any) -> Mapping[str, inspect.Parameter] | None:
    if isinstance(source, Network):
        return {}
    try:
        return inspect.signature(source).parameters
    except (TypeError, ValueError):
        return None


def _keywords(source: Any) -> list[str] | None:
    """Names a generator takes; None where it takes any."""
    found = _parameters(source)
    if found is None or any(one.kind is inspect.Parameter.VAR_KEYWORD for one in found.values()):
        return None
    return [name for name in found if name != "seed"]
