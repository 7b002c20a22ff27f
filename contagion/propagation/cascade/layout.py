"""How the cascade keeps its world in flat arrays: which field means what?

`Book` never changes and is shared by all scenarios and threads; `State` is one scenario's copy. Small tables (markets,
venues, strategies, policy rows) are structured arrays, everything per account, leg or node is a flat array. Money is
counted in integer quanta of 2^-e of the network's unit, positions in integer lots (kept exactly in float64).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

# kinds and rules, as codes --------------------------------------------------------------------------------------------
PERP, SPOT = 0, 1
MARKS = {"last": 0, "index": 1, "weighted": 2}
PROCEDURES = {"close_out": 0, "partial": 1, "ladder": 2}
RANKS = {"bitmex": 0, "contract_pro_rata": 1}
RESIDUALS = {"profit_pro_rata": 0, "profit_queue": 1, "socialise": 2, "own_equity": 3}
HALT, BAND, THROTTLE, PYTHON = 0, 1, 2, 3
SCOPES = {"market": 0, "asset": 1, "all": 2}
HALT_REFERENCES = {"last": 0, "shock": 1}
REOPENINGS = {"halt_price": 0, "window": 1}
BAND_REFERENCES = {"mark": 0, "index": 1, "last": 2}

# who holds money or lots in the ledger, why it moved, and what moved --------------------------------------------------
ENTITIES = ("account", "provider", "fund", "node", "keeper", "burn", "outside")
ACCOUNT, PROVIDER, FUND, NODE, KEEPER, BURN, OUTSIDE = range(7)
REASONS = (
    "liquidation",
    "adl",
    "unwind",
    "arbitrage",
    "fee",
    "top_up",
    "fund",
    "residual",
    "own_equity",
    "venue_default",
    "node_default",
    "injection",
    "shock",
)
(
    BY_LIQUIDATION,
    BY_ADL,
    BY_UNWIND,
    BY_ARBITRAGE,
    BY_FEE,
    BY_TOP_UP,
    BY_FUND,
    BY_RESIDUAL,
    BY_OWN_EQUITY,
    BY_VENUE_DEFAULT,
    BY_NODE_DEFAULT,
    BY_INJECTION,
    BY_SHOCK,
) = range(13)
MONEY, CLAIM, EXTERNAL = -1, -2, -3
EVENTS = (
    "shock",
    "call",
    "top_up",
    "liquidation",
    "adl",
    "unwind",
    "arbitrage",
    "fund",
    "residual",
    "halt",
    "reopen",
    "venue_default",
    "node_default",
)
(
    EVENT_SHOCK,
    EVENT_CALL,
    EVENT_TOP_UP,
    EVENT_LIQUIDATION,
    EVENT_ADL,
    EVENT_UNWIND,
    EVENT_ARBITRAGE,
    EVENT_FUND,
    EVENT_RESIDUAL,
    EVENT_HALT,
    EVENT_REOPEN,
    EVENT_VENUE_DEFAULT,
    EVENT_NODE_DEFAULT,
) = range(13)

MARKET = np.dtype(
    [
        ("venue", "i8"),
        ("asset", "i8"),
        ("kind", "i8"),
        ("mark_rule", "i8"),
        ("mark_weight", "f8"),
        ("lot", "f8"),  # units of the asset in one lot
        ("lot_scale", "f8"),  # lot times quanta per unit of money: price * lot_scale = quanta a lot is worth
        ("impact", "i8"),
        ("coefficient", "f8"),  # displacement = coefficient * money / depth (root: Y * daily volatility)
        ("depth_bid", "f8"),  # money in the narrowest band (root: daily volume)
        ("depth_ask", "f8"),
        ("band_first", "i8"),  # bid bands are band_first:band_mid, ask bands band_mid:band_last
        ("band_mid", "i8"),
        ("band_last", "i8"),
        ("permanent_share", "f8"),
        ("half_life", "f8"),
        ("depth_floor", "f8"),
        ("capital_exponent", "f8"),
        ("volatility_exponent", "f8"),
        ("volatility", "f8"),
        ("capital", "f8"),  # of the liquidity provider at the opening, in quanta
        ("tier_first", "i8"),
        ("tier_last", "i8"),
        ("initial_rate", "f8"),
        ("opening", "f8"),  # price at the opening
        ("outside", "f8"),
        ("permanent", "f8"),  # displacement
        ("temporary", "f8"),
        ("last", "f8"),
        ("mark", "f8"),
        ("index", "f8"),
        ("depth", "f8"),  # share of the opening depth that rests now
        ("shock_depth", "f8"),
        ("multiplier", "f8"),  # of maintenance margin
        ("shut", "?"),
        ("dead", "?"),
        ("provider_lots", "i8"),
        ("provider_cash", "i8"),
        ("asked_sell", "f8"),
        ("asked_buy", "f8"),
        ("cap_sell", "f8"),
        ("cap_buy", "f8"),
        ("lower", "f8"),
        ("upper", "f8"),
        ("flow", "f8"),  # lots sold to the book, net, this round
        ("fill", "f8"),
        ("reached", "f8"),  # displacement after the fill
        ("wish", "f8"),  # arbitrage, lots
        ("liquidated", "f8"),  # money at the execution price
        ("deleveraged", "f8"),
        ("halted_seconds", "f8"),
        ("lowest", "f8"),
        ("largest_fall", "f8"),
        ("basis_peak", "f8"),
        ("depth_lowest", "f8"),
        ("deferred", "f8"),  # money not filled, last round
    ],
    align=True,
)

VENUE = np.dtype(
    [
        ("node", "i8"),
        ("fund", "i8"),
        ("fund_opening", "i8"),
        ("procedure", "i8"),
        ("target", "f8"),
        ("min_clip", "f8"),
        ("fee", "f8"),
        ("fee_to_fund", "f8"),
        ("fee_to_keeper", "f8"),
        ("fee_burned", "f8"),
        ("adl", "?"),
        ("adl_rank", "i8"),
        ("residual", "i8"),
        ("throughput", "f8"),  # quanta per second
        ("customer_share", "f8"),
        ("call_ratio", "f8"),
        ("call_target", "f8"),
        ("call_delay", "f8"),
        ("fund_limit", "f8"),  # of this round's waterfall, in quanta
        ("residual_limit", "f8"),
        ("own_limit", "f8"),
        ("deficit", "i8"),  # of this round
        ("failed", "?"),
        ("failed_at", "f8"),
        ("keeper", "i8"),
        ("burned", "i8"),
        ("fee_to_venue", "i8"),
        ("fees", "i8"),
        ("bad_debt", "i8"),
        ("fund_used", "i8"),
        ("residual_paid", "i8"),
        ("own_paid", "i8"),
        ("uncovered", "i8"),
        ("liquidated", "f8"),
        ("deleveraged", "f8"),
    ],
    align=True,
)

STRATEGY = np.dtype(
    [
        ("kind", "i8"),  # 0 basis, 1 arbitrage
        ("long_leg", "i8"),  # a leg of an account, or -1
        ("long_holding", "i8"),  # a row of the holdings, or -1
        ("long_market", "i8"),
        ("short_leg", "i8"),
        ("short_market", "i8"),
        ("ratio", "f8"),  # units of the long leg per unit of the short leg
        ("capital", "f8"),  # quanta
        ("rate", "f8"),
        ("unwind", "f8"),  # seconds
        ("pending_long", "f8"),  # lots still to be unwound
        ("pending_short", "f8"),
        ("slice_long", "f8"),
        ("slice_short", "f8"),
        ("ask_long", "f8"),  # this round
        ("ask_short", "f8"),
    ],
    align=True,
)

POLICY = np.dtype(
    [
        ("kind", "i8"),
        ("place", "i8"),  # in the list of policies
        ("scope", "i8"),
        ("drop", "f8"),
        ("window", "f8"),
        ("length", "f8"),
        ("times", "f8"),
        ("reference", "i8"),
        ("reopening", "i8"),
        ("below", "f8"),
        ("above", "f8"),
        ("share", "f8"),
        ("rate", "f8"),  # quanta per second and market
    ],
    align=True,
)

BREAKER = np.dtype(  # state of one halt policy in one market
    [("until", "f8"), ("count", "f8"), ("reference", "f8"), ("since", "i8"), ("active", "?")], align=True
)

HISTORY = np.dtype(
    [
        ("outside", "f8"),
        ("last", "f8"),
        ("mark", "f8"),
        ("index", "f8"),
        ("displacement", "f8"),
        ("depth", "f8"),
        ("added", "f8"),  # displacement that the round's forced flow added
        ("sold", "f8"),  # gross money of the round's forced fills
        ("halted", "?"),
    ],
    align=True,
)

ROUND = np.dtype(
    [
        ("time", "f8"),
        ("liquidated_notional", "f8"),
        ("adl_notional", "f8"),
        ("asked_notional", "f8"),
        ("deferred_notional", "f8"),
        ("bad_debt", "f8"),
        ("fund_total", "f8"),
        ("margin_called", "f8"),
        ("margin_posted", "f8"),
        ("halted_markets", "f8"),
        ("liquidations", "f8"),
    ],
    align=True,
)

CLOCK = np.dtype(
    [
        ("step", "f8"),
        ("time", "f8"),
        ("round", "i8"),
        ("last_round", "i8"),
        ("shock_end", "f8"),
        ("key", "u8"),
        ("sticky", "?"),
        ("calls", "?"),
        ("adl", "?"),
        ("unwinding", "?"),
        ("arbitrage", "?"),
        ("defaults", "?"),
        ("observed", "?"),
        ("settled", "?"),  # the temporary displacement has been set to its settled value since the last action
        ("acted", "?"),  # something happened this round
        ("done", "?"),
        ("record", "?"),
        ("quantum", "f8"),  # money of one quantum
        ("n_events", "i8"),
        ("n_ledger", "i8"),
        ("n_calls", "i8"),  # outstanding
        ("n_called", "i8"),
        ("n_acting", "i8"),
        ("n_closed", "i8"),
        ("volatility_window", "f8"),
        ("outside_paid", "i8"),
        ("skip", "?"),  # use the clocks to skip accounts that cannot have been reached
    ],
    align=True,
)

EVENT = np.dtype(
    [
        ("round", "i8"),
        ("time", "f8"),
        ("kind", "i8"),
        ("account", "i8"),
        ("node", "i8"),
        ("venue", "i8"),
        ("market", "i8"),
        ("lots", "f8"),
        ("price", "f8"),
        ("money", "f8"),
    ],
    align=True,
)

LEDGER = np.dtype(
    [
        ("round", "i8"),
        ("event", "i8"),
        ("entity", "i8"),
        ("id", "i8"),
        ("kind", "i8"),
        ("instrument", "i8"),
        ("amount", "i8"),
    ],
    align=True,
)

COUNTERS = (
    "forced_cost",
    "liquidated_long",
    "liquidated_short",
    "liquidated_accounts",
    "deleveraged",
    "margin_called",
    "margin_posted",
    "asked",
    "filled",
    "basis_sum",
    "basis_weight",
    "basis_worst",
    "coverage_sum",
    "coverage_weight",
    "slippage",
    "fees",
    "healthy_outside",
    "liquidated_all",
    "node_defaults",
    "venue_defaults",
    "injected",
)
(
    FORCED_COST,
    LIQUIDATED_LONG,
    LIQUIDATED_SHORT,
    LIQUIDATED_ACCOUNTS,
    DELEVERAGED,
    MARGIN_CALLED,
    MARGIN_POSTED,
    ASKED,
    FILLED,
    BASIS_SUM,
    BASIS_WEIGHT,
    BASIS_WORST,
    COVERAGE_SUM,
    COVERAGE_WEIGHT,
    SLIPPAGE,
    FEES,
    HEALTHY_OUTSIDE,
    LIQUIDATED_ALL,
    NODE_DEFAULTS,
    VENUE_DEFAULTS,
    INJECTED,
) = range(21)


class Book(NamedTuple):
    """What never changes during a run: accounts N, legs L, markets M, venues V, nodes K, holdings H, claims C."""

    indptr: Array  # (N + 1,) legs of account i are indptr[i]:indptr[i + 1]
    leg_market: Array  # (L,)
    leg_account: Array  # (L,)
    entry_price: Array  # (L,)
    slot_indptr: Array  # (M + 1,) legs of market m are slot_legs[slot_indptr[m]:slot_indptr[m + 1]]
    slot_legs: Array
    count: Array  # (N,) identical accounts behind the row
    owner: Array  # (N,)
    venue: Array  # (N,)
    exempt: Array  # (N,) never called or liquidated
    answers: Array  # (N,) whether the owner reacts to calls
    response: Array  # (N,) probability of an answer
    name_hash: Array  # (N,)
    tier_rate: Array
    tier_amount: Array  # quanta
    tier_floor: Array  # quanta
    bands: Array
    volumes: Array
    index_indptr: Array  # (A + 1,) spot markets of asset a
    index_market: Array
    index_weight: Array
    debt_indptr: Array  # (K + 1,) what node i owes
    creditor: Array
    claim: Array  # (C,) quanta
    sheet_nodes: Array  # nodes whose balance sheet is watched
    watched: Array  # (K,) whether a node is one of them
    sheet_indptr: Array  # accounts of those nodes
    sheet_accounts: Array
    holding_node: Array
    holding_asset: Array
    asset_lot_scale: Array  # (A,) quanta per unit of price of one lot of a holding
    venue_of_node: Array  # (K,) venue or -1
    counted: Array  # (K,) the set R over which losses are summed
    venue_indptr: Array  # (V + 1,) accounts of venue v
    venue_accounts: Array
    strategy_of_leg: Array  # (L,) basis strategy a leg belongs to, or -1
    slope: Array  # (N,) bound on the health lost per unit of the clock, quanta
    clock_of: Array  # (N,) market whose clock runs for the account, or M: the clock of all markets


class State(NamedTuple):
    """One scenario's copy of everything that changes."""

    clock: Array  # (1,)
    quantity: Array  # (L,) signed lots of one account
    cash: Array  # (N,) quanta of one account, entry values included
    node_cash: Array
    external_assets: Array
    external_liabilities: Array
    node_failed: Array
    node_failed_at: Array
    forced_default: Array
    holding: Array  # (H,) lots
    remaining: Array  # (C,) claims still open
    payments: Array  # (K,) clearing vector
    own_resources: Array  # (K,)
    fixed_debt: Array  # (K,)
    markets: Array
    venues: Array
    strategies: Array
    policies: Array
    covered: Array  # (P, M) markets that a policy row applies to
    breakers: Array  # (P, M)
    outside: Array  # (R + 1, A) outside prices
    shock_depth: Array  # (R + 1, M)
    index: Array  # (A,)
    index_return: Array  # (R + 1, A) log returns of the index
    history: Array  # (R + 1, M)
    rounds: Array  # (R + 1,)
    events: Array
    ledger: Array
    counters: Array
    equity: Array  # (N,) as of the last look
    requirement: Array  # (N,)
    due: Array  # (N,) when the outstanding call is due, inf: none
    calls: Array  # (N,)
    answered: Array  # (N,) whether the outstanding call will be answered
    calling: Array  # (N,) accounts with an outstanding call, n_calls of them
    called: Array  # (N,) accounts that fell below the call level this round, n_called of them
    selected: Array  # (N,) sticky selection
    acting: Array  # (N,) accounts that act this round, n_acting of them
    order: Array  # (N,) acting accounts by rank
    wanted: Array  # (L,) lots this round
    taken: Array  # (L,)
    ratio: Array  # (N,) margin ratio of those that act
    touched: Array  # (N,) acted or was deleveraged this round
    leave: Array  # (N,) leaves the order for deleveraging
    first_trigger: Array  # (N,) s
    closed_at: Array  # (N,) s
    closing_time: Array  # (N,) seconds from trigger to flat, in order of closing
    liquidated: Array  # (N,) money, all of the row
    deleveraged: Array  # (N,)
    posted: Array  # (N,) quanta, all of the row
    deficit: Array  # (N,) quanta, all of the row
    key: Array  # (N,) reading of the clock below which an account need not be looked at
    tick: Array  # (M + 1,) clocks
    before: Array  # (M, 3) mark and multiplier of the last look
