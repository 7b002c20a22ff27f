"""The same bits whatever runs the study: this process, threads, processes, a cluster."""

import hashlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import contagion as ct
from contagion.comparison import Comparison
from contagion.errors import TooLargeError
from contagion.experiments import memory, runner, writer
from contagion.experiments.carry import Carried, opened

from .conftest import ClosedForm, Failing, Interpreted, Scaled, small_market, small_network

SETS: dict[str, Any] = {"half": [Scaled(0.5)], "python": [Interpreted(0.25)], "bad": [Failing(every=7)]}


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST", 8)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """A scheduler and a worker with two threads, which talk to each other as on any cluster."""
    options: dict[str, Any] = {"processes": False, "dashboard_address": None}
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, protocol="tcp://", **options) as local,
        Client(local) as client,
    ):
        yield client


def study(net: ct.Network | None, **change: Any) -> Comparison:
    family = ct.PriceShocks.student_t(df=4, scale=0.1)
    return ct.compare(net, family, ClosedForm(), SETS, **{"n": 30, "seed": 5, **change})


def content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def same(one: Comparison, other: Comparison) -> None:
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(one.errors, other.errors)


def test_a_dask_cluster_gives_the_same_bits_and_the_same_folder(
    net: ct.Network, tmp_path: Path, cluster: Client
) -> None:
    plain = study(net, store=tmp_path / "plain")
    with joblib.parallel_config(backend="dask", client=cluster, scatter=[net]):
        same(plain, study(net))
        same(plain, study(net, store=tmp_path / "dask"))
    assert content(tmp_path / "plain") == content(tmp_path / "dask")


def test_a_cascade_under_a_policy_in_python_runs_on_a_dask_cluster(cluster: Client) -> None:
    net, family = small_market(6), ct.PriceShocks.normal(scale=0.15)
    sets = {"halt": [ct.Halt(drop=0.1)], "slow": [SlowSales(0.5)]}
    plain = ct.compare(net, family, ct.Cascade(step=900.0), sets, n=3, seed=2)
    with joblib.parallel_config(backend="dask", client=cluster):
        same(plain, ct.compare(net, family, ct.Cascade(step=900.0), sets, n=3, seed=2))


class SlowSales(ct.Policy):
    def __init__(self, share: float) -> None:
        self.share = share

    def orders(self, world: Any, cap: np.ndarray) -> np.ndarray:
        return self.share * cap


@pytest.mark.parametrize("backend", ["threading", "loky", "sequential"])
def test_any_backend_of_joblib_gives_the_same_bits(net: ct.Network, backend: str) -> None:
    plain = study(net)
    with joblib.parallel_config(backend=backend):
        same(plain, study(net, n_jobs=2))


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_cut_of_a_store_changes_no_bit(
    net: ct.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    plain = study(net)
    monkeypatch.setattr("contagion.experiments.compare.chunk_size", lambda *_: size)
    same(plain, study(net, store=tmp_path, n_jobs=2))
    assert len(list(tmp_path.glob("*.npz"))) == 5 * -(-30 // size)


def test_a_network_is_packed_once_and_its_arrays_travel_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = ct.Cascade(step=600.0).prepare(small_market(6))
    carried = Carried(prepared)
    assert opened(carried) is opened(prepared) is prepared
    first, second = pickle.loads(pickle.dumps(carried)), pickle.loads(pickle.dumps(carried))
    assert first is second
    assert first is not prepared
    shock = ct.PriceShock({"BTC": -0.2})
    assert first.metrics(shock).tobytes() == prepared.metrics(shock).tobytes()
    parts = carried.__reduce__()[1]
    addresses = {part.__array_interface__["data"][0] for part in parts[2:]}
    assert prepared.opening.cash.__array_interface__["data"][0] in addresses
    assert carried.__sizeof__() == sum(part.nbytes for part in parts[1:])


def test_arrays_that_cannot_be_written_to_give_the_same_numbers() -> None:
    prepared = ct.Cascade(step=600.0).prepare(small_market(6), [SlowSales(0.5)])
    unpack, (key, *parts) = Carried(prepared).__reduce__()
    for part in parts:
        part.setflags(write=False)
    shock = ct.PriceShock({"BTC": -0.2})
    assert unpack(key, *parts).metrics(shock).tobytes() == prepared.metrics(shock).tobytes()


def test_large_arrays_are_mapped_into_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    net, shocks = small_market(40), [ct.PriceShock({"BTC": -0.2}), ct.PriceShock({"BTC": -0.3})]
    sets, model = {"slow": [SlowSales(0.5)]}, ct.Cascade(step=900.0)
    plain = ct.compare(net, shocks, model, sets)
    parallel = joblib.Parallel
    monkeypatch.setattr(joblib, "Parallel", lambda **given: parallel(**given, max_nbytes=200))
    same(plain, ct.compare(net, shocks, model, sets, n_jobs=2))


def test_shocks_that_are_drawn_when_needed_are_the_same(
    net: ct.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worlds = [net, small_network(7.0)]
    plain = study(None, networks=worlds)
    monkeypatch.setattr("contagion.experiments.compare.MOST_KEPT", 3)
    same(plain, study(None, networks=worlds))
    same(plain, study(None, networks=worlds, store=tmp_path))


def test_134_workers_that_do_not_fit_into_memory_are_refused_with_the_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 100_000)
    net, shock = small_market(30), ct.PriceShock({"BTC": -0.2})
    with pytest.raises(TooLargeError, match=r"n_jobs: 4 workers need about .* GB are left \(take fewer"):
        ct.compare(net, shock, ct.Cascade(step=600.0), n_jobs=4)


def test_memory_that_is_left_is_a_number_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = memory.available_memory()
    assert found is None or found > 0
    monkeypatch.setattr(memory, "LIMITS", ())
    monkeypatch.setattr("pathlib.Path.read_text", lambda *_: "no numbers here")
    fallback = memory.available_memory()
    assert fallback is None or fallback > 0


def test_time_left_is_shown_and_counts_what_is_stored(
    net: ct.Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study(net, store=tmp_path)
    study(net, store=tmp_path, progress=True)
    assert "100%" in capsys.readouterr().err


def test_an_error_of_the_workers_themselves_is_named(
    net: ct.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(runner, "surviving", broken)
    with pytest.raises(ct.errors.ScenarioError, match=r"the workers broke down after .*MemoryError: no room"):
        study(net)
