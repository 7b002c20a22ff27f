"""A study in TOML is read into objects or refused with the place, the nearest name and no code run."""

from __future__ import annotations

from pathlib import Path

import pytest

import contagion as ct
from contagion import studies
from contagion.errors import (
    ContagionError,
    PolicyError,
    SchemaError,
    TooLargeError,
    UnsafeInputError,
    ValueRangeError,
)

HALT = (
    '[[policy_set]]\nname = "halt"\npolicies = [{ kind = "Halt", drop = 0.1, window = 300, length = 300 }]\n'
)


def test_the_bundled_study_holds_five_policy_sets_and_the_settings_of_the_command_line():
    study = studies.parse(studies.BUNDLED)
    assert len(study.policies) == 5
    assert (study.n, study.seed, study.source.count) == (500, 0, 4)
    assert (study.model.step, study.model.horizon) == (60.0, 7200.0)
    assert "Student t" in study.shock.describe()


def test_an_empty_study_is_the_bundled_network_under_the_default_shock_and_model():
    study = studies.parse("")
    assert study.source == studies.Source("dataset", "perp-venues")
    assert study.policies == {}
    assert study.model == ct.Cascade()


def test_policies_are_built_with_typed_parameters():
    study = studies.parse(HALT)
    assert study.policies == {"halt": [ct.Halt(drop=0.1, window=300.0, length=300.0)]}


def test_lists_and_tables_reach_policies_as_they_declare_them():
    text = """
    [[policy_set]]
    name = "tiers"
    policies = [{ kind = "TieredMargin", tiers = [
        { floor = 0, initial_rate = 0.1, maintenance_rate = 0.05 },
        { floor = 1e6, initial_rate = 0.2, maintenance_rate = 0.1 },
    ], schedules = ["a"] }]
    """
    (policy,) = studies.parse(text).policies["tiers"]
    assert policy.schedules == ("a",)
    assert [tier["floor"] for tier in policy.tiers] == [0.0, 1e6]


@pytest.mark.parametrize("kind", ["Halt", "halt", "HALT"])
def test_the_case_of_a_kind_does_not_matter(kind):
    text = HALT.replace('"Halt"', f'"{kind}"')
    assert studies.parse(text).policies == studies.parse(HALT).policies


@pytest.mark.parametrize("kind", ["student_t", "PriceShocks.student_t", "StudentT"])
def test_a_family_is_found_with_or_without_its_prefix(kind):
    study = studies.parse(f'[shock]\nkind = "{kind}"\ndf = 4\nscale = {{ BTC = 0.1, ETH = 0.2 }}\n')
    assert study.shock.draw(["BTC", "ETH"], 3, seed=1).shape == (3, 2)


def test_a_fixed_shock_names_its_moves():
    study = studies.parse('[shock]\nkind = "PriceShock"\nmoves = { BTC = -0.15 }\nover = 600\n')
    assert study.shock == ct.PriceShock({"BTC": -0.15}, over=600.0)


def test_several_shock_tables_add():
    text = '[[shock]]\nkind = "PriceShock"\nmoves = { BTC = -0.15 }\n[[shock]]\nkind = "DepthShock"\nchange = -0.9\n'
    assert len(studies.parse(text).shock.parts) == 2


def test_a_price_path_is_read_from_a_table_beside_the_study(tmp_path):
    (tmp_path / "prices.csv").write_text("seconds,BTC\n0,100\n600,80\n", encoding="utf-8")
    (tmp_path / "study.toml").write_text(
        '[shock]\nkind = "PricePath"\nframe = "prices.csv"\n', encoding="utf-8"
    )
    assert "BTC -20.0 %" in studies.read(tmp_path / "study.toml").shock.describe()


def test_a_folder_is_found_from_where_the_study_lies(tmp_path):
    (tmp_path / "study.toml").write_text('[network]\npath = "book"\n', encoding="utf-8")
    source = studies.read(tmp_path / "study.toml").source
    assert source == studies.Source("path", str(tmp_path / "book"))
    assert not source.generated


def test_a_generator_takes_its_parameters_from_the_network_table():
    study = studies.parse('[network]\ngenerate = "perp_market"\nn_accounts = 400\nnetworks = 2\nseed = 5\n')
    first, second = study.source.load(seed=0)
    assert first.fingerprint == ct.generate.perp_market(n_accounts=400, seed=5).fingerprint
    assert second.fingerprint == ct.generate.perp_market(n_accounts=400, seed=6).fingerprint
    assert study.source.leveraged


def test_lending_markets_are_a_dataset_and_a_generator_without_a_leverage_to_vary():
    text = '[network]\ngenerate = "lending_market"\nn_accounts = 300\nusage_scale = 0.9\nseed = 5\n'
    study = studies.parse(text)
    made = ct.generate.lending_market(n_accounts=300, seed=5, usage_scale=0.9)
    assert study.source.load(seed=0)[0].fingerprint == made.fingerprint
    assert not study.source.leveraged
    bundled = studies.parse('[network]\ndataset = "lending-markets"\n').source
    assert bundled.generated
    assert not bundled.leveraged


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("[netwrok]\n", SchemaError, "did you mean 'network'"),
        ("[study]\nseeds = 1\n", SchemaError, "did you mean 'seed'"),
        ('[network]\ndatset = "perp-venues"\n', SchemaError, "did you mean 'dataset'"),
        ('[network]\ndataset = "perp-venue"\n', SchemaError, "did you mean 'perp-venues'"),
        ('[network]\ndataset = "perp-venues"\npath = "x"\n', SchemaError, "two sources"),
        ('[network]\ngenerate = "perp_markets"\n', SchemaError, "did you mean 'perp_market'"),
        ('[network]\ngenerate = "perp_market"\naccounts = 3\n', SchemaError, "did you mean 'n_accounts'"),
        ("[network]\nnetworks = 0\n", ValueRangeError, "networks"),
        ("[network]\nnetworks = true\n", SchemaError, "a whole number"),
        ('[shock]\nkind = "studentt"\ndf = 4\nscal = 0.1\n', SchemaError, "did you mean 'scale'"),
        ('[shock]\nkind = "student"\n', SchemaError, "did you mean 'PriceShocks.student_t'"),
        ('[shock]\nkind = "student_t"\ndf = 4\n', SchemaError, "'scale' is missing"),
        ("[shock]\ndf = 4\n", SchemaError, "has no kind"),
        ('[model]\nkind = "Cascad"\n', SchemaError, "did you mean 'Cascade'"),
        ("[model]\nstp = 60\n", SchemaError, "did you mean 'step'"),
        ('[model]\nstep = "60"\n', SchemaError, "a number"),
        ("[model]\nstep = -1\n", ValueRangeError, "step"),
        (HALT.replace('"Halt"', '"Hlat"'), PolicyError, "did you mean 'Halt'"),
        (HALT.replace("drop", "dorp"), PolicyError, "did you mean 'drop'"),
        (HALT.replace("0.1", "-0.1"), PolicyError, "drop"),
        (HALT.replace("0.1", '"lambda world: 0.1"'), PolicyError, "a number"),
        (HALT.replace("0.1", "true"), PolicyError, "a number"),
        (HALT.replace("0.1", "nan"), PolicyError, "a number"),
        (HALT.replace("0.1", "2024-01-01"), PolicyError, "a number"),
        (HALT.replace("drop = 0.1", 'scope = "al"'), PolicyError, "did you mean 'all'"),
        (HALT.replace('"Halt"', '"os:system"'), UnsafeInputError, "built-in classes only"),
        (HALT.replace('"Halt"', '"contagion.policies.Halt"'), UnsafeInputError, "built-in classes only"),
        (HALT.replace('"Halt"', "\"__import__('os')\""), UnsafeInputError, "built-in classes only"),
        (HALT.replace("drop = 0.1", 'orders = "module:function"'), UnsafeInputError, "is a hook"),
        ("[policy_set]\n", SchemaError, "double brackets"),
        ("[[policy_set]]\npolicies = []\n", SchemaError, "has no name"),
        (HALT + HALT, SchemaError, "given twice"),
        (HALT.replace("policies", "policy"), SchemaError, "did you mean 'policies'"),
        ("[study]\nseed = 1\nseed = 2\n", SchemaError, "TOML"),
        ("[study]\nn = 1\ngarbage", SchemaError, "TOML"),
        ("[study]\nstore = 3\n", SchemaError, "store"),
        ('[study]\nstore = ""\n', UnsafeInputError, "outside the study's folder"),
        ('[study]\nstore = "../results"\n', UnsafeInputError, "outside the study's folder"),
        ('[study]\nstore = "/results"\n', UnsafeInputError, "outside the study's folder"),
        (f"[study]\nn = {'9' * 5000}\n", TooLargeError, "digits"),
        ("x = " + "[" * 100_000, TooLargeError, "nested"),
    ],
)
def test_a_fault_is_refused_with_its_class_and_its_place(text, error, words):
    with pytest.raises(ContagionError) as caught:
        studies.parse(text)
    assert type(caught.value) is error
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["study.yaml", "study.xml", "study.pkl", "study.py"])
def test_files_of_other_kinds_are_never_opened(name, tmp_path):
    with pytest.raises(UnsafeInputError, match="never read"):
        studies.read(tmp_path / name)


def test_a_missing_a_large_and_an_undecodable_file_are_refused(tmp_path):
    with pytest.raises(SchemaError, match="cannot be read"):
        studies.read(tmp_path / "none.toml")
    (tmp_path / "large.toml").write_text("#" * 1_000_001, encoding="utf-8")
    with pytest.raises(TooLargeError, match="1,000,001 bytes"):
        studies.read(tmp_path / "large.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(SchemaError, match="UTF-8"):
        studies.read(tmp_path / "latin.toml")


def test_a_table_of_prices_outside_the_folder_of_the_study_is_refused(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "prices.csv").write_text("seconds,BTC\n0,100\n600,80\n", encoding="utf-8")
    for name in ("../prices.csv", str(tmp_path / "prices.csv")):
        (home / "study.toml").write_text(f'[shock]\nkind = "PricePath"\nframe = "{name}"\n', encoding="utf-8")
        with pytest.raises(UnsafeInputError, match="outside"):
            studies.read(home / "study.toml")


def test_a_folder_holds_one_network():
    with pytest.raises(ValueRangeError, match="1 to 1"):
        studies.Source("path", "folder").drawn(2)


def test_a_run_and_a_comparison_of_one_study_give_the_same_numbers():
    text = (
        '[network]\ngenerate = "perp_market"\nn_accounts = 400\nnetworks = 2\n'
        '[shock]\nkind = "PriceShock"\nmoves = { BTC = -0.3, ETH = -0.4 }\n'
        "[model]\nstep = 120\n" + HALT + "[study]\nn = 2\nseed = 3\n"
    )
    study = studies.parse(text)
    frame = study.compare().to_frame().set_index(["policy", "scenario"])
    for policy, scenario in (("none", 0), ("halt", 1)):
        run = study.run(policy, scenario)
        assert run.metrics["system_loss"] == frame.loc[(policy, scenario), "system_loss"]


def test_an_unknown_policy_set_is_refused_with_the_nearest_name():
    study = studies.parse(HALT)
    with pytest.raises(PolicyError, match="did you mean 'halt'"):
        study.run("hlat")
    with pytest.raises(ValueRangeError, match="negative"):
        study.run(scenario=-1)


def test_reading_a_study_touches_nothing_on_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studies.parse(studies.BUNDLED, folder=Path(tmp_path))
    assert list(tmp_path.iterdir()) == []
