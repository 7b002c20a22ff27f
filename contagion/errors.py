"""The error family: what is wrong, where, the value met, what is allowed and how to mend it.

Every public function raises only classes of this module. An `InputError` can carry many faults at once:
its message shows the first twenty and states the total, its `issues` table holds them all.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    import pandas as pd

SHOWN_FAULTS: Final = 20
SHOWN_CHARACTERS: Final = 80
ISSUE_COLUMNS: Final = ("severity", "code", "table", "row", "remedy")


class _Nothing:
    """Marks a value that was not given, because None is itself a value worth showing."""

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()


def shown(value: object) -> str:
    r"""Return ``repr(value)``, cut at 80 characters, with control characters made visible.

    Examples
    --------
    >>> shown("a\x1b[31m")
    "'a\\x1b[31m'"
    >>> len(shown("x" * 1000))
    80
    """
    if isinstance(value, (str, bytes)):
        value = value[: 2 * SHOWN_CHARACTERS]
    try:
        text = repr(_plain(value))
    except Exception:  # a foreign object whose repr fails must not hide the fault
        text = f"<{type(value).__name__}>"
    text = printable(text)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def _plain(value: object) -> object:
    """A scalar of NumPy as the number it stands for; anything else as it is."""
    item = getattr(value, "item", None)
    return (
        item()
        if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () and item
        else value
    )


def printable(text: str) -> str:
    r"""Return a text with every character that does not print written as an escape; line breaks stay.

    Examples
    --------
    >>> printable("a\x1b")
    'a\\x1b'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def nearest(name: object, allowed: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest of the allowed names, or an empty string.

    Examples
    --------
    >>> nearest("obligatons", ["obligations", "holdings"])
    " (did you mean 'obligations'?)"
    >>> nearest("q", ["obligations", "holdings"])
    ''
    """
    candidates = list(allowed)
    found = difflib.get_close_matches(str(name)[:200], candidates, n=1, cutoff=0.6)
    return f" (did you mean {shown(found[0])}?)" if found else ""


def compose(
    what: str, *, where: str = "", value: object = NOTHING, allowed: str = "", remedy: str = ""
) -> str:
    """Join the parts of a message: ``where: value what; allowed (remedy)``.

    Examples
    --------
    >>> compose("is negative", where="row 8", value=-5.0, allowed="must be >= 0", remedy="reverse the edge")
    'row 8: -5.0 is negative; must be >= 0 (reverse the edge)'
    """
    text = what if value is NOTHING else f"{shown(value)} {what}"
    if where:
        text = f"{where}: {text}"
    if allowed:
        text = f"{text}; {allowed}"
    if remedy:
        text = f"{text} ({remedy})"
    return printable(text)


class ContagionError(Exception):
    """Any error of this package.

    Parameters
    ----------
    what
        What is wrong, in words that follow the value: ``"is negative"``.
    where
        File or table, row, column, name.
    value
        The value met; shown as its repr, cut at 80 characters.
    allowed
        What would be accepted.
    remedy
        How to mend it.

    Examples
    --------
    >>> raise ContagionError("is negative", where="fee", value=-1)
    Traceback (most recent call last):
    contagion.errors.ContagionError: fee: -1 is negative
    """

    def __init__(
        self, what: str, *, where: str = "", value: object = NOTHING, allowed: str = "", remedy: str = ""
    ) -> None:
        super().__init__(compose(what, where=where, value=value, allowed=allowed, remedy=remedy))
        self.what = what
        self.where = where
        self.value = value
        self.allowed = allowed
        self.remedy = remedy


class InputError(ContagionError, ValueError):
    """Input that is refused before anything is computed.

    `issues` lists every fault found in the same pass, one row each.
    """

    default_code: ClassVar[str] = "input"

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        value: object = NOTHING,
        allowed: str = "",
        remedy: str = "",
        code: str = "",
        table: str = "",
        row: int = 0,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(what, where=where, value=value, allowed=allowed, remedy=remedy)
        own = Fault(type(self), code or self.default_code, table, row, str(self))
        self.faults: tuple[Fault, ...] = tuple(faults) or (own,)

    @property
    def issues(self) -> pd.DataFrame:
        """All faults: severity, code, table, row (1 is the first row of data, 0 the whole table), remedy."""
        return issue_table(self.faults)


class SchemaError(InputError):
    """A table, column, key or type that the schema does not know."""

    default_code = "schema"


class NetworkError(InputError):
    """Rows that contradict one another: unknown or repeated names, self-loops, unbalanced positions."""

    default_code = "network"


class ValueRangeError(InputError):
    """A number that is not finite or lies outside its range."""

    default_code = "value-range"


class UnitError(InputError):
    """Money, prices or times whose units do not fit together."""

    default_code = "unit"


class PolicyError(InputError):
    """A rule or policy that contradicts itself, or that the model would never use."""

    default_code = "policy"


class UnsafeInputError(InputError):
    """Input of a kind that is never read: XML, YAML, pickles, code, links out of a folder."""

    default_code = "unsafe"


class TooLargeError(InputError):
    """Input or a request beyond a stated limit."""

    default_code = "too-large"


class StudyMismatchError(ContagionError):
    """A results folder that belongs to another study."""


class CorruptResultError(ContagionError):
    """A stored result whose bytes are not the ones that were written."""


class ScenarioError(ContagionError):
    """Scenarios that failed, more of them than allowed."""


class ConvergenceError(ContagionError):
    """An algorithm that hit its bound on rounds; names the round, the gap and the worst node."""

    def __init__(
        self,
        what: str,
        *,
        round: int = -1,
        gap: float = float("nan"),
        worst: str = "",
        where: str = "",
        value: object = NOTHING,
        allowed: str = "",
        remedy: str = "",
    ) -> None:
        if round >= 0:
            what = f"{what}: round {round}, gap {gap:.6g}, worst {shown(worst)}"
        super().__init__(what, where=where, value=value, allowed=allowed, remedy=remedy)
        self.round = round
        self.gap = gap
        self.worst = worst


@dataclass(frozen=True)
class Fault:
    """One fault found while reading input, or one finding of a check.

    Parameters
    ----------
    error
        The class to raise for it.
    code
        A short word for the kind of fault, such as ``"unknown-node"``.
    table, row
        Its place; row 1 is the first row of data, row 0 the whole table.
    message
        What is wrong, what is allowed and how to mend it.
    severity
        ``error``, ``warning`` or ``note``.
    """

    error: type[InputError]
    code: str
    table: str
    row: int
    message: str
    severity: str = "error"


def issue_table(faults: Iterable[Fault]) -> pd.DataFrame:
    """Return faults as a table with the columns severity, code, table, row, remedy.

    Examples
    --------
    >>> issue_table([Fault(NetworkError, "self-loop", "obligations", 3, "'A' owes itself")])["code"][0]
    'self-loop'
    """
    import pandas as pd

    rows = [(fault.severity, fault.code, fault.table, fault.row, fault.message) for fault in faults]
    frame = pd.DataFrame(rows, columns=list(ISSUE_COLUMNS))
    return frame.astype({"row": "int64"})


def raise_faults(faults: Sequence[Fault], context: str = "") -> None:
    """Raise one error that lists every fault, if there are any.

    The class is the one of the first fault; the message shows the first twenty and states the total.

    Parameters
    ----------
    faults
        What was found, in the order in which it is shown.
    context
        Where it was read, such as a folder; empty for objects.

    Raises
    ------
    InputError
        A subclass, unless `faults` is empty.

    Examples
    --------
    >>> raise_faults([])
    """
    if not faults:
        return
    lines = [fault.message for fault in faults[:SHOWN_FAULTS]]
    if len(faults) > 1:
        hidden = len(faults) - len(lines)
        tail = [f"... and {hidden:,} more in .issues"] if hidden else []
        lines = [f"{len(faults):,} faults:", *(f"  {i}. {line}" for i, line in enumerate(lines, 1)), *tail]
    raise faults[0].error("\n".join(lines), where=context, faults=faults)
