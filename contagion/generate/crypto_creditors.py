"""Who owed what to whom in June 2022? Three Arrows, its creditors and the parent of Genesis: facts in money.

Every sheet is closed the same way: outside assets (or, for Three Arrows, coins and outside assets) are what equity
and debts need beyond what is stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contagion.generate.crypto_markets import BOOK, COINS, EXCHANGES, LENDING, STAKED, UNIT, lot_of, price_of
from contagion.generate.institutions import Institutions

__all__ = ["ARROWS", "NAMED", "PARENT", "claims_on_arrows", "creditor_tables", "equities"]

ARROWS: Final = "3AC"
PARENT: Final = "parent of Genesis"
NAMED: Final = {
    "Equities First": "3ac_claim_of_equities_first",
    "FalconX": "3ac_claim_of_falconx",
    "Deribit owner": "3ac_claim_of_deribit_owner",
    "CoinList": "3ac_claim_of_coinlist",
}
"""Creditors whose sheets are known by nothing but their claim."""


def secured(settings: Mapping[str, float]) -> float:
    """Return the part of Genesis' loan that collateral stood for: the loan less the net claim."""
    return settings["3ac_genesis_loan"] - settings["3ac_genesis_net_claim_after_collateral"]


def claims_on_arrows(settings: Mapping[str, float]) -> dict[str, float]:
    """Return creditor -> claim without collateral, money; the creditors without a name share what is left alike."""
    coins = settings["3ac_voyager_claim_btc"] * settings["claim_btc_price"]
    claims = {
        "Genesis": settings["3ac_genesis_net_claim_after_collateral"],
        "Voyager": coins + settings["3ac_voyager_claim_usdc"] * settings["claim_usdc_price"],
        "Celsius": settings["3ac_claim_of_celsius"],
        **{name: settings[row] for name, row in NAMED.items()},
    }
    others = int(settings["3ac_creditors"]) - len(claims)
    rest = settings["3ac_total_debt"] - secured(settings) - sum(claims.values())
    return claims | {f"creditor-{number:02d}": rest / others for number in range(1, others + 1)}


def equities(settings: Mapping[str, float]) -> dict[str, float]:
    """Return node -> equity at the opening, money; what the parent owes Genesis comes on top of its own."""
    claims = claims_on_arrows(settings)
    stated = {
        ARROWS: settings["arrows_equity"] * settings["3ac_total_debt"],
        "Genesis": settings["genesis_equity"] + settings["parent_support"],
        PARENT: settings["parent_equity"],
        "Voyager": settings["voyager_equity"],
        "Celsius": settings["celsius_equity"],
    }
    return stated | {
        name: settings["others_equity"] * claim for name, claim in claims.items() if name not in stated
    }


def creditor_tables(settings: Mapping[str, float], out: Institutions) -> None:
    """Add nodes, claims and accounts of Three Arrows, its creditors and the parent to `out`."""
    claims = claims_on_arrows(settings)
    owed = {
        "Genesis": "genesis_liabilities",
        "Voyager": "voyager_liabilities",
        "Celsius": "celsius_liabilities",
    }
    out.add(
        "nodes",
        name=[ARROWS, PARENT, *claims],
        kind="institution",
        external_liabilities=[0.0, 0.0, *(settings[owed[name]] if name in owed else 0.0 for name in claims)],
    )
    out.add("obligations", debtor=ARROWS, creditor=list(claims), amount=list(claims.values()))
    if settings["parent_support"] > 0.0:
        out.add("obligations", debtor=[PARENT], creditor="Genesis", amount=settings["parent_support"])
    if settings["genesis_celsius"] > 0.0:
        out.add(
            "obligations",
            debtor=["Genesis"],
            creditor="Celsius",
            amount=settings["genesis_celsius"],
            callable=True,
            notice=settings["notice"],
        )
    _secured_loan(settings, out)
    _staked(settings, out)


def _secured_loan(settings: Mapping[str, float], out: Institutions) -> None:
    """Genesis' loan against collateral: an account of Three Arrows at its loan book, lent by Genesis alone."""
    money, shares = secured(settings), {"BTC": settings["arrows_btc"], "ETH": 1.0 - settings["arrows_btc"]}
    borrower, lender = f"{ARROWS}@{BOOK}", f"Genesis@{BOOK}"
    out.add(
        "accounts",
        name=[borrower, lender],
        owner=[ARROWS, "Genesis"],
        venue=BOOK,
        reaction=["top_up", "none"],
        response=1.0,
        top_up_from="holdings",
    )
    worth = money / settings["secured_ltv"]
    coins = [whole(worth * shares[asset] / price_of(asset), asset) for asset in COINS]
    out.add("balances", account=borrower, asset=[*COINS, UNIT], quantity=[*coins, -money])
    out.add("balances", account=[lender], asset=UNIT, quantity=money)


def _staked(settings: Mapping[str, float], out: Institutions) -> None:
    """Three Arrows' loop and Celsius' stETH, pledged for dollars, at the lending protocol."""
    held = whole(settings["arrows_staked"], STAKED)
    owed = whole(settings["arrows_loop"] * held * price_of(STAKED) / price_of("ETH"), "ETH")
    names = [f"{ARROWS}@{LENDING}", f"Celsius@{LENDING}"]
    out.add(
        "accounts",
        name=names,
        owner=[ARROWS, "Celsius"],
        venue=LENDING,
        reaction=["none", "top_up"],
        response=1.0,
        top_up_from="cash",
    )
    out.add("balances", account=names[0], asset=[STAKED, "ETH"], quantity=[held, -owed])
    out.add(
        "balances",
        account=names[1],
        asset=[STAKED, UNIT],
        quantity=[settings["celsius_steth"], -settings["celsius_debt"]],
    )
    if settings["arrows_perp"] > 0.0:
        account, price = f"{ARROWS}@{EXCHANGES[0]}", price_of("ETH")
        quantity = whole(settings["arrows_perp"] / price, "ETH")
        out.add(
            "accounts",
            name=[account],
            owner=ARROWS,
            venue=EXCHANGES[0],
            reaction="top_up",
            response=1.0,
            top_up_from="holdings",
        )
        out.add(
            "positions",
            account=[account],
            market=f"{EXCHANGES[0]}:ETH-PERP",
            quantity=quantity,
            entry_price=price,
        )
        money = quantity * price / settings["leverage_median"]
        out.add("balances", account=[account], asset=UNIT, quantity=money)


def whole(quantity: float, asset: str) -> float:
    """Return the largest whole number of lots, in units of the asset.

    Examples
    --------
    >>> whole(1.0, "ETH")
    1.0
    """
    lot = lot_of(asset)
    return float(int(quantity / lot) * lot)
