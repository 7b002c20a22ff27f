"""What does somebody outside do who moves a price on purpose? He sells borrowed coins, and may buy them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from contagion.errors import Fault, SchemaError, ValueRangeError, raise_faults
from contagion.shocks.base import Shock
from contagion.shocks.checks import (
    TIME_ALLOWED,
    Names,
    asset_faults,
    fault,
    is_mapping,
    name_faults,
    number_faults,
    seconds_faults,
    unknown,
)
from contagion.shocks.words import cut, duration, span

__all__ = ["SIDES", "Attack"]

SIDES: Final = ("sell", "buy")


@dataclass(frozen=True)
class Attack(Shock):
    """Somebody outside sells borrowed coins to move the index, and may buy them back later.

    He trades at the average price of the round, after all forced orders, within price limits, halts, the throughput of
    the venue and the end of the book, and pays the market's fee; what is not taken waits. A forced sale that follows is
    not his: he gains by it what his `position` gains, and by buying back below the price at which he sold.

    Predatory flow is the same with other times: `start` before the forced sales of a known unwind (of a price shock, a
    default, a run), so that it sells ahead of them and pushes the price on, and `buy_back` once they have happened.

    Parameters
    ----------
    asset : str
        Whose spot price is moved.
    budget : float
        What the coins are worth at opening prices, in money, at least 0. With 0 nothing is traded, and no bit of a run
        changes but the gain of `position`.
    markets : sequence of str, optional
        Spot markets or pools in which he trades, pro rata to the money that rests there at the opening. None, the
        default: those of the asset's index.
    over : float, default 0
        Seconds over which he trades, in equal slices; 0 is all at once.
    start : float, default 0
        Seconds from the opening at which that begins; with 0 and no `over`, in the first round.
    buy_back : float, optional
        Seconds from the opening at which he begins to trade back what he has traded by then; the rest is given up.
        None, the default: never; coins still owed are valued at the outside price of the last round.
    return_over : float, default 0
        Seconds over which he trades back.
    side : {"sell", "buy"}
        What he does first: ``buy`` is a squeeze, which buys coins and sells them again.
    position : float or mapping of str to float, default 0
        What he holds in a contract besides. A number: notional, in money at opening prices, of a position in the
        asset's deepest perpetual that gains by the push: short if he sells, long if he buys first. A mapping: market ->
        signed money, long above 0. It is measured only: settled in cash with nobody inside, at the mark of the round in
        which he begins to trade back, else of the last round. Nobody's account or margin knows of it.

    Raises
    ------
    SchemaError
        If a name or number is of another kind, or `side` is no side.
    ValueRangeError
        If a number is negative or not finite, or he trades back before everything can have been traded.

    References
    ----------
    Brunnermeier and Pedersen (2005), "Predatory trading", Journal of Finance 60. Alfonsi, Fruth and Schied (2010),
    "Optimal execution strategies in limit order books", Quantitative Finance 10: no round trip pays by its own impact.

    Examples
    --------
    >>> Attack("BTC", 50e6, over=600, buy_back=1800, position=200e6).describe()
    '50,000,000 of BTC sold over 10 min, bought back from 30 min on at once, with a position of 200,000,000'

    On a network, the last clause of a study of the index: what did it bring?

    >>> import contagion as ct
    >>> net = ct.datasets.load("perp-venues")
    >>> attack = ct.Attack("BTC", 50e6, over=300, buy_back=600, return_over=600, position=100e6)
    >>> run = ct.run(net, attack, ct.Cascade(step=60, horizon=1800))
    >>> bool(run.metrics["attack_spent"] > run.metrics["attack_received"] > 49e6)
    True
    """

    asset: str
    budget: float
    markets: Sequence[str] | None = None
    over: float = 0.0
    start: float = 0.0
    buy_back: float | None = None
    return_over: float = 0.0
    side: Literal["sell", "buy"] = "sell"
    position: float | Mapping[str, float] = 0.0

    def __post_init__(self) -> None:
        times = {name: getattr(self, name) for name in ("over", "start", "return_over")}
        found = name_faults("Attack.asset", self.asset)
        found += seconds_faults("Attack.budget", self.budget, "finite money >= 0")
        found += _market_faults(self.markets)
        for name, value in times.items():
            found += seconds_faults(f"Attack.{name}", value, TIME_ALLOWED)
        if self.buy_back is not None:
            found += seconds_faults("Attack.buy_back", self.buy_back, f"{TIME_ALLOWED}, or None: never")
        if self.side not in SIDES:
            found.append(
                fault(
                    SchemaError,
                    "is no side",
                    where="Attack.side",
                    value=self.side,
                    allowed=" or ".join(SIDES),
                )
            )
        found += _position_faults(self.position)
        raise_faults(found)
        for name in ("budget", "over", "start", "return_over"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.markets is not None:
            object.__setattr__(self, "markets", tuple(self.markets))
        if isinstance(self.position, Mapping):
            object.__setattr__(
                self, "position", {name: float(money) for name, money in sorted(self.position.items())}
            )
        else:
            object.__setattr__(self, "position", float(self.position))
        if self.buy_back is not None:
            object.__setattr__(self, "buy_back", float(self.buy_back))
            self._check_order(float(self.buy_back))

    def __hash__(self) -> int:
        held = tuple(self.position.items()) if isinstance(self.position, Mapping) else self.position
        times = (self.over, self.start, self.buy_back, self.return_over)
        return hash((self.asset, self.budget, self.markets, times, self.side, held))

    def _check_order(self, buy_back: float) -> None:
        """Refuse to trade back before the last slice."""
        if buy_back < self.start + self.over:
            what = "comes before the last of what is to be traded back"
            allowed = f"at least start + over = {self.start + self.over:g} s"
            raise_faults(
                [fault(ValueRangeError, what, where="Attack.buy_back", value=buy_back, allowed=allowed)]
            )

    def gap(self) -> Attack:
        """Return the same trades in the first round, and nothing traded back: without time there is no later."""
        return replace(self, over=0.0, start=0.0, buy_back=None, return_over=0.0)

    def describe(self) -> str:
        """Return what is traded, where and when."""
        first, back = ("sold", "bought") if self.side == "sell" else ("bought", "sold")
        where = "" if self.markets is None else f" at {cut(list(self.markets))}"
        when = f" from {duration(self.start)} on" if self.start > 0.0 else ""
        text = f"{_money(self.budget)} of {self.asset} {first}{where}{when} {_pace(self.over)}"
        if self.buy_back is not None:
            text += f", {back} back from {duration(self.buy_back)} on {_pace(self.return_over)}"
        if isinstance(self.position, Mapping):
            held = [f"{_money(money)} in {name}" for name, money in self.position.items()]
            return f"{text}, with positions of {cut(held)}"
        return f"{text}, with a position of {_money(self.position)}" if self.position else text

    def scaled(self, factor: float) -> Attack:
        """Return the shock with its budget times `factor`; the position stays."""
        return replace(self, budget=factor * self.budget)

    def faults(self, names: Names) -> list[Fault]:
        """Return the asset and the markets that do not exist, and the unit."""
        found = asset_faults([self.asset], names, "Attack.asset")
        held = self.position if isinstance(self.position, Mapping) else {}
        for where, named in (("Attack.markets", self.markets or ()), ("Attack.position", tuple(held))):
            found += [
                unknown("market", one, where, names.markets) for one in named if one not in names.markets
            ]
        return found

    def attacks(self) -> tuple[Attack, ...]:
        """Return the attack itself, or nothing if it does and holds nothing."""
        held = self.position if isinstance(self.position, Mapping) else {"": self.position}
        return (self,) if self.budget > 0.0 or any(held.values()) else ()

    def end(self, first: float) -> float:
        """Return the seconds of the last slice, and of the last one that is traded back."""
        if self.budget <= 0.0:
            return 0.0
        last = self.start + self.over if self.buy_back is None else self.buy_back + self.return_over
        return max(last, first)


def _money(amount: float) -> str:
    return f"{amount:,.0f}" if abs(amount) >= 1e5 else f"{amount:.6g}"


def _pace(seconds: float) -> str:
    return span(seconds) if seconds > 0.0 else "at once"


def _market_faults(markets: object) -> list[Fault]:
    """Return what is wrong with the markets named."""
    if markets is None:
        return []
    where, allowed = "Attack.markets", "names of spot markets, or None: those of the asset's index"
    if isinstance(markets, str) or not isinstance(markets, Sequence) or not markets:
        return [fault(SchemaError, "is no list of names", where=where, value=markets, allowed=allowed)]
    found = [one for name in markets for one in name_faults(where, name)]
    if not found and len(set(markets)) < len(markets):
        found.append(fault(SchemaError, "names a market twice", where=where, value=list(markets)))
    return found


def _position_faults(position: object) -> list[Fault]:
    """Return what is wrong with the position held outside."""
    where = "Attack.position"
    if not is_mapping(position):
        return seconds_faults(where, position, "finite money >= 0, or market -> signed money")
    found: list[Fault] = []
    for name, money in position.items():
        found += name_faults(where, name) or number_faults(f"{where}[{name!r}]", money, "finite signed money")
    return found
