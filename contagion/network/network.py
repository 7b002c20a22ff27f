"""The Network: tables of who owes, holds and posts what to whom; complete, sorted, checked and frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, nearest
from contagion.network.build import Draft
from contagion.network.faults import Faults
from contagion.network.frames import TableInput
from contagion.network.frozen import fingerprint, frame_of, freeze
from contagion.network.making import make
from contagion.network.schema import TABLES

if TYPE_CHECKING:
    import networkx as nx


class Network:
    """Who owes, holds and posts what to whom.

    Each table is a DataFrame, a dict of columns or a list of records; tables and optional columns may be
    absent. Rows have no order, joins are by name, and everything is checked before the network exists: one
    error lists every fault. A network never changes; `replace` returns another one.

    Parameters
    ----------
    nodes, obligations, assets, holdings, markets, depth, accounts, balances, positions, strategies, venues,
    schedules, tiers, collateral
        The tables; columns, units and defaults are in `contagion.network.schema.TABLES`.
    unit
        The unit of money. If any asset is traded or posted, `assets` has a row of this name, a currency of
        price 1.
    rest_of_market
        ``"error"``: long and short positions of each market must be equal. ``"add"``: an unlevered account
        ``rest_of_market:<venue>``, which is never called, takes the other side. The prefix is reserved.
    repair
        ``"sum-duplicates"`` adds up rows that repeat a key and differ in nothing but the amount; it is
        recorded.
    payers
        Money put in by payers outside the network, by name.

    Raises
    ------
    InputError
        A subclass; `issues` lists every fault with table and row.

    Examples
    --------
    >>> net = Network(nodes=[{"name": "A", "cash": 5}, {"name": "B"}],
    ...               obligations=[{"debtor": "A", "creditor": "B", "amount": 3}])
    >>> net.nodes["cash"].to_dict()
    {'A': 5.0, 'B': 0.0}
    >>> net.obligations[["debtor", "creditor", "amount"]].to_dict("records")
    [{'debtor': 'A', 'creditor': 'B', 'amount': 3.0}]
    """

    _draft: Draft
    _frames: dict[str, pd.DataFrame]
    _payers: dict[str, float]
    _repairs: tuple[str, ...]
    _fingerprint: str

    def __init__(
        self,
        nodes: TableInput | None = None,
        *,
        unit: str = "USD",
        rest_of_market: Literal["error", "add"] = "error",
        repair: Literal["sum-duplicates"] | None = None,
        payers: Mapping[str, float] | None = None,
        **tables: TableInput | None,
    ) -> None:
        given = {"nodes": nodes, **tables}
        _build_into(
            self, given, unit, rest_of_market, repair, {} if payers is None else payers, Faults(), None
        )

    nodes: pd.DataFrame
    obligations: pd.DataFrame
    assets: pd.DataFrame
    holdings: pd.DataFrame
    markets: pd.DataFrame
    depth: pd.DataFrame
    accounts: pd.DataFrame
    balances: pd.DataFrame
    positions: pd.DataFrame
    strategies: pd.DataFrame
    venues: pd.DataFrame
    schedules: pd.DataFrame
    tiers: pd.DataFrame
    collateral: pd.DataFrame

    def __getattr__(self, name: str) -> Any:
        if name in TABLES and "_draft" in self.__dict__:
            if name not in self._frames:
                self._frames[name] = frame_of(self._draft, name)
            return self._frames[name].copy(deep=False)
        raise AttributeError(f"Network has no attribute {name!r}{nearest(name, TABLES)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a network is frozen: use net.replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a network is frozen")

    @property
    def unit(self) -> str:
        """The unit of money, such as ``"USD"``."""
        return self._draft.unit

    @property
    def payers(self) -> Mapping[str, float]:
        """Money that payers outside the network have put in, by name."""
        return MappingProxyType(self._payers)

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was mended on request when the network was made."""
        return self._repairs

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name, in the order of the schema.

        Examples
        --------
        >>> list(Network(nodes=[{"name": "A"}]).tables)[:3]
        ['nodes', 'obligations', 'assets']
        """
        return {name: getattr(self, name) for name in TABLES}

    def codes(self, table: str, column: str) -> npt.NDArray[np.int64]:
        """Return, for each row of a table, the row that a reference points to (-1 where it is empty).

        Parameters
        ----------
        table, column
            A reference of the schema, such as ``("positions", "account")``.

        Returns
        -------
        ndarray of int64, shape ``(n_rows,)``
            Read-only.

        Examples
        --------
        >>> net = Network(nodes=[{"name": "A"}, {"name": "B"}],
        ...               obligations=[{"debtor": "B", "creditor": "A", "amount": 3}])
        >>> net.codes("obligations", "debtor")
        array([1])
        """
        try:
            return self._draft.codes[table, column]
        except (KeyError, TypeError):
            raise SchemaError("is no reference of the schema", value=(table, column)) from None

    def column(self, table: str, column: str) -> npt.NDArray[Any]:
        """Return the cells of one column, ``(n_rows,)``, read-only: float64, int64 (counts), bool or objects (text).

        Examples
        --------
        >>> Network(nodes=[{"name": "A", "cash": 5}]).column("nodes", "cash")
        array([5.])
        """
        try:
            return self._draft.tables[table][column]
        except (KeyError, TypeError):
            raise SchemaError("is no column of the schema", value=(table, column)) from None

    def index(self, table: str) -> pd.Index[Any]:
        """Return the names of the rows of a table, as its index.

        Examples
        --------
        >>> Network(nodes=[{"name": "A"}]).index("nodes").tolist()
        ['A']
        """
        try:
            return self._draft.indices[table]
        except (KeyError, TypeError):
            raise SchemaError("is no table with names", value=table) from None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical content, in hexadecimal; the same for permuted rows.

        Examples
        --------
        >>> a, b = {"name": "A"}, {"name": "B"}
        >>> Network(nodes=[a, b]).fingerprint == Network(nodes=[b, a]).fingerprint
        True
        """
        if not self._fingerprint:
            object.__setattr__(self, "_fingerprint", fingerprint(self._draft, self._payers))
        return self._fingerprint

    def replace(
        self,
        *,
        unit: str | None = None,
        payers: Mapping[str, float] | None = None,
        rest_of_market: Literal["error", "add"] = "error",
        repair: Literal["sum-duplicates"] | None = None,
        **tables: TableInput | None,
    ) -> Network:
        """Return a network with some tables replaced; None empties a table.

        Parameters
        ----------
        unit, payers
            New unit or outside payers; by default the old ones.
        rest_of_market, repair
            As for `Network`.
        **tables
            The new tables, whole.

        Examples
        --------
        >>> net = Network(nodes=[{"name": "A", "cash": 5}])
        >>> net.replace(nodes=net.nodes.assign(cash=7.0)).nodes["cash"].tolist()
        [7.0]
        """
        new = object.__new__(Network)
        before = self._draft if unit is None or (isinstance(unit, str) and unit == self.unit) else None
        given: dict[str, TableInput | None] = dict(tables) if before else {**self.tables, **tables}
        kept = self._payers if payers is None else payers
        _build_into(
            new, given, self.unit if unit is None else unit, rest_of_market, repair, kept, Faults(), before
        )
        object.__setattr__(new, "_repairs", tuple(dict.fromkeys(self._repairs + new._repairs)))
        return new

    def check(self) -> pd.DataFrame:
        """Return findings beyond what construction refuses: severity, code, table, row, remedy.

        Errors keep the network from being run; warnings and notes say what is unusual. Row 1 is the first row
        of the table as the network shows it, row 0 the whole table.

        Examples
        --------
        >>> Network(nodes=[{"name": "A"}]).check()["code"].tolist()
        ['one-node']
        """
        from contagion.network.checks import check

        return check(self)

    @property
    def issues(self) -> pd.DataFrame:
        """The findings of `check`: what was accepted although it is unusual."""
        return self.check()

    def to_networkx(self) -> nx.MultiDiGraph[Any]:
        """Return the network as a graph; `from_networkx` gives exactly this network back.

        Examples
        --------
        >>> sorted(Network(nodes=[{"name": "A"}, {"name": "B"}]).to_networkx().nodes)
        ['A', 'B']
        """
        from contagion.network.convert import to_networkx

        return to_networkx(self)

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph[Any], *, unit: str | None = None) -> Network:
        """Return the network that a directed graph describes.

        Examples
        --------
        >>> net = Network(nodes=[{"name": "A"}, {"name": "B"}])
        >>> Network.from_networkx(net.to_networkx()) == net
        True
        """
        from contagion.network.convert import from_networkx

        return from_networkx(graph, unit=unit)

    @classmethod
    def from_matrix(cls, liabilities: Any, names: Any = None, **more: Any) -> Network:
        """Return a network of institutions from a matrix of liabilities; see `convert.from_matrix`.

        Examples
        --------
        >>> Network.from_matrix([[0, 2], [1, 0]], ["A", "B"]).obligations["amount"].tolist()
        [2.0, 1.0]
        """
        from contagion.network.matrices import from_matrix

        return from_matrix(liabilities, names, **more)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write network.toml and one CSV for each table that has rows; return the folder.

        Examples
        --------
        >>> import tempfile
        >>> net = Network(nodes=[{"name": "NA"}])
        >>> Network.read(net.save(tempfile.mkdtemp() + "/net")) == net
        True
        """
        from contagion.network.files import save

        return save(self, folder, overwrite=overwrite)

    @classmethod
    def read(cls, path: str | Path) -> Network:
        """Read a folder written by `save`, or a node-link JSON file written by `export`."""
        from contagion.network.files import read

        return read(path)

    def export(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write GraphML, GEXF or node-link JSON, by the extension of the path; return the path.

        Examples
        --------
        >>> import tempfile
        >>> Network(nodes=[{"name": "A"}]).export(tempfile.mkdtemp() + "/net.graphml").name
        'net.graphml'
        """
        from contagion.network.export import export

        return export(self, path, overwrite=overwrite)

    @classmethod
    def _from_files(
        cls, tables: Mapping[str, TableInput], unit: str, payers: Mapping[str, float], faults: Faults
    ) -> Network:
        """Return a network whose faults are placed in the files they were read from."""
        net = object.__new__(cls)
        _build_into(net, tables, unit, "error", None, payers, faults, None)
        return net

    def _with_repairs(self, repairs: Iterable[str]) -> Network:
        """Return this network, with what was mended when it was first made on record."""
        object.__setattr__(self, "_repairs", tuple(dict.fromkeys((*repairs, *self._repairs))))
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        from contagion.network.card import text_card

        return text_card(self)

    def _repr_html_(self) -> str:
        from contagion.network.card import html_card

        return html_card(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"draft": self._draft, "payers": self._payers, "repairs": self._repairs}

    def __setstate__(self, state: dict[str, Any]) -> None:
        _freeze(self, state["draft"], state["payers"], state["repairs"])


def _build_into(
    net: Network,
    given: Mapping[str, TableInput | None],
    unit: str,
    rest_of_market: str,
    repair: str | None,
    payers: Mapping[str, float],
    faults: Faults,
    before: Draft | None,
) -> None:
    """Make and freeze: the one way a network comes into being."""
    draft, money = make(given, unit, rest_of_market, repair, payers, faults, before)
    _freeze(net, draft, money, tuple(draft.repairs))


def _freeze(net: Network, draft: Draft, payers: dict[str, float], repairs: tuple[str, ...]) -> None:
    freeze(draft)
    state = {"_draft": draft, "_frames": {}, "_payers": payers, "_repairs": repairs, "_fingerprint": ""}
    for key, value in state.items():
        object.__setattr__(net, key, value)
