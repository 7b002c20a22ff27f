"""Who trades, hedges and borrows in the made crypto system? Rows of accounts that stand for many of one size.

Sizes are log-normal and add up to the money of their market; one uniform draw in each of n equal parts covers the law.
Makers take what longs and shorts of a market differ by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from contagion.generate.crypto_markets import (
    COINS,
    DOLLAR,
    EXCHANGES,
    LENDING,
    STAKED,
    UNIT,
    VAULT,
    interests,
    lot_of,
    price_of,
)
from contagion.generate.institutions import Institutions
from contagion.streams import stream

__all__ = ["borrower_tables", "hedger_tables", "trader_tables"]

Floats = npt.NDArray[np.float64]


def spread_out(n: int, seed: int, *key: str) -> Floats:
    """Return one standard normal score from each of n equal parts of the law, in random order, shape (n,)."""
    draw = stream(seed, "crypto system", *key)
    return np.asarray(ndtri((draw.permutation(n) + draw.random(n)) / n), dtype=np.float64)


def shared(money: float, n: int, settings: Mapping[str, float], seed: int, *key: str) -> Floats:
    """Return parts of `money` with log-normal sizes, shape (n,)."""
    weight = np.exp(settings["size_sd"] * spread_out(n, seed, "size", *key))
    return np.asarray(money * weight / weight.sum(), dtype=np.float64)


def units(money: Floats, price: float, asset: str, count: int) -> Floats:
    """Return units of one of `count` accounts, whole lots."""
    lot = lot_of(asset)
    return np.asarray(np.floor(money / (count * price * lot)) * lot, dtype=np.float64)


def future_price(settings: Mapping[str, float], asset: str, kind: str) -> float:
    """Return the opening price of a derivative: the coin's, carried to the expiry where there is one."""
    if kind != "future":
        return price_of(asset)
    years = settings["future_expiry"] / (365.0 * 86_400.0)
    return price_of(asset) * float(np.exp(settings["future_carry"] * years))


def trader_tables(settings: Mapping[str, float], n: int, seed: int, out: Institutions) -> None:
    """Add about `n` rows of leveraged long and short accounts, spread over the markets by their money."""
    count, markets = int(settings["people"]), interests(settings)
    share = {1.0: 1.0, -1.0: settings["short_traders"]}
    total = markets["money"].sum() * sum(share.values())
    row: Any
    for row in markets.itertuples():
        for side, part in share.items():
            money, word = part * float(row.money), "long" if side > 0.0 else "short"
            rows = max(4, round(n * money / total))
            price = future_price(settings, str(row.asset), str(row.kind))
            quantity = units(
                shared(money, rows, settings, seed, str(row.name), word), price, str(row.asset), count
            )
            score = settings["leverage_sd"] * spread_out(rows, seed, "leverage", str(row.name), word)
            equity = quantity * price / np.clip(settings["leverage_median"] * np.exp(score), 1.0, 50.0)
            name = [f"{word}-{str(row.name).replace(':', '-')}-{k:03d}" for k in range(1, rows + 1)]
            account = [f"{each}@{row.venue}" for each in name]
            out.add("nodes", name=name, kind="trader", cash=settings["free_cash"] * equity * count)
            out.add(
                "accounts",
                name=account,
                owner=name,
                venue=str(row.venue),
                count=count,
                reaction="top_up",
                response=settings["response"],
            )
            out.add("balances", account=account, asset=UNIT, quantity=equity)
            out.add(
                "positions",
                account=account,
                market=str(row.name),
                quantity=side * quantity,
                entry_price=price,
            )


def hedger_tables(settings: Mapping[str, float], out: Institutions) -> None:
    """Add makers and basis traders: short what traders are long, with coins against it and loans for the coins."""
    markets = interests(settings).set_index("name")
    positions = pd.concat(out.rows["positions"], ignore_index=True)
    count = pd.concat(out.rows["accounts"], ignore_index=True).set_index("name")["count"].fillna(1.0)
    net = (
        (positions["quantity"] * count.reindex(positions["account"]).to_numpy())
        .groupby(positions["market"])
        .sum()
    )
    shorts: list[tuple[str, str, float]] = []
    number = int(settings["basis_traders"])
    for k in range(number):
        market = str(markets.index[k % len(markets)])
        same = len(range(k % len(markets), number, len(markets)))
        asset, money = (
            str(markets["asset"][market]),
            settings["short_basis"] * float(markets["money"][market]),
        )
        held = units(np.array([money / same]), price_of(asset), asset, 1)[0]
        shorts.append((f"basis-{k + 1:02d}", market, float(held)))
    for market in markets.index:
        rest = float(net[market]) - sum(held for _, place, held in shorts if place == market)
        venue, asset, makers = (
            str(markets["venue"][market]),
            str(markets["asset"][market]),
            int(settings["makers"]),
        )
        each = float(np.floor(rest / (makers * lot_of(asset))) * lot_of(asset))
        parts = [each] * (makers - 1) + [rest - (makers - 1) * each]
        shorts += [(f"maker-{venue[-1]}{k}", str(market), part) for k, part in enumerate(parts, 1)]
    table = pd.DataFrame(shorts, columns=["owner", "market", "quantity"])
    table["venue"], table["asset"] = (
        markets[name].reindex(table["market"]).to_numpy() for name in ("venue", "asset")
    )
    kind = markets["kind"].reindex(table["market"])
    pairs = zip(table["asset"], kind, strict=True)
    table["price"] = [future_price(settings, str(asset), str(word)) for asset, word in pairs]
    _hedger_rows(table, settings, out)


def _hedger_rows(table: pd.DataFrame, settings: Mapping[str, float], out: Institutions) -> None:
    account = table["owner"] + "@" + table["venue"]
    out.add(
        "positions",
        account=account,
        market=table["market"],
        quantity=-table["quantity"],
        entry_price=table["price"],
    )
    money = table["quantity"] * table["price"]
    posted = (money / settings["hedger_leverage"]).groupby(account).sum()
    first = table.assign(account=account).drop_duplicates("account")
    out.add(
        "accounts",
        name=first["account"].to_numpy(),
        owner=first["owner"].to_numpy(),
        venue=first["venue"].to_numpy(),
        reaction="top_up",
        response=1.0,
    )
    out.add("balances", account=posted.index.to_numpy(), asset=UNIT, quantity=posted.to_numpy())
    held = table.groupby(["owner", "asset"])["quantity"].sum().reset_index()
    out.add("nodes", name=sorted(set(table["owner"])), kind="institution")
    out.add("holdings", node=held["owner"], asset=held["asset"], quantity=held["quantity"])
    basis = table["owner"].str.startswith("basis").to_numpy()
    out.add(
        "strategies",
        name=(table["owner"] + ":" + table["market"])[basis],
        kind="basis",
        spot_node=table["owner"][basis],
        short_account=account[basis],
        short_market=table["market"][basis],
        asset=table["asset"][basis],
    )
    _loans_to_hedgers(table, money, settings, out)


def _loans_to_hedgers(
    table: pd.DataFrame, money: pd.Series, settings: Mapping[str, float], out: Institutions
) -> None:
    """Everything but their equity is lent to them, callable, by Genesis, Celsius and lenders without a name."""
    coins = table["quantity"] * table["asset"].map(price_of)
    worth = (coins + money / settings["hedger_leverage"]).groupby(table["owner"]).sum()
    owed = worth * (1.0 - settings["hedger_equity"])
    lenders = [f"lender-{k:02d}" for k in range(1, int(settings["lenders"]) + 1)]
    share = {"Genesis": settings["lending_genesis"], "Celsius": settings["lending_celsius"]}
    rest = (1.0 - sum(share.values())) / len(lenders)
    for lender, part in (share | dict.fromkeys(lenders, rest)).items():
        if part > 0.0:
            out.add(
                "obligations",
                debtor=owed.index.to_numpy(),
                creditor=lender,
                amount=part * owed.to_numpy(),
                callable=True,
                notice=settings["notice"],
            )
    out.add("nodes", name=lenders, kind="institution")
    tokens = 0.25 * settings["dollar_tokens"] / len(lenders)
    shares = settings["vault_shares"] / (len(lenders) * price_of(VAULT))
    for asset, quantity in ((DOLLAR, tokens), (VAULT, shares)):
        if quantity > 0.0:
            held = np.floor(quantity / lot_of(asset)) * lot_of(asset)
            out.add("holdings", node=lenders, asset=asset, quantity=held)


def borrower_tables(settings: Mapping[str, float], n: int, seed: int, out: Institutions) -> None:
    """Add about `n` rows at the lending protocol: who owes dollars or ETH, loops of staked ETH, suppliers."""
    count = int(settings["people"])
    owed = dict.fromkeys((UNIT, "ETH"), 0.0)
    for asset in COINS:
        money, rows = 0.5 * settings["borrowed"], max(4, round(0.35 * n))
        held = units(shared(money, rows, settings, seed, "borrower", asset), price_of(asset), asset, count)
        score = 0.1 * spread_out(rows, seed, "usage", asset)
        usage = np.clip(settings["borrower_usage"] + score, 0.1, 0.88)
        debt = held * price_of(asset) * settings["coin_threshold"] * usage
        _borrowers(f"borrower-{asset}", (asset, held), (UNIT, debt), settings, count, out)
        owed[UNIT] += float(debt.sum()) * count
    rows = max(4, round(0.05 * n))
    money = 0.5 * settings["dollar_tokens"]
    held = units(shared(money, rows, settings, seed, "short"), price_of(DOLLAR), DOLLAR, count)
    worth = settings["dollar_threshold"] * settings["borrower_usage"] * held
    debt = units(worth, price_of("ETH"), "ETH", 1)
    _borrowers("short-ETH", (DOLLAR, held), ("ETH", debt), settings, count, out)
    owed["ETH"] += float(debt.sum()) * count
    rows = max(4, round(0.2 * n))
    held = units(shared(settings["looped"], rows, settings, seed, "looper"), price_of(STAKED), STAKED, count)
    place = (stream(seed, "crypto system", "loop").permutation(rows) + 0.5) / rows
    ratio = settings["loop_low"] + place * (settings["loop_ltv"] - settings["loop_low"])
    debt = units(held * price_of(STAKED) * ratio, price_of("ETH"), "ETH", 1)
    _borrowers("looper", (STAKED, held), ("ETH", debt), settings, count, out)
    owed["ETH"] += float(debt.sum()) * count
    balances = pd.concat(out.rows["balances"], ignore_index=True)
    institutions = balances[balances["account"].str.endswith(f"@{LENDING}") & (balances["quantity"] < 0.0)]
    known = institutions[~institutions["account"].str.startswith(("borrower", "looper", "short"))]
    for asset in owed:
        owed[asset] += float(-known["quantity"][known["asset"] == asset].sum())
        rows = max(4, round(0.05 * n))
        total = owed[asset] / settings["utilisation"] * price_of(asset)
        each = shared(total, rows, settings, seed, "supplier", asset) / (count * price_of(asset))
        _suppliers(asset, each, count, out)


def _suppliers(asset: str, each: Floats, count: int, out: Institutions) -> None:
    lot = 1.0 if asset == UNIT else lot_of(asset)
    name = [f"supplier-{asset}-{k:03d}" for k in range(1, len(each) + 1)]
    account = [f"{one}@{LENDING}" for one in name]
    out.add("nodes", name=name, kind="trader")
    out.add("accounts", name=account, owner=name, venue=LENDING, count=count, reaction="none")
    out.add("balances", account=account, asset=asset, quantity=np.ceil(each / lot) * lot)


def _borrowers(
    kind: str,
    pledged: tuple[str, Floats],
    owed: tuple[str, Floats],
    settings: Mapping[str, float],
    count: int,
    out: Institutions,
) -> None:
    loop = kind == "looper"
    name = [f"{kind}-{k:03d}" for k in range(1, len(pledged[1]) + 1)]
    account = [f"{one}@{LENDING}" for one in name]
    worth = pledged[1] * price_of(pledged[0]) - owed[1] * price_of(owed[0])
    cash = np.zeros(len(name)) if loop else settings["free_cash"] * worth * count
    out.add("nodes", name=name, kind="trader", cash=cash)
    out.add(
        "accounts",
        name=account,
        owner=name,
        venue=LENDING,
        count=count,
        reaction="none" if loop else "top_up",
        response=settings["response"],
    )
    out.add("balances", account=account, asset=pledged[0], quantity=pledged[1])
    out.add("balances", account=account, asset=owed[0], quantity=-owed[1])


def venue_nodes(settings: Mapping[str, float], out: Institutions) -> None:
    """Add the nodes of the exchanges with what is their own: cash, at the second one dollar tokens."""
    money = interests(settings).groupby("venue")["money"].sum()
    cash = [settings["exchange_capital"] * float(money[venue]) for venue in EXCHANGES]
    out.add("nodes", name=list(EXCHANGES), kind="exchange", cash=[cash[0], 0.0])
    out.add(
        "holdings",
        node=[EXCHANGES[1]],
        asset=DOLLAR,
        quantity=np.floor(cash[1] / lot_of(DOLLAR)) * lot_of(DOLLAR),
    )
