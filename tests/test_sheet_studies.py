"""Studies of balance sheets as TOML and on the command line, from the networks to the report."""

from __future__ import annotations

import pytest

import contagion as ct
from contagion import cli, studies
from contagion.errors import ContagionError, SchemaError, UnsafeInputError

BANKS = """
[network]
generate = "interbank"
kind = "core_periphery"
n = 20
networks = 2
seed = 3
interbank_share = 0.4

[shock]
kind = "AssetShocks.student_t"
df = 4
scale = 0.03

[model]
kind = "Clearing"
alpha = 0.8
beta = 0.8

[[policy_set]]
name = "capital"
policies = [{ kind = "CapitalInjection", amounts = 1e8 }]

[[policy_set]]
name = "lender"
policies = [{ kind = "LenderOfLastResort", budget = 1e9 }]

[study]
n = 6
seed = 1
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(BANKS, encoding="utf-8")
    return str(path)


def shock(text):
    """Return the family of a study with this table [shock]."""
    return studies.parse(f"[shock]\n{text}\n").shock


def test_a_generator_of_interbank_networks_takes_its_parameters_and_assumptions():
    first, second = studies.parse(BANKS).source.load(seed=0)
    made = [ct.generate.interbank("core_periphery", n=20, seed=seed, interbank_share=0.4) for seed in (3, 4)]
    assert [first.fingerprint, second.fingerprint] == [net.fingerprint for net in made]


def test_a_family_over_nodes_is_that_of_python():
    found = shock('kind = "AssetShocks.student_t"\nnodes = ["B", "A"]\ndf = 4\nscale = 0.03')
    own = ct.AssetShocks(ct.PriceShocks.student_t(df=4, scale=0.03), ["B", "A"])
    assert found.nodes == ("B", "A")
    assert found.scenario(["B", "A"], 3, 7) == own.scenario(["B", "A"], 3, 7)
    assert shock('kind = "assetshocks.normal"\nscale = 0.1').nodes is None


@pytest.mark.parametrize(
    "text",
    [
        "kind = 'AssetShocks.normal'\nscale = { A = 0.1, B = 0.2 }",
        "kind = 'AssetShocks.quasi'\nscale = 0.1\nnodes = ['A', 'B']",
        "kind = 'AssetShocks.student_t'\ndf = 4\nscale = 0.1\ntilt = { factor = -1.0 }",
    ],
)
def test_further_laws_draw_for_nodes(text):
    assert "external assets" in shock(text).scenario(["A", "B"], 0, 1).describe()


def test_shocks_add_to_a_family_over_nodes():
    tables = (
        '[[shock]]\nkind = "AssetShocks.normal"\nscale = 0.1\n[[shock]]\nkind = "Default"\nnodes = ["A"]\n'
    )
    assert "default of A" in studies.parse(tables).shock.scenario(["B"], 0, 1).describe()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ('kind = "AssetShocks"\nscale = 0.1', SchemaError, "AssetShocks.student_t"),
        ('kind = "AssetShocks.studentt"\ndf = 4\nscal = 0.1', SchemaError, "did you mean 'scale'"),
        ('kind = "AssetShocks.student_t"\ndf = 4', SchemaError, "'scale' is missing"),
        ('kind = "AssetShocks.normal"\nscale = 0.1\nnodes = "A"', SchemaError, "[shock] nodes"),
        ('kind = "AssetShocks.normal"\nscale = 0.1\nnodes = []', SchemaError, "[shock] nodes"),
        ('kind = "AssetShocks.os:system"', UnsafeInputError, "built-in classes only"),
    ],
)
def test_a_fault_in_a_family_over_nodes_is_refused_with_its_place(text, error, words):
    with pytest.raises(ContagionError) as caught:
        shock(text)
    assert type(caught.value) is error
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("table", "model"),
    [
        ('kind = "Clearing"\nfixed_point = "least"', ct.Clearing(fixed_point="least")),
        ('kind = "DebtRank"\nkind_ = 1', None),
        ('kind = "Furfine"\nlgd = 0.5', ct.Furfine(lgd=0.5)),
        ('kind = "ThresholdCascade"\nthreshold = 0.5', ct.ThresholdCascade(threshold=0.5)),
        ('kind = "NEVA"\nvaluation = "merton"\nsigma = 0.1', ct.NEVA("merton", sigma=0.1)),
        ('kind = "CrossHoldings"\ncase = "worst"', ct.CrossHoldings(case="worst")),
    ],
)
def test_models_are_built_with_typed_parameters(table, model):
    text = f"[model]\n{table}\n"
    if model is None:
        with pytest.raises(SchemaError, match="no known key"):
            studies.parse(text)
    else:
        assert studies.parse(text).model == model


def test_the_european_debts_run_under_cross_holdings():
    text = '[network]\ndataset = "european-debt"\n[shock]\nkind = "AssetShock"\nchange = { Greece = -0.5 }\n'
    run = studies.parse(text + '[model]\nkind = "CrossHoldings"\n').run()
    assert run.nodes.loc["Greece", "defaulted"]


def test_a_study_draws_networks_of_overlapping_portfolios_with_their_assumptions():
    text = '[network]\ngenerate = "overlapping_portfolios"\nn_nodes = 9\nn_assets = 4\ninterbank = "erdos_renyi"\n'
    study = studies.parse(text + 'leverage = 12.5\nnetworks = 2\n[model]\nkind = "Clearing"\n')
    made = [
        ct.generate.overlapping_portfolios(9, 4, seed, interbank="erdos_renyi", leverage=12.5)
        for seed in (0, 1)
    ]
    assert [net.fingerprint for net in study.source.load(0)] == [net.fingerprint for net in made]
    with pytest.raises(SchemaError, match="leverage"):
        studies.parse(text + "leverge = 12.5\n")


def test_run_prints_the_card_and_writes_a_report(study, tmp_path, capsys):
    target = tmp_path / "run.html"
    assert cli.main(["run", study, "--policy", "lender", "--scenario", "1", "--out", str(target)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Run (Clearing)") and "lender" in out.lower()
    assert "How losses spread" in target.read_text(encoding="utf-8")


def test_compare_prints_failures_and_a_report_is_written_from_the_store(study, tmp_path, capsys):
    store, target = tmp_path / "rows", tmp_path / "report.html"
    assert cli.main(["compare", study, "--out", str(target), "--store", str(store), "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "by contagion" in out and "capital" in out and "deferred" not in out
    first = target.read_bytes()
    assert cli.main(["report", str(store), "--out", str(target), "--quiet"]) == 0
    assert target.read_bytes() == first


def test_check_looks_at_a_network_of_banks(tmp_path, capsys):
    ct.generate.interbank(n=12, seed=1).save(tmp_path / "banks")
    assert cli.main(["check", str(tmp_path / "banks")]) == 0
    assert cli.main(["check", "european-debt"]) == 0
    assert "error" not in capsys.readouterr().out.lower()


def test_reverse_lowers_all_external_assets_until_the_first_node_fails(study, capsys):
    assert cli.main(["reverse", study, "--grid", "4", "--resolution", "0.05"]) == 0
    out = capsys.readouterr().out
    assert "none: node_defaults >= 1 begins to hold at size" in out and "capital: " in out


def test_reverse_takes_nodes_and_says_what_the_model_lacks(study, capsys):
    words = ["reverse", study, "--grid", "3", "--resolution", "0.2"]
    assert cli.main([*words, "--direction", "bank-01=-2"]) == 0
    assert "bank-01" in capsys.readouterr().out
    assert cli.main([*words, "--until", "venue_defaults >= 1"]) == 2
    assert "venue_defaults" in capsys.readouterr().err
    assert cli.main([*words, "--direction", "bank-99=-1"]) == 2
    assert "bank-99" in capsys.readouterr().err


def test_a_step_has_no_meaning_for_balance_sheets(study, capsys):
    assert cli.main(["run", study, "--step", "60"]) == 2
    assert "which have no clock" in capsys.readouterr().err


def test_a_fall_of_external_assets_is_found_by_reverse_stress_to_its_width():
    net = ct.Network(
        nodes=[
            {"name": "A", "kind": "institution", "external_assets": 5.0},
            {"name": "B", "kind": "institution", "external_assets": 1.0},
        ],
        obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}],
    )
    found = ct.reverse_stress(
        net, {"A": -1.0}, ct.Clearing(), ("node_defaults", ">=", 1), grid=5, resolution=1e-6
    )
    (row,) = found.crossings.to_dict("records")
    assert row["A"] == pytest.approx(4.0 / 5.0 - 1.0, abs=1e-5)
    assert set(found.crossings.columns) == {
        "policy", "size", "low", "high", "resolution", "begins", "refined", "A"
    }  # fmt: skip
