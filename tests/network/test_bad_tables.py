"""The numbered bad inputs that tables can hold: values, structure, hostile strings; class, message and place."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import (
    InputError,
    NetworkError,
    PolicyError,
    SchemaError,
    TooLargeError,
    UnitError,
    ValueRangeError,
)

Tables = dict[str, list[dict[str, Any]]]
Change = Callable[[Tables], Any]


def collateral(**columns: float) -> Change:
    """One row of collateral."""

    def change(tables: Tables) -> None:
        tables["collateral"] = [{"venue": "ex", "asset": "BTC", **columns}]

    return change


def cell(table: str, column: str, value: Any, row: int = 0) -> Change:
    """Put a value into one cell."""

    def change(tables: Tables) -> None:
        tables[table][row][column] = value

    return change


def amount(value: Any) -> Change:
    return cell("obligations", "amount", value)


def add(table: str, **record: Any) -> Change:
    """Add a row."""

    def change(tables: Tables) -> None:
        tables[table].append(record)

    return change


def frame(table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    """Pass one table as a changed DataFrame."""

    def apply(tables: Tables) -> None:
        tables[table] = change(pd.DataFrame(tables[table]))  # type: ignore[assignment]

    return apply


def array(values: Any) -> Change:
    """Pass the obligations as columns, with these amounts."""

    def change(tables: Tables) -> None:
        tables["obligations"] = {"debtor": ["ex"], "creditor": ["bank"], "amount": values}  # type: ignore[assignment]

    return change


EDGE = "obligations"
DEBT = {"debtor": "ex", "creditor": "bank", "amount": 20.0}

# (number and name, change, class, pattern, table, row)
Case = tuple[str, Change, type[InputError], str, str, int]
VALUES: list[Case] = [
    (
        "001-nan",
        amount(float("nan")),
        ValueRangeError,
        "nan is not finite; amounts must be finite and >= 0",
        EDGE,
        1,
    ),
    ("002-inf", amount(float("inf")), ValueRangeError, "inf is not finite", EDGE, 1),
    ("003-minus-inf", amount(float("-inf")), ValueRangeError, "-inf is not finite", EDGE, 1),
    (
        "004-negative",
        amount(-5.0),
        ValueRangeError,
        "-5.0 is negative.*reverse the edge to record a claim",
        EDGE,
        1,
    ),
    ("005-1e400", amount(1e400), ValueRangeError, "inf is not finite", EDGE, 1),
    ("005-1e400-decimal", amount(Decimal("1e400")), ValueRangeError, "is not finite", EDGE, 1),
    ("006-subnormal", amount(5e-324), ValueRangeError, "5e-324 is too small to be kept exactly", EDGE, 1),
    ("007-inexact", amount(2**53 + 1), ValueRangeError, "9007199254740993 has no exact float", EDGE, 1),
    ("007-inexact-array", array(np.array([2**53 + 1])), ValueRangeError, "has no exact float", EDGE, 1),
    ("008-beyond-int64", amount(2**63), ValueRangeError, "does not fit in 64 bits", EDGE, 1),
    ("009-bool", amount(True), SchemaError, "True is a truth value", EDGE, 1),
    ("009-bool-array", array(np.array([True])), SchemaError, "True is a truth value", EDGE, 1),
    ("010-thousands", amount("1,000"), SchemaError, "'1,000' is str, not a number.*comma", EDGE, 1),
    ("011-unit", amount("1.5e3 USD"), SchemaError, "'1.5e3 USD' is str, not a number", EDGE, 1),
    ("012-decimal-comma", amount("1,5"), SchemaError, "'1,5' is str, not a number.*comma", EDGE, 1),
    ("013-percent", amount("5%"), SchemaError, "'5%' is str, not a number.*percent", EDGE, 1),
    ("014-complex", amount(1 + 2j), ValueRangeError, r"\(1\+2j\) is complex", EDGE, 1),
    ("014-complex-array", array(np.array([1j])), ValueRangeError, "is complex", EDGE, 1),
    ("015-none", amount(None), SchemaError, "None is empty", EDGE, 1),
    ("015-na", amount(pd.NA), SchemaError, "<NA> is empty", EDGE, 1),
    ("015-masked", array(np.ma.array([1.0], mask=[True])), SchemaError, "is empty", EDGE, 1),
    ("016-decimal-nan", amount(Decimal("NaN")), ValueRangeError, "nan is not finite", EDGE, 1),
    ("018-empty", amount(""), SchemaError, "'' is empty", EDGE, 1),
    (
        "019-recovery",
        cell("venues", "customer_share", 1.5),
        ValueRangeError,
        "1.5 is out of range.*<= 1",
        "venues",
        1,
    ),
    (
        "020-probability",
        cell("accounts", "response", 1.1),
        ValueRangeError,
        "1.1 is out of range",
        "accounts",
        1,
    ),
    (
        "021-price-zero",
        cell("assets", "price", 0.0, 1),
        ValueRangeError,
        "0.0 is out of range.*> 0",
        "assets",
        2,
    ),
    (
        "022-price-negative",
        cell("assets", "price", -1.0, 1),
        ValueRangeError,
        "-1.0 is negative",
        "assets",
        2,
    ),
    ("023-date", amount(datetime.date(2025, 10, 10)), SchemaError, "is a date or a duration", EDGE, 1),
    ("023-timestamp", amount(pd.Timestamp("2025-10-10")), SchemaError, "is a date or a duration", EDGE, 1),
    ("023-date-array", array(np.array(["2025-10-10"], dtype="datetime64[s]")), SchemaError, "date", EDGE, 1),
    (
        "024-sum-overflows",
        lambda tables: [cell("nodes", "cash", 1e308, row)(tables) for row in range(4)],
        ValueRangeError,
        "the sum of column cash overflows",
        "nodes",
        0,
    ),
]

STRUCTURE: list[Case] = [
    (
        "025-empty",
        lambda tables: [rows.clear() for rows in tables.values()],
        NetworkError,
        "empty",
        "nodes",
        0,
    ),
    ("028-self-loop", cell(EDGE, "creditor", "ex"), NetworkError, "'ex' owes itself", EDGE, 1),
    ("029-duplicate-edge", add(EDGE, **DEBT), NetworkError, "repeats row 1.*sum-duplicates", EDGE, 2),
    (
        "029-duplicate-depth",
        add("depth", market="ex:BTC", side="bid", band=0.01, amount=1e3),
        PolicyError,
        "repeats row 1",
        "depth",
        3,
    ),
    (
        "031-unknown-node",
        cell(EDGE, "creditor", "bnak"),
        NetworkError,
        "'bnak' is missing from nodes .did you mean 'bank'",
        EDGE,
        1,
    ),
    (
        "031-unknown-venue",
        cell("accounts", "venue", "nowhere"),
        NetworkError,
        "missing from venues",
        "accounts",
        1,
    ),
    ("032-duplicate-id", add("nodes", name="bank"), NetworkError, "'bank' repeats row 4", "nodes", 5),
    ("033-null-id", cell("nodes", "name", None, 3), NetworkError, "'' is empty", "nodes", 4),
    ("033-null-reference", cell(EDGE, "creditor", None), NetworkError, "'' is empty", EDGE, 1),
    (
        "034-text-and-number",
        lambda tables: [add("nodes", name="1")(tables), add("nodes", name=1)(tables)],
        NetworkError,
        "1 is int, not text .the same id exists as text",
        "nodes",
        6,
    ),
    (
        "034-number-in-edge",
        lambda tables: [add("nodes", name="1")(tables), cell(EDGE, "creditor", 1)(tables)],
        NetworkError,
        "1 is int, not text .the same id exists as text",
        EDGE,
        1,
    ),
    (
        "035-casefold",
        add("nodes", name="BANK"),
        NetworkError,
        "'BANK' differs from 'bank' .row 4. only in",
        "nodes",
        5,
    ),
    (
        "035-nfc",
        lambda tables: [add("nodes", name="\u00e9")(tables), add("nodes", name="e\u0301")(tables)],
        NetworkError,
        "only in case, spaces or Unicode form",
        "nodes",
        6,
    ),
    ("035-strip", add("nodes", name="\tbank"), NetworkError, "only in case, spaces", "nodes", 5),
    (
        "044-long-not-short",
        cell("positions", "quantity", 3.0),
        NetworkError,
        '1.0 units net long.*rest_of_market="add"',
        "markets",
        1,
    ),
    (
        "045-unknown-kind",
        cell("nodes", "kind", "exchagne"),
        NetworkError,
        "'exchagne' is not a known kind .did you mean 'exchange'",
        "nodes",
        1,
    ),
    (
        "046-disallowed-kinds",
        cell("nodes", "kind", "trader"),
        NetworkError,
        "a venue is an exchange or a protocol",
        "venues",
        1,
    ),
    (
        "048-hypergraph",
        cell(EDGE, "creditor", ("bank", "t1")),
        NetworkError,
        "joins more than two names",
        EDGE,
        1,
    ),
]

TABLES: list[Case] = [
    (
        "058-missing-column",
        lambda tables: tables[EDGE][0].pop("amount"),
        SchemaError,
        "column 'amount' is missing; required: debtor, creditor, amount",
        EDGE,
        0,
    ),
    (
        "059-extra-column",
        cell(EDGE, "amout", 1.0),
        SchemaError,
        "column 'amout' is unknown .did you mean 'amount'",
        EDGE,
        0,
    ),
    (
        "060-duplicate-header",
        frame(EDGE, lambda f: pd.concat([f, f[["amount"]]], axis=1)),
        SchemaError,
        "column 'amount' appears more than once",
        EDGE,
        0,
    ),
    (
        "074-space",
        cell("nodes", "name", "bank ", 3),
        NetworkError,
        "'bank ' starts or ends with a space",
        "nodes",
        4,
    ),
    ("075-wrong-dtype", frame(EDGE, lambda f: f.assign(amount="20")), SchemaError, "'20' is str", EDGE, 1),
    ("076-nested", amount([1.0]), SchemaError, "holds several values", EDGE, 1),
    (
        "078-mixed",
        lambda tables: [amount("twenty")(tables), add(EDGE, debtor="bank", creditor="ex", amount=1)(tables)],
        SchemaError,
        "'twenty' is str, not a number",
        EDGE,
        1,
    ),
    ("078-mixed-ids", add("nodes", name=3.5), SchemaError, "3.5 is float, not text", "nodes", 5),
    ("086-missing-key", add(EDGE, debtor="bank", creditor="ex"), SchemaError, "no key 'amount'", EDGE, 2),
]

STRINGS: list[Case] = [
    ("105-nul", add("nodes", name="a\x00b"), SchemaError, "NUL, a line break", "nodes", 5),
    ("105-newline", add("nodes", name="a\nb"), SchemaError, "NUL, a line break", "nodes", 5),
    ("105-half-a-character", add("nodes", name="a\ud800"), SchemaError, "half a character", "nodes", 5),
    ("105-in-text", cell("nodes", "owner", "a\nb"), SchemaError, "NUL, a line break", "nodes", 1),
    (
        "107-ten-megabytes",
        add("nodes", name="x" * 10_000_000),
        TooLargeError,
        "is too long; at most 1,000",
        "nodes",
        5,
    ),
]

RULES: list[Case] = [
    (
        "116-overlap",
        add("tiers", schedule="s", floor=0.0, initial_rate=0.3, maintenance_rate=0.2),
        PolicyError,
        "repeats row 1",
        "tiers",
        3,
    ),
    ("117-no-tiers", add("schedules", name="other"), PolicyError, "has no tiers", "schedules", 2),
    ("118-first-floor", cell("tiers", "floor", 1.0), PolicyError, "1.0 is the first floor", "tiers", 1),
    (
        "119-rate-falls",
        cell("tiers", "maintenance_rate", 0.01, 1),
        PolicyError,
        "0.01 is below the tier before",
        "tiers",
        2,
    ),
    (
        "120-maintenance-above-initial",
        cell("tiers", "maintenance_rate", 0.3, 1),
        PolicyError,
        "0.3 is above initial_rate",
        "tiers",
        2,
    ),
    ("122-zero-depth", cell("depth", "amount", 0.0), PolicyError, "0.0 is out of range.*> 0", "depth", 1),
    (
        "123-negative-fund",
        cell("venues", "insurance_fund", -1.0),
        PolicyError,
        "-1.0 is negative",
        "venues",
        1,
    ),
    (
        "124-close-factor-zero",
        cell("venues", "close_factor", 0.0),
        PolicyError,
        "0.0 is out of range",
        "venues",
        1,
    ),
    (
        "124-close-factor-above-one",
        cell("venues", "close_factor", 1.5),
        PolicyError,
        "1.5 is out of range",
        "venues",
        1,
    ),
    (
        "125-bonus-times-threshold-above-one",
        collateral(liquidation_threshold=0.95, bonus=0.1),
        PolicyError,
        "0.1 leaves nothing.*below 0.05263",
        "collateral",
        1,
    ),
    (
        "126-threshold-below-loan-to-value",
        collateral(loan_to_value=0.8, liquidation_threshold=0.7),
        PolicyError,
        "0.7 is below loan_to_value.*at least 0.8",
        "collateral",
        1,
    ),
    (
        "129-unknown-rank",
        cell("venues", "adl_rank", "bitmx"),
        PolicyError,
        "did you mean 'bitmex'",
        "venues",
        1,
    ),
    (
        "050-unknown-unit",
        lambda tables: tables["assets"].pop(0),
        UnitError,
        "no row for the unit 'USD'",
        "assets",
        0,
    ),
    ("050-unit-without-price-1", cell("assets", "price", 2.0), UnitError, "must be", "assets", 1),
]

CASES = [*VALUES, *STRUCTURE, *TABLES, *STRINGS, *RULES]


@pytest.mark.parametrize(
    ("change", "error", "pattern", "table", "row"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_a_bad_table_is_refused_with_its_place(
    tables: Tables, change: Change, error: type[InputError], pattern: str, table: str, row: int
) -> None:
    change(tables)
    with pytest.raises(InputError, match=pattern) as caught:
        ct.Network(**tables)
    assert type(caught.value) is error
    issues = caught.value.issues
    assert list(issues.columns) == ["severity", "code", "table", "row", "remedy"]
    assert ((issues["table"] == table) & (issues["row"] == row) & (issues["severity"] == "error")).any()
