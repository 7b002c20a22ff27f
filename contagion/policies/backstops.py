"""Policies about how venues close positions and who pays: partial liquidation, funds, deleveraging, socialised loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from contagion.errors import PolicyError, nearest
from contagion.network import Network
from contagion.network.unread import LOANS, without_unread
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_unread, check_word
from contagion.policies.costs import CostRates, Outlay

FREE_PROCEDURE = (
    "It costs nobody money: nothing is put up or shut; what a fund gains or loses is part of the losses."
)


def change_venues(policy: Policy, net: Network, names: Sequence[str] | None, **columns: Any) -> Network:
    """The network with columns of its venues set; all venues when none are named.

    What the changed rows no longer read goes back to its default, but for what is set here: the network refuses that.
    """
    known = [str(name) for name in net.venues.index]
    for name in names or ():
        if name not in known:
            raise PolicyError(
                f"{type(policy).__name__}.venues names {name!r}, which is no venue of the network{nearest(name, known)}"
            )
    venues = net.venues.copy()
    chosen = known if names is None else list(names)
    for column, value in columns.items():
        venues.loc[chosen, column] = value
    changed = np.asarray(venues.index.isin(chosen) if columns else np.zeros(len(venues)), dtype=np.bool_)
    return net.replace(venues=without_unread(venues, changed, keep=columns))


def without_loans(net: Network) -> tuple[str, ...]:
    """Names of the venues that close positions; those that lend liquidate loans."""
    return tuple(map(str, net.venues.index[~net.venues["procedure"].isin(LOANS)]))


@dataclass(frozen=True)
class PartialLiquidation(Policy):
    """Venues close the smallest part of a position that restores a margin target, instead of their own procedure.

    Parameters
    ----------
    target
        Equity over requirement after the sale, at least 1.
    min_clip
        Smallest share of a position that is sold at once.
    venues
        Names of the venues; None: all that do not lend.

    References
    ----------
    Cascade chapter, section 4, step 3.
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)
    free: ClassVar[str] = FREE_PROCEDURE

    target: float = 1.5
    min_clip: float = 0.2
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse targets that restore nothing."""
        check_number(self, "target", 1.0, 1e3)
        check_number(self, "min_clip", 0.0, 1.0)

    def describe(self) -> str:
        """One plain sentence."""
        return (
            f"Partial liquidation: sell the smallest part, at least {100 * self.min_clip:g} %, that restores "
            f"{self.target:g} times the requirement. {self.free}"
        )

    def opening(self, net: Network) -> Network:
        """Set the procedure of the venues; those that lend keep theirs unless they are named."""
        named = without_loans(net) if self.venues is None else self.venues
        return change_venues(
            self, net, named, procedure="partial", target=self.target, min_clip=self.min_clip
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Nothing: an account sells less of its own, no money is put up, and what stays open is marked every round.

        What the fund loses on positions that it would have closed at once is an effect (bad_debt, fund_used), no price.
        """
        return 0.0


@dataclass(frozen=True)
class InsuranceFund(Policy):
    """Larger (or smaller) insurance funds: an outside payer puts the difference in, a venue keeps what is freed.

    Parameters
    ----------
    factor
        Funds are multiplied by it, at least 0.
    amount
        Added to each fund (money), at least 0.
    venues
        Names of the venues; None: all.
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)

    factor: float = 2.0
    amount: float = 0.0
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse negative funds."""
        check_number(self, "factor", 0.0, 1e9)
        check_number(self, "amount", 0.0, 1e18)

    def describe(self) -> str:
        """One plain sentence."""
        extra = f" plus {self.amount:,.0f}" if self.amount else ""
        if self.factor < 1.0:
            return (
                f"Insurance fund: every fund times {self.factor:g}{extra}; the venue keeps what is freed, an outside "
                "payer adds what is missing."
            )
        return (
            f"Insurance fund: every fund times {self.factor:g}{extra}, paid in from outside before the shock."
        )

    def opening(self, net: Network) -> Network:
        """Set the funds and write down who paid."""
        if self.factor == 1.0 and self.amount == 0.0:
            return net
        chosen = list(net.venues.index) if self.venues is None else list(self.venues)
        changed = change_venues(self, net, self.venues)
        funds = changed.venues["insurance_fund"].copy()
        before = funds.copy()
        funds.loc[chosen] = self.factor * funds.loc[chosen] + self.amount
        more, less = (funds - before).clip(lower=0.0), (before - funds).clip(lower=0.0)
        payers = dict(net.payers)
        if more.any():
            payers["insurance fund"] = payers.get("insurance fund", 0.0) + float(more.sum())
        nodes = net.nodes.copy()
        nodes.loc[less.index, "cash"] += less
        return net.replace(nodes=nodes, venues=changed.venues.assign(insurance_fund=funds), payers=payers)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Capital locked up."""
        return rates.locked(outlay)


RANKED = {
    "bitmex": "by profit times leverage",
    "binance": "by profit on collateral times margin ratio",
    "hyperliquid": "by price move times leverage",
    "hyperliquid_side_aware": "by price move in their favour times leverage",
    "contract_pro_rata": "pro rata to their size",
}
TRIGGERED = {
    "fund": "the fund cannot cover a bankrupt position",
    "pool": "the fund is empty or a market has cost it too much",
    "fund_drawdown": "the fund has fallen too far from its peak",
}


@dataclass(frozen=True)
class AutoDeleveraging(Policy):
    """What the fund cannot cover is matched with ranked winners instead of being sold.

    Parameters
    ----------
    rank
        ``bitmex`` (profit times leverage), ``binance`` (profit on collateral times margin ratio), ``hyperliquid``
        (price move times leverage, as printed) or ``hyperliquid_side_aware``, ``contract_pro_rata`` (every winner by
        size).
    trigger
        ``fund`` (it cannot cover the deficits), ``pool`` (it is empty, or one market has cost it more than `ratio`),
        ``fund_drawdown`` (it has fallen by `ratio` from its peak), or ``none`` to switch deleveraging off.
    venues
        Names of the venues; None: all that do not lend.
    price
        ``bankruptcy``, ``mark`` or ``previous_mark``; None: the venue's own.
    ratio, window, interval
        Share of the fund's peak; seconds over which the peak is taken; seconds between two rankings (0: ranked when
        needed). None: the venue's own. Ratio and window are read by ``pool`` and ``fund_drawdown`` only, nothing by
        ``none``.

    References
    ----------
    Margin chapter, section 6 (`adl_rank_bitmex`, `adl_rank_binance`, `adl_rank_hyperliquid`, `adl_contract_pro_rata`,
    `adl_trigger_pool`, `adl_trigger_fund_drawdown`).
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)

    rank: Literal["bitmex", "binance", "hyperliquid", "hyperliquid_side_aware", "contract_pro_rata"] = (
        "contract_pro_rata"
    )
    trigger: Literal["fund", "pool", "fund_drawdown", "none"] = "fund"
    venues: tuple[str, ...] | None = None
    price: Literal["bankruptcy", "mark", "previous_mark"] | None = None
    ratio: float | None = None
    window: float | None = None
    interval: float | None = None

    def __post_init__(self) -> None:
        """Refuse unknown ranks."""
        check_word(self, "rank", tuple(RANKED))
        check_word(self, "trigger", (*TRIGGERED, "none"))
        if self.price is not None:
            check_word(self, "price", ("bankruptcy", "mark", "previous_mark"))
        for name, high in (("ratio", 1.0), ("window", 1e9), ("interval", 1e9)):
            if getattr(self, name) is not None:
                check_number(self, name, 0.0, high, open_low=name == "ratio")
        if self.trigger == "none":
            check_unread(self, ("rank", "price", "ratio", "window", "interval"), "trigger is 'none'")
        elif self.trigger == "fund":
            check_unread(self, ("ratio", "window"), "trigger 'fund' asks only whether the fund can pay")

    def describe(self) -> str:
        """One plain sentence."""
        if self.trigger == "none":
            return "No auto-deleveraging: bankrupt positions go to the book, deficits to the residual rule."
        return f"Auto-deleveraging: winners are cut {RANKED[self.rank]} once {TRIGGERED[self.trigger]}."

    def opening(self, net: Network) -> Network:
        """Set trigger and rank of the venues; those that lend have no positions to cut."""
        named = without_loans(net) if self.venues is None else self.venues
        if self.trigger == "none":
            return change_venues(self, net, named, adl_trigger="")
        given = {"price": self.price, "ratio": self.ratio, "window": self.window}
        columns: dict[str, object] = {
            f"adl_{key}": value for key, value in given.items() if value is not None
        }
        if self.interval is not None:
            columns["rank_interval"] = self.interval
        return change_venues(self, net, named, adl_trigger=self.trigger, adl_rank=self.rank, **columns)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """What winners lose by deleveraging, and what they and other customers lose or are spared by the residual rule.

        Winners whose positions are cut replace them, and forgo the mark; where deleveraging is switched off the
        residual rule takes its place, and is billed instead. A trigger that leaves some deficits to the residual rule,
        and a price other than that of bankruptcy, move losses in both directions: both are billed in full.
        """
        if self.trigger == "none":
            return outlay.haircut + spared(rates.deleveraging(outlay)) + spared(outlay.forgone)
        cut = rates.deleveraging(outlay) + outlay.forgone
        covers_all = self.trigger == "fund" and self.price in (None, "bankruptcy")
        return cut + (spared(outlay.haircut) if covers_all else outlay.haircut)


def spared(money: float) -> float:
    """What a rule spares by taking the place of another one: a saving, never a charge."""
    return min(0.0, money)


@dataclass(frozen=True)
class SocialisedLoss(Policy):
    """No deleveraging: what the fund cannot pay is shared by all customers, or taken from winners' profit.

    Parameters
    ----------
    rule
        ``socialise`` (pro rata to positive equity), ``profit_pro_rata`` or ``profit_queue`` (profit only).
    venues
        Names of the venues; None: all, for ``profit_queue`` all exchanges: at protocols there is no profit to take.

    References
    ----------
    Margin chapter, section 6 (`socialised_loss`, `adl_pro_rata`, `adl_queue`).
    """

    tables: ClassVar[tuple[str, ...]] = ("venues",)

    rule: Literal["socialise", "profit_pro_rata", "profit_queue"] = "socialise"
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse unknown rules."""
        check_word(self, "rule", ("socialise", "profit_pro_rata", "profit_queue"))

    def describe(self) -> str:
        """One plain sentence."""
        who = {
            "socialise": "all customers pro rata to their equity",
            "profit_pro_rata": "winners pro rata to their profit",
            "profit_queue": "the largest profits first",
        }[self.rule]
        return f"Socialised loss: no deleveraging; what the fund cannot pay is borne by {who}."

    def opening(self, net: Network) -> Network:
        """Set the residual rule and switch deleveraging off."""
        named = self.venues
        if named is None and self.rule == "profit_queue":
            kinds = net.nodes["kind"].reindex(net.venues.index)
            named = tuple(map(str, net.venues.index[kinds == "exchange"]))
        return change_venues(self, net, named, residual=self.rule, adl_trigger="")

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Money seized from customers, less what winners are spared who are no longer deleveraged."""
        return outlay.haircut + spared(rates.deleveraging(outlay)) + spared(outlay.forgone)
