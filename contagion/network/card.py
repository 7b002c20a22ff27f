"""The card of a network: what it holds, in ten lines of text or a small HTML table. Everything is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from contagion.errors import shown
from contagion.network.contracts import opening_worths
from contagion.network.network import Network

Lines = list[tuple[str, str]]
_COUNTABLE = ("trader", "exchange", "protocol", "institution", "perp", "error", "warning", "note")


def text_card(net: Network) -> str:
    """Return the card as text.

    Examples
    --------
    >>> print(text_card(Network(nodes=[{"name": "A", "cash": 5}])))
    Network in 'USD'
      nodes         1: 1 institution; cash 5
      check         1 note
      fingerprint   efcf35d545d4
    """
    lines = [f"  {title:<13} {text}" for title, text in card_lines(net)]
    return "\n".join([f"Network in {shown(net.unit)}", *lines])


def html_card(net: Network) -> str:
    """Return the card as HTML without scripts or styles from elsewhere.

    Examples
    --------
    >>> html_card(Network(nodes=[{"name": "A"}])).startswith("<table")
    True
    """
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(title)}</th>'
        f'<td style="text-align:left">{escape(text)}</td></tr>'
        for title, text in card_lines(net)
    )
    caption = f'<caption style="text-align:left">Network in {escape(shown(net.unit))}</caption>'
    return f"<table>{caption}<tbody>{rows}</tbody></table>"


def card_lines(net: Network) -> Lines:
    """Return (title, text) of each line, names shown as their repr.

    Examples
    --------
    >>> card_lines(Network(nodes=[{"name": "A"}]))[0]
    ('nodes', '1: 1 institution; cash 0')
    """
    nodes = net.nodes
    lines = [
        (
            "nodes",
            f"{len(nodes):,}: {_counted(nodes['kind'].value_counts().to_dict())}; "
            f"cash {_money(nodes['cash'].sum())}",
        )
    ]
    lines += _edges(net) + _trading(net)
    severities = net.check()["severity"].value_counts().to_dict()
    lines.append(("check", _counted(severities) if severities else "nothing to note"))
    lines.append(("fingerprint", net.fingerprint[:12]))
    return lines


def _edges(net: Network) -> Lines:
    lines: Lines = []
    if len(net.obligations):
        lines.append(
            ("obligations", f"{len(net.obligations):,}: {_money(net.obligations['amount'].sum())} owed")
        )
    if len(net.holdings):
        prices = net.assets["price"].to_numpy()[net.codes("holdings", "asset")]
        worth = float((net.holdings["quantity"].to_numpy() * prices).sum())
        lines.append(("holdings", f"{len(net.holdings):,}: worth {_money(worth)}"))
    return lines


def _trading(net: Network) -> Lines:
    lines: Lines = []
    if len(net.assets):
        lines.append(("assets", f"{len(net.assets):,}: {_named(list(net.assets.index))}"))
    if len(net.venues):
        funds = net.venues["insurance_fund"].sum()
        lines.append(
            ("venues", f"{len(net.venues):,}: {_named(list(net.venues.index))}; funds {_money(funds)}")
        )
    if len(net.markets):
        kinds = _counted(net.markets["kind"].value_counts().to_dict())
        lines.append(("markets", f"{len(net.markets):,}: {kinds}"))
    if len(net.accounts):
        people = int(net.accounts["count"].sum())
        lines.append(
            ("accounts", f"{len(net.accounts):,} rows, {people:,} accounts; {len(net.positions):,} positions")
        )
        lines.append(("open interest", _money(_open_interest(net))))
    if len(net.strategies):
        lines.append(("strategies", _counted(net.strategies["kind"].value_counts().to_dict())))
    return lines


def _open_interest(net: Network) -> float:
    """Money in long positions at opening marks."""
    marks = np.abs(opening_worths(net))[net.codes("positions", "market")]
    count = net.accounts["count"].to_numpy()[net.codes("positions", "account")]
    return float((np.maximum(net.positions["quantity"].to_numpy(), 0.0) * marks * count).sum())


def _counted(counts: Mapping[object, int]) -> str:
    """Return ``2 traders, 1 venue`` and the like, sorted by word."""
    parts = []
    for word, number in sorted(counts.items(), key=str):
        plural = "s" if number != 1 and word in _COUNTABLE else ""
        parts.append(f"{number:,} {word}{plural}")
    return ", ".join(parts)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 6:,} more" if len(names) > 6 else ""
    return ", ".join(shown(name) for name in names[:6]) + more


def _money(value: float) -> str:
    for unit, word in ((1e9, "bn"), (1e6, "m")):
        if abs(value) >= unit:
            return f"{value / unit:,.4g} {word}"
    return f"{value:,.6g}"
