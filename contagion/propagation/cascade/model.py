"""The cascade as a model: what is chosen for a whole run, and how a network is made ready for many scenarios.

What belongs to a venue, a market or an account is a column of the network, never an argument here.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, TooLargeError, ValueRangeError, nearest
from contagion.network import Network
from contagion.network.references import powers
from contagion.policies.base import Policy
from contagion.policies.bills import set_cost
from contagion.policies.costs import CostRates, Outlay
from contagion.propagation.cascade.build import Opening, build
from contagion.propagation.cascade.build_attack import check_attacks
from contagion.propagation.cascade.build_mint import check_minted
from contagion.propagation.cascade.build_terms import check_volatilities
from contagion.propagation.cascade.check_coins import check_coins
from contagion.propagation.cascade.engine import drive_compiled, drive_python
from contagion.propagation.cascade.hooks import is_python
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.openings import READS, apply_openings, check_plain, commitments
from contagion.propagation.cascade.outcome import METRICS, metrics, worths
from contagion.propagation.cascade.outlays import outlay, pledges
from contagion.propagation.cascade.record import make_run
from contagion.propagation.cascade.rows import policy_rows
from contagion.propagation.cascade.state import Settings, allocate, reset
from contagion.propagation.cascade.static import timeless
from contagion.results import Run
from contagion.shocks import Shock, ShockArrays
from contagion.streams import key64

ALL = ("calls", "adl", "unwinding", "arbitrage", "defaults")
FIRST_STATIC_ROWS = 512
MOST_ROUNDS = 1_000_000


@dataclass(frozen=True)
class Cascade:
    """Margin calls, forced sales and defaults on one graph, round by round.

    Parameters
    ----------
    step
        Length of a round (s), above 0. Part of the answer: see `contagion.check_step`.
    horizon
        When the run ends at the latest (s); what is still to be sold then is deferred.
    clearing
        ``eisenberg_noe``: claims on failing nodes are paid at the greatest clearing vector; ``none``: they are ignored
        and nobody fails.
    stages
        Which mechanisms are on, out of calls, adl, unwinding, arbitrage, defaults; default all.

    References
    ----------
    Cascade chapter. Shleifer and Vishny (1997) for arbitrage, Eisenberg and Noe (2001) for clearing.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.Cascade(step=60).horizon
    7200.0
    """

    step: float = 10.0
    horizon: float = 7200.0
    clearing: str = "eisenberg_noe"
    stages: tuple[str, ...] = ALL
    is_static: bool = False

    reads = READS

    def __post_init__(self) -> None:
        """Refuse settings that describe no run."""
        for name in ("step", "horizon"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            endless = self.is_static and name == "horizon"
            if not number or not value > 0 or not (math.isfinite(value) or endless):
                raise ValueRangeError(
                    f"Cascade.{name} is {value!r:.80}; give a finite number of seconds above 0"
                )
        if self.horizon < self.step:
            raise ValueRangeError(
                f"Cascade.horizon {self.horizon:g} s is shorter than one step of {self.step:g} s"
            )
        if not self.is_static and self.horizon / self.step > MOST_ROUNDS:
            raise TooLargeError(
                f"Cascade.step {self.step:g} s makes {self.horizon / self.step:.3g} rounds up to the horizon of "
                f"{self.horizon:g} s; at most {MOST_ROUNDS:,} are kept: take a longer step or a shorter horizon"
            )
        if self.clearing not in ("eisenberg_noe", "none"):
            hint = nearest(str(self.clearing), ("eisenberg_noe", "none"))
            raise ValueRangeError(
                f"Cascade.clearing is {self.clearing!r:.80}; allowed are eisenberg_noe, none{hint}"
            )
        for stage in self.stages:
            if stage not in ALL:
                raise ValueRangeError(
                    f"Cascade.stages names {stage!r:.80}; allowed are {', '.join(ALL)}{nearest(stage, ALL)}"
                )

    @classmethod
    def static(cls) -> Cascade:
        """The timeless limit: permanent impact, full close, sticky selection, no calls, no deleveraging, no clock.

        Depth does not react, unwinding is immediate, arbitrage is off, and a shock is one gap at the start whatever its
        `over`. The end is the least fixed point; a halt of all markets changes nothing (negative control).
        """
        return cls(step=1.0, horizon=math.inf, stages=("unwinding", "defaults"), is_static=True)

    def describe(self) -> str:
        """One plain sentence."""
        if self.is_static:
            return "Cascade in the timeless limit: permanent impact, full close, no clocks."
        off = [stage for stage in ALL if stage not in self.stages]
        without = f", without {', '.join(off)}" if off else ""
        return f"Cascade in rounds of {self.step:g} s up to {self.horizon:g} s{without}; clearing {self.clearing}."

    def prepare(self, net: Network, policies: Sequence[Policy] = ()) -> Prepared:
        """Apply every policy's `opening`, build the arrays once, for many scenarios."""
        return Prepared(self, net, tuple(policies))


def check_gas(net: Network, shock: ShockArrays) -> None:
    """Refuse a change of the price of gas that nobody pays for."""
    if (shock.gas != 1.0).any() and not (net.column("venues", "gas_used") > 0.0).any():
        raise NetworkError(
            "the shock changes the price of gas, but no venue of the network pays for gas; "
            "give venues that lend gas_used and gas_asset, or leave the GasShock out"
        )


def check_prices(shock: Shock, nodes: Sequence[str]) -> None:
    """Refuse losses of balance sheets, which have no clock."""
    if (shock.asset_factors(nodes) != 1.0).any() or shock.equity_losses(nodes).any():
        raise NetworkError(
            "the shock changes external assets or equity, which the rounds of a Cascade do not follow; "
            "use a PriceShock on what nodes hold, or a model of balance sheets such as ct.Clearing()"
        )


def check_ready(net: Network) -> None:
    """Refuse what the cascade cannot start from: errors among the findings, insolvent venues and institutions."""
    from contagion.network.checks import findings, negative_equity, require_rows

    require_rows(net, ("positions", "balances", "obligations", "holdings"), "Cascade")
    if any(finding.severity == "error" for finding in findings(net)):
        found = net.check()
        errors = found[found["severity"] == "error"]
        first = errors.iloc[0]
        raise NetworkError(
            f"{len(errors)} errors in the network; first: {first['table']} row {first['row']}: {first['code']}; "
            f"{first['remedy']}"
        )
    insolvent = list(negative_equity(net).index)
    if insolvent:
        raise NetworkError(
            f"nodes {', '.join(map(repr, insolvent[:20]))}: venues and institutions with negative equity "
            "before the shock; "
            "raise their cash or external_assets, or lower what they owe"
        )


class Prepared:
    """A network made ready: arrays shared by all scenarios, scratch space per thread."""

    metric_names = METRICS

    def __init__(
        self, model: Cascade, net: Network, policies: tuple[Policy, ...], like: Prepared | None = None
    ) -> None:
        if like is None:
            check_ready(net)
            check_plain(net)
        self.model, self.network, self.policies = model, net, policies
        self.opened = apply_openings(net, policies)
        if like is not None and self.opened is like.opened:
            self.opening: Opening = like.opening
        else:
            self.opening = timeless(build(self.opened)) if model.is_static else build(self.opened)
        self.rows, self.covered = policy_rows(policies, self.opening.names.markets, self.opening.units.scale)
        self.compiled = not any(is_python(policy) for policy in policies)
        self.pledged = pledges(net, self.opened, self.opening, commitments(net, self.opened))
        self._scratch = threading.local()

    def under(self, policies: Sequence[Policy]) -> Prepared:
        """The same network under other policies; arrays are shared where the openings change nothing."""
        return Prepared(self.model, self.network, tuple(policies), like=self)

    def __getstate__(self) -> dict[str, Any]:
        """Scratch space does not travel to other processes."""
        return {key: value for key, value in self.__dict__.items() if key != "_scratch"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Fresh scratch space in a new process."""
        self.__dict__.update(state)
        self._scratch = threading.local()

    @property
    def settings(self) -> Settings:
        """The model in the engine's terms."""
        on = {stage: stage in self.model.stages for stage in ALL}
        on["defaults"] = on["defaults"] and self.model.clearing != "none"
        return Settings(
            self.model.step, self.model.horizon, **on, sticky=self.model.is_static, skip=self.compiled
        )

    @property
    def n_rows(self) -> int:
        """Rows of the round tables: round 0 to the horizon; for a run without horizon a first guess."""
        return (
            FIRST_STATIC_ROWS
            if self.model.is_static
            else math.floor(self.model.horizon / self.model.step + 1e-9) + 1
        )

    def shock_arrays(self, shock: Shock) -> ShockArrays:
        """The shock on this run's clock."""
        names, net = self.opening.names, self.opened
        check_prices(shock, names.nodes)
        nodes = names.nodes if shock.failing() else None
        shock.check(names.assets, names.markets, nodes, net.unit, names.venues)
        if shock.failing() and not self.settings.defaults:
            raise NetworkError(
                f"the shock lets {min(shock.failing())!r} fail, but this Cascade has no defaults; "
                "use clearing='eisenberg_noe' and keep the stage 'defaults'"
            )
        if self.model.is_static:
            shock = shock.gap()
        n = 1 if self.model.is_static else self.n_rows - 1
        times = np.arange(n + 1) * self.model.step
        market_assets = [str(asset) for asset in net.column("markets", "asset")]
        found = shock.compile(
            names.assets,
            self.opening.prices,
            names.markets,
            market_assets,
            times,
            net.unit,
            names.venues,
            net.codes("assets", "reference").tolist(),
            powers(net).tolist(),
        )
        check_minted(net, found, self.opening)
        check_attacks(found, self.opening)
        check_gas(net, found)
        check_volatilities(net, found)
        if found.end > times[-1] * (1.0 + 1e-9):
            whole = math.ceil(found.end / self.model.step) * self.model.step
            raise ValueRangeError(
                "goes on after the last round",
                where="shock",
                value=f"until {found.end:g} s",
                allowed=f"at most {times[-1]:g} s, the last round up to the horizon",
                remedy=f"Cascade(horizon={whole:g}) follows it to its end",
            )
        return found

    def start(self, shock: ShockArrays, key: int, record: bool, sizes: tuple[int, int]) -> State:
        """A state at the opening; scratch space is used again when nothing is recorded."""
        if record:
            state = allocate(self.opening, self.rows, self.covered, self.n_rows, *sizes)
        else:
            held = getattr(self._scratch, "state", None)
            if held is None or self.model.is_static:
                held = allocate(self.opening, self.rows, self.covered, self.n_rows)
                self._scratch.state = held
            state = held
        return reset(state, self.opening, self.settings, shock, key, record)

    def drive(self, state: State, look: str = "compiled") -> State:
        """Run all rounds."""
        if self.compiled and look == "compiled":
            return drive_compiled(self.opening, state, self.model.is_static)
        return drive_python(self.opening, state, self.model.is_static, self.policies, look)

    def simulate(
        self, shock: Shock, seed: int = 0, scenario: int = 0, *, record: bool = True, look: str = "compiled"
    ) -> State:
        """One scenario, as arrays; with records it is repeated if they did not fit."""
        arrays, key = self.shock_arrays(shock), key64(seed, "calls", scenario)
        sizes = (4096, 16384) if record else (0, 0)
        state = self.drive(self.start(arrays, key, record, sizes), look)
        wanted = (int(state.clock["n_events"][0]), int(state.clock["n_ledger"][0]))
        if record and (wanted[0] > sizes[0] or wanted[1] > sizes[1]):
            state = self.drive(self.start(arrays, key, record, wanted), look)
        check_coins(self.opening, state)
        return state

    def blank(self, shock: Shock) -> State:
        """A state at the opening that nothing has happened to."""
        return self.start(self.shock_arrays(shock), 0, True, (0, 0))

    def measured(self, shock: Shock, state: State, rates: CostRates | None = None) -> npt.NDArray[np.float64]:
        """Metrics of a final state, the policies' cost included."""
        found = metrics(self.opening, state, worths(self.opening, self.blank_state(shock), state))
        used = self.outlay(state)
        found[METRICS.index("policy_cost")] = self.policy_cost(used, rates or CostRates())
        return found

    def blank_state(self, shock: Shock) -> State:
        """The opening as a state, kept per thread: it is only read."""
        held: State | None = getattr(self._scratch, "blank", None)
        if held is None:
            held = self.blank(shock)
            self._scratch.blank = held
        return held

    def outlay(self, state: State) -> Outlay:
        """What a run used; what it would have used without policies is in it."""
        seconds = self.model.horizon if math.isfinite(self.model.horizon) else 0.0
        return outlay(self.opening, state, seconds, self.pledged)

    def policy_cost(self, used: Outlay, rates: CostRates) -> float:
        """What the set cost: parts that a policy causes by its own rule, each once; placebos cost nothing."""
        return set_cost(self.policies, used, rates)

    def metrics(self, shock: Shock, seed: int = 0, scenario: int = 0) -> npt.NDArray[np.float64]:
        """Metrics of one scenario, shape ``(n_metrics,)``, without records."""
        return self.measure(shock, seed, scenario)[0]

    def measure(
        self, shock: Shock, seed: int = 0, scenario: int = 0
    ) -> tuple[npt.NDArray[np.float64], Outlay]:
        """Metrics of one scenario and what was used in it, without records."""
        state = self.simulate(shock, seed, scenario, record=False)
        return self.measured(shock, state), self.outlay(state)

    def run(self, shock: Shock, seed: int = 0, scenario: int = 0) -> Run:
        """One scenario with all its records."""
        state = self.simulate(shock, seed, scenario)
        worth = worths(self.opening, self.blank_state(shock), state)
        return make_run(self, shock, seed, scenario, state, worth, self.measured(shock, state))
