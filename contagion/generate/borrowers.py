"""Who borrows at lending protocols, how much against what, and how near to liquidation? Weighted rows of accounts.

Sizes are log-normal and are placed so that every reserve meets its total. How much of what its collateral allows an
account owes is a beta law below a limit; health factors of looped positions are one plus a log-normal room, so that
none opens above the loan-to-value of its category.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv, ndtri

from contagion.errors import ValueRangeError
from contagion.generate.allocation import fill
from contagion.generate.pledges import Group, price_of
from contagion.generate.sampling import tilted_sample
from contagion.streams import stream

__all__ = ["account_tables"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FEWEST = 8
"""Rows of the smallest group."""
PARTS = {"borrower": 0.75, "looper": 0.15, "short": 0.02, "supplier": 0.08}
"""Share of the rows; which rows are used does not change whom they stand for."""
PEOPLE = {"borrower": "borrowers", "looper": "loopers", "short": "loopers", "supplier": "suppliers"}


@dataclass(frozen=True)
class Sample:
    """Rows of one group: accounts behind each, units deposited and owed by one account, money its owner has beside."""

    group: Group
    count: Integers
    held: Floats
    owed: Floats
    cash: Floats


def account_tables(
    groups: list[Group], n_accounts: int, settings: Mapping[str, float], seed: int
) -> dict[str, pd.DataFrame]:
    """Return the tables nodes, accounts and balances of everybody who lends or borrows.

    Parameters
    ----------
    groups : list of Group
    n_accounts : int
        Rows of `accounts` in all.
    settings : mapping of str to float
        As of `read_assumptions`.
    seed : int

    Raises
    ------
    ValueRangeError
        If there are fewer rows than the groups need, or no law has the mean and the spread of the usage.
    """
    for group in groups:
        if group.usage > 0.0:
            _check_usage(group, settings)
    rows = _rows(groups, n_accounts)
    people = [settings[PEOPLE[group.kind]] * _share(group, groups) for group in groups]
    samples = [_draw(*each, settings, seed) for each in zip(groups, rows, people, strict=True)]
    frames = [_frames(sample, settings) for sample in samples]
    return {name: pd.concat([frame[name] for frame in frames], ignore_index=True) for name in frames[0]}


def _share(group: Group, groups: list[Group]) -> float:
    """Share of the money of everybody who is counted with this group."""
    return group.value / sum(each.value for each in groups if PEOPLE[each.kind] == PEOPLE[group.kind])


def _rows(groups: list[Group], n_accounts: int) -> list[int]:
    """Rows of each group, in proportion to its money among its kind; the first group takes what is left."""
    money = {kind: sum(group.value for group in groups if group.kind == kind) for kind in PARTS}
    shares = [PARTS[group.kind] * group.value / money[group.kind] for group in groups]
    rows = [max(FEWEST, int(share * n_accounts)) for share in shares]
    rows[0] += n_accounts - sum(rows)
    if rows[0] < FEWEST:
        raise ValueRangeError(
            "is too few",
            where="lending_market, n_accounts",
            value=n_accounts,
            allowed=f"at least {FEWEST - rows[0]} more",
            remedy="more accounts, or fewer keepers",
        )
    return rows


def _draw(group: Group, n: int, people: float, settings: Mapping[str, float], seed: int) -> Sample:
    """Sizes, debts and free money of the rows of a group."""
    score, count = tilted_sample(_spread_out(group, n, "size", seed), people, settings["size_tilt"])
    number = count.astype(np.float64)
    weight = np.exp(settings["size_sd"] * score) * number
    most = np.maximum(settings["largest_account"] * group.total * number, 1.05 * group.total / n)
    held = fill(weight, most, group.total) / number
    value = held * price_of(group.held)
    owed = np.zeros(n)
    if group.owed:
        owed = value * _loan_to_value(group, n, settings, seed) / price_of(group.owed)
    return Sample(group, count, held, owed, value * _cash_ratio(group, n, settings, seed))


def _spread_out(group: Group, n: int, purpose: str, seed: int) -> Floats:
    """One uniform draw in each of n equal parts, in random order: few rows cover the whole law."""
    key = (group.kind, group.venue, group.held)
    part = stream(seed, "lending", f"part of {purpose}", *key).permutation(n)
    return np.asarray((part + stream(seed, "lending", purpose, *key).random(n)) / n, dtype=np.float64)


def _loan_to_value(group: Group, n: int, settings: Mapping[str, float], seed: int) -> Floats:
    """Debt over collateral of the rows of a group."""
    draw = _spread_out(group, n, "usage", seed)
    if group.kind == "looper":
        room = settings["loop_room"] * np.exp(settings["loop_room_sd"] * ndtri(draw))
        least = group.threshold / (settings["loop_use"] * group.loan_to_value) - 1.0
        return np.asarray(group.threshold / (1.0 + np.maximum(room, least)), dtype=np.float64)
    limit, spread = settings["usage_limit"], settings["usage_sd"]
    if spread == 0.0:
        return np.full(n, group.usage * group.threshold)
    middle, weight = group.usage / limit, _weight(group, settings)
    usage = limit * betaincinv(middle * weight, (1.0 - middle) * weight, draw)
    return np.asarray(usage * group.threshold, dtype=np.float64)


def _weight(group: Group, settings: Mapping[str, float]) -> float:
    """Sum of the parameters of the beta law with the mean and the spread of the usage."""
    middle, spread = group.usage / settings["usage_limit"], settings["usage_sd"] / settings["usage_limit"]
    return middle * (1.0 - middle) / spread**2 - 1.0


def _check_usage(group: Group, settings: Mapping[str, float]) -> None:
    """Refuse a usage that no law has."""
    limit, spread = settings["usage_limit"], settings["usage_sd"]
    if not group.usage < limit < 1.0:
        raise ValueRangeError(
            f"is not between the mean usage at {group.venue} and 1",
            where="lending_market, usage_limit",
            value=limit,
            allowed=f"above {group.usage:g} and below 1: nobody opens liquidatable",
            remedy="change usage_limit or usage_scale",
        )
    if spread > 0.0 and not _weight(group, settings) > 0.0:
        raise ValueRangeError(
            f"is too large for the mean usage at {group.venue} and the limit",
            where="lending_market, usage_sd",
            value=spread,
            allowed=f"below {np.sqrt(group.usage * (limit - group.usage)):g}",
        )


def _cash_ratio(group: Group, n: int, settings: Mapping[str, float], seed: int) -> Floats:
    """Money beside over collateral; only those who answer calls have some."""
    if group.kind != "borrower":
        return np.zeros(n)
    key = (group.kind, group.venue, group.held)
    none = stream(seed, "lending", "no_cash", *key).random(n) < settings["no_free_cash"]
    score = stream(seed, "lending", "cash", *key).standard_normal(n)
    return np.where(none, 0.0, settings["free_cash"] * np.exp(settings["free_cash_sd"] * score))


def _frames(sample: Sample, settings: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """Nodes, accounts and balances of a group; quantities of one account, a node's cash of all behind the row."""
    group, n = sample.group, len(sample.count)
    owner = np.array(
        [f"{group.kind}-{group.venue}-{group.held}-{k:05d}" for k in range(1, n + 1)], dtype=object
    )
    name = owner + f"@{group.venue}"
    nodes = pd.DataFrame({"name": owner, "kind": "trader", "cash": sample.cash * sample.count})
    accounts = pd.DataFrame(
        {
            "name": name,
            "owner": owner,
            "venue": group.venue,
            "count": sample.count,
            "reaction": "top_up" if group.kind == "borrower" else "none",
            "response": settings["response"],
        }
    )
    sides = [(group.held, sample.held)] + ([(group.owed, -sample.owed)] if group.owed else [])
    balances = [pd.DataFrame({"account": name, "asset": asset, "quantity": units}) for asset, units in sides]
    return {"nodes": nodes, "accounts": accounts, "balances": pd.concat(balances, ignore_index=True)}
