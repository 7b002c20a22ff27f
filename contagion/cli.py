"""The command line: ``contagion datasets | check | run | compare | reverse | report``.

Each command works without arguments on the bundled network. Exit codes: 0 done, 2 bad input, 3 not converged.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import contagion
from contagion.errors import ContagionError, ConvergenceError, SchemaError

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.experiments.across import StudyComparison
    from contagion.network.network import Network
    from contagion.studies import Study

BAD_INPUT, NOT_CONVERGED = 2, 3
BUNDLED_NETWORK = "perp-venues"
BAND_SCENARIOS = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``contagion``; those of the process by default.

    Returns
    -------
    int
        0 done, 2 bad input, 3 not converged.

    Examples
    --------
    >>> main(["check", "no-such-network"])
    2
    """
    options = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ContagionError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return NOT_CONVERGED if isinstance(error, ConvergenceError) else BAD_INPUT
    except BrokenPipeError:  # the reader of the output has gone
        sys.stderr.close()
        return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="contagion",
        description="Shock a network of margin accounts or balance sheets, follow the cascade, compare rules.",
    )
    top.add_argument("--version", action="version", version=f"contagion {contagion.__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    listing = commands.add_parser("datasets", help="list the bundled networks")
    listing.set_defaults(command=_datasets)
    check = commands.add_parser("check", help="look for faults in a network, or read facts back from it")
    check.add_argument("network", nargs="?", default=BUNDLED_NETWORK, help="a bundled network or a folder")
    check.add_argument(
        "--facts", action="store_true", help="print every value of the facts beside the network's"
    )
    check.set_defaults(command=_check)
    run = commands.add_parser("run", help="run one scenario of a study and print what happened")
    _study_options(run)
    run.add_argument("--policy", default="none", help="policy set to run under (default: none)")
    run.add_argument("--scenario", type=int, default=0, help="number of the scenario (default: 0)")
    _output_options(run, out=None)
    run.set_defaults(command=_run)
    compare = commands.add_parser("compare", help="run a study, write the report, print the policy table")
    _comparison_options(compare)
    compare.set_defaults(command=_compare)
    reverse = commands.add_parser("reverse", help="find the sizes of a shock at which the system breaks")
    _study_options(reverse)
    reverse.add_argument(
        "--direction",
        help="log return per unit of size, such as BTC=-1,ETH=-1.2, of assets or nodes (default: all -1)",
    )
    reverse.add_argument(
        "--until",
        help="metric, sign and limit (default: venue_defaults >= 1, of balance sheets node_defaults >= 1)",
    )
    reverse.add_argument(
        "--sizes", nargs=2, type=float, default=(0.0, 1.0), metavar=("LOW", "HIGH"), help="(default: 0 1)"
    )
    reverse.add_argument("--grid", type=int, default=21, help="sizes looked at first (default: 21)")
    reverse.add_argument("--resolution", type=float, default=1e-3, help="width of a bracket (default: 0.001)")
    reverse.add_argument("--jobs", type=int, help="workers; -1 is one per core")
    reverse.set_defaults(command=_reverse)
    report = commands.add_parser(
        "report", help="write the report on a study, on stored results, or on two of them"
    )
    _comparison_options(report)
    report.add_argument("other", nargs="?", help="a second folder of results, to compare the first with")
    report.set_defaults(command=_report)
    return top


def _study_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "study", nargs="?", help="a TOML file, or the folder of a store (default: the bundled study)"
    )
    command.add_argument("--seed", type=int, help="seed of networks and scenarios")
    command.add_argument("--step", type=float, help="seconds of a round")


def _output_options(command: argparse.ArgumentParser, out: str | None) -> None:
    shown = f" (default: {out})" if out else " (default: none)"
    command.add_argument("--out", default=out, help=f"where the HTML report goes{shown}")
    command.add_argument("--overwrite", action="store_true", help="replace a file that is not a report")
    command.add_argument("--quiet", action="store_true", help="no progress bar, no table")


def _comparison_options(command: argparse.ArgumentParser) -> None:
    _study_options(command)
    command.add_argument("--n", type=int, help="number of scenarios")
    command.add_argument("--networks", type=int, help="how many networks are drawn")
    command.add_argument("--jobs", type=int, help="workers; -1 is one per core")
    command.add_argument("--store", type=Path, help="a folder that keeps finished rows and goes on from them")
    command.add_argument("--metric", help="the metric that the study is about, named before it runs")
    command.add_argument("--timeout", type=float, help="seconds a scenario may take")
    command.add_argument(
        "--max-error-rate", type=float, help="share of runs that may fail before the study ends (default: 1)"
    )
    command.add_argument("--no-band", action="store_true", help="leave out the repetition at other leverages")
    _output_options(command, out="report.html")


def _datasets(options: argparse.Namespace) -> int:
    from contagion import datasets
    from contagion.reporting.texts import frame_text

    print(frame_text(datasets.list()))
    return 0


def _check(options: argparse.Namespace) -> int:
    from contagion.reporting.texts import frame_text

    net = _network(options.network)
    if options.facts:
        return _facts(net)
    findings = net.check()
    print(frame_text(findings.set_index("severity")) if len(findings) else f"{options.network}: no findings")
    return BAD_INPUT if (findings["severity"] == "error").any() else 0


def _facts(net: Network) -> int:
    from contagion import datasets, facts
    from contagion.reporting.texts import frame_text

    checked = datasets.check_facts(net)
    counts = facts.counts(datasets.tables_behind(net))
    print(frame_text(checked.set_index("fact")))
    worst = float(checked["error"].abs().max())
    print(
        f"\n{len(checked)} values from {counts['fact']} fact rows read back from the network's tables, largest "
        f"error {worst:.2%}; inputs: {counts['fact']} facts, {counts['assumption']} assumptions"
    )
    return 0


def _network(name: str) -> Network:
    from contagion import datasets
    from contagion.network.network import Network

    return Network.read(name) if Path(name).is_dir() else datasets.load(name)


def _run(options: argparse.Namespace) -> int:
    from contagion.reporting import report

    target = _target(options)
    run = _study(options).run(options.policy, options.scenario)
    print(run)
    if target is not None:
        report(run, target, overwrite=True)
        print(f"report: {options.out}")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from contagion.reporting.texts import policy_table

    comparison = _compared(options)
    if not options.quiet:
        print(policy_table(comparison))
    print(f"report: {options.out}")
    return 0


def _reverse(options: argparse.Namespace) -> int:
    direction = None if options.direction is None else _direction(options.direction)
    found = _study(options).reverse(
        direction,
        None if options.until is None else _until(options.until),
        sizes=tuple(options.sizes),
        grid=options.grid,
        resolution=options.resolution,
    )
    print(found)
    return 0


def _direction(text: str) -> dict[str, float]:
    """Read ``BTC=-1,ETH=-1.2``."""
    moves: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.rpartition("=")
        moves[name.strip()] = _float(value, "--direction", "such as BTC=-1,ETH=-1.2", text)
    return moves


def _until(text: str) -> tuple[str, str, float]:
    """Read ``venue_defaults >= 1``."""
    words = re.fullmatch(r"\s*(\w+)\s*(>=|<=|>|<)\s*(\S+)\s*", text)
    if words is None:
        raise SchemaError("is no condition", where="--until", value=text, allowed="'venue_defaults >= 1'")
    return words[1], words[2], _float(words[3], "--until", "such as 'venue_defaults >= 1'", text)


def _float(text: str, where: str, allowed: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SchemaError("holds no number", where=where, value=whole, allowed=allowed) from None


def _report(options: argparse.Namespace) -> int:
    target = _target(options)
    findings = [] if options.other is None else [_across(Path(options.study), Path(options.other))]
    folder = None if options.study is None else Path(options.study)
    if folder is not None and _rows_alone(folder):
        _stored_report(options, folder, target, findings)
    else:
        _compared(options, findings)
    print(f"report: {options.out}")
    return 0


def _rows_alone(folder: Path) -> bool:
    """Whether a folder holds results without the study that they are of."""
    from contagion.experiments.manifest import MANIFEST
    from contagion.studies.kept import STUDY

    return (folder / MANIFEST).is_file() and not (folder / STUDY).is_file()


def _across(folder: Path, other: Path) -> StudyComparison:
    from contagion.experiments.across import compare_studies

    same = folder.name == other.name
    names = ("first", "second") if same else (folder.name, other.name)
    return compare_studies(folder, other, names=names)


def _stored_report(
    options: argparse.Namespace, folder: Path, target: Path | None, findings: list[StudyComparison]
) -> None:
    """Write the report on results that lie there without a study: nothing is run."""
    from contagion.experiments.load import load_results
    from contagion.reporting import report

    changing = ("seed", "step", "n", "networks", "jobs", "store", "metric", "timeout", "max_error_rate")
    for name in changing:
        if getattr(options, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise SchemaError("changes a study, and stored results are of one already", where=option)
    comparison = load_results(folder)
    if target is not None:
        report(comparison, target, overwrite=True, findings=findings)


def _compared(options: argparse.Namespace, findings: Sequence[StudyComparison] = ()) -> Comparison:
    """Run the comparison and, where the networks are perpetual futures, the band over leverage; write the report."""
    from contagion.reporting import leverage_band, report

    target = _target(options)
    study = _study(options)
    comparison = study.compare(progress=not options.quiet)
    _keep(options, study)
    band = None
    if study.source.leveraged and not study.on_sheets and not options.no_band:
        scenarios = min(BAND_SCENARIOS, comparison.n)
        _say(options, "repeating the study at other leverages ...")
        band = leverage_band(
            study.shock, study.model, study.policies, n=scenarios, seed=study.seed, n_jobs=study.n_jobs
        )
    if target is not None:
        _say(options, "writing the report ...")
        report(comparison, target, overwrite=True, leverage_band=band, findings=list(findings))
    return comparison


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.quiet:
        print(text, file=sys.stderr)


def _target(options: argparse.Namespace) -> Path | None:
    """Return where the report goes, refused before anything is computed; a report may replace a report."""
    from contagion.reporting.page import check_target, is_report

    if options.out is None:
        return None
    target = Path(options.out)
    check_target(target, overwrite=options.overwrite or is_report(target), remedy="give --overwrite")
    return target


def _study(options: argparse.Namespace) -> Study:
    """Return the study with the settings of the command line in the place of its own."""
    from contagion import studies
    from contagion.studies.kept import CHANGES, kept

    if options.study is not None and Path(options.study).is_dir():
        folder = Path(options.study)
        study, before = kept(folder)
        study = replace(study, store=folder)
        for name in CHANGES:
            if getattr(options, name, None) is None:
                setattr(options, name, before.get(name))
    else:
        study = studies.parse(studies.BUNDLED) if options.study is None else studies.read(options.study)
    given = {"n": "n", "seed": "seed", "n_jobs": "jobs", "store": "store"}
    given |= {name: name for name in ("metric", "timeout", "max_error_rate")}
    changes = {name: getattr(options, option, None) for name, option in given.items()}
    study = replace(study, **{name: value for name, value in changes.items() if value is not None})
    if options.step is not None:
        if study.on_sheets:
            raise SchemaError("has no meaning for balance sheets, which have no clock", where="--step")
        study = replace(study, model=replace(study.model, step=options.step))
    if getattr(options, "networks", None) is not None:
        study = replace(study, source=study.source.drawn(options.networks))
    return study


def _keep(options: argparse.Namespace, study: Study) -> None:
    """Put the study beside its results, unless it was read from there."""
    from contagion import studies
    from contagion.studies.kept import CHANGES, keep

    if study.store is None or (options.study is not None and Path(options.study).is_dir()):
        return
    text = studies.BUNDLED if options.study is None else Path(options.study).read_text(encoding="utf-8-sig")
    keep(Path(study.store), text, {name: getattr(options, name, None) for name in CHANGES})


if __name__ == "__main__":
    raise SystemExit(main())
