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

REASONS: Final = {
    "slippage": ("liquidation", "unwind", "reaction", "hedge"),
    "trading": ("arbitrage",),
    "deleveraging": ("adl",),
    "takeover": ("takeover",),
    "loan_liquidation": ("seizure", "repayment"),
    "haircut": ("residual",),
    "fees": ("fee", "gas"),
    "funding": ("funding",),
    "covered": ("fund", "own_equity", "own_capital", "default_fund", "assessment", "replenishment"),
    "defaults": ("venue_default", "node_default"),
    "transfers": ("top_up", "margin_move", "withdrawal", "recall", "injection", "shock", "mint"),
}
"""Part of the result -> kinds of postings that make it."""

MOVES: Final = ("outside_move", "impact_others", "impact_own")
PARTS: Final = (*MOVES, *REASONS)
FORCED: Final = ("liquidation", "unwind", "reaction", "hedge", "auction")
COIN: Final = "holding:"
PART_OF: Final = {kind: part for part, kinds in REASONS.items() for kind in kinds}


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
        - slippage: forced fills, at the price got less the mark of the round;
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
    book = _Book(run)
    rows = [book.result(name) for name in chosen]
    index = pd.Index(chosen, name="account", dtype=object)
    table = pd.DataFrame(rows, columns=list(PARTS), index=index).astype(np.float64)
    held = run.accounts.loc[chosen]
    return table.assign(change=held["closing_equity"] - held["opening_equity"])


def _chosen(run: Run, accounts: str | Sequence[str] | None) -> list[str]:
    known = [str(name) for name in run.accounts.index]
    if accounts is None:
        return known
    chosen = [accounts] if isinstance(accounts, str) else list(accounts)
    for name in chosen:
        if name not in run.accounts.index:
            raise ValueRangeError(f"is no account{nearest(name, known)}", where="accounts", value=name)
    return chosen


@dataclass(frozen=True, eq=False)
class _Holding:
    """One position or coin of an account: row 0 of every path is the opening, row r + 1 is round r."""

    units: float
    mark: Floats
    outside: Floats
    own_share: Floats

    def moves(self, traded: Floats) -> tuple[float, float, float]:
        """Outside move, impact of others and own impact on what was held when each row began."""
        held = self.units + np.concatenate([[0.0], np.cumsum(traded)[:-1]])[1:]
        away = np.diff(self.mark - self.outside) * held
        own = float(away @ self.own_share[1:])
        return float(held @ np.diff(self.outside)), float(away.sum()) - own, own


class _Book:
    """What a run started from, every price on the way, and who had sent how much forced money by then."""

    def __init__(self, run: Run) -> None:
        prepared = run.model.prepare(run.network, run.policies)
        self.opening: Opening = prepared.opening
        self.quantum = 1.0 / self.opening.units.scale
        self.places = {name: i for i, name in enumerate(self.opening.names.accounts)}
        self.markets = list(self.opening.names.markets)
        self.assets = list(self.opening.names.assets)
        self.mark, self.outside, self.index = (
            _path(run, self.markets, c) for c in ("mark", "outside", "index")
        )
        self.postings: dict[str, list[tuple[str, str, int, int]]] = {}
        columns = ("account", "kind", "instrument", "amount", "round")
        for account, *posting in zip(*(run.ledger[column].tolist() for column in columns), strict=True):
            self.postings.setdefault(account, []).append(tuple(posting))
        self.change = run.accounts["closing_equity"] - run.accounts["opening_equity"]
        self.sent, self.sent_by = _sent(run, self.markets, len(self.mark))

    def result(self, name: str) -> list[float]:
        """The parts of one account, in the order of PARTS."""
        found = dict.fromkeys(PARTS, 0.0)
        holdings, still = self._holdings(name), np.zeros(len(self.mark))
        traded: dict[str, Floats] = {}
        for kind, instrument, amount, round_number in self.postings.get(name, []):
            part = PART_OF[kind]
            if instrument == "money":
                found[part] += amount * self.quantum
                continue
            row, units = round_number + 1, amount * self._lot(instrument)
            found[part] += units * float(holdings[instrument].mark[row])
            traded.setdefault(instrument, np.zeros(len(self.mark)))[row] += units
        for instrument, holding in holdings.items():
            for part, value in zip(MOVES, holding.moves(traded.get(instrument, still)), strict=True):
                found[part] += value
        self._close(name, found, holdings)
        return [found[part] for part in PARTS]

    def _close(self, name: str, found: dict[str, float], holdings: dict[str, _Holding]) -> None:
        """Coins are worth the index of their asset at the end; what that differs from a venue's is others' doing."""
        if any(instrument.startswith(COIN) for instrument in holdings):
            found["impact_others"] += float(self.change[name]) - sum(found.values())

    def _lot(self, instrument: str) -> float:
        """Units of the asset in a lot."""
        if instrument.startswith(COIN):
            return float(self.opening.units.asset_lots[self.assets.index(instrument.removeprefix(COIN))])
        return float(self.opening.units.lots[self.markets.index(instrument)])

    def _holdings(self, name: str) -> dict[str, _Holding]:
        """Positions by market and coins by ``holding:<asset>``, of all accounts behind the row."""
        i, opening = self.places[name], self.opening
        book, count = opening.book, float(opening.book.count[self.places[name]])
        found: dict[str, _Holding] = {}
        for k in range(book.indptr[i], book.indptr[i + 1]):
            m = int(book.leg_market[k])
            units = float(opening.quantity[k]) * count * self._lot(self.markets[m])
            found[self.markets[m]] = _Holding(
                units, self.mark[:, m], self.outside[:, m], self._share(name, m)
            )
        for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
            asset = self.assets[int(opening.slots[book.hold_slot[b]]["asset"])]
            units, m = float(opening.held[b]) * count * self._lot(COIN + asset), self._quote(asset)
            own = self._share(name, m)
            found[COIN + asset] = _Holding(units, self.index[:, m], self.outside[:, m], own)
        return found

    def _quote(self, asset: str) -> int:
        """The first market that trades a coin; whatever accounts hold has one."""
        return int(np.flatnonzero(self.opening.markets["asset"] == self.assets.index(asset))[0])

    def _share(self, name: str, m: int) -> Floats:
        """The account's part of the forced money in a market before each row; 0 where there was none."""
        own, every = self.sent_by.get(name), self.sent[:, m]
        if own is None:
            return np.zeros(len(every))
        return np.divide(own[:, m], every, out=np.zeros(len(every)), where=every > 0.0)


def _path(run: Run, markets: list[str], column: str) -> Floats:
    """Prices by row, shape (n_rounds + 1, n_markets)."""
    first = run.markets.loc[markets, "opening_price"].to_numpy(np.float64).reshape(1, -1)
    later = run.paths[column].to_numpy(np.float64).reshape(len(run.rounds), len(markets))
    return np.concatenate([first, later])


def _sent(run: Run, markets: list[str], n_rows: int) -> tuple[Floats, dict[str, Floats]]:
    """Forced money that had gone through each market before each row, of all and by account."""
    events = run.events[run.events["kind"].isin(FORCED) & (run.events["market"] != "")]
    place = pd.Index(markets).get_indexer(pd.Index(events["market"]))
    row, money = events["round"].to_numpy(np.int64) + 2, np.abs(events["money"].to_numpy(np.float64))

    def before(chosen: npt.NDArray[Any]) -> Floats:
        flow = np.zeros((n_rows + 2, len(markets)))
        np.add.at(flow, (row[chosen], place[chosen]), money[chosen])
        return np.asarray(np.cumsum(flow, axis=0)[:n_rows])

    own = events.reset_index(drop=True).groupby("account", sort=False).indices
    return before(np.arange(len(events))), {str(name): before(np.asarray(rows)) for name, rows in own.items()}
