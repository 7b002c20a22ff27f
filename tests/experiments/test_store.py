import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.comparison import Comparison
from contagion.errors import (
    ContagionError,
    CorruptResultError,
    InputError,
    SchemaError,
    StudyMismatchError,
    UnsafeInputError,
)
from contagion.experiments import chunks, store, tasks, writer
from contagion.experiments.chunks import ChunkKey, Columns, key_of, read_chunk, write_chunk
from contagion.experiments.manifest import MANIFEST, Manifest

from .conftest import ClosedForm, Failing, Interpreted, Scaled, small_market, small_network

SETS: dict[str, Any] = {"half": [Scaled(0.5)], "bad": [Failing(every=5)]}


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST", 8)


def study(folder: Path, n: int = 20, **change: Any) -> Comparison:
    given: dict[str, Any] = {
        "net": small_network(),
        "shock": ct.PriceShocks.normal(scale=0.1),
        "model": ClosedForm(),
        "policies": SETS,
        "n": n,
        "seed": 5,
        "store": folder,
        **change,
    }
    return ct.compare(**given)


def content(folder: Path) -> dict[str, str]:
    """Every file of a folder with the hash of its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def chunk_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))


def rows(count: int = 3) -> Columns:
    return Columns(
        policy=1,
        network=np.zeros(count, dtype=np.int32),
        status=np.array([1, 2, 3] * count, dtype=np.int8)[:count],
        messages=["", "ValueError: é", "late"][:count],
        metrics=np.arange(count * 2, dtype=float).reshape(count, 2),
        outlays=np.full((count, 7), np.nan),
        seed=2**128,
        study="a" * 64,
    )


def test_a_chunk_holds_what_was_put_in_and_is_named_by_the_hash_of_its_bytes() -> None:
    key = ChunkKey("0badcafe", 6, 3)
    name, data = write_chunk(key, rows())
    assert name == f"0badcafe-6-3-{hashlib.sha256(data).hexdigest()[:32]}.npz"
    assert key_of(name) == key
    back = read_chunk(name, data)
    assert back.metrics.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert np.isnan(back.outlays).all()
    assert back.status.tolist() == [1, 2, 3]
    assert back.messages == ["", "ValueError: é", "late"]
    assert (back.seed, back.study, back.policy) == (2**128, "a" * 64, 1)


def test_a_chunk_is_an_archive_that_numpy_reads_without_pickle(tmp_path: Path) -> None:
    name, data = write_chunk(ChunkKey("0badcafe", 6, 3), rows())
    (tmp_path / name).write_bytes(data)
    with np.load(tmp_path / name, allow_pickle=False) as found:
        assert sorted(found) == sorted(
            ["message", "metrics", "network", "outlays", "policy", "scenario", "seed", "status", "study"]
        )
        assert found["scenario"].tolist() == [6, 7, 8]


def test_the_same_rows_give_the_same_bytes_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_chunk(ChunkKey("0badcafe", 6, 3), rows())
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert write_chunk(ChunkKey("0badcafe", 6, 3), rows()) == first


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "0badcafe-06-3-" + "0" * 32 + ".npz",
        "0badcafe-6-0-" + "0" * 32 + ".npz",
        "0BADCAFE-6-3-" + "0" * 32 + ".npz",
        "../0badcafe-6-3-" + "0" * 32 + ".npz",
        "0badcafe-6-3-" + "0" * 32 + ".npz\n",
        "0badcafe-٦-3-" + "0" * 32 + ".npz",
    ],
)
def test_a_name_that_no_chunk_has_is_no_key(name: str) -> None:
    assert key_of(name) is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"scenario": np.arange(3)}, "other scenarios than its name says"),
        ({"status": np.zeros(3, dtype=np.int8)}, "a status or a seed"),
        ({"status": np.ones(3, dtype=np.int16)}, "a column status of <i2"),
        ({"metrics": np.zeros((2, 2))}, "a column metrics"),
        ({"metrics": np.zeros((3, 2), dtype=np.float32)}, "a column metrics of <f4"),
        ({"more": np.zeros(3)}, "the columns message, metrics, more"),
        ({"study": np.zeros(2, dtype="|S64")}, "a column study"),
    ],
)
def test_a_chunk_with_other_columns_is_refused_though_its_hash_is_right(
    change: dict[str, Any], fault: str
) -> None:
    class Changed(Columns):
        def arrays(self, key: ChunkKey) -> dict[str, Any]:
            return {**super().arrays(key), **change}

    name, data = write_chunk(ChunkKey("0badcafe", 6, 3), Changed(**vars(rows())))
    with pytest.raises(CorruptResultError, match=fault):
        read_chunk(name, data)


def test_an_archive_with_objects_in_it_is_refused() -> None:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, metrics=np.array([{}], dtype=object))
    data = buffer.getvalue()
    name = chunks.name_of(ChunkKey("0badcafe", 0, 1), data)
    with pytest.raises(CorruptResultError, match="is no archive of arrays"):
        read_chunk(name, data)


def test_a_stored_study_is_the_study(tmp_path: Path) -> None:
    plain = study(tmp_path / "a", store=None)
    stored = study(tmp_path / "a")
    again = study(tmp_path / "a")
    for other in (stored, again):
        pd.testing.assert_frame_equal(plain.to_frame(), other.to_frame(), check_exact=True)
        pd.testing.assert_frame_equal(plain.errors, other.errors)
        pd.testing.assert_frame_equal(plain.outlays, other.outlays)
        assert plain.note == other.note


def test_what_is_finished_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = study(tmp_path)
    before = content(tmp_path)
    monkeypatch.setattr(tasks, "_measured", lambda *_: pytest.fail("a run took place"))
    comparison = study(tmp_path, policies=dict(reversed(SETS.items())))
    assert list(comparison.policies) == ["none", "bad", "half", "placebo"]
    assert comparison.effects("system_loss").equals(
        first.effects("system_loss").loc[list(comparison.effects("system_loss").index)]
    )
    assert content(tmp_path) == before


def test_a_larger_n_goes_on_where_the_study_stopped(tmp_path: Path) -> None:
    study(tmp_path, n=12)
    first = {path.name for path in chunk_files(tmp_path)}
    larger = study(tmp_path, n=30)
    assert first < {path.name for path in chunk_files(tmp_path)}
    pd.testing.assert_frame_equal(
        larger.to_frame(), study(tmp_path, n=30, store=None).to_frame(), check_exact=True
    )
    smaller = study(tmp_path, n=9)
    assert len(smaller.to_frame()) == 4 * 9
    assert ct.load_results(tmp_path).n == 30


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_the_folder_is_the_same_over_workers_and_kinds_of_workers(tmp_path: Path, jobs: int) -> None:
    sets = {"half": [Scaled(0.5)], "python": [Interpreted(0.25)]}
    study(tmp_path / "one", policies=sets)
    study(tmp_path / "many", policies=sets, n_jobs=jobs)
    assert content(tmp_path / "one") == content(tmp_path / "many")


def test_the_folder_is_the_same_over_a_stop_and_a_resume(tmp_path: Path) -> None:
    study(tmp_path / "whole", n=30)
    study(tmp_path / "parts", n=30)
    for path in chunk_files(tmp_path / "parts")[::2]:
        path.unlink()
    (tmp_path / "parts" / f".tmp-{2**22 + 1}-{store._host()}-1-left.npz").write_bytes(b"half")
    study(tmp_path / "parts", n=30)
    assert content(tmp_path / "whole") == content(tmp_path / "parts")


def test_several_networks_share_a_folder(tmp_path: Path) -> None:
    worlds = [small_network(cash) for cash in (100.0, 200.0, 400.0)]
    several = study(tmp_path, net=None, networks=worlds, n_jobs=2)
    plain = study(tmp_path, net=None, networks=worlds, store=None)
    pd.testing.assert_frame_equal(several.to_frame(), plain.to_frame(), check_exact=True)
    loaded = ct.load_results(tmp_path, networks=worlds)
    pd.testing.assert_frame_equal(loaded.to_frame(), plain.to_frame(), check_exact=True)
    with pytest.raises(StudyMismatchError, match=r"networks\[1\]"):
        ct.load_results(tmp_path, networks=[worlds[0], worlds[2], worlds[1]])


def flipped(data: bytes, draws: random.Random) -> bytes:
    """One bit changed, anywhere."""
    changed = bytearray(data)
    changed[draws.randrange(len(data))] ^= 1 << draws.randrange(8)
    return bytes(changed)


def test_500_flips_and_cuts_are_all_noticed(tmp_path: Path) -> None:
    study(tmp_path, n=8)
    draws = random.Random(11)
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    for number in range(500):
        path = draws.choice(files)
        whole = path.read_bytes()
        damaged = flipped(whole, draws) if number % 2 else whole[: draws.randrange(len(whole))]
        path.write_bytes(damaged)
        with pytest.raises(CorruptResultError, match=path.name[:20]):
            ct.load_results(tmp_path)
        path.write_bytes(whole)
    assert len(ct.load_results(tmp_path).to_frame()) == 32


def test_every_bit_of_a_directory_is_guarded() -> None:
    name, data = write_chunk(ChunkKey("0badcafe", 6, 3), rows())
    start = data.index(b"PK\x01\x02")
    for place in range(start, len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            with pytest.raises(CorruptResultError):
                read_chunk(name, bytes(changed))


def test_damaged_chunks_are_put_aside_reported_and_run_again(tmp_path: Path) -> None:
    study(tmp_path)
    before = content(tmp_path)
    first, second = chunk_files(tmp_path)[:2]
    bad = first.read_bytes()[:-1]
    first.write_bytes(bad)
    second.write_bytes(b"")
    mended = study(tmp_path)
    assert f"{first.name}: holds other bytes than its name promises and was put aside" in mended.note
    after = content(tmp_path)
    assert {name: told for name, told in after.items() if not name.startswith("quarantine")} == before
    assert (tmp_path / "quarantine" / first.name).read_bytes() == bad
    first.write_bytes(bad)
    study(tmp_path)
    assert (tmp_path / "quarantine" / f"{first.name}.1").read_bytes() == bad


def test_two_good_chunks_of_the_same_runs_are_an_error(tmp_path: Path) -> None:
    study(tmp_path)
    path = chunk_files(tmp_path)[0]
    key = key_of(path.name)
    assert key is not None
    other = read_chunk(path.name, path.read_bytes())
    metrics = other.metrics.copy()
    metrics[0, 0] += 1e-9
    name, data = write_chunk(key, Columns(**{**vars(other), "metrics": metrics}))
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorruptResultError, match="did not give the same numbers twice"):
        study(tmp_path)
    with pytest.raises(CorruptResultError, match="did not give the same numbers twice"):
        ct.load_results(tmp_path)


def test_chunks_that_overlap_must_agree(tmp_path: Path) -> None:
    study(tmp_path, n=12)
    study(tmp_path, n=20)
    path = next(path for path in chunk_files(tmp_path) if "-8-4-" in path.name)
    found = read_chunk(path.name, path.read_bytes())
    for shift, error in ((0.0, False), (1.0, True)):
        halved = Columns(
            **{
                **vars(found),
                "metrics": found.metrics[:2] + shift,
                "outlays": found.outlays[:2],
                "network": found.network[:2],
                "status": found.status[:2],
                "messages": found.messages[:2],
            }
        )
        name, data = write_chunk(ChunkKey(path.name[:8], 8, 2), halved)
        (tmp_path / name).write_bytes(data)
        if error:
            with pytest.raises(CorruptResultError, match="did not give the same numbers twice"):
                study(tmp_path, n=20)
        else:
            study(tmp_path, n=20)


def test_a_chunk_of_another_study_is_put_aside(tmp_path: Path) -> None:
    study(tmp_path / "a")
    study(tmp_path / "b", seed=6)
    stranger = chunk_files(tmp_path / "b")[0]
    (tmp_path / "a" / stranger.name).write_bytes(stranger.read_bytes())
    note = study(tmp_path / "a").note
    assert "belongs to another study" in note
    assert (tmp_path / "a" / "quarantine" / stranger.name).exists()


def test_foreign_files_are_left_alone_and_named(tmp_path: Path) -> None:
    study(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    assert "1 files in the store are not its own and were left alone ('notes.txt')" in study(tmp_path).note
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_damaged_manifest_is_an_error_that_names_the_remedy(tmp_path: Path) -> None:
    study(tmp_path)
    before = content(tmp_path)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(CorruptResultError, match=r"manifest.json.*delete it and run the study again"):
        study(tmp_path)
    (tmp_path / MANIFEST).unlink()
    study(tmp_path)
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seed": 6}, "seed: '5', not '6'"),
        ({"level": 0.9}, "level: 0.95, not 0.9"),
        ({"net": small_network(7.0)}, r"networks\[0\]"),
        ({"shock": ct.PriceShocks.normal(scale=0.2)}, "shock.sampler.scale: 0.1, not 0.2"),
        ({"shock": ct.PriceShocks.student_t(df=4, scale=0.1)}, "shock.sampler.df: nothing, not 4.0"),
        (
            {"policies": {"half": [Scaled(0.25)], "bad": SETS["bad"]}},
            r"policies.half\[0\].factor: 0.5, not 0.25",
        ),
        ({"policies": {"half": [Scaled(0.5)]}}, "policies.bad"),
        ({"policies": {**SETS, "more": []}}, "policies.more: nothing"),
        ({"model": ct.Cascade()}, "model"),
    ],
)
def test_a_folder_of_another_study_is_refused_naming_the_field(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    study(tmp_path)
    before = content(tmp_path)
    if "model" in change:
        change = {**change, "net": small_market(), "policies": {}}
    with pytest.raises(StudyMismatchError, match=field):
        study(tmp_path, **change)
    assert content(tmp_path) == before


def test_another_engine_or_package_is_another_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study(tmp_path)
    monkeypatch.setattr(ct, "__version__", "9.9")
    with pytest.raises(StudyMismatchError, match=r"engine: '[0-9.]+', not '9.9'"):
        study(tmp_path)


def test_an_edited_policy_is_another_policy() -> None:
    from contagion.experiments.plain import digest, plain

    def made(body: str) -> Any:
        space: dict[str, Any] = {"ct": ct, "__name__": "mine"}
        exec(f"class Mine(ct.Policy):\n    def orders(self, world, cap):\n        return {body}\n", space)
        return space["Mine"]()

    assert digest(plain(made("cap * 0.5"))) == digest(plain(made("(cap  *  0.5)")))
    assert digest(plain(made("cap * 0.5"))) != digest(plain(made("cap * 0.25")))
    assert digest(plain(made("cap * 0.5"))) != digest(plain(made("world.fund * 0.5")))


def test_the_study_id_does_not_depend_on_the_process(tmp_path: Path) -> None:
    code = (
        "import contagion as ct\n"
        "from contagion.experiments.plain import digest, plain\n"
        "family = ct.PriceShocks.student_t(df=4, scale={'BTC': .1, 'ETH': .2})\n"
        "print(digest(plain([ct.Halt(), ct.Cascade(), family, {'a', 'b', 'c'}])))\n"
    )
    found = set()
    for number in ("1", "17"):
        environment = {**os.environ, "PYTHONHASHSEED": number}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (3, SchemaError, "store: 3 is no folder"),
        ("", SchemaError, "store: '' is no folder"),
        ("a\x00b", SchemaError, "is no folder"),
        (b"bytes", SchemaError, "is no folder"),
    ],
)
def test_what_is_no_folder_is_refused(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        study(given)


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SchemaError, match="'file' is a file"):
        study(tmp_path / "file")


def test_141_a_folder_of_another_study_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    study(tmp_path)
    with pytest.raises(StudyMismatchError, match="give another folder"):
        study(tmp_path, seed=6, policies={"half": [Scaled(0.5)], "bad": [Failing(every=1)]})


def test_142_a_read_only_folder_is_refused_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InputError, match=r"cannot be written to: Permission denied \(give a folder"):
        study(tmp_path, policies={"bad": [Failing(every=1)]})


def test_143_a_link_among_the_chunks_is_refused(tmp_path: Path) -> None:
    study(tmp_path / "a")
    path = chunk_files(tmp_path / "a")[0]
    path.rename(tmp_path / path.name)
    path.symlink_to(tmp_path / path.name)
    with pytest.raises(UnsafeInputError, match="is a link"):
        study(tmp_path / "a")
    with pytest.raises(UnsafeInputError, match="is a link"):
        ct.load_results(tmp_path / "a")


def test_139_objects_and_pickles_are_never_read(tmp_path: Path) -> None:
    import pickle

    study(tmp_path)
    data = pickle.dumps({"a": 1})
    (tmp_path / chunks.name_of(ChunkKey(chunk_files(tmp_path)[0].name[:8], 0, 8), data)).write_bytes(data)
    with pytest.raises(CorruptResultError, match="is no archive of arrays"):
        ct.load_results(tmp_path)


def test_a_full_disk_is_a_clean_error_and_what_is_finished_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study(tmp_path / "whole")
    written = []
    fsync = os.fsync

    def full(handle: int) -> None:
        written.append(handle)
        if len(written) > 9:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ContagionError, match=r"cannot be written: No space left on device.*make room"):
        study(tmp_path / "full")
    monkeypatch.undo()
    monkeypatch.setattr(writer, "MOST", 8)
    kept = content(tmp_path / "full")
    assert len(chunk_files(tmp_path / "full")) == 4
    assert not list((tmp_path / "full").glob(".tmp*"))
    study(tmp_path / "full")
    whole = content(tmp_path / "full")
    assert whole == content(tmp_path / "whole")
    assert kept.items() <= whole.items()


def test_two_studies_at_once_in_one_folder_give_the_same_folder(tmp_path: Path) -> None:
    import threading

    study(tmp_path / "one", n=60)
    errors = []

    def run() -> None:
        try:
            study(tmp_path / "two", n=60)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_results_without_their_network_say_what_they_need(tmp_path: Path) -> None:
    study(tmp_path, policies={"half": [Scaled(0.5)], "halt": [ct.Halt(drop=0.2)]})
    loaded = ct.load_results(tmp_path)
    assert loaded.policies["halt"] == [ct.Halt(drop=0.2)]
    assert "Comparison of 4 policy sets: 20 scenarios on 1 network, USD" in repr(loaded)
    assert loaded.effects("system_loss").loc["placebo", "difference"] == 0.0
    assert loaded.networks[0].fingerprint == small_network().fingerprint
    with pytest.raises(ContagionError, match=r"load_results\(folder, net=\.\.\.\)"):
        loaded.rerun("none", 0)
    with pytest.raises(ContagionError, match=r"the code of Scaled is not in the folder"):
        loaded.policies["half"][0].cost(None, None)
    with pytest.raises(StudyMismatchError, match="net: has the fingerprint"):
        ct.load_results(tmp_path, net=small_network(1.0))


def test_results_of_built_in_parts_with_their_network_are_the_whole_comparison(tmp_path: Path) -> None:
    net, family = small_market(8), ct.PriceShocks.student_t(df=4, scale=0.1)
    model, sets = ct.Cascade(step=600.0), {"halt": [ct.Halt(drop=0.1)]}
    made = ct.compare(net, family, model, sets, n=4, seed=3, store=tmp_path)
    loaded = ct.load_results(tmp_path, net=net)
    pd.testing.assert_frame_equal(loaded.to_frame(), made.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(loaded.scenarios, made.scenarios, check_exact=True)
    pd.testing.assert_frame_equal(loaded.costs(), made.costs(), check_exact=True)
    assert repr([loaded.provenance, loaded.policies]) == repr([made.provenance, made.policies])
    row = loaded.to_frame().query("policy == 'halt' and scenario == 2").iloc[0]
    rerun = loaded.rerun("halt", 2)
    assert all(rerun.metrics[name] == row[name] for name in loaded.metric_names if pd.notna(row[name]))


FAMILIES: dict[str, Any] = {
    "normal": ct.PriceShocks.normal(scale={"BTC": 0.1, "ETH": 0.2}),
    "student_t": ct.PriceShocks.student_t(df=4, scale=0.1, betas={"BTC": 1.0, "ETH": 1.2}, residual=0.02),
    "historical": ct.PriceShocks.historical(pd.DataFrame({"BTC": [-0.1, 0.2], "ETH": [0.1, -0.3]})),
    "fixed": [ct.PriceShock({"BTC": -0.1}), ct.PriceShock({"BTC": -0.2})],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_results_bring_their_scenarios_along(tmp_path: Path, name: str) -> None:
    made = study(tmp_path, shock=FAMILIES[name], n=2)
    loaded = ct.load_results(tmp_path)
    pd.testing.assert_frame_equal(loaded.scenarios, made.scenarios, check_exact=True)
    assert loaded.family.describe() == made.family.describe()


def test_results_of_a_family_of_ones_own_are_read_without_its_draws(tmp_path: Path) -> None:
    class Own:
        def draw(self, assets: list[str], n: int, seed: int) -> pd.DataFrame:
            return pd.DataFrame(-0.1, index=range(n), columns=assets)

        def scenario(self, assets: list[str], i: int, seed: int) -> ct.PriceShock:
            return ct.PriceShock(dict.fromkeys(assets, -0.1))

    made = study(tmp_path, shock=Own(), n=3)
    loaded = ct.load_results(tmp_path)
    pd.testing.assert_frame_equal(loaded.to_frame(), made.to_frame(), check_exact=True)
    assert loaded.scenarios.columns.tolist() == ["scenario", "network"]
    with pytest.raises(ContagionError, match=r"the code of .*Own is not in the folder"):
        loaded.family.scenario(["BTC"], 0, 5)


def test_weighted_results_of_a_family_of_ones_own_are_not_read_as_if_unweighted(tmp_path: Path) -> None:
    class Own:
        weighted = True

        def draw(self, assets: list[str], n: int, seed: int) -> pd.DataFrame:
            return pd.DataFrame(-0.1, index=range(n), columns=assets)

        def scenario(self, assets: list[str], i: int, seed: int) -> ct.PriceShock:
            return ct.PriceShock(dict.fromkeys(assets, -0.1))

        def weights(self, n: int, seed: int) -> np.ndarray:
            return np.linspace(0.5, 1.5, n)

    made = study(tmp_path, shock=Own(), n=3)
    assert made.to_frame()["weight"].unique().tolist() == [0.5, 1.0, 1.5]
    with pytest.raises(ct.errors.ScenarioError, match="carry weights"):
        ct.load_results(tmp_path)


def test_results_are_read_in_a_process_that_has_made_nothing(tmp_path: Path) -> None:
    study(tmp_path, policies={"halt": [ct.Halt(drop=0.2)]}, n=3)
    code = f"import contagion as ct; found = ct.load_results({str(tmp_path)!r}); print(found.policies, found.family)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "Halt(drop=0.2" in done.stdout
    assert "standard deviation 0.1" in done.stdout


def test_results_that_are_not_all_there_say_what_is_missing(tmp_path: Path) -> None:
    study(tmp_path, policies={"half": [Scaled(0.5)]})
    path = chunk_files(tmp_path)[0]
    key = key_of(path.name)
    assert key is not None
    path.unlink()
    loaded = ct.load_results(tmp_path)
    assert len(loaded.missing) == key.count
    assert loaded.note == f"incomplete: {60 - key.count} of 60 runs are done, the rest is in .missing"


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no results"):
        ct.load_results(tmp_path)
    with pytest.raises(InputError, match="holds no results"):
        ct.load_results(tmp_path / "none")


def test_csv_and_parquet_hold_the_rows(tmp_path: Path) -> None:
    comparison = study(tmp_path, policies={"=cmd": [Scaled(0.5)], "-x": [Failing(every=3)]})
    frame = comparison.to_frame()
    comparison.to_parquet(tmp_path / "rows.parquet")
    back = pd.read_parquet(tmp_path / "rows.parquet").astype({"policy": object, "status": object})
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    comparison.to_csv(tmp_path / "rows.csv")
    back = pd.read_csv(tmp_path / "rows.csv", float_precision="round_trip")
    assert back["policy"].unique().tolist() == ["none", "'=cmd", "'-x", "placebo"]
    assert back["system_loss"].to_numpy().tobytes() == frame["system_loss"].to_numpy().tobytes()
    with pytest.raises(InputError, match=r"exists.*overwrite=True"):
        comparison.to_csv(tmp_path / "rows.csv")
    comparison.to_csv(tmp_path / "rows.csv", overwrite=True)
    with pytest.raises(InputError, match="cannot be written"):
        comparison.to_parquet(tmp_path / "nowhere" / "rows.parquet")


def test_the_manifest_names_everything_that_decides_over_a_number(tmp_path: Path) -> None:
    study(tmp_path)
    manifest = Manifest.read(tmp_path / MANIFEST)
    assert sorted(manifest.identity) == [
        "columns",
        "engine",
        "level",
        "metric",
        "model",
        "networks",
        "packages",
        "policies",
        "python",
        "schema",
        "seed",
        "shock",
    ]
    assert manifest.labels["policies"] == ["none", "half", "bad", "placebo"]
    assert str(tmp_path) not in (tmp_path / MANIFEST).read_text()


def test_a_chunk_is_short_where_a_scenario_is_a_lot_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST", 256)
    assert writer.chunk_size([small_network()], compiled=True) == 256
    assert writer.chunk_size([small_network()], compiled=False) == 32
    monkeypatch.setattr(writer, "ROWS_A_CHUNK", 64)
    assert writer.chunk_size([small_network()], compiled=True) == 32
    assert writer.chunk_size([small_market(40)], compiled=True) == 8


def test_the_metric_named_in_advance_cannot_be_exchanged(tmp_path: Path) -> None:
    comparison = study(tmp_path, metric="forced_cost")
    with pytest.raises(StudyMismatchError, match=r"metric: .*forced_cost.*system_loss"):
        study(tmp_path)
    assert ct.load_results(tmp_path).metric == comparison.metric == "forced_cost"
