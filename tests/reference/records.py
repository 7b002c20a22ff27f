"""Reading reference cases and comparing numbers with them, as the records define it."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from contagion import errors
from contagion.propagation.single_defaults import ranking


@dataclass(frozen=True)
class Case:
    """One record of a file, or what is wrong with the file."""

    label: str
    record: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def read_cases(folder):
    """All records of a folder (or of one file), sorted; a folder without any is one case that fails."""
    folder = Path(folder)
    if folder.is_file():
        files, root = [folder], folder.parent
    else:
        root = folder
        files = sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() == ".json"
            and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        )
    cases = [case for path in files for case in _read_file(path, path.relative_to(root).as_posix())]
    if cases:
        return cases
    what = "holds no case file (*.json)" if folder.is_dir() else "is not a folder"
    return [Case(label="no-cases", problem=f"{folder}: {what}")]


def _read_file(path, name):
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as fault:
        return [Case(label=name, problem=f"{name}: is not JSON: {fault}")]
    if isinstance(content, dict) and "cases" in content:
        content = content["cases"]
    records = content if isinstance(content, list) else [content]
    if not records:
        return [Case(label=name, problem=f"{name}: holds no record")]
    return [_case(record, name, place) for place, record in enumerate(records)]


def _case(record, name, place):
    if not isinstance(record, dict) or "algorithm" not in record or "expected" not in record:
        return Case(label=f"{name}#{place}", problem=f"{name}: entry {place} is no record of a case")
    return Case(label=f"{name}:{record.get('id', place)}", record=record)


def scenarios(record):
    """The runs of a record: pairs of keys (input and params together) and expected values.

    An override replaces the key of its name in `input` if it is there, else in `params`. Expected names
    outside `expected.scenarios` hold for every run.
    """
    state, rule = dict(record.get("input") or {}), dict(record.get("params") or {})
    expected = dict(record["expected"])
    overrides, results = rule.pop("scenarios", None), expected.pop("scenarios", None)
    if overrides is None:
        if results is not None:
            raise AssertionError("expected.scenarios without params.scenarios")
        return [({**rule, **state}, expected)]
    if results is None:
        results = [{}] * len(overrides)
    if len(results) != len(overrides):
        raise AssertionError(f"{len(overrides)} scenarios, {len(results)} expected results")
    runs = []
    for override, result in zip(overrides, results, strict=True):
        here = {**state, **{key: value for key, value in override.items() if key in state}}
        there = {**rule, **{key: value for key, value in override.items() if key not in state}}
        runs.append(({**there, **here}, {**expected, **result}))
    return runs


def check(record, compute):
    """Everything in which the computed values differ from the record; an empty list if nothing does."""
    order = record["expected"].get("ranking")
    if order is not None:
        rest = {name: value for name, value in record["expected"].items() if name != "ranking"}
        return _check_ranking(record, order, compute) + check({**record, "expected": rest}, compute)
    faults = []
    runs = scenarios(record)
    for place, (keys, expected) in enumerate(runs):
        prefix = f"scenario {place}: " if len(runs) > 1 else ""
        faults += [prefix + fault for fault in _check_run(record, keys, expected, compute)]
    return faults


def _check_ranking(record, order, compute):
    """The banks that default alone, one a scenario, by `debtrank`: largest first, ties by index.

    A record without scenarios ranks all of its banks.
    """
    rule = dict(record.get("params") or {})
    chosen = rule.pop("scenarios", None) or [{"initial_defaults": [i]} for i in range(record["input"]["n"])]
    keys = [
        keys for keys, _ in scenarios({**record, "params": {**rule, "scenarios": chosen}, "expected": {}})
    ]
    banks = [bank for run in keys for bank in run["initial_defaults"]]
    size = [compute(record["algorithm"], run)["debtrank"] for run in keys]
    names = keys[0].get("names") or []
    places = [names.index(bank) if bank in names else bank for bank in banks]
    by_place = sorted(range(len(banks)), key=lambda k: places[k])
    ranked = [banks[by_place[k]] for k in ranking([size[k] for k in by_place])]
    if order and isinstance(order[0], str):
        ranked = [names[bank] if isinstance(bank, int) else bank for bank in ranked]
    return differences(order, ranked, {}, "ranking")


def _check_run(record, keys, expected, compute):
    if "raises" in expected:
        return _check_refused(record, keys, expected, compute)
    try:
        found = compute(record["algorithm"], keys)
    except errors.ContagionError as error:
        return [f"raised {type(error).__name__}: {error}"]
    faults = []
    for name, value in expected.items():
        if name not in found:
            faults.append(f"{name}: no value of this name among {', '.join(found)}")
        else:
            faults += differences(value, found[name], record.get("tolerance") or {}, name)
    return faults


def _check_refused(record, keys, expected, compute):
    wanted = getattr(errors, expected["raises"])
    mentions = expected.get("mentions") or []
    try:
        found = compute(record["algorithm"], keys)
    except wanted as error:
        words = [mentions] if isinstance(mentions, str) else mentions
        return [f"the message does not mention {word!r}: {error}" for word in words if word not in str(error)]
    except Exception as error:
        return [f"raised {type(error).__name__} in place of {expected['raises']}: {error}"]
    return [f"accepted, should raise {expected['raises']}: {found}"]


def differences(expected, found, tolerance, name):
    """Places in which a found value does not meet the expected one.

    A number x meets e when ``abs(x - e) <= max(abs, rel * abs(e))``. Texts, truth values, null, whole
    numbers in lists and lengths are equal. Null also stands for infinite and undefined (nan).
    """
    if isinstance(found, np.generic):
        found = found.item()
    if isinstance(found, np.ndarray):
        found = found.tolist()
    if isinstance(expected, dict):
        return _dictionaries(expected, found, tolerance, name)
    if isinstance(expected, list):
        return _lists(expected, found, tolerance, name)
    return [] if _meets(expected, found, tolerance) else [f"{name}: {found!r}, expected {expected!r}"]


def _meets(expected, found, tolerance):
    if expected is None:
        return found is None or (isinstance(found, float) and not math.isfinite(found))
    if isinstance(expected, (bool, str)) or isinstance(found, (bool, str)):
        return type(expected) is type(found) and expected == found
    if not isinstance(found, (int, float)):
        return False
    if not (math.isfinite(expected) and math.isfinite(found)):
        return expected == found
    return abs(found - expected) <= max(tolerance.get("abs", 0), tolerance.get("rel", 0) * abs(expected))


def _dictionaries(expected, found, tolerance, name):
    if "band" in expected and "estimate" in expected:
        low, high = expected["band"]
        return [] if low <= found <= high else [f"{name}: {found!r} outside the band {low!r} to {high!r}"]
    if not isinstance(found, dict):
        return [f"{name}: {found!r}, expected {expected!r}"]
    found = {str(key): value for key, value in found.items()}
    faults = []
    for key, value in expected.items():
        if key not in found:
            faults.append(f"{name}[{key!r}]: missing")
        else:
            faults += differences(value, found[key], tolerance, f"{name}[{key!r}]")
    return faults


def _lists(expected, found, tolerance, name):
    if not isinstance(found, (list, tuple)):
        return [f"{name}: {found!r}, expected {expected!r}"]
    if len(expected) != len(found):
        return [f"{name}: {len(found)} entries {found!r}, expected {len(expected)}: {expected!r}"]
    faults = []
    for place, (value, here) in enumerate(zip(expected, found, strict=True)):
        both = (value, here.item() if isinstance(here, np.generic) else here)
        whole = all(isinstance(number, int) and not isinstance(number, bool) for number in both)
        faults += differences(value, here, {} if whole else tolerance, f"{name}[{place}]")
    return faults
