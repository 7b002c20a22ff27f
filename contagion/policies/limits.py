"""Limits in force before the shock: leverage, size of a position, concentration, margin shared or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.network.equity import opening_account_equity
from contagion.network.interest import notionals, open_interest, resting_money
from contagion.network.modes import isolate, merge
from contagion.network.remargin import affordable, remargin
from contagion.network.reserved import rest_of_market
from contagion.network.schedules import own_schedules
from contagion.network.shrinking import post, shrink, shrink_positions, together
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_unread, check_word, market_mask
from contagion.policies.costs import CostRates, Outlay
from contagion.policies.margins import RESPONSES

Floats = npt.NDArray[np.float64]
MEASURES = ("book", "open_interest")


def measure_of(net: Network, word: str) -> Floats:
    """Money per market that a size is compared with: its book or its open interest, ``(n_markets,)``."""
    return resting_money(net) if word == "book" else open_interest(net)


@dataclass(frozen=True)
class LeverageLimit(Policy):
    """No margin account starts with positions above `max_leverage` times its equity.

    `LeverageCap` limits whole balance sheets instead.

    Parameters
    ----------
    max_leverage
        Largest gross notional over equity, above 0.
    response
        ``shrink``: accounts above it close the same share of every position; ``post``: their owners put in cash first,
        then they close what is still too much.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.LeverageLimit(max_leverage=10.0).describe()
    'Leverage limit: positions of at most 10 times equity; accounts above it shrink.'
    """

    tables: ClassVar[tuple[str, ...]] = ("positions",)

    max_leverage: float = 10.0
    response: Literal["shrink", "post"] = "shrink"

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        check_number(self, "max_leverage", 0.0, 1e6, open_low=True)
        check_word(self, "response", ("shrink", "post"))

    def describe(self) -> str:
        """One plain sentence."""
        how = "shrink" if self.response == "shrink" else "post cash, then shrink"
        return f"Leverage limit: positions of at most {self.max_leverage:g} times equity; accounts above it {how}."

    def opening(self, net: Network) -> Network:
        """Accounts above the limit adapt."""
        gross = np.bincount(net.codes("positions", "account"), notionals(net), len(net.accounts))
        equity = opening_account_equity(net).to_numpy()
        above = (gross > self.max_leverage * equity) & ~rest_of_market(net.accounts.index)
        if not above.any():
            return net
        posted = np.zeros(len(gross))
        if self.response == "post":
            posted = affordable(net, np.where(above, gross / self.max_leverage - equity, 0.0))
        allowed = self.max_leverage * np.maximum(equity + posted, 0.0)
        share = np.divide(allowed, gross, out=np.ones_like(gross), where=above & (gross > 0.0))
        return shrink(post(net, posted), together(net, np.minimum(share, 1.0)))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Open interest given up and margin posted."""
        return rates.turning_away(outlay) + rates.locked(outlay)


@dataclass(frozen=True)
class PositionLimit(Policy):
    """No position starts above a size; what is above it is closed at the opening mark.

    Parameters
    ----------
    notional
        Largest money in one position of one account, above 0; None: no such limit.
    share
        Largest share of `of` that one position may be, above 0; None: no such limit.
    of
        ``open_interest`` of the market, or its ``book``: the money within its widest band, both sides.
    markets
        Names of the markets; None: all.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.PositionLimit(notional=1e6, share=None).describe()
    'Position limit: at most 1,000,000 in one position.'
    """

    tables: ClassVar[tuple[str, ...]] = ("positions",)

    notional: float | None = None
    share: float | None = 0.05
    of: Literal["open_interest", "book"] = "open_interest"
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        if self.notional is None and self.share is None:
            raise PolicyError("PositionLimit has neither notional nor share; give one of them")
        if self.notional is not None:
            check_number(self, "notional", 0.0, 1e18, open_low=True)
        if self.share is not None:
            check_number(self, "share", 0.0, 1e6, open_low=True)
        check_word(self, "of", MEASURES)
        if self.share is None:
            check_unread(self, ("of",), "no share is given")

    def describe(self) -> str:
        """One plain sentence."""
        size = [] if self.notional is None else [f"{self.notional:,.0f}"]
        word = "the open interest" if self.of == "open_interest" else "the book"
        size += [] if self.share is None else [f"{100 * self.share:g} % of {word}"]
        return f"Position limit: at most {' and '.join(size)} in one position."

    def opening(self, net: Network) -> Network:
        """Positions above the limit are cut to it; legs of a basis trade shrink together."""
        if self.notional is None and self.share is None:
            return net
        chosen = np.array(market_mask(self, self.markets, list(net.markets.index)), dtype=bool)
        most = np.full(len(net.markets), np.inf)
        if self.notional is not None:
            most = np.minimum(most, self.notional)
        if self.share is not None:
            most = np.minimum(most, self.share * measure_of(net, self.of))
        size, account = notionals(net), net.codes("positions", "account")
        limit = np.where(chosen, most, np.inf)[net.codes("positions", "market")]
        above = (size > limit) & ~rest_of_market(net.accounts.index)[account]
        kept = np.divide(limit, size, out=np.ones_like(size), where=above)
        least = np.ones(len(net.accounts))
        np.minimum.at(least, account, kept)
        both = together(net, least)
        legs = pd.unique(net.strategies[["long_account", "short_account"]].to_numpy().ravel())
        paired = net.accounts.index.isin(legs)[account]
        return shrink_positions(net, np.where(paired, both[account], kept))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Open interest given up."""
        return rates.turning_away(outlay) + rates.locked(outlay)


@dataclass(frozen=True)
class ConcentrationAddOn(Policy):
    """Margin for the part of a position that is large against its market: an extra tier per market.

    Parameters
    ----------
    share
        Share of `of` above which the add-on is asked, above 0.
    rate
        Added to maintenance and initial rates of that part, above 0; rates end below 1 and at 1.
    of
        ``book``: the money within the market's widest band, both sides; or its ``open_interest`` at the opening.
    response
        How traders adapt, as in `MarginMultiplier`.
    markets
        Names of the markets; None: all but those whose schedule, linear_in_size, asks more of large positions already.

    References
    ----------
    European regulation 153/2013, article 53: concentrated positions are margined for the cost of closing them.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.ConcentrationAddOn(share=0.1, rate=0.05).describe()
    'Concentration add-on: 5 points more margin for what a position has above 10 % of the book.'
    """

    tables: ClassVar[tuple[str, ...]] = ("tiers",)

    share: float = 0.1
    rate: float = 0.05
    of: Literal["book", "open_interest"] = "book"
    response: Literal["utilisation", "violators"] = "utilisation"
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse add-ons that are none."""
        check_number(self, "share", 0.0, 1e6, open_low=True)
        check_number(self, "rate", 0.0, 1.0)
        check_word(self, "of", MEASURES)
        check_word(self, "response", RESPONSES)

    def describe(self) -> str:
        """One plain sentence."""
        word = "the open interest" if self.of == "open_interest" else "the book"
        return (
            f"Concentration add-on: {100 * self.rate:g} points more margin for what a position has above "
            f"{100 * self.share:g} % of {word}."
        )

    def opening(self, net: Network) -> Network:
        """A schedule of its own for every market, with the extra tier; then traders adapt."""
        chosen = np.array(market_mask(self, self.markets, list(net.markets.index)), dtype=bool)
        if self.rate == 0.0:
            return net
        if self.markets is None:
            form = net.schedules["form"].reindex(net.markets["schedule"])
            chosen &= (form != "linear_in_size").to_numpy()
        above = self.share * measure_of(net, self.of)
        changed, own = own_schedules(net, chosen & (above > 0.0))
        if own.empty:
            return net
        floors = dict(zip(net.markets.index, above.tolist(), strict=True))
        kept = changed.tiers[~changed.tiers["schedule"].isin(set(own))]
        frames = [
            self._table(changed.tiers[changed.tiers["schedule"] == name], floors[market])
            for market, name in own.items()
        ]
        tiers = pd.concat([kept, *frames], ignore_index=True)
        return remargin(changed.replace(tiers=tiers), before=net, response=self.response)

    def _table(self, rows: pd.DataFrame, above: float) -> pd.DataFrame:
        """A schedule's tiers with the add-on from `above` on."""
        rows = rows.sort_values("floor", kind="stable").reset_index(drop=True)
        if rows["cap"].max() <= above:
            return rows
        if not (rows["floor"] == above).any():
            below = rows[rows["floor"] < above].iloc[-1:].assign(floor=above)
            rows = pd.concat([rows, below]).sort_values("floor", kind="stable").reset_index(drop=True)
            rows["cap"] = [*[np.nan] * (len(rows) - 1), rows["cap"].max()]
        large = rows["floor"] >= above
        rows.loc[large, "maintenance_rate"] += self.rate
        rows.loc[large, "initial_rate"] = np.minimum(rows.loc[large, "initial_rate"] + self.rate, 1.0)
        worst = float(rows["maintenance_rate"].max())
        if worst >= 1.0:
            raise PolicyError(
                f"ConcentrationAddOn.rate {self.rate:g}: a maintenance rate of schedule "
                f"{rows['schedule'].iloc[0]!r} would be {worst:g}; it must stay below 1: take a smaller rate"
            )
        return rows

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Open interest given up and margin posted."""
        return rates.turning_away(outlay) + rates.locked(outlay)


@dataclass(frozen=True)
class CrossOrIsolated(Policy):
    """Margin of one account: shared by all positions of an owner at a venue, or apart for each position.

    Parameters
    ----------
    mode
        ``isolated``: every cross account is split, its equity by notional; ``cross``: accounts of one owner at one
        venue are joined where all else about them agrees. Legs of strategies stay as they are.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.policies.CrossOrIsolated("cross").describe()
    'Cross margin: the accounts of an owner at a venue are one.'
    """

    tables: ClassVar[tuple[str, ...]] = ("accounts",)

    mode: Literal["cross", "isolated"] = "isolated"

    def __post_init__(self) -> None:
        """Refuse unknown modes."""
        check_word(self, "mode", ("cross", "isolated"))

    def describe(self) -> str:
        """One plain sentence."""
        if self.mode == "cross":
            return "Cross margin: the accounts of an owner at a venue are one."
        return "Isolated margin: every position has an account of its own, with equity by notional."

    def opening(self, net: Network) -> Network:
        """Split or join accounts."""
        return isolate(net) if self.mode == "isolated" else merge(net)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Open interest that netting closed, and capital for the margin that is no longer spared, borne by traders.

        Split accounts no longer set opposite positions off (`venues.portfolio_offset`). Where no venue spares margin
        for that, the same is asked: that it is shared or not shows in the losses, as what joined accounts are spared.
        """
        return rates.turning_away(outlay) + rates.requiring(outlay)
