import pickle

import numpy as np
import pytest

from contagion.experiments.runner import Outcome, StopFlag, cut, run_chunk
from contagion.experiments.tasks import Rows


class Squares:
    metric_names = ("square", "scenario")
    compiled = True

    def metrics(self, shock: float, seed: int, scenario: int) -> np.ndarray:
        if shock < 0:
            raise ArithmeticError("negative " + "x" * 1000)
        return np.array([shock**2, scenario + seed])


@pytest.mark.parametrize(
    ("scenarios", "seconds", "workers", "size"),
    [
        (1000, 0.01, 4, 63),
        (1000, 1e-5, 4, 2000),
        (1000, 0.0, 4, 20_000_000),
        (1000, 3.0, 4, 3),
        (1000, 60.0, 4, 1),
        (1, 0.1, 4, 1),
        (8, 0.1, 2, 1),
    ],
)
def test_a_task_takes_20_ms_to_10_s_and_no_less_than_one_scenario(
    scenarios: int, seconds: float, workers: int, size: int
) -> None:
    assert cut(scenarios, seconds, workers) == size


def test_a_chunk_returns_one_row_per_scenario_and_a_message_for_what_failed() -> None:
    metrics, status, messages = run_chunk(Squares(), [2.0, -1.0, 3.0], [4, 5, 6], 10, StopFlag())
    metrics = metrics[:, :2]
    assert status.tolist() == [1, 2, 1]
    assert metrics[0].tolist() == [4.0, 14.0]
    assert np.isnan(metrics[1]).all()
    assert metrics[2].tolist() == [9.0, 16.0]
    assert messages[0] == messages[2] == ""
    assert messages[1].startswith("ArithmeticError: negative xxx")
    assert len(messages[1]) == 300


def test_a_raised_flag_ends_a_chunk_before_its_next_scenario() -> None:
    stop = StopFlag()
    stop.raise_flag()
    metrics, status, messages = run_chunk(Squares(), [2.0], [0], 0, stop)
    assert len(metrics) == len(status) == 0
    assert messages == []


def test_a_flag_sent_to_another_process_is_down() -> None:
    stop = StopFlag()
    stop.raise_flag()
    assert stop
    assert not pickle.loads(pickle.dumps(stop))


def test_an_outcome_keeps_what_is_missing_apart_from_what_failed() -> None:
    outcome = Outcome.empty(1, 4, 2)
    rows = Rows(np.ones((2, outcome.metrics.shape[2])), np.array([1, 2], dtype=np.int8), ["", "bad"])
    outcome.add(0, [0, 2, 3], rows)
    assert outcome.status.tolist() == [[1, 0, 2, 0]]
    assert outcome.messages == {(0, 2): "bad"}
