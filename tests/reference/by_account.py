"""Rules on lists of named accounts: records to columns, and results back to names."""

import dataclasses
from collections.abc import Mapping

from contagion.errors import InputError, SchemaError
from contagion.margin import adl, adl_rank, adl_triggers
from contagion.markets import breakers, funding, index


def columns(records, keys, where):
    """Values of each key in a list of mappings, missing ones refused by name."""
    if not isinstance(records, list):
        raise SchemaError("is not a list", where=where, value=records)
    for place, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise SchemaError("is not a mapping", where=f"{where}[{place}]", value=record)
        for key in keys:
            if key not in record:
                raise SchemaError(f"has no key {key!r}", where=f"{where}[{place}]", value=record)
    return {key: [record[key] for record in records] for key in keys}


def names_of(records, where):
    """The ids of a list of mappings, each once."""
    names = columns(records, ["id"], where)["id"]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError("comes twice", where=f"{where}[{place}].id", value=name)
    return names


def named(found, names):
    """A result as a dictionary: places become ids, one number per account a dictionary by id."""
    values = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    for key, value in values.items():
        if key in ("order", "in_profit"):
            values[key] = [names[place] for place in value]
        elif getattr(value, "ndim", 0) == 1:
            values[key] = dict(zip(names, value.tolist(), strict=True))
    return values


def adl_queue(accounts, queue_order, severity=None, budget=None):
    names, held = names_of(accounts, "accounts"), columns(accounts, MONEY, "accounts")
    if not isinstance(queue_order, list):
        raise SchemaError("is not a list", where="queue_order", value=queue_order)
    for name in queue_order:
        if name not in names:
            raise InputError("is no id of the accounts", where="queue_order", value=name)
    order = [names.index(name) for name in queue_order]
    return named(adl.adl_queue(**held, queue_order=order, severity=severity, budget=budget), names)


def adl_pro_rata(accounts, severity=None, budget=None):
    names, held = names_of(accounts, "accounts"), columns(accounts, MONEY, "accounts")
    return named(adl.adl_pro_rata(**held, severity=severity, budget=budget), names)


def adl_pro_rata_capped(accounts, budget):
    names, held = names_of(accounts, "accounts"), columns(accounts, ["weight", "cap"], "accounts")
    return named(adl.adl_pro_rata_capped(**held, budget=budget), names)


def adl_contract_pro_rata(accounts, quantity):
    names, held = names_of(accounts, "accounts"), columns(accounts, ["size"], "accounts")
    return named(adl.adl_contract_pro_rata(**held, quantity=quantity), names)


def socialised_loss(accounts, loss, insurance_fund):
    names, held = names_of(accounts, "accounts"), columns(accounts, ["realized_profit"], "accounts")
    return named(adl.socialised_loss(**held, loss=loss, insurance_fund=insurance_fund), names)


def adl_rank_bitmex(mark_price, accounts):
    keys = ["side", "entry_price", "bankruptcy_price"]
    names, held = names_of(accounts, "accounts"), columns(accounts, keys, "accounts")
    return named(adl_rank.adl_rank_bitmex(mark_price, **held), names)


def adl_rank_binance(accounts):
    keys = ["unrealized_pnl", "collateral", "margin_ratio"]
    names, held = names_of(accounts, "accounts"), columns(accounts, keys, "accounts")
    return named(adl_rank.adl_rank_binance(**held), names)


def adl_rank_hyperliquid(mark_price, accounts, form):
    keys = ["side", "size", "entry_price", "account_value"]
    names, held = names_of(accounts, "accounts"), columns(accounts, keys, "accounts")
    return named(adl_rank.adl_rank_hyperliquid(mark_price, **held, form=form), names)


def adl_trigger_fund_drawdown(fund_history, window_s, drawdown_limit):
    seen = columns(fund_history, ["time_s", "balance"], "fund_history")
    return dataclasses.asdict(
        adl_triggers.adl_trigger_fund_drawdown(**seen, window_s=window_s, drawdown_limit=drawdown_limit)
    )


def funding_rate_open_interest(
    long_open_interest, short_open_interest, index_price, mark_price, positions, kappa
):
    names, held = names_of(positions, "positions"), columns(positions, ["quantity"], "positions")
    found = funding.funding_rate_open_interest(
        long_open_interest, short_open_interest, index_price, mark_price, **held, kappa=kappa
    )
    return named(found, names)


def index_price_weighted(prices, weights, max_deviation):
    found = index.index_price_weighted(prices, weights=weights, max_deviation=max_deviation)
    return {"index_price": found.index_price, "outliers": found.outliers}


def circuit_breaker_market_wide_halts(prior_close, path, levels, halt_min, last_halt_min):
    seen = columns(path, ["time_min", "value"], "path")
    found = breakers.circuit_breaker_market_wide_halts(
        prior_close, **seen, levels=levels, halt_min=halt_min, last_halt_min=last_halt_min
    )
    halts = {field.name: getattr(found, field.name).tolist() for field in dataclasses.fields(found)}
    return {"halts": [dict(zip(halts, row, strict=True)) for row in zip(*halts.values(), strict=True)]}


MONEY = ("wallet_balance", "unrealized_pnl")
