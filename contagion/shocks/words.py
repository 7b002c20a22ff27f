"""How is a shock written in a sentence?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

NAMES_SHOWN: Final = 8


def percent(change: float) -> str:
    """Return a signed fraction in percent.

    Examples
    --------
    >>> percent(-0.15)
    '-15.0 %'
    """
    return f"{100.0 * change:+.1f} %"


def span(seconds: float) -> str:
    """Return a duration as the words that end a sentence.

    Examples
    --------
    >>> span(1800.0), span(0.0), span(45.0), span(7200.0)
    ('over 30 min', 'in one gap', 'over 45 s', 'over 2 h')
    """
    return "in one gap" if seconds <= 0.0 else f"over {duration(seconds)}"


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    Examples
    --------
    >>> duration(45.0), duration(600.0), duration(259_200.0)
    ('45 s', '10 min', '3 days')
    """
    for size, word, most in ((1.0, "s", 120.0), (60.0, "min", 7200.0), (3600.0, "h", 172_800.0)):
        if seconds < most:
            return f"{seconds / size:.4g} {word}"
    return f"{seconds / 86_400.0:.4g} days"


def lasting(length: float | None) -> str:
    """Return how long something lasts as the words that end a sentence; nothing if it is for good.

    Examples
    --------
    >>> lasting(600.0), lasting(None)
    (', for 10 min', '')
    """
    return "" if length is None else f", for {duration(length)}"


def cut(parts: Sequence[str]) -> str:
    """Join with commas; beyond eight, say how many more there are.

    Examples
    --------
    >>> cut(["a", "b"])
    'a, b'
    """
    more = len(parts) - NAMES_SHOWN
    return ", ".join([*parts[:NAMES_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def listed(changes: Mapping[str, float]) -> str:
    """Return each name with its change in percent.

    Examples
    --------
    >>> listed({"BTC": -0.15, "ETH": 0.02})
    'BTC -15.0 %, ETH +2.0 %'
    """
    return cut([f"{name} {percent(change)}" for name, change in changes.items()])
