"""Rankings of nodes against networks made by hand, one default after the other, and ensembles counted by hand."""

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion import plot
from contagion.errors import InputError, SchemaError, ValueRangeError
from contagion.experiments.importance import MEASURES
from contagion.measures.rankings import tie_groups
from contagion.propagation.defaults import furfine, threshold_cascade
from contagion.propagation.distress import debtrank_linear
from contagion.propagation.solvency.book import Book
from tests.propagation.solvency.banks import banks, banks_of


def net_of(debts, assets=20.0):
    names = sorted({name for pair in debts for name in pair})
    return ct.Network(
        nodes=[{"name": name, "kind": "institution", "external_assets": assets} for name in names],
        obligations=[{"debtor": i, "creditor": j, "amount": x} for (i, j), x in debts.items()],
    )


def star(hub="hub", leaves="abcde", amount=4.0):
    debts = {(hub, leaf): amount for leaf in leaves} | {(leaf, hub): amount / 2 for leaf in leaves}
    return net_of(debts)


def test_the_hub_of_a_star_is_first_by_every_measure_that_sees_size():
    found = ct.rank_nodes(star(), measures=[name for name in MEASURES if "concentration" not in name])
    first = found.to_frame()["rank"].unstack("node")["hub"]
    assert first.drop(["contagion_defaults", "core_number", "impact_susceptibility"]).eq(1.0).all()
    assert found.to_frame().loc["contagion_defaults", "rank"].nunique() == 1
    assert found.to_frame().loc[("core_number", "hub"), "rank"] == 3.5


def test_values_are_the_closed_forms_of_the_star():
    frame = ct.rank_nodes(star(), measures=tuple(MEASURES)).to_frame()["value"].unstack("measure")
    assert frame.loc["hub", ["default_loss", "debts", "claims", "degree"]].tolist() == [
        20.0,
        20.0,
        10.0,
        10.0,
    ]
    assert frame.loc["a", ["default_loss", "debts", "claims", "degree"]].tolist() == [2.0, 2.0, 4.0, 2.0]
    assert frame.loc["hub", ["claims_concentration", "debts_concentration"]].tolist() == pytest.approx(
        [0.2, 0.2]
    )
    assert frame["core"].to_dict() == {**dict.fromkeys("abcde", 0.0), "hub": 1.0}
    radius = np.sqrt(5 * (4 / 22) * (2 / 10))
    assert frame.loc["hub", "spectral_radius_drop"] == pytest.approx(radius, rel=1e-12)
    assert frame.loc["a", "spectral_radius_drop"] == pytest.approx(radius * (1 - np.sqrt(4 / 5)), rel=1e-10)


@pytest.mark.parametrize(
    ("model", "alone"),
    [
        (
            ct.Furfine(lgd=0.8),
            lambda *sheet, k: furfine(sheet[0], lgd=0.8, equity=sheet[1], initial_defaults=[k]),
        ),
        (
            ct.ThresholdCascade(threshold=0.9, lgd=0.9),
            lambda *sheet, k: threshold_cascade(
                sheet[0], threshold=0.9, lgd=0.9, equity=sheet[1], initial_defaults=[k]
            ),
        ),
        (ct.DebtRank(), lambda *sheet, k: debtrank_linear(sheet[0], equity=sheet[1], initial_defaults=[k])),
    ],
)
def test_all_defaults_in_one_call_are_those_one_by_one_bit_for_bit(model, alone):
    net = banks()
    found = ct.rank_nodes(net, measures=("default_loss", "contagion_defaults"), model=model).values.loc[0]
    opening = Book(net, net).opening
    for k, name in enumerate(net.nodes.index):
        one = alone(opening.claims, opening.equity, k=k)
        assert found.loc[name].tolist() == [one.total_losses, one.n_additional_defaults]


def test_other_models_let_every_node_default_in_turn():
    net = banks(5, density=0.6)
    found = ct.rank_nodes(net, measures=("default_loss",), model=ct.Clearing()).values.loc[0, "default_loss"]
    for name in net.nodes.index:
        assert found[name] == ct.run(net, ct.Default([name]), ct.Clearing()).metrics["system_loss"]


def test_ranks_over_networks_have_intervals_and_chances_that_can_be_counted():
    nets = [star("a", "bcd"), star("a", "bcd"), star("b", "acd"), star("c", "abd")]
    found = ct.rank_nodes(networks=nets, measures=("default_loss", "degree"), top=1, level=0.9)
    frame = found.to_frame().loc["default_loss"]
    assert frame["in_top"].to_dict() == {"a": 0.5, "b": 0.25, "c": 0.25, "d": 0.0}
    assert frame.loc["a", ["rank", "rank_low", "rank_high"]].tolist() == [2.0, 1.0, 3.0]
    assert frame.loc["d", ["rank", "rank_low", "rank_high"]].tolist() == [3.0, 3.0, 3.0]
    assert frame.loc["a", ["value", "value_low", "value_high"]].tolist() == [7.0, 2.0, 12.0]
    assert found.n_networks == 4 and "4 networks" in repr(found)
    assert found.spearman.loc["default_loss", "degree"] == pytest.approx(1.0)
    assert found.correlation_frame().loc[("default_loss", "degree"), "kendall_low"] == pytest.approx(1.0)


def test_what_is_not_known_about_a_network_shows_in_its_ranking():
    sums = {"b1": 9.0, "b2": 6.0, "b3": 5.0, "b4": 2.0}
    claims = {"b1": 4.0, "b2": 7.0, "b3": 6.0, "b4": 5.0}
    assets = pd.Series(dict.fromkeys(sums, 20.0))
    nets = ct.generate.reconstruct(
        pd.Series(sums), pd.Series(claims), n=8, seed=3, external_assets=assets, link_probability=0.6
    )
    found = ct.rank_nodes(networks=nets, measures=("default_loss", "debts", "criticality"))
    frame = found.to_frame()
    assert (frame.loc["debts", "rank_low"] == frame.loc["debts", "rank_high"]).all()
    assert frame.loc["debts"].index.tolist() == ["b1", "b2", "b3", "b4"]
    spread = frame.loc["criticality", "value_high"] - frame.loc["criticality", "value_low"]
    assert (spread > 0.0).any()


def test_correlations_of_one_network_are_those_of_scipy():
    from scipy.stats import kendalltau, spearmanr

    found = ct.rank_nodes(banks(), measures=("debtrank", "criticality", "claims_concentration"))
    values = found.values.loc[0]
    assert found.spearman.loc["debtrank", "criticality"] == pytest.approx(
        spearmanr(values["debtrank"], values["criticality"]).statistic
    )
    assert found.kendall.loc["claims_concentration", "criticality"] == pytest.approx(
        kendalltau(values["claims_concentration"], values["criticality"]).statistic
    )


def test_a_measure_that_orders_nobody_is_named_beside_the_correlation_it_does_not_have():
    constant = ct.rank_nodes(star(), measures=("core_number", "degree"))
    assert np.isnan(constant.spearman.loc["core_number", "degree"])
    row = constant.correlation_frame().loc[("core_number", "degree")]
    assert np.isnan(row["kendall"]) and row["note"] == "core_number is the same for all nodes"
    ring = banks_of(
        [(name, 9.0, 0.0) for name in "abcd"],
        [("a", "b", 1.0), ("b", "c", 1.0), ("c", "d", 1.0), ("d", "a", 1.0)],
    )
    both = ct.rank_nodes(networks=[ring, star("a", "bcd")], measures=("debts", "degree")).correlation_frame()
    where = " is the same for all nodes in 1 of 2 networks, left out"
    assert both.loc[("debts", "degree"), "note"] == f"debts{where}; degree{where}"
    assert both.loc[("debts", "degree"), "spearman"] == pytest.approx(1.0)
    assert ct.rank_nodes(star(), measures=("debts", "degree")).correlation_frame()["note"].tolist() == [""]


def test_values_apart_by_rounding_are_ties():
    assert tie_groups([0.3, 0.1 + 0.2, 0.1, -5.0]).tolist() == [0, 0, 1, 2]
    assert tie_groups([]).tolist() == []


def test_a_function_of_the_network_is_a_measure_too():
    def size(net):
        return net.nodes["external_assets"]

    found = ct.rank_nodes(banks(), measures=("debts", size))
    assert found.values.loc[0, "size"].tolist() == banks().nodes["external_assets"].tolist()

    def partial(net):
        return net.nodes["external_assets"].iloc[1:]

    with pytest.raises(ValueRangeError, match=r"(?=.*partial).*'bank-00'"):
        ct.rank_nodes(banks(), measures=(partial,))


def test_what_makes_no_sense_is_refused_by_name():
    net = star()
    cases = [
        (SchemaError, "net", {}),
        (SchemaError, r"networks\[1\].*'z'|'z'.*networks\[1\]", {"networks": [net, star(leaves="abcdez")]}),
        (ValueRangeError, "did you mean 'debtrank'", {"net": net, "measures": ("detrank",)}),
        (ValueRangeError, "measures", {"net": net, "measures": ()}),
        (SchemaError, "measures", {"net": net, "measures": "debtrank"}),
        (ValueRangeError, "top", {"net": net, "top": 9}),
        (ValueRangeError, "level", {"net": net, "level": 95}),
        (SchemaError, "model", {"net": net, "model": ct.Cascade()}),
        (
            InputError,
            "'hub'",
            {"net": net_of({("x", "hub"): 1.0, ("hub", "x"): 50.0}), "measures": ("criticality",)},
        ),
    ]
    for kind, words, given in cases:
        with pytest.raises(kind, match=words):
            ct.rank_nodes(given.pop("net", None), **given)


def test_the_picture_shows_ranks_by_marks_of_different_shape_and_the_chance_to_lead():
    nets = [star("a", "bcd"), star("a", "bcd"), star("b", "acd")]
    found = ct.rank_nodes(networks=nets, measures=("default_loss", "degree"), top=1)
    ax = plot.ranking(found)
    marks = {line.get_marker(): line for line in ax.lines if line.get_marker() not in ("", "None")}
    assert len(marks) == 2
    assert marks["o"].get_xdata().tolist() == [1.0, 3.0, 3.0, 3.0]
    assert "rank" in ax.get_xlabel()
    assert {"67 %", "33 %", "0 %"} <= {text.get_text() for text in ax.texts}
    with pytest.raises(ValueRangeError, match="did you mean 'degree'"):
        plot.ranking(found, measures=("degre",))
    with pytest.raises(SchemaError, match="rank_nodes"):
        plot.ranking(found.to_frame())
    with pytest.raises(ValueRangeError, match="most"):
        plot.ranking(found, most=0)


def test_a_venue_without_claims_and_equity_does_not_stop_a_ranking():
    net = ct.datasets.load("overlapping-portfolios")
    found = ct.rank_nodes(net, model=ct.FireSale()).to_frame()["value"]
    assert found["criticality", "exchange"] == 0.0
    assert (found["criticality"].drop("exchange") > 0.0).all()
