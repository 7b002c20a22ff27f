"""Exports a network for other programs: GraphML, GEXF, node-link JSON. Only JSON can be read back."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contagion.errors import SchemaError
from contagion.network.convert import to_networkx
from contagion.network.network import Network
from contagion.network.node_link import write_node_link
from contagion.network.sources import as_path, write_text

if TYPE_CHECKING:
    import networkx as nx

_ILLEGAL: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|[\t\r]")


def export(net: Network, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a network as GraphML (.graphml), GEXF (.gexf) or node-link JSON (.json).

    Characters that XML cannot hold are written as ``\\uXXXX``. GraphML and GEXF carry nodes and edges; JSON
    carries everything and is read by `Network.read`.

    Parameters
    ----------
    net
        The network.
    path
        Where to; the extension decides the format.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    SchemaError
        If the extension is unknown.
    InputError
        If the file exists or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = export(Network(nodes=[{"name": "A"}]), tempfile.mkdtemp() + "/net.gexf")
    >>> path.read_text().startswith("<?xml")
    True
    """
    path = as_path(path)
    writers = {".graphml": _graphml, ".gexf": _gexf, ".json": write_node_link}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        allowed = ", ".join(writers)
        raise SchemaError("has no known extension", where=path.name, allowed=allowed, code="format")
    write_text(path, writer(net), overwrite=overwrite)
    return path


def _graphml(net: Network) -> str:
    import networkx as nx

    buffer = io.BytesIO()
    nx.write_graphml_xml(_flat(net), buffer)
    return buffer.getvalue().decode("utf-8")


def _gexf(net: Network) -> str:
    import networkx as nx

    buffer = io.BytesIO()
    nx.write_gexf(_flat(net), buffer)
    return re.sub(r' lastmodifieddate="[^"]*"', "", buffer.getvalue().decode("utf-8"))


def _flat(net: Network) -> nx.MultiDiGraph[Any]:
    """Return the graph with nothing but texts and numbers that XML can hold."""
    import networkx as nx

    graph = to_networkx(net)
    clear = _clear_names([str(name) for name in graph.nodes])
    flat: nx.MultiDiGraph[Any] = nx.MultiDiGraph(unit=visible(net.unit))
    for name, data in graph.nodes(data=True):
        flat.add_node(clear[name], **_texts(data))
    for number, (source, target, data) in enumerate(graph.edges(data=True)):
        flat.add_edge(clear[source], clear[target], key=number, **_texts(data))
    return flat


def _texts(data: dict[str, Any]) -> dict[str, Any]:
    return {name: visible(value) if isinstance(value, str) else value for name, value in data.items()}


def _clear_names(names: list[str]) -> dict[str, str]:
    clear = {name: visible(name) for name in names}
    if len(set(clear.values())) < len(names):  # a name spells another's escape: escape backslashes as well
        clear = {name: visible(name.replace("\\", "\\\\")) for name in names}
    return clear


def visible(text: str) -> str:
    r"""Return a text with the characters that XML cannot hold written as ``\uXXXX``.

    Examples
    --------
    >>> visible("a\x1b[0m")
    'a\\u001b[0m'
    """
    return _ILLEGAL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
