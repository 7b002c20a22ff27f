"""Does a network hold the facts of the made crypto system? Each read back from the tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from contagion import facts
from contagion.generate.crypto_creditors import ARROWS
from contagion.generate.crypto_markets import OPENING
from contagion.network.network import Network

__all__ = ["read_back"]


def read_back(net: Network) -> Iterator[tuple[str, str, float, float]]:
    """Yield name, source, published number and number in the tables of every fact behind the crypto system.

    Claims on Three Arrows, with and without collateral, the staked ETH of Celsius, and opening prices, the peaks of
    the recorded fall. Not a number where the network has none.
    """
    found = _claims(net)
    for fact in facts.load("crypto_system").query("status == 'fact'").to_dict("records"):
        name = str(fact["name"])
        yield name, str(fact["source"]), float(fact["value"]), found.get(name, np.nan)
    prices = net.assets["price"].to_dict()
    peaks = facts.values("episodes", "peak", episode=OPENING)
    for fact in peaks.to_dict("records"):
        asset = str(fact["asset"])
        price = prices.get(asset, np.nan)
        yield f"{asset}: price at the peak", str(fact["source"]), float(fact["value"]), price


def _claims(net: Network) -> dict[str, float]:
    """Debts of Three Arrows and what Celsius holds, by the name of the fact."""
    claims = (
        net.obligations[net.obligations["debtor"] == ARROWS].groupby("creditor")["amount"].sum().to_dict()
    )
    balances = net.balances.assign(owner=net.accounts["owner"].reindex(net.balances["account"]).to_numpy())
    owed = balances[(balances["owner"] == ARROWS) & (balances["asset"] == net.unit)]["quantity"]
    pledged = -float(owed.clip(upper=0.0).sum())
    staked = balances[(balances["owner"] == "Celsius") & (balances["asset"] == "stETH")]["quantity"]
    price = {coin: facts.number("crypto_system", f"claim_{coin}_price") for coin in ("usdc", "btc")}
    lent = {coin: facts.number("crypto_system", f"3ac_voyager_claim_{coin}") for coin in price}
    voyager, genesis = (float(claims.get(name, np.nan)) for name in ("Voyager", "Genesis"))
    named = {f"3ac_claim_of_{str(who).lower().replace(' ', '_')}": money for who, money in claims.items()}
    return {
        **named,
        "3ac_total_debt": sum(claims.values()) + pledged,
        "3ac_creditors": float(len(claims)),
        "3ac_genesis_loan": genesis + pledged,
        "3ac_genesis_net_claim_after_collateral": genesis,
        "3ac_voyager_claim_btc": (voyager - lent["usdc"] * price["usdc"]) / price["btc"],
        "3ac_voyager_claim_usdc": (voyager - lent["btc"] * price["btc"]) / price["usdc"],
        "celsius_steth": float(staked.sum()) if len(staked) else np.nan,
    }
