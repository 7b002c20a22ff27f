"""A network is complete, sorted, labelled, frozen; replace gives another one; checks say what is unusual."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contagion as ct
from contagion.errors import InputError, NetworkError, SchemaError, UnitError, ValueRangeError
from contagion.network.checks import findings, refuse_errors
from contagion.network.equity import opening_account_equity, opening_equity, opening_requirement
from contagion.network.schema import TABLES
from tests.strategies import networks

Tables = dict[str, list[dict[str, Any]]]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_every_column_in_its_kind(net: ct.Network, name: str) -> None:
    frame, table = getattr(net, name), TABLES[name]
    assert frame.index.name == table.index
    columns = {table.index: frame.index} if table.index else {}
    columns |= {name: frame[name] for name in frame}
    assert list(columns) == list(table.names)
    kinds = {"number": np.float64, "count": np.int64, "bool": np.bool_}
    for column in table.columns:
        assert columns[column.name].dtype == kinds.get(column.kind, object)


def test_the_documented_defaults_are_filled_in(net: ct.Network) -> None:
    account = net.accounts.loc["a1"]
    assert account[["mode", "count", "reaction", "response"]].tolist() == ["cross", 1, "top_up", 0.5]
    venue = net.venues.loc["ex"]
    assert venue[["procedure", "mark", "residual", "adl_rank", "adl_trigger"]].tolist() == [
        "close_out",
        "weighted",
        "profit_pro_rata",
        "bitmex",
        "",
    ]
    assert venue[["call_ratio", "call_target", "call_delay", "target", "min_clip"]].tolist() == [
        2,
        3,
        300,
        1.5,
        0.2,
    ]
    market = net.markets.loc["ex:BTC"]
    assert market[["quote", "settle", "kind", "impact"]].tolist() == ["USD", "USD", "perp", "exponential"]
    assert market[["permanent_share", "impact_half_life", "depth_floor"]].tolist() == [0.2, 300.0, 0.05]
    assert market[["lot", "volume", "volatility"]].isna().all() and np.isnan(venue["throughput"])


def test_rows_are_sorted_by_name(net: ct.Network) -> None:
    assert net.nodes.index.tolist() == ["bank", "ex", "t1", "t2"]
    assert net.depth["side"].tolist() == ["ask", "bid"]


def test_names_sort_as_text() -> None:
    net = ct.Network(nodes=[{"name": name} for name in ("a2", "a10000", "B", "é")])
    assert net.nodes.index.tolist() == ["B", "a10000", "a2", "é"]


def test_a_half_life_may_be_empty_and_means_never(tables: Tables) -> None:
    tables["markets"][0]["impact_half_life"] = None
    assert np.isnan(ct.Network(**tables).markets.loc["ex:BTC", "impact_half_life"])


def test_attributes_cannot_be_set_or_deleted(net: ct.Network) -> None:
    with pytest.raises(AttributeError, match=r"a network is frozen: use net\.replace"):
        net.nodes = net.nodes  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del net.nodes
    with pytest.raises(AttributeError, match=r"no attribute 'noodes' .did you mean 'nodes'"):
        _ = net.noodes


def test_144_changing_a_table_leaves_the_network_as_it_is(net: ct.Network) -> None:
    before, nodes = net.fingerprint, net.nodes
    nodes["cash"] = 7.0
    nodes.loc["bank", "kind"] = "trader"
    assert net.nodes.loc["bank", ["kind", "cash"]].tolist() == ["institution", 10.0]
    with pytest.raises(ValueError, match="read-only"):
        net.nodes["cash"].to_numpy()[0] = 7.0
    assert ct.Network(**net.tables).fingerprint == before


def test_144_the_caller_s_arrays_stay_the_caller_s() -> None:
    cash = np.array([1.0, 2.0])
    net = ct.Network(nodes={"name": ["A", "B"], "cash": cash})
    cash[0] = 9.0
    assert net.nodes["cash"].tolist() == [1.0, 2.0]


def test_replace_changes_one_table_and_keeps_the_others(net: ct.Network) -> None:
    richer = net.replace(nodes=net.nodes.assign(cash=7.0))
    assert richer.nodes["cash"].tolist() == [7.0] * 4
    assert richer.fingerprint != net.fingerprint
    assert richer.replace(nodes=net.nodes) == net
    pd.testing.assert_frame_equal(richer.positions, net.positions)


def test_replace_equals_building_anew(net: ct.Network) -> None:
    accounts = net.accounts.rename(index={"a1": "z1"})
    swap = {"a1": "z1"}
    changed = {
        "accounts": accounts,
        "positions": net.positions.replace({"account": swap}),
        "balances": net.balances.replace({"account": swap}),
    }
    assert net.replace(**changed) == ct.Network(**{**net.tables, **changed})
    assert net.replace(**changed).codes("positions", "account").tolist() == [0, 1]


def test_replace_checks_what_it_was_given_against_the_rest(net: ct.Network) -> None:
    with pytest.raises(NetworkError, match="'a1' is missing from accounts"):
        net.replace(accounts=net.accounts.drop("a1"))
    with pytest.raises(NetworkError, match="units net short"):
        net.replace(positions=net.positions[net.positions["account"] == "a2"])


def test_replace_with_none_empties_a_table(net: ct.Network) -> None:
    assert len(net.replace(obligations=None).obligations) == 0


def test_payers_are_kept_and_changed_only_by_replace(net: ct.Network) -> None:
    helped = net.replace(payers={"state": 5})
    assert dict(helped.payers) == {"state": 5.0} and dict(net.payers) == {}
    assert helped.fingerprint != net.fingerprint
    assert dict(helped.replace(nodes=helped.nodes).payers) == {"state": 5.0}
    with pytest.raises(TypeError):
        helped.payers["state"] = 6.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("payers", "error"),
    [({"state": -1.0}, ValueRangeError), ({"state": "much"}, SchemaError), ({"": 1.0}, SchemaError)],
)
def test_bad_payers_are_refused(payers: Any, error: type[InputError]) -> None:
    with pytest.raises(error):
        ct.Network(nodes=[{"name": "A"}], payers=payers)


def test_unknown_tables_and_options_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"is no table .did you mean 'obligations'"):
        ct.Network(nodes=[{"name": "A"}], obligatons=[])
    with pytest.raises(SchemaError, match="'ignore' is no choice of rest_of_market; 'error', 'add'"):
        ct.Network(nodes=[{"name": "A"}], rest_of_market="ignore")  # type: ignore[arg-type]
    with pytest.raises(UnitError, match="'' is no unit"):
        ct.Network(nodes=[{"name": "A"}], unit="")


@pytest.mark.parametrize("given", [5, "nodes.csv", np.zeros((2, 2)), {"name": "A"}, [["A"]]])
def test_what_is_no_table_is_refused(given: Any) -> None:
    with pytest.raises(SchemaError):
        ct.Network(nodes=given)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(SchemaError, match="columns differ in length: 'name' 2, 'cash' 1"):
        ct.Network(nodes={"name": ["A", "B"], "cash": [1.0]})


def test_series_with_labels_of_their_own_are_not_joined_by_position() -> None:
    cash = pd.Series([1.0, 2.0], index=["B", "A"])
    with pytest.raises(NetworkError, match="join by name"):
        ct.Network(nodes={"name": ["A", "B"], "cash": cash})
    named = pd.Series(["A", "B"], index=["A", "B"])
    with pytest.raises(NetworkError, match="column 'cash' has labels of its own"):
        ct.Network(nodes={"name": named, "cash": cash})


def test_one_word_fills_a_whole_column() -> None:
    net = ct.Network(nodes={"name": ["A", "B"], "kind": "trader"})
    assert net.nodes["kind"].tolist() == ["trader", "trader"]


def test_codes_point_at_the_rows_that_references_name(net: ct.Network) -> None:
    names = net.nodes.index.to_numpy()[net.codes("accounts", "owner")]
    assert names.tolist() == net.accounts["owner"].tolist()
    assert net.codes("markets", "hedge_market").tolist() == [-1]
    with pytest.raises(SchemaError, match="is no reference"):
        net.codes("accounts", "mode")


@given(networks())
def test_codes_agree_with_names_everywhere(net: ct.Network) -> None:
    for name, table in TABLES.items():
        frame = net.tables[name].reset_index() if table.index else net.tables[name]
        for column in (column for column in table.columns if column.kind == "reference"):
            codes = net.codes(name, column.name)
            named = net.tables[column.refers].index.to_numpy()[codes[codes >= 0]]
            assert named.tolist() == frame[column.name][codes >= 0].tolist()
            assert (frame[column.name][codes < 0] == "").all()


@given(networks(), st.sampled_from(["nodes", "balances", "obligations"]), st.data())
def test_the_fingerprint_sees_every_amount(net: ct.Network, name: str, data: st.DataObject) -> None:
    frame = net.tables[name]
    if not len(frame):
        return
    column = {"nodes": "cash", "balances": "quantity", "obligations": "amount"}[name]
    row = data.draw(st.integers(0, len(frame) - 1))
    changed = frame.copy()
    changed.iloc[row, changed.columns.get_loc(column)] += 1.0
    same = changed[column].tolist() == frame[column].tolist()
    assert (net.replace(**{name: changed}) == net) is same


@given(networks(plain=True), st.randoms())
def test_the_rest_of_the_market_balances_any_network(net: ct.Network, random: Any) -> None:
    kept = [row for row in range(len(net.positions)) if random.random() < 0.5]
    cross = net.accounts.assign(mode="cross")
    positions = net.positions.iloc[kept]
    added = ct.Network(**{**net.tables, "accounts": cross, "positions": positions}, rest_of_market="add")
    units = (
        added.positions["quantity"] * added.accounts["count"].to_numpy()[added.codes("positions", "account")]
    )
    assert (units.groupby(added.positions["market"]).sum().abs() <= 1e-9).all()
    assert ct.Network(**added.tables) == added
    rest = added.accounts.index.str.startswith("rest_of_market:")
    equity = opening_account_equity(added)[rest]
    prices = added.assets["price"].to_numpy()[added.codes("markets", "asset")][
        added.codes("positions", "market")
    ]
    notional = (added.positions["quantity"].abs() * prices).groupby(added.positions["account"]).sum()
    assert np.allclose(equity, notional.reindex(equity.index).to_numpy())


def test_equity_of_a_node_adds_up_what_the_tables_say(net: ct.Network) -> None:
    equity = opening_equity(net)
    assert equity.to_dict() == {
        "bank": 10.0 + 10.0 + 20.0,
        "ex": 100.0 + 10.0 - 20.0,
        "t1": 50.0,
        "t2": 105.0,
    }
    assert opening_account_equity(net).tolist() == [50.0, 50.0]
    assert opening_requirement(net).tolist() == [10.0, 5.0]


def test_requirements_are_continuous_at_tier_floors(tables: Tables) -> None:
    for row, quantity in enumerate((20.0, -10.0)):
        tables["positions"][row]["quantity"] = quantity
    required = opening_requirement(ct.Network(**tables))
    assert required.tolist() == [0.1 * 2000.0 - 50.0, 0.05 * 1000.0]


def test_missing_depth_keeps_a_network_from_being_run(tables: Tables) -> None:
    del tables["depth"][0]
    net = ct.Network(**tables)
    assert net.check()[["severity", "code", "table", "row"]].to_numpy().tolist() == [
        ["error", "no-depth", "markets", 1]
    ]
    with pytest.raises(NetworkError, match="market 'ex:BTC' has no depth on its bid side"):
        refuse_errors(net)


def test_square_root_impact_needs_a_volume(tables: Tables) -> None:
    tables["markets"][0]["impact"] = "square_root"
    assert [finding.code for finding in findings(ct.Network(**tables))] == ["no-volume"]
    tables["markets"][0]["volume"] = 1e6
    assert findings(ct.Network(**tables)) == []


def test_accounts_that_would_act_before_the_shock_are_reported(tables: Tables) -> None:
    tables["balances"][0]["quantity"] = 9.0
    tables["balances"][1]["quantity"] = 9.0
    assert ct.Network(**tables).check()[["severity", "code"]].to_numpy().tolist() == [
        ["warning", "liquidatable"],
        ["note", "callable"],
    ]


def test_a_basis_strategy_needs_both_legs(tables: Tables) -> None:
    basis = {"name": "b", "kind": "basis", "spot_node": "bank", "short_account": "a2", "asset": "BTC"}
    tables["strategies"] = [basis]
    tables["accounts"] = [row | {"owner": "bank"} for row in tables["accounts"]]
    assert "no spot market trades 'BTC'" in ct.Network(**tables).check()["remedy"][0]
    tables["markets"].append({"name": "spot", "venue": "ex", "asset": "BTC", "kind": "spot"})
    tables["depth"] += [row | {"market": "spot"} for row in tables["depth"]]

    def errors() -> list[str]:
        found = ct.Network(**tables).check()
        return [str(code) for code in found.loc[found["severity"] == "error", "code"]]

    assert errors() == ["unmatched-legs"]  # two accounts are short 1 each
    tables["holdings"][0]["quantity"] = 2.0
    assert errors() == []
    basis["short_account"] = "a1"
    assert errors() == ["wrong-side"]
    basis["long_account"] = "a2"
    with pytest.raises(NetworkError, match="lacks a leg, or has two long ones"):
        ct.Network(**tables)


@pytest.mark.parametrize(
    ("table", "column", "value", "pattern"),
    [
        ("markets", "schedule", "", "a derivative market names its margin schedule"),
        ("markets", "asset", "USD", "'USD' is traded against itself"),
        ("accounts", "mode", "isolated", None),
        ("accounts", "count", 1.5, "1.5 is not whole"),
        ("venues", "fee_burned", 0.5, "1.5 is the sum of fee_to_fund, fee_to_keeper and fee_burned"),
        ("venues", "call_target", 1.5, "1.5 is below call_ratio"),
        ("tiers", "cap", 500.0, "is a cap on a tier that is not the last"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(
    tables: Tables, table: str, column: str, value: Any, pattern: str | None
) -> None:
    tables[table][0][column] = value
    if pattern is None:
        assert ct.Network(**tables).accounts.loc["a1", "mode"] == value
        return
    with pytest.raises(InputError, match=pattern):
        ct.Network(**tables)


def test_a_position_is_held_where_its_market_is(tables: Tables) -> None:
    tables["nodes"].append({"name": "ex2", "kind": "exchange"})
    tables["venues"].append({"name": "ex2"})
    tables["accounts"][0]["venue"] = "ex2"
    with pytest.raises(NetworkError, match="'ex:BTC' trades at 'ex', the account is at 'ex2'"):
        ct.Network(**tables)


def test_an_isolated_account_has_exactly_one_position(tables: Tables) -> None:
    tables["accounts"].append({"name": "a3", "owner": "t1", "venue": "ex", "mode": "isolated"})
    with pytest.raises(NetworkError, match="accounts row 3, 'a3': 0 positions in an isolated account"):
        ct.Network(**tables)


def test_spot_markets_need_no_schedule_and_take_no_positions(tables: Tables) -> None:
    spot = {"name": "ex:spot", "venue": "ex", "asset": "BTC", "kind": "spot"}
    tables["markets"].append(spot)
    tables["depth"] += [{**row, "market": "ex:spot"} for row in tables["depth"]]
    assert ct.Network(**tables).check().empty
    tables["positions"][0]["market"] = "ex:spot"
    with pytest.raises(NetworkError, match=r"'ex:spot' is a spot market .record what is owned in holdings"):
        ct.Network(**tables)


def test_networks_are_equal_and_hash_alike_when_their_content_is(net: ct.Network) -> None:
    other = ct.Network(**net.tables)
    assert net == other and hash(net) == hash(other)
    assert net != ct.Network(**net.tables, payers={"state": 1.0})
    assert net != 5


def test_columns_that_are_shown_again_are_shared_and_all_others_are_read() -> None:
    net = ct.Network(nodes=[{"name": name, "cash": cash} for name, cash in (("A", 1.0), ("B", 2.0))])
    after = net.replace(nodes=net.nodes.assign(cash=[3.0, 4.0]))
    assert after.column("nodes", "external_assets") is net.column("nodes", "external_assets")
    assert after.column("nodes", "cash").tolist() == [3.0, 4.0]
    turned = net.replace(nodes=net.nodes.iloc[::-1].assign(cash=[5.0, 6.0]))
    assert turned.nodes["cash"].to_dict() == {"A": 6.0, "B": 5.0}
    half = net.replace(nodes=net.nodes.iloc[:1])
    assert half.nodes["cash"].to_dict() == {"A": 1.0}
    assert net.replace(nodes=net.nodes.assign(external_assets=net.nodes["cash"])).nodes[
        "external_assets"
    ].to_dict() == {"A": 1.0, "B": 2.0}
    written = net.nodes
    written.loc["A", "cash"] = 7.0
    assert net.replace(nodes=written).nodes["cash"].to_dict() == {"A": 7.0, "B": 2.0}
    assert net.nodes["cash"].to_dict() == {"A": 1.0, "B": 2.0}


def test_a_column_or_index_that_does_not_exist_is_named() -> None:
    net = ct.Network(nodes=[{"name": "A"}])
    for table, column in (("nodes", "cahs"), ("nodse", "cash"), (["nodes"], "cash")):
        with pytest.raises(SchemaError, match="no column"):
            net.column(table, column)  # type: ignore[arg-type]
    for table in ("positions", "nodse"):
        with pytest.raises(SchemaError, match="no table with names"):
            net.index(table)
