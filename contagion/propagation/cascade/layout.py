"""The flat arrays of the cascade: which array holds what?

`Book` never changes and is shared by all scenarios and threads; `State` is one scenario's copy. Small tables (markets,
venues, strategies, policy rows) are structured arrays, everything per account, leg or node is a flat array. Money is
counted in integer quanta of 2^-e of the network's unit, positions in integer lots (kept exactly in float64).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

Array = npt.NDArray[Any]


class Book(NamedTuple):
    """What never changes during a run: accounts N, legs L, markets M, venues V, nodes K, holdings H, claims C."""

    indptr: Array  # (N + 1,) legs of account i are indptr[i]:indptr[i + 1]
    leg_market: Array  # (L,)
    leg_account: Array  # (L,)
    entry_price: Array  # (L,) at the opening
    slot_indptr: Array  # (M + 1,) legs of market m are slot_legs[slot_indptr[m]:slot_indptr[m + 1]]
    slot_legs: Array
    count: Array  # type: ignore[assignment]  # hides tuple.count; (N,) identical accounts behind the row
    owner: Array  # (N,)
    venue: Array  # (N,)
    exempt: Array  # (N,) never called or liquidated
    answers: Array  # (N,) whether the owner reacts to calls
    response: Array  # (N,) probability of an answer
    name_hash: Array  # (N,)
    tier_rate: Array
    tier_amount: Array  # quanta
    tier_floor: Array  # quanta
    tier_top: Array  # quanta; the last one's cap, inf where it is open
    tier_initial: Array  # rate of initial margin on the whole notional
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
    venue_large_first: Array  # their places in the range of the venue, rows of many accounts first
    strategy_of_leg: (
        Array  # (L,) basis trade a leg belongs to, or hedger of options whose hedge it is; -1: none
    )
    reaction: Array  # (N,) what the owner does when called
    sources: Array  # (N,) how far down the list of sources a top-up may go
    hedge_leg: Array  # (L,) leg of the owner's account at another venue in which leg k is hedged, or -1
    owned_indptr: Array  # (K + 1,) accounts of node n
    owned_accounts: Array
    held_indptr: Array  # (K + 1,) holdings of node n
    held_rows: Array
    sellable: Array  # (H,) whether a holding may be sold to answer a call: it is no leg of a strategy
    debtor: Array  # (C,)
    lent_indptr: Array  # (K + 1,) claims of node n as a creditor
    lent_claims: Array
    recallable: Array  # (C,)
    notice: Array  # (C,) s
    slope: Array  # (N,) bound on the health lost per unit of the clock, quanta
    clock_of: Array  # (N,) market whose clock runs for the account, or M: the clock of all markets
    paired: Array  # (N,) whether two legs on one asset can spare each other's margin
    hold_indptr: Array  # (N + 1,) coins of account i are hold_indptr[i]:hold_indptr[i + 1]
    hold_slot: Array  # (B,) which coin at which venue
    hold_account: Array  # (B,)
    settles: Array  # (B,) whether legs of the account settle in this coin
    leg_coin: Array  # (L,) coin of the account (0..B-1) in which the leg settles, -1: money
    member_indptr: Array  # (V + 1,) members of venue v are member_indptr[v]:member_indptr[v + 1]
    member_node: Array  # (J,)
    member_contribution: Array  # (J,) quanta prefunded at the opening
    member_of: Array  # (N,) the member behind account i at its venue, or -1
    scanned: Array  # (N,) whether margin is asked by scenario scan: such accounts are always looked at
    scan_price: Array  # (C,) scenarios of all venues: moves of prices, of volatilities, and share that counts
    scan_volatility: Array
    scan_share: Array
    issuer: Array  # (A,) node that issues the asset, or -1
    pool_market: Array  # (A,) pool of which the asset is a share, or -1
    pool_holding: Array  # (A,) holding of the issuer that is in it, or -1
    pool_product: Array  # (A,) lots times quanta behind all shares, which trades keep
    pool_opening: Array  # (A, 2) lots and quanta in it at the opening


class State(NamedTuple):
    """One scenario's copy of everything that changes."""

    clock: Array  # (1,)
    quantity: Array  # (L,) signed lots of one account
    entry: Array  # (L,) entry price, an average where a position has grown
    trigger_mark: Array  # (L,) mark when the account was last triggered
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
    member_fund: Array  # (J,) quanta of the contribution that are left
    member_assessed: Array  # (J,) quanta
    shock_depth: Array  # (R + 1, M)
    shock_withdrawn: Array  # (R + 1 or 1, V) share of balances asked for so far
    shock_outage: Array  # (R + 1 or 1, V) whether orders and top-ups are refused
    shock_gas: Array  # (R + 1 or 1,) factor on the gas price
    shock_oracle: Array  # (R + 1 or 1, V, A) factor on the price that an oracle reports
    shock_volatility: Array  # (R + 1 or 1, A) factor on implied volatilities
    recovery: Array  # (A,) what an issuer's token is worth, as a share of its reference price, in this round's prices
    recovered: Array  # (A,) the same as of the end of the last round: in force from the next
    issued: Array  # (A,) lots of a token that are outstanding
    pool: Array  # (A, 2) lots and quanta in the pool of which the asset is a share
    risk: Array  # (M, C) gain in quanta of one lot long in every scenario of its venue, at the marks
    risk_outside: Array  # (M, C) the same at outside prices
    shock_mint: Array  # (n, 6) round, asset, market, lots to sell, lots this round, lots sold
    shock_attack: Array  # (n, 12) a row per attack and market: the columns are those of `attacking`
    index: Array  # type: ignore[assignment]  # hides tuple.index; (A,)
    index_return: Array  # (R + 1, A) log returns of the index
    venue_index: Array  # (R + 1, V, A) index by each venue's outlier rule, before its lag
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
    reacting: Array  # (N,) accounts whose owners trade this round, n_reacting of them, by id
    hedging: Array  # (L,) legs in which they hedge, n_hedging of them
    hedge_wanted: Array  # (L,) lots of one account, positive: sold
    hedge_taken: Array  # (L,)
    on_sale: Array  # (H,) lots of holdings offered this round to answer calls
    sale_market: Array  # (H,)
    recalled: Array  # (C,) quanta under notice
    recall_due: Array  # (C,) s, inf: no notice runs
    expected: Array  # (K,) quanta under notice that are promised to no call yet, this round
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
    trigger_time: Array  # (N,) s, of the trigger that has not been recovered from
    acted_in: Array  # (N,) round in which the account last acted
    closed_at: Array  # (N,) s
    closing_time: Array  # (N,) seconds from trigger to flat
    owed: Array  # (N,) quanta that one account owed at its trigger: missing cash and the notional of shorts
    liquidated: Array  # (N,) money, all of the row
    deleveraged: Array  # (N,)
    posted: Array  # (N,) quanta, all of the row
    deficit: Array  # (N,) quanta, all of the row
    key: Array  # (N,) reading of the clock below which an account need not be looked at
    tick: Array  # (M + 1,) clocks
    before: Array  # (M, 2) mark and multiplier of the last look
    trigger_price: Array  # (B,) oracle's price of a coin when the account was last triggered
    held: Array  # (B,) signed lots of a coin in one account; negative is a debt
    offered: Array  # (B,) lots of coins that must be sold (debts: bought back) this round
    traded: Array  # (B,) lots of them that are
    slots: Array  # (S,) coins by venue
    slot_history: Array  # (R + 1, S, 2) price and weight
    deals: Array  # (N,) liquidations of loans; (0,) where no venue lends
    slot_before: Array  # (S, 2) price and weight of the last look
    manner: Array  # (N,) what becomes of an account that acts this round: a code
    clipped_at: Array  # (N,) s, of the last clip since the trigger
    taken_over: Array  # (N,) money, all of the row
    rank_score: Array  # (L,) score at the last ranking, -inf: not in profit then
    fund_path: Array  # (R + 1, V) fund and worth of the inventory at the end of each round, quanta
    result_path: Array  # (R + 1, M) what the market has brought to the fund by then, quanta
