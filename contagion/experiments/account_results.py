"""Why did an account gain or lose? Its change of equity, split by what happened to it.

An account that holds q lots while the price goes from P to P' gains q (P' - P); one that trades gains what the trade
differs from the mark of its round. Both are read off the run's ledger and its paths of prices, so that the parts sum to
the change of equity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.results import Run

if TYPE_CHECKING:
    from contagion.propagation.cascade.build import Opening

__all__ = ["PARTS", "account_results"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

REASONS: Final = {
    "slippage": ("liquidation", "model_close", "unwind", "reaction", "hedge"),
    "trading": ("arbitrage", "delta_hedge", "attack", "pool"),
    "expiry": ("expiry",),
    "deleveraging": ("adl",),
    "takeover": ("takeover",),
    "loan_liquidation": ("seizure", "repayment"),
    "haircut": ("residual",),
    "fees": ("fee", "gas"),
    "funding": ("funding",),
    "covered": ("fund", "own_equity", "own_capital", "default_fund", "assessment", "replenishment"),
    "defaults": ("venue_default", "node_default"),
    "transfers": (
        "top_up",
        "margin_move",
        "withdrawal",
        "payout",
        "recall",
        "injection",
        "shock",
        "mint",
        "issuer",
    ),
}
"""Part of the result -> kinds of postings that make it."""

MOVES: Final = ("outside_move", "impact_others", "impact_own")
PARTS: Final = (*MOVES, *REASONS)
FORCED: Final = ("liquidation", "unwind", "reaction", "hedge", "auction")
COIN: Final = "holding:"
PLACE_OF: Final = {kind: PARTS.index(part) for part, kinds in REASONS.items() for kind in kinds}
"""Kind of a posting -> place of its part."""
BLOCK: Final = 4096
"""Legs whose paths are held at once."""


def account_results(run: Run, accounts: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Split what accounts gained or lost by cause.

    Parameters
    ----------
    run : Run
        A run of the cascade.
    accounts : str or sequence of str, optional
        Which accounts; all if not given.

    Returns
    -------
    pandas.DataFrame
        Index account; money of all accounts behind a row, losses negative:

        - outside_move: what it held, times the moves of outside prices;
        - impact_others, impact_own: what it held, times how far marks moved away from outside prices. It is shared
          by who had sent how much forced money through the market by then, the account or others; with no such
          money it is others';
          Coins are followed at the index of a venue that trades them; what that index differs from their worth at
          the end (lags, outlier rules, haircuts of issuers) is impact of others;
        - slippage: forced fills, at the price got (the model's, where the book is dry) less the mark of the round;
        - expiry: what contracts paid out when they expired, less their mark of the round;
        - trading, deleveraging, takeover, loan_liquidation, defaults: other trades and settlements, in the same way;
        - haircut, fees, funding: money taken or received;
        - covered: deficits that funds, venues or members paid for it;
        - transfers: money put in or taken out, by the owner or from outside: no result;
        - change: closing less opening equity, the sum of all parts.

    Raises
    ------
    SchemaError
        If it is no run of the cascade.
    ValueRangeError
        If an account does not exist.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> run = ct.run(net, ct.PriceShock({"BTC": -0.2}), ct.Cascade.static())
    >>> table = ct.account_results(run)
    >>> parts = table.drop(columns="change").sum(axis=1)
    >>> bool(((parts - table["change"]).abs() < 1e-3).all())
    True
    """
    if not isinstance(run, Run) or not hasattr(run.model, "stages"):
        raise SchemaError(
            "is no run of the cascade", where="run", value=run, allowed="ct.run(net, shock, ct.Cascade())"
        )
    chosen = _chosen(run, accounts)
    parts = _Parts(run).split()
    held = run.accounts.loc[chosen]
    return parts.loc[chosen].assign(change=held["closing_equity"] - held["opening_equity"])


def _chosen(run: Run, accounts: str | Sequence[str] | None) -> list[str]:
    known = [str(name) for name in run.accounts.index]
    if accounts is None:
        return known
    chosen = [accounts] if isinstance(accounts, str) else list(accounts)
    for name in chosen:
        if name not in run.accounts.index:
            raise ValueRangeError(f"is no account{nearest(name, known)}", where="accounts", value=name)
    return chosen


@dataclass(frozen=True)
class _Legs:
    """Positions and coins of all accounts, a row each; instruments are markets, then assets.

    Parameters
    ----------
    account, instrument : numpy.ndarray of int64
        Whose, and in what.
    units : numpy.ndarray
        Units of the asset at the opening, of all accounts behind the row.
    """

    account: Integers
    instrument: Integers
    units: Floats


class _Parts:
    """Every account's result in arrays: prices on the way, legs, trades, and who had sent how much forced money.

    Row 0 of a path is the opening, row r + 1 is round r. A trade in row q counts for the moves after it, so what a leg
    gains is its units times the whole move, and every trade times the move from its row to the end.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.opening: Opening = run.model.prepare(run.network, run.policies).opening
        names = self.opening.names
        self.accounts = pd.Index([str(name) for name in names.accounts])
        self.markets, self.assets = pd.Index(list(names.markets)), list(names.assets)
        self.quotes = self._quotes()
        mark, outside, index = (_path(run, list(self.markets), c) for c in ("mark", "outside", "index"))
        self.outside = np.concatenate([outside, outside[:, self.quotes]], axis=1)
        self.price = np.concatenate([mark, index[:, self.quotes]], axis=1)
        self.away = self.price - self.outside
        self.lots = np.concatenate([self.opening.units.lots, self.opening.units.asset_lots]).astype(
            np.float64
        )
        self.legs = self._legs()

    def split(self) -> pd.DataFrame:
        """The parts of every account, index account, in the order of PARTS."""
        found = np.zeros((len(self.accounts), len(PARTS)))
        trades = self._postings(found)
        self._moves(found, trades)
        self._close(found)
        return pd.DataFrame(found, columns=list(PARTS), index=self.accounts.rename("account"))

    def _quotes(self) -> Integers:
        """The first market that trades each asset; whatever accounts hold has one, the rest is not looked at."""
        traded = self.opening.markets["asset"]
        return np.array([int(np.argmax(traded == k)) for k in range(len(self.assets))], dtype=np.int64)

    def _legs(self) -> _Legs:
        book, opening = self.opening.book, self.opening
        everyone = np.arange(len(self.accounts))
        holders = np.repeat(everyone, np.diff(book.hold_indptr).astype(np.int64))
        account = np.concatenate([np.repeat(everyone, np.diff(book.indptr).astype(np.int64)), holders])
        coins = opening.slots["asset"][book.hold_slot].astype(np.int64) + len(self.markets)
        instrument = np.concatenate([book.leg_market.astype(np.int64), coins])
        units = np.concatenate([opening.quantity, opening.held]) * book.count[account] * self.lots[instrument]
        return _Legs(account, instrument, units)

    def _postings(self, found: Floats) -> pd.DataFrame:
        """Add what was posted to the parts; return the trades: account, instrument, row and units."""
        ledger = self.run.ledger
        account = self.accounts.get_indexer(pd.Index(ledger["account"]))
        rows, account = ledger[account >= 0], account[account >= 0]
        part = rows["kind"].map(PLACE_OF).to_numpy(np.int64)
        amount, money = rows["amount"].to_numpy(np.float64), (rows["instrument"] == "money").to_numpy()
        np.add.at(found, (account[money], part[money]), amount[money] / self.opening.units.scale)
        traded, account, part = rows[~money], account[~money], part[~money]
        known = pd.Index([*self.markets, *(COIN + asset for asset in self.assets)])
        instrument = known.get_indexer(pd.Index(traded["instrument"]))
        row = traded["round"].to_numpy(np.int64) + 1
        units = amount[~money] * self.lots[instrument]
        np.add.at(found, (account, part), units * self.price[row, instrument])
        return pd.DataFrame({"account": account, "instrument": instrument, "row": row, "units": units})

    def _moves(self, found: Floats, trades: pd.DataFrame) -> None:
        """Add the outside move, the impact of others and the own impact on what was held in each row."""
        legs, place = self.legs, [PARTS.index(part) for part in MOVES]
        account, instrument, row, units = (trades[name].to_numpy() for name in trades)
        for path, part in ((self.outside, place[0]), (self.away, place[1])):
            whole = path[-1] - path[0]
            found[:, part] += self._by_account(legs.account, legs.units * whole[legs.instrument])
            later = path[-1, instrument] - path[row, instrument]
            found[:, part] += self._by_account(account, units * later)
        own = self._own_impact(trades)
        made = self._by_account(legs.account, own)
        found[:, place[2]] += made
        found[:, place[1]] -= made

    def _by_account(self, account: npt.NDArray[Any], money: Floats) -> Floats:
        """Money of each account, shape (n_accounts,)."""
        return np.bincount(account, money, len(self.accounts)).astype(np.float64)

    def _own_impact(self, trades: pd.DataFrame) -> Floats:
        """The part of a leg's impact that the account's own forced money made, shape (n_legs,)."""
        legs, n_rows = self.legs, len(self.price)
        market = np.where(legs.instrument < len(self.markets), legs.instrument, 0)
        coins = legs.instrument >= len(self.markets)
        market[coins] = self.quotes[legs.instrument[coins] - len(self.markets)]
        events = self._forced()
        every = _before(events["market"], events, len(self.markets), n_rows)
        wide = len(self.markets)
        sent = pd.Index(np.unique(events["account"] * wide + events["market"]))
        pair = sent.get_indexer(pd.Index(legs.account * wide + market))
        own, found = np.flatnonzero(pair >= 0), np.zeros(len(pair))
        span = len(self.price[0])
        for start in range(0, len(own), BLOCK):
            chosen = own[start : start + BLOCK]
            mine = pd.Index(legs.account[chosen] * wide + market[chosen])
            leg = pd.Index(legs.account[chosen] * span + legs.instrument[chosen])
            distinct, place = np.unique(mine, return_inverse=True)
            flows = _before(
                pd.Index(distinct).get_indexer(events["account"] * wide + events["market"]),
                events,
                len(distinct),
                n_rows,
            )[place]
            total = every[market[chosen]]
            share = np.divide(flows, total, out=np.zeros_like(flows), where=total > 0.0)
            held = np.zeros((len(chosen), n_rows))
            held[:, 0] = legs.units[chosen]
            at = leg.get_indexer(trades["account"] * span + trades["instrument"])
            np.add.at(
                held, (at[at >= 0], trades["row"].to_numpy()[at >= 0]), trades["units"].to_numpy()[at >= 0]
            )
            moves = np.diff(self.away[:, legs.instrument[chosen]].T, axis=1)
            found[chosen] = (moves * np.cumsum(held, axis=1)[:, :-1] * share[:, 1:]).sum(axis=1)
        return found

    def _forced(self) -> pd.DataFrame:
        """Forced flows of accounts through markets: account, market, row from which they count, money."""
        events = self.run.events
        events = events[events["kind"].isin(FORCED) & (events["market"] != "")]
        return pd.DataFrame(
            {
                "account": self.accounts.get_indexer(pd.Index(events["account"])),
                "market": self.markets.get_indexer(pd.Index(events["market"])),
                "row": events["round"].to_numpy(np.int64) + 2,
                "money": np.abs(events["money"].to_numpy(np.float64)),
            }
        )

    def _close(self, found: Floats) -> None:
        """Coins are worth the index of their asset at the end; what that differs from a venue's is others' doing."""
        coins = np.unique(self.legs.account[self.legs.instrument >= len(self.markets)])
        held = self.run.accounts.loc[self.accounts[coins]]
        change = (held["closing_equity"] - held["opening_equity"]).to_numpy(np.float64)
        found[coins, PARTS.index("impact_others")] += change - found[coins].sum(axis=1)


def _path(run: Run, markets: list[str], column: str) -> Floats:
    """Prices by row, shape (n_rounds + 1, n_markets)."""
    first = run.markets.loc[markets, "opening_price"].to_numpy(np.float64).reshape(1, -1)
    later = run.paths[column].to_numpy(np.float64).reshape(len(run.rounds), len(markets))
    return np.concatenate([first, later])


def _before(place: Any, events: pd.DataFrame, n_places: int, n_rows: int) -> Floats:
    """Forced money that had gone through each place before each row, shape (n_places, n_rows); -1 is no place."""
    where = np.asarray(place)
    flow = np.zeros((n_places, n_rows + 2))
    kept = where >= 0
    np.add.at(flow, (where[kept], events["row"].to_numpy()[kept]), events["money"].to_numpy()[kept])
    return np.asarray(np.cumsum(flow, axis=1)[:, :n_rows])
