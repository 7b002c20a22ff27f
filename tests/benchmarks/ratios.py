"""How fast, relative to something else measured in the same process?

    python tests/benchmarks/ratios.py [--only WORD] [--quick] [--json FILE]

Each ratio is the median over pairs that alternate (A B A B ...), after the compared results were found equal and
everything was compiled. Only ratios have bounds; absolute times are printed last and are never tested.
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))  # run from a checkout

import contagion as ct
from contagion.experiments.chunks import ChunkKey
from contagion.experiments.drawing import Drawing
from contagion.experiments.manifest import Manifest, identity_of
from contagion.experiments.runner import Group, Outcome, run_groups
from contagion.experiments.store import open_store
from contagion.experiments.tasks import StopFlag, run_chunk
from contagion.experiments.writer import Shelf, Writer, chunk_size
from contagion.families import risky_assets
from contagion.policies.bills import OUTLAY
from contagion.propagation.cascade import phases
from contagion.propagation.cascade.packing import pack_book, pack_state
from tests.benchmarks.clearing_rows import clearing_rows
from tests.benchmarks.firesale_rows import firesale_rows
from tests.benchmarks.layered import layered
from tests.benchmarks.network_ratios import cascade_row
from tests.benchmarks.synthetic import synthetic

PAIRS = 5
SECONDS_PER_SIDE = 0.2
SHOCK = {"BTC": -0.15, "ETH": -0.25, "SOL": -0.3, "XRP": -0.3, "DOGE": -0.35}
FAMILY = ct.PriceShocks.student_t(df=4, scale=0.1)


@dataclass(frozen=True)
class Row:
    """One line of the table: a ratio, how far it scattered, and its bounds."""

    name: str
    size: int
    ratio: float
    spread: float
    must: float | None = None
    moonshot: float | None = None
    better: str = "higher"
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the bound, if there is one, is met."""
        if self.must is None:
            return True
        return self.ratio >= self.must if self.better == "higher" else self.ratio <= self.must


def timed(work: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call, averaged over `repeats`."""
    start = clock()
    for _ in range(repeats):
        work()
    return (clock() - start) / repeats


def alternate(
    slow: Callable[[], object],
    fast: Callable[[], object],
    clock: Callable[[], float] = time.perf_counter,
    pairs: int = PAIRS,
) -> tuple[float, float, dict[str, float]]:
    """Median and spread of time(slow) / time(fast) over alternating pairs, and both median times.

    One thread against one thread is read off the process's own clock, which other programs do not stop.
    """
    long = pairs < PAIRS  # work of minutes needs no trial
    repeats = [
        1 if long else max(1, int(SECONDS_PER_SIDE / max(timed(work, 1), 1e-9))) for work in (slow, fast)
    ]
    times = [(timed(slow, repeats[0], clock), timed(fast, repeats[1], clock)) for _ in range(pairs)]
    ratios = sorted(first / second for first, second in times)
    seconds = {
        "slow": statistics.median(pair[0] for pair in times),
        "fast": statistics.median(pair[1] for pair in times),
    }
    return statistics.median(ratios), ratios[-1] - ratios[0], seconds


def scan_rows(size: int) -> Iterator[Row]:
    """Compiled look at every account against one vectorised NumPy line, and against reading the arrays once."""
    data = synthetic(size)
    book, state, mark = data.book, data.state, data.state.markets["mark"]
    acc, m, q, entry, cash, a, b, n = (
        data.account,
        data.market,
        data.quantity,
        data.entry,
        data.cash,
        data.rates,
        data.amounts,
        size,
    )
    s = m

    def naive() -> np.ndarray:
        v = np.abs(q * mark[m])
        eq = cash + np.bincount(acc, q * (mark[m] - entry), n)
        req = np.bincount(acc, (a[s] * v[:, None] - b[s]).max(1), n)
        return eq < req

    packed_book, packed_state = pack_book(book), pack_state(state)

    def compiled() -> np.ndarray:
        phases.look(packed_book, packed_state)
        return state.acting[: int(state.clock["n_acting"][0])]

    def stream() -> float:
        return (
            float(q.sum()) + float(book.leg_market.sum()) + float(state.cash.sum()) + float(book.indptr.sum())
        )

    assert np.array_equal(compiled(), np.flatnonzero(naive())), "the scans disagree"
    ratio, spread, seconds = alternate(naive, compiled, time.process_time)
    yield Row("look at all accounts vs naive numpy", size, ratio, spread, must=6.0, seconds=seconds)
    ratio, spread, seconds = alternate(compiled, stream, time.process_time)
    yield Row(
        "look at all accounts, in streams", size, ratio, spread, must=12.0, moonshot=3.0, better="lower"
    )


def prepared_market(size: int) -> Any:
    """Return the bundled kind of market with about `size` accounts, ready to run and compiled."""
    prepared = ct.Cascade(step=60.0).prepare(ct.generate.perp_market(n_accounts=size, seed=0), [])
    prepared.metrics(ct.PriceShock(SHOCK), 0, 0)
    return prepared


def scenario_rows(sizes: list[int]) -> Iterator[Row]:
    """Scenarios per second at each size, and how the time per account grows from one size to the next."""
    shock, before = ct.PriceShock(SHOCK), None
    for size in sizes:
        prepared = prepared_market(size)
        assert np.array_equal(prepared.metrics(shock, 0, 1), prepared.metrics(shock, 0, 1), equal_nan=True)
        times = [timed(partial(prepared.metrics, shock, 0, 1), 1) for _ in range(PAIRS)]
        middle, spread = statistics.median(times), max(times) - min(times)
        seconds = {"scenario": middle}
        yield Row("scenarios per second", size, 1.0 / middle, spread / middle**2, seconds=seconds)
        if before is not None:
            growth = (middle / size) / before
            yield Row(
                "time per account vs the size before", size, growth, spread / size / before, better="lower"
            )
        before = middle / size


def everything_on(net: ct.Network) -> ct.Network:
    """The network with the rules of every mechanism that a perpetual market can have."""
    coins = [str(asset) for asset in net.assets.index if asset != net.unit]
    rows = [{"venue": v, "asset": a, "weight": 0.9} for v in net.venues.index for a in coins[:2]]
    some = net.accounts.index[::10]
    money = net.balances[net.balances["asset"] == net.unit].set_index("account")["quantity"].reindex(some)
    price = float(net.assets["price"][coins[0]])
    pledged = pd.DataFrame({"account": some, "asset": coins[0], "quantity": 0.1 * money.to_numpy() / price})
    venues = net.venues.assign(
        procedure="hyperliquid", adl_trigger="fund", adl_rank="hyperliquid", rank_interval=300.0,
        mark="median_hyperliquid", index_deviation=0.05, oracle_threshold=0.005, portfolio_offset=0.3, latency=30.0,
    )  # fmt: skip
    return net.replace(
        venues=venues,
        collateral=rows,
        balances=pd.concat([net.balances, pledged[pledged["quantity"] != 0.0]]).reset_index(drop=True),
        markets=net.markets.assign(
            funding_interval=np.where(net.markets["kind"] == "perp", 1800.0, np.nan), fee=0.0005
        ),
        accounts=net.accounts.assign(mode="cross"),
    )


def with_pools(net: ct.Network) -> ct.Network:
    """The network with a constant-product and a concentrated pool, as deep as its first market, for each coin."""
    first = net.markets.reset_index().iloc[0]
    coins = [str(asset) for asset in net.assets.index if asset != net.unit]
    resting = net.depth[net.depth["market"] == first["name"]]
    narrow = float(resting["amount"].iloc[0])
    markets, depth = [], []
    for coin in coins:
        for impact in ("constant_product", "concentrated"):
            name = f"{coin}-{impact}"
            row = {
                "name": name,
                "asset": coin,
                "kind": "pool",
                "impact": impact,
                "schedule": "",
                "lot": np.nan,
            }
            markets.append(first.to_dict() | row | {"fee": 0.003, "funding_interval": np.nan})
            depth += [
                {"market": name, "side": side, "band": band, "amount": narrow * times}
                for side in ("bid", "ask")
                for band, times in ((0.01, 1.0), (0.3, 40.0))
            ]
    return net.replace(
        markets=[*net.markets.reset_index().to_dict("records"), *markets],
        depth=[*net.depth.to_dict("records"), *depth],
    )


def round_rows(size: int) -> Iterator[Row]:
    """Rounds in which everybody is looked at, with rules on, against the bare look at as many accounts."""
    plain = ct.generate.perp_market(n_accounts=size, seed=0)
    loans = ct.generate.lending_market(n_accounts=size, seed=0)
    yield round_row("round with everything on vs bare look", size, everything_on(plain), plain, must=2.0)
    full = layered(everything_on(plain))
    yield round_row("round with options and issuers too vs bare look", size, full, plain, must=3.0)
    yield round_row("round with pools vs bare look", size, with_pools(plain), plain)
    yield round_row("round with loans vs bare look", len(loans.accounts), loans, loans)


def round_row(name: str, size: int, ruled: ct.Network, plain: ct.Network, must: float | None = None) -> Row:
    """One such row: whole rounds of `ruled` over looks at `plain`."""
    made = [ct.Cascade(step=60.0).prepare(net, []) for net in (ruled, plain)]
    coins = set(ruled.assets.index[ruled.assets["kind"] != "currency"])
    shock = ct.PriceShock({asset: move for asset, move in SHOCK.items() if asset in coins})
    arrays = [prepared.shock_arrays(shock) for prepared in made]

    def begin(which: int) -> Any:
        state = made[which].start(arrays[which], 0, False, (0, 0))
        state.clock["skip"] = False
        return state

    def full() -> Any:
        return made[0].drive(begin(0))

    rounds = int(full().clock["round"][0])

    def bare() -> None:
        book, state = made[1].opening.packed, pack_state(begin(1))
        for _ in range(rounds):
            phases.look(book, state)

    bare()
    ratio, spread, seconds = alternate(full, bare, time.process_time)
    return Row(name, size, ratio, spread, must=must, better="lower", seconds=seconds)


def cores() -> int:
    """Cores this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_rows(size: int) -> Iterator[Row]:
    """The same scenarios on 1, 2 and 4 threads: same bits, less time."""
    prepared, shock, tasks = prepared_market(size), ct.PriceShock(SHOCK), 8

    def run(workers: int) -> np.ndarray:
        with ThreadPoolExecutor(workers) as pool:
            return np.array(list(pool.map(lambda i: prepared.metrics(shock, 0, i), range(tasks))))

    alone = run(1)
    for workers in (2, 4):
        assert np.array_equal(alone, run(workers), equal_nan=True), "threads change the result"
        ratio, spread, seconds = alternate(lambda: run(1), lambda workers=workers: run(workers))
        must = 2.5 if workers == 4 and cores() >= 4 else None
        yield Row(
            f"{workers} threads vs 1",
            size,
            ratio,
            spread,
            must=must,
            moonshot=0.975 * workers,
            seconds=seconds,
        )


def comparison_rows(size: int, n: int) -> Iterator[Row]:
    """A comparison of five policy sets on 1 and on 4 threads: same bits, less time."""
    net = ct.generate.perp_market(n_accounts=size, seed=0)
    sets = {
        "halt": [ct.Halt(drop=0.1, window=300.0, length=300.0)],
        "partial": [ct.PartialLiquidation()],
        "fund": [ct.InsuranceFund(factor=2.0)],
    }  # with "none" and the placebo five

    tables: list[pd.DataFrame] = []

    def run(workers: int) -> None:
        found = ct.compare(net, FAMILY, ct.Cascade(step=60.0), sets, n=n, seed=7, n_jobs=workers)
        tables.append(found.to_frame())

    ct.compare(net, FAMILY, ct.Cascade(step=60.0), sets, n=1)  # compiles
    ratio, spread, seconds = alternate(lambda: run(1), lambda: run(4), pairs=2)
    for table in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], table, check_exact=True)
    must = 2.5 if cores() >= 4 and n >= 1_000 else None  # of few scenarios the opening takes the most
    name = f"5 policies x {n:,} scenarios, 4 threads vs 1"
    yield Row(name, size, ratio, spread, must=must, moonshot=3.9, seconds=seconds)


def study_rows(size: int, small: int, n: int) -> Iterator[Row]:
    """What runner and store add to the engine's own time, and how a study's working memory grows with its length."""
    prepared, folders = prepared_market(size), tempfile.TemporaryDirectory()
    numbers = iter(range(10**6))

    def studied(ready: Any, shocks: Any) -> Outcome:
        folder = Path(folders.name) / str(next(numbers))
        columns = {"metrics": ready.metric_names, "outlays": OUTLAY}
        identity = identity_of(
            [ready.network], FAMILY, ready.model, {"none": []}, 0, 0.95, columns, "system_loss"
        )
        labels = {"n": len(shocks), "chunk": {"none": chunk_size([ready.network], True)}}
        shelf = Shelf(open_store(folder, Manifest(identity, labels)), ["none"])
        outcome = Outcome.empty(1, len(shocks), len(ready.metric_names))
        return run_groups([Group(0, ready, range(len(shocks)), shocks)], outcome, seed=0, shelf=shelf)

    drawing = Drawing(FAMILY, risky_assets(prepared.network), range(n), 0)
    shocks = tuple(drawing)

    def engine() -> np.ndarray:
        return np.array([prepared.measure(shock, 0, i)[0] for i, shock in enumerate(shocks)])

    found = studied(prepared, shocks).metrics[0, :, : len(prepared.metric_names)]
    assert np.array_equal(found, engine(), equal_nan=True), "the store changes the result"
    ratio, spread, seconds = alternate(lambda: studied(prepared, shocks), engine, time.process_time)
    yield Row(
        "runner and store vs engine alone", size, ratio, spread, must=1.05, better="lower", seconds=seconds
    )
    writer = Writer(Path(folders.name), "0" * 64, 0, 1, (0,))
    rows = run_chunk(prepared, shocks, range(n), 0, StopFlag())
    writes = [timed(lambda: writer.write(0, ChunkKey("0" * 8, next(numbers), n), rows), 1) for _ in range(20)]
    share = statistics.median(writes) / seconds["fast"]
    name = "waiting for the disk, share of engine"
    yield Row(name, size, share, (max(writes) - min(writes)) / seconds["fast"], must=0.05, better="lower")
    ready = prepared_market(small)

    def peak(length: int) -> int:
        tracemalloc.start()
        outcome = studied(ready, Drawing(FAMILY, risky_assets(ready.network), range(length), 0))
        result = outcome.metrics.nbytes + outcome.status.nbytes
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most - result

    before = gc.get_threshold()
    gc.set_threshold(200, 2, 2)  # else a peak depends on when the collector happens to pass by
    peak(200)
    ratios = sorted(peak(1600) / peak(200) for _ in range(2))
    gc.set_threshold(*before)
    name = "memory of 8 x as many scenarios"
    yield Row(name, small, ratios[0], ratios[1] - ratios[0], must=1.25, better="lower")
    folders.cleanup()


def pairing_rows(n: int) -> Iterator[Row]:
    """Standard error of a halt's mean effect on the same scenarios, over that on as many independent ones."""
    net = ct.datasets.load("perp-venues")
    family, halt = ct.PriceShocks.student_t(df=4, scale=0.1), ct.Halt(drop=0.1, window=300, length=300)
    found = ct.compare(net, family, ct.Cascade(), {"halt": [halt]}, n=n, seed=7, n_jobs=-1).to_frame()
    losses = found.pivot(index="scenario", columns="policy", values="system_loss")
    apart = np.sqrt(losses["halt"].var() + losses["none"].var())
    ratio = float((losses["halt"] - losses["none"]).std() / apart)
    yield Row("paired over unpaired standard error", len(net.accounts), ratio, 0.0, must=0.5, better="lower")


def import_rows() -> Iterator[Row]:
    """Time of `import contagion` over that of `import numpy, pandas`, each in a process of its own."""

    def process(statement: str) -> Callable[[], object]:
        code = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
        return lambda: float(
            subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        )

    own, theirs = process("import contagion"), process("import numpy, pandas")
    pairs = [(own(), theirs()) for _ in range(PAIRS)]
    ratios = sorted(first / second for first, second in pairs)  # type: ignore[operator]
    median = statistics.median(ratios)
    yield Row(
        "import vs numpy, pandas", 0, median, ratios[-1] - ratios[0], must=1.2, moonshot=0.6, better="lower"
    )


def groups(quick: bool) -> dict[str, Callable[[], Iterator[Row]]]:
    """The benchmarks by name; `quick` stops at 1e5 accounts."""
    sizes = [10_000, 100_000] if quick else [10_000, 100_000, 1_000_000]
    return {
        "scan": lambda: scan_rows(sizes[-1]),
        "scenarios": lambda: scenario_rows(sizes),
        "rounds": lambda: round_rows(sizes[1]),
        "threads": lambda: thread_rows(sizes[1]),
        "comparison": lambda: comparison_rows(20_000, 20 if quick else 1_000),
        "studies": lambda: study_rows(20_000, 300, 32),
        "networks": lambda: cascade_row(100_000, alternate, Row),
        "clearing": lambda: clearing_rows(sizes[-1], Row, alternate),
        "firesales": lambda: firesale_rows(quick, Row, alternate),
        "pairing": lambda: pairing_rows(100 if quick else 500),
        "import": import_rows,
    }


def table(rows: list[Row]) -> str:
    """The rows as aligned text; absolute times follow, for orientation only."""
    head = f"{'name':46} {'size':>9} {'ratio':>9} {'spread':>8} {'must':>6} {'moonshot':>8}  ok"
    lines = [head]
    for row in rows:
        must, moonshot = (f"{bound:g}" if bound is not None else "-" for bound in (row.must, row.moonshot))
        lines.append(
            f"{row.name:46} {row.size:9,} {row.ratio:9.2f} {row.spread:8.2f} {must:>6} {moonshot:>8}  "
            f"{'yes' if row.ok else 'NO'}"
        )
    lines.append("")
    for row in rows:
        for name, seconds in row.seconds.items():
            lines.append(f"{row.name} ({row.size:,}), {name}: {seconds * 1e3:.2f} ms")
    return "\n".join(lines)


def main() -> int:
    """Run the benchmarks that were asked for; 1 if a bound is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--only", help="run the groups whose name contains this word")
    options.add_argument("--quick", action="store_true", help="at most 1e5 accounts, under a minute")
    options.add_argument("--json", type=Path, help="write the rows here as well")
    chosen = options.parse_args()
    found = {name: make for name, make in groups(chosen.quick).items() if (chosen.only or "") in name}
    if not found:
        options.error(f"no group contains {chosen.only!r}; there are {', '.join(groups(chosen.quick))}")
    rows = [row for make in found.values() for row in make()]
    print(table(rows))
    if chosen.json:
        chosen.json.write_text(json.dumps([{**asdict(row), "ok": row.ok} for row in rows], indent=2) + "\n")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
