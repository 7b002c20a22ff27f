"""Invariant G: draws belong to their scenario and account alone; global random states are left as they were."""

import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given

import contagion as ct
from contagion.propagation.cascade import codes
from tests.propagation.cascade.test_drivers import assert_same
from tests.properties.replay import played, seeds


@given(seeds)
def test_g_random_states_of_python_and_numpy_are_left_alone(seed: int) -> None:
    it = played(seed)
    before = pickle.dumps((random.getstate(), np.random.get_state()))  # noqa: NPY002 - it is this state that must stay
    it.world.model.prepare(it.world.net, it.world.policies).metrics(it.world.shock, seed)
    assert pickle.dumps((random.getstate(), np.random.get_state())) == before  # noqa: NPY002


@given(seeds)
def test_g_any_number_of_threads_gives_the_same_bits(seed: int) -> None:
    it = played(seed)
    alone = [it.prepared.metrics(it.world.shock, seed, number) for number in range(8)]
    for threads in (2, 4, 8):
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda number: it.prepared.metrics(it.world.shock, seed, number), range(8)))
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(alone, found, strict=True))


@given(seeds)
def test_g_a_prepared_network_that_travelled_gives_the_same_bits(seed: int) -> None:
    it = played(seed)
    travelled = pickle.loads(pickle.dumps(it.prepared))
    found = travelled.metrics(it.world.shock, seed)
    assert np.array_equal(found, it.prepared.metrics(it.world.shock, seed), equal_nan=True)


@given(seeds)
def test_g_the_same_run_twice_has_the_same_bits(seed: int) -> None:
    it = played(seed)
    again = it.prepared.simulate(it.world.shock, seed=seed)
    n_events, n_ledger = int(again.clock["n_events"][0]), int(again.clock["n_ledger"][0])
    assert_same(
        it.state, again._replace(events=again.events[:n_events], ledger=again.ledger[:n_ledger]), seed
    )


@given(seeds)
def test_g_a_node_and_an_account_added_shift_nobodys_draws(seed: int) -> None:
    it = played(seed)
    net = it.world.net
    nodes, accounts = net.nodes.reset_index(), net.accounts.reset_index()
    more = net.replace(
        nodes=[*nodes.to_dict("records"), {"name": "t999", "kind": "trader"}],
        accounts=[
            *accounts.to_dict("records"),
            {"name": "a999", "owner": "t999", "venue": str(net.venues.index[0]), "mode": "cross"},
        ],
    )
    prepared = it.world.model.prepare(more, it.world.policies)
    state = prepared.simulate(it.world.shock, seed=seed)
    kept = np.asarray([name != "a999" for name in prepared.opening.names.accounts])
    for name in ("cash", "calls", "posted", "first_trigger", "closed_at"):
        assert np.array_equal(getattr(state, name)[kept], getattr(it.state, name), equal_nan=True), name
    assert np.array_equal(state.quantity, it.state.quantity)
    assert state.history.tobytes() == it.state.history.tobytes()
    assert state.counters[codes.MARGIN_POSTED] == it.state.counters[codes.MARGIN_POSTED]


@given(seeds)
def test_g_a_policy_added_shifts_nobodys_answers_to_calls(seed: int) -> None:
    it = played(seed)
    late = ct.Halt(drop=1.0, length=600.0)  # never triggers, but is there
    state = it.prepared.under((*it.world.policies, late)).simulate(it.world.shock, seed=seed)
    assert np.array_equal(state.calls, it.state.calls)
    assert np.array_equal(state.posted, it.state.posted)
