"""What the words of rules, kinds and events mean for a reader: every code of the tables in plain words."""

from __future__ import annotations

from typing import Final

PROCEDURES: Final = {
    "close_out": "closes the whole position at once",
    "partial": "closes the smallest part that restores the target",
    "ladder": "closes in steps down the ladder of tiers",
    "bybit": "as Bybit: closes down to the tier below; in the lowest tier takes over at the bankruptcy price",
    "okx": "as OKX: closes two tiers down; in the lowest tiers takes over at the bankruptcy price",
    "hyperliquid": "as Hyperliquid: closes in the book, large positions in parts; a vault takes over the rest",
    "increments": "as Deribit: closes in steps until the requirement is met",
    "dydx": "as dYdX: orders that fill at the fillable price or better",
    "takeover": "as BitMEX: takes over the position at the bankruptcy price and works it off",
    "lending": "keepers repay a part of a loan and seize collateral at a bonus",
    "auction": "keepers buy the collateral of a loan in an auction",
}
RESIDUALS: Final = {
    "profit_pro_rata": "cuts the profits of winners, pro rata",
    "profit_queue": "cuts the profits of winners, in ranked order",
    "socialise": "shared by all users of the venue",
    "own_equity": "paid from the venue's own equity",
}
TRIGGERS: Final = {
    "": "none",
    "fund": "when the fund cannot cover a fill",
    "pool": "when the fund is spent or one market has cost it too much",
    "fund_drawdown": "when the fund has fallen too far from its peak",
}
RANKS: Final = {
    "bitmex": "by profit × effective leverage, as at BitMEX",
    "binance": "by profit on collateral × margin ratio, as at Binance",
    "hyperliquid": "by price over entry × leverage, as at Hyperliquid",
    "hyperliquid_side_aware": "by gain in price of their side × leverage, after Hyperliquid",
    "contract_pro_rata": "in proportion to their positions",
}
PRICES: Final = {
    "": "the price of their rank rule",
    "bankruptcy": "the bankruptcy price",
    "mark": "the mark price",
    "previous_mark": "the mark price of the round before",
}
MARKS: Final = {
    "last": "last price",
    "index": "index price",
    "weighted": "weighted mean of last price and index",
    "median_binance": "median of last price, index with funding, index with average basis",
    "median_hyperliquid": "median of last price, index with average basis, other venues",
}
ORACLES: Final = {"index": "index of all spot markets", "local": "the protocol's own market or pool"}
MARKET_KINDS: Final = {
    "spot": "spot market",
    "perp": "perpetual future",
    "future": "dated future",
    "option": "options market",
    "pool": "liquidity pool",
}
IMPACTS: Final = {
    "exponential": "exponential in the money traded",
    "linear": "linear in the money traded",
    "square_root": "square root of the money traded",
    "depth_curve": "along the curve of depth",
    "constant_product": "constant product of the pool's reserves",
    "concentrated": "liquidity concentrated in ranges of the price",
}
NODE_KINDS: Final = {
    "trader": "trader",
    "exchange": "exchange",
    "protocol": "lending protocol",
    "institution": "institution",
}
EVENTS: Final = {
    "shock": "outside shock",
    "call": "margin called",
    "top_up": "margin topped up",
    "liquidation": "position or loan liquidated",
    "adl": "winner deleveraged (ADL)",
    "unwind": "hedged trade or inventory unwound",
    "arbitrage": "arbitrage trade",
    "fund": "insurance fund paid",
    "residual": "loss beyond the fund passed on",
    "halt": "market halted",
    "reopen": "market reopened",
    "venue_default": "venue failed",
    "node_default": "node failed",
    "takeover": "position taken over by the venue",
    "reaction": "position reduced by its owner",
    "hedge": "position hedged by its owner",
    "funding": "funding paid",
    "recall": "loan between nodes recalled",
    "withdrawal": "balance withdrawn",
    "auction": "collateral put up for auction",
    "mint": "token minted and sold",
    "outage": "venue out of order",
    "assessment": "member called to pay more",
    "own_capital": "venue's own capital paid",
    "default_fund": "member's contribution to the default fund used",
    "replenishment": "insurance fund refilled",
    "expiry": "contract expired",
    "delta_hedge": "options hedged anew",
    "model_close": "option closed at the model's value",
    "issuer": "token written down with its issuer",
    "payout": "failed venue paid customers out",
    "attack": "coins traded to move a price",
    "pool": "pool moved along its curve",
}
AUCTIONS: Final = {"dutch": "at falling prices (Dutch)", "flip": "by rising bids"}
FUNDING: Final = {"binance": "as at Binance", "hyperliquid": "as at Hyperliquid"}
RULES: Final = {
    "procedure": PROCEDURES,
    "residual": RESIDUALS,
    "adl_trigger": TRIGGERS,
    "adl_rank": RANKS,
    "adl_price": PRICES,
    "mark": MARKS,
    "oracle": ORACLES,
    "auction_kind": AUCTIONS,
    "funding_rule": FUNDING,
    "kind": MARKET_KINDS,
    "impact": IMPACTS,
}
"""The words of a rule by the name of its column."""

SHEET_MODELS: Final = {
    "Clearing": (
        "what everybody pays at once when each pays what he can. Of the possible outcomes the greatest vector is the "
        "orderly one, the least the one in which everybody expects the others to fail.",
        "Eisenberg and Noe (2001), Management Science 47(2); with default costs Rogers and Veraart (2013), Management "
        "Science 59(4).",
    ),
    "DebtRank": (
        "how distress passes from debtors to creditors before anybody fails: a debtor who loses a share of his equity "
        "makes his debts worth less.",
        "Battiston and others (2012), Scientific Reports 2:541; Bardoscia and others (2015), PLoS ONE 10(6).",
    ),
    "Furfine": (
        "rounds of default: a node fails when it loses more on failed debtors than its equity, and its creditors lose "
        "a fixed share of their claims.",
        "Furfine (2003), Journal of Money, Credit and Banking 35(1).",
    ),
    "ThresholdCascade": (
        "rounds of default: a node fails when its losses on failed debtors pass a fixed share of its equity.",
        "Watts (2002), PNAS 99(9); Gai and Kapadia (2010), Proceedings of the Royal Society A 466.",
    ),
    "NEVA": (
        "what claims are worth when the worth of each follows from the equity of its debtor, everywhere at once, found "
        "from above.",
        "Barucca and others (2020), Mathematical Finance 30(4).",
    ),
    "FireSale": (
        "what falling prices do: who must sell sells what others hold too, prices fall with what is sold, and more "
        "have to sell. Where claims are cleared as well, defaults and prices settle together.",
        "Greenwood, Landier and Thesmar (2015), Journal of Financial Economics 115; Cont and Schaanning (2017); "
        "Cifuentes, Ferrucci and Shin (2005), Journal of the European Economic Association 3(2-3).",
    ),
    "CrossHoldings": (
        "what nodes are worth that hold parts of one another, and who falls below his threshold and loses value by "
        "failing. The best case is the outcome with fewest failures, the worst the one with most.",
        "Elliott, Golub and Jackson (2014), American Economic Review 104(10); Suzuki (2002), Asia-Pacific Financial "
        "Markets 9(1).",
    ),
}
"""Model of balance sheets -> what it computes, and its source."""


def plain(words: dict[str, str], code: object) -> str:
    """Return the words for a code; a code that has none (a user's own) is shown without underscores.

    Parameters
    ----------
    words : dict
        One of the tables of this module.
    code : object
        A word of a table.

    Examples
    --------
    >>> plain(EVENTS, "own_capital")
    "venue's own capital paid"
    """
    return words.get(str(code), str(code).replace("_", " "))
