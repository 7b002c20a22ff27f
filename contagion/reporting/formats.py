"""How a number is written for a person: three figures, a word for the size, a true minus sign."""

from __future__ import annotations

from math import isfinite, isnan

MISSING = "–"
GLUE = "\N{NO-BREAK SPACE}"
_SIZES = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))


def three_figures(value: float) -> str:
    """Return a number with three significant figures and no exponent, e.g. ``12.3``, ``0.0456``, ``1,230``.

    Parameters
    ----------
    value : float
        Any number; not finite becomes a dash.
    """
    if not isfinite(value):
        return MISSING
    size = abs(value)
    if size == 0.0:
        return "0"
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    if 0.0 < size < 0.0005:
        return _sign(value, f"{size:.1e}")
    return _sign(value, f"{size:,.{decimals}f}")


def amount(value: float, *, signed: bool = False) -> str:
    """Return an amount of money in thousands, millions, billions: ``1.23 bn``.

    Parameters
    ----------
    value : float
        Money.
    signed : bool
        Write a plus before gains too, for differences.
    """
    if not isfinite(value):
        return MISSING
    size = abs(value)
    factor, word = next(((f, w) for f, w in _SIZES if size >= 0.9995 * f), (1.0, ""))
    text = three_figures(size / factor) + (GLUE + word if word else "")
    if size == 0.0:
        return "0"
    return _signed(value, text) if signed else _sign(value, text)


def without_dust(value: float, among: float) -> float:
    """Return a number, or 0 where it is no more than the rounding of sums among numbers of a given size.

    Examples
    --------
    >>> without_dust(1.5e-8, 1e8), without_dust(1.5, 1e8)
    (0.0, 1.5)
    """
    return 0.0 if abs(value) <= 1e-12 * abs(among) else value


def money(value: float, unit: str, *, signed: bool = False) -> str:
    """Return an amount with its unit in front: ``USD 1.23 bn``."""
    if not isfinite(value):
        return MISSING
    text = f"{unit}{GLUE}{amount(abs(value))}"
    return _signed(value, text) if signed and value != 0.0 else _sign(value, text)


def percent(value: float, *, signed: bool = False, decimals: int = 1) -> str:
    """Return a fraction in per cent: ``12.3 %``."""
    if not isfinite(value):
        return MISSING
    text = f"{abs(value) * 100.0:,.{decimals}f}{GLUE}%"
    return _signed(value, text) if signed and value != 0.0 else _sign(value, text)


def seconds(value: float) -> str:
    """Return a length of time: ``45 s``, ``30 min``, ``1 h 30 min``; not a number becomes a dash."""
    if not isfinite(value):
        return MISSING
    whole = round(abs(value))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        text = f"{hours:,}{GLUE}h" + (f"{GLUE}{minutes}{GLUE}min" if minutes else "")
    elif minutes:
        text = f"{minutes}{GLUE}min" + (f"{GLUE}{left}{GLUE}s" if left else "")
    else:
        text = f"{abs(value):.3g}{GLUE}s"
    return _sign(value, text)


def count(value: float, *, signed: bool = False) -> str:
    """Return a count: ``1,234``, with one decimal where the number is a mean."""
    if not isfinite(value):
        return MISSING
    size = abs(value)
    whole = size == round(size) or size >= 99.95
    text = f"{size:,.0f}" if whole else f"{size:,.1f}" if size >= 0.95 else three_figures(size)
    return _signed(value, text) if signed and value != 0.0 else _sign(value, text)


def probability(value: float) -> str:
    """Return a p-value: ``0.012``, ``< 0.001``."""
    if not isfinite(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def limit(value: float, text: str, *, none: str = "no limit") -> str:
    """Return ``text``, or a word for a missing number, which in the tables means no limit."""
    return none if isnan(value) else text


def plural(number: float, one: str, many: str = "") -> str:
    """Return ``1 scenario`` or ``2 scenarios``."""
    word = one if number == 1 else (many or one + "s")
    return f"{count(number)}{GLUE}{word}"


def listing(names: list[str], *, last: str = "and") -> str:
    """Return ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def remark(note: str) -> str:
    """Return a note of the statistics with the variance between networks as a standard deviation.

    Examples
    --------
    >>> remark("for these 4 networks, variance between networks 4e+16").replace(GLUE, " ")
    'for these 4 networks, standard deviation between networks 200 m'
    """
    head, found, variance = note.rpartition("variance between networks ")
    if not found:
        return note
    return f"{head}standard deviation between networks {amount(max(float(variance), 0.0) ** 0.5)}"


def titled(text: str) -> str:
    """Return a text with its first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]


def _sign(value: float, text: str) -> str:
    return f"−{text}" if value < 0.0 else text


def _signed(value: float, text: str) -> str:
    return f"−{text}" if value < 0.0 else f"+{text}"
