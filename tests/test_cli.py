"""Each command works without arguments on the bundled network; errors are one line and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

import contagion as ct
from contagion import cli, datasets, facts, reporting, studies
from contagion.errors import ConvergenceError, SchemaError
from contagion.experiments import tasks
from contagion.markets import black_scholes
from tests.propagation.cascade.listed import EXPIRY, SPOT, STRIKE, YEAR, Owner, listed_net

SMALL = """
[network]
generate = "perp_market"
n_accounts = 400
networks = 2

[shock]
kind = "PriceShock"
moves = { BTC = -0.2, ETH = -0.25, SOL = -0.3 }

[model]
step = 300
horizon = 3600

[[policy_set]]
name = "halt"
policies = [{ kind = "Halt", drop = 0.05 }]

[study]
n = 4
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


def test_datasets_lists_the_bundled_networks(capsys):
    assert cli.main(["datasets"]) == 0
    assert "perp-venues" in capsys.readouterr().out


def test_check_finds_nothing_in_a_made_network_that_was_saved(tmp_path, capsys):
    folder = tmp_path / "book"
    ct.generate.perp_market(n_accounts=400).save(folder)
    assert cli.main(["check", str(folder)]) == 0
    assert "error" not in capsys.readouterr().out


def test_check_prints_every_fact_beside_the_value_of_the_network(capsys, monkeypatch):
    made = ct.generate.perp_market(n_accounts=400)
    monkeypatch.setattr(datasets, "load", lambda name, seed=0: made)
    assert cli.main(["check", "--facts"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["fact", "source", "target", "value", "error"]
    assert len(lines) - 3 == len(datasets.check_facts(made))
    counts = facts.counts()
    assert lines[-1].startswith(f"{len(lines) - 3} values from {counts['fact']} fact rows read back")
    assert lines[-1].endswith(f"inputs: {counts['fact']} facts, {counts['assumption']} assumptions")


def test_run_prints_the_card_and_writes_a_report_when_asked(study, tmp_path, capsys):
    target = tmp_path / "run.html"
    assert cli.main(["run", study, "--policy", "halt", "--scenario", "1", "--out", str(target)]) == 0
    card = studies.read(study).run("halt", 1)
    assert capsys.readouterr().out.startswith(str(card))
    assert "one run of one scenario" in target.read_text(encoding="utf-8")


def test_compare_prints_the_policy_table_and_writes_the_report_again_and_again(study, tmp_path, capsys):
    target = tmp_path / "report.html"
    words = [
        "compare",
        study,
        "--out",
        str(target),
        "--no-band",
        "--jobs",
        "1",
        "--networks",
        "1",
        "--n",
        "2",
    ]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "halt" in printed
    assert "placebo" in printed
    first = target.read_bytes()
    assert cli.main([*words, "--quiet"]) == 0
    assert capsys.readouterr().out == f"report: {target}\n"
    assert target.read_bytes() == first


def test_a_file_that_is_no_report_is_not_replaced(study, tmp_path, capsys):
    target = tmp_path / "notes.html"
    target.write_text("mine", encoding="utf-8")
    assert cli.main(["report", study, "--out", str(target)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("InputError: ")
    assert "give --overwrite to replace it" in message
    assert "overwrite=True" not in message
    assert target.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "perp-venue"], "did you mean 'perp-venues'"),
        (["run", "none.toml"], "SchemaError: "),
        (["compare", "study.yaml"], "UnsafeInputError: "),
        (["run", "--scenario", "100000"], "100000 is not in the study, which has n = 500; 0 to 499"),
        (["run", "--scenario", "-1"], "scenario: -1 is negative; 0 to 499"),
        (["compare", "--networks", "0"], "ValueRangeError: "),
        (["compare", "--step", "-5"], "ValueRangeError: "),
        (["compare", "--out", "no-such-folder/report.html"], "does not exist"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    caught = capsys.readouterr()
    assert message in caught.err
    assert "Traceback" not in caught.err
    assert caught.out == ""


def test_a_study_without_scenarios_is_refused_by_run_too(study, capsys):
    path = Path(study)
    path.write_text(path.read_text(encoding="utf-8").replace("n = 4", "n = 0"), encoding="utf-8")
    assert cli.main(["run", study]) == 2
    assert "n: 0 is out of range" in capsys.readouterr().err


def test_not_converged_is_exit_code_3(study, capsys, monkeypatch):
    def fail(self, policy="none", scenario=0):
        raise ConvergenceError("did not settle", round=7, gap=0.5, worst="node")

    monkeypatch.setattr(studies.Study, "run", fail)
    assert cli.main(["run", study]) == 3
    assert "round 7" in capsys.readouterr().err


def test_an_unknown_command_is_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["compar"])
    assert caught.value.code == 2


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"contagion {ct.__version__}\n"


def test_without_arguments_the_bundled_study_is_run_with_the_options_given():
    options = cli.parser().parse_args(
        ["compare", "--n", "20", "--seed", "9", "--step", "120", "--networks", "2"]
    )
    study = cli._study(options)
    bundled = studies.parse(studies.BUNDLED)
    assert (study.n, study.seed, study.model.step, study.source.count) == (20, 9, 120.0, 2)
    assert study.policies == bundled.policies
    assert options.out == "report.html"


def test_reverse_prints_the_sizes_at_which_a_condition_changes(study, capsys):
    words = ["reverse", study, "--direction", "BTC=-1,ETH=-1.2", "--until", "liquidated_accounts >= 20"]
    assert cli.main([*words, "--grid", "4", "--resolution", "0.1"]) == 0
    out = capsys.readouterr().out
    assert "none: liquidated_accounts >= 20 begins to hold at size" in out and "halt: " in out


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--until", "venue_defaults", "no condition"),
        ("--until", "venue_defaults >= many", "no number"),
        ("--direction", "BTC", "no number"),
        ("--direction", "NOCOIN=-1", "NOCOIN"),
        ("--grid", "1", "grid"),
    ],
)
def test_reverse_refuses_what_it_cannot_search(study, capsys, option, value, words):
    assert cli.main(["reverse", study, option, value]) == 2
    assert words in capsys.readouterr().err


FEW_ROUNDS = SMALL.replace("n_accounts = 400", "n_accounts = 300").replace("step = 300", "step = 1800")


@pytest.fixture
def short_study(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(FEW_ROUNDS, encoding="utf-8")
    return str(path)


@pytest.fixture
def no_report(monkeypatch):
    monkeypatch.setattr(reporting, "report", lambda *_, **__: None)


def quiet(*words):
    return cli.main([*map(str, words), "--no-band", "--quiet"])


def test_a_study_goes_on_in_its_store_and_a_report_needs_nothing_but_the_folder(
    short_study, tmp_path, monkeypatch
):
    folder, out, again = tmp_path / "results", tmp_path / "a.html", tmp_path / "b.html"
    assert quiet("compare", short_study, "--store", folder, "--jobs", "2", "--n", "2", "--out", out) == 0
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".npz") == [
        "manifest.json",
        "settings.json",
        "study.toml",
    ]
    assert ct.load_results(folder).n == 2
    monkeypatch.setattr(tasks, "_measured", lambda *_: pytest.fail("a run took place"))
    Path(short_study).unlink()
    assert quiet("report", folder, "--out", again) == 0
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.usefixtures("no_report")
def test_the_store_of_a_study_is_named_in_its_file(short_study, tmp_path):
    Path(short_study).write_text(FEW_ROUNDS + 'store = "kept"\nn_jobs = 1\n', encoding="utf-8")
    assert quiet("compare", short_study, "--out", tmp_path / "a.html") == 0
    assert len(ct.load_results(tmp_path / "kept").to_frame()) == 12


LIMITS = 'metric = "bad_debt"\ntimeout = 600\nmax_error_rate = 0.1\n'


def test_the_metric_and_the_limits_of_a_study_stand_in_its_file():
    study = studies.parse(FEW_ROUNDS + LIMITS)
    assert (study.metric, study.timeout, study.max_error_rate) == ("bad_debt", 600.0, 0.1)
    plain = studies.parse(FEW_ROUNDS)
    assert (plain.metric, plain.timeout, plain.max_error_rate) == ("system_loss", None, 1.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('metrics = "bad_debt"', "did you mean 'metric'"),
        ("metric = 3", "metric.*a text"),
        ('timeout = "long"', "timeout.*a number"),
    ],
)
def test_a_misspelt_setting_or_one_of_another_type_is_refused(line, message):
    with pytest.raises(SchemaError, match=message):
        studies.parse(FEW_ROUNDS + line)


def test_options_of_the_command_line_stand_before_those_of_the_file(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(FEW_ROUNDS + LIMITS, encoding="utf-8")
    words = ["--metric", "forced_cost", "--timeout", "60", "--max-error-rate", "0.5"]
    study = cli._study(cli.parser().parse_args(["compare", str(path), *words]))
    assert (study.metric, study.timeout, study.max_error_rate) == ("forced_cost", 60.0, 0.5)


def test_a_report_says_which_metric_was_named_and_a_folder_keeps_it(short_study, tmp_path, capsys):
    folder, out, again = tmp_path / "results", tmp_path / "a.html", tmp_path / "b.html"
    words = ["--n", "2", "--metric", "bad_debt", "--timeout", "600"]
    assert quiet("compare", short_study, "--store", folder, *words, "--out", out) == 0
    text = out.read_text(encoding="utf-8")
    assert "named its metric before it ran" in text and 'id="named-bad_debt"' in text
    assert ct.load_results(folder).metric == "bad_debt"
    assert quiet("report", folder, "--out", again) == 0 and again.read_bytes() == out.read_bytes()
    assert quiet("compare", short_study, "--metric", "bad_dept", "--out", tmp_path / "c.html") == 2
    assert "did you mean 'bad_debt'" in capsys.readouterr().err


@pytest.mark.usefixtures("no_report")
def test_another_study_in_the_store_is_refused_in_one_line(short_study, tmp_path, capsys):
    assert quiet("compare", short_study, "--store", tmp_path / "kept", "--out", tmp_path / "a.html") == 0
    kept = (tmp_path / "kept" / "settings.json").read_bytes()
    code = quiet(
        "compare", short_study, "--seed", 3, "--store", tmp_path / "kept", "--out", tmp_path / "a.html"
    )
    assert code == 2
    assert capsys.readouterr().err.startswith("StudyMismatchError: store 'kept': holds another study: its ")
    assert (tmp_path / "kept" / "settings.json").read_bytes() == kept


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("study.toml", None, "InputError: folder 'kept': holds no study"),
        ("settings.json", b'{"n": 3.5}', "CorruptResultError: folder 'kept', settings.json: is not what was"),
        ("settings.json", b'{"n": true}', "CorruptResultError"),
        ("settings.json", b'{"exec": 1}', "CorruptResultError"),
        ("settings.json", b"[" * 10_000, "CorruptResultError"),
        ("settings.json", None, "CorruptResultError"),
        ("study.toml", b"[network]\npath = 'elsewhere'\n", "InputError"),
        (
            "study.toml",
            b"[shock]\nkind = 'os.system'\n",
            "SchemaError: folder 'kept': holds a study that cannot",
        ),
    ],
)
def test_a_folder_without_a_study_that_can_be_read_says_so(name, content, message, tmp_path, capsys):
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "study.toml").write_text(SMALL, encoding="utf-8")
    (folder / "settings.json").write_bytes(b"{}")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    assert quiet("report", folder, "--out", tmp_path / "a.html") == 2
    assert capsys.readouterr().err.startswith(message)


OPTIONS = """
[network]
path = "book"

[shock]
kind = "VolatilityShock"
moves = { X = 0.5 }

[model]
step = 10
horizon = 60

[study]
n = 1
"""


def test_a_study_of_a_volatility_shock_marks_options_to_the_model_anew(tmp_path, capsys):
    """A short call is worth the Black-Scholes price of 0.5 before and of 0.75 after; nothing else has moved."""
    net = listed_net({"short": Owner({"call": -1.0}, 1e5)}, carry=0.0)
    net.save(tmp_path / "book")
    (tmp_path / "study.toml").write_text(OPTIONS, encoding="utf-8")
    assert cli.main(["run", str(tmp_path / "study.toml")]) == 0
    told = capsys.readouterr().out
    assert "X +50" in told
    run = studies.read(tmp_path / "study.toml").run("none", 0)
    before, after = (
        float(black_scholes("call", SPOT, STRIKE, EXPIRY / YEAR, sigma).price) for sigma in (0.5, 0.75)
    )
    later = float(
        black_scholes("call", SPOT, STRIKE, (EXPIRY - run.rounds["time"].iloc[-1]) / YEAR, 0.75).price
    )
    assert run.markets.loc["call", "outside_price"] == pytest.approx(later, rel=1e-9)
    assert run.nodes.loc["short", "direct_loss"] == pytest.approx(later - before, rel=1e-6)
    assert after > later > before
    (tmp_path / "study.toml").write_text(OPTIONS.replace("X = 0.5", "Y = 0.5"), encoding="utf-8")
    assert cli.main(["run", str(tmp_path / "study.toml")]) == 2
    assert "Y" in capsys.readouterr().err
