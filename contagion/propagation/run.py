"""One network, one shock, one model: `run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, SchemaError
from contagion.network import Network
from contagion.policies.base import Policy
from contagion.results import Run
from contagion.shocks import Shock
from contagion.streams import check_seed


class Prepared(Protocol):
    """A network made ready for many scenarios of one model under one set of policies."""

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the metrics, in the order of `metrics`."""
        ...

    @property
    def compiled(self) -> bool:
        """Whether the rounds leave the interpreter, so that threads can share the work."""
        ...

    def metrics(self, shock: Shock, seed: int = 0, scenario: int = 0) -> npt.NDArray[np.float64]:
        """Metrics of one scenario."""
        ...

    def run(self, shock: Shock, seed: int = 0, scenario: int = 0) -> Run:
        """One scenario with all records."""
        ...


class Model(Protocol):
    """What `run` and `compare` ask of a model."""

    def prepare(self, net: Network, policies: Sequence[Policy] = ()) -> Prepared:
        """Apply the policies' openings and build what all scenarios share."""
        ...


def check_model(given: Model | None) -> Model:
    """Return the model, ``ct.Cascade()`` if none is given, or refuse what is none.

    Raises
    ------
    SchemaError
        If it can't prepare a network.
    """
    if given is None:
        from contagion.propagation.cascade.model import Cascade

        return Cascade()
    if isinstance(given, type) or not callable(getattr(given, "prepare", None)):
        raise SchemaError("is no model", where="model", value=given, allowed="a model such as ct.Cascade()")
    return given


def run(net: Network, shock: Shock, model: Any = None, policies: Sequence[Policy] = (), seed: int = 0) -> Run:
    """Shock a network and follow what happens.

    Parameters
    ----------
    net
        The network.
    shock
        What hits it, for instance ``ct.PriceShock({"BTC": -0.15})``.
    model
        How distress travels; default ``ct.Cascade()``.
    policies
        Policies in force together, in this order.
    seed
        Decides who answers margin calls; 0 or more.

    Returns
    -------
    Run
        Metrics, tables, ledger, provenance. `policy_cost` bills the parts that a policy of the set causes by its own
        rule (a halt: value shut in; a throttle or a band: orders held back; ...), each once. One run has nothing to
        compare itself with, so such a part is billed as measured: orders that a venue's own limits hold back are in
        the bill of a throttle here, and not in `contagion.compare`, which takes away the run without policies.

    Raises
    ------
    InputError
        For anything wrong with the arguments, before anything is computed.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300)
    >>> run = ct.run(net, ct.PriceShock({"BTC": -0.15}), ct.Cascade(step=60))
    >>> bool(run.metrics["direct_loss"] > 0.0)
    True
    """
    if not isinstance(net, Network):
        raise NetworkError(
            f"net is {net!r:.80}, of type {type(net).__name__}; give a ct.Network (or Network.from_networkx(G))"
        )
    if not isinstance(shock, Shock):
        raise SchemaError(
            f"shock is {shock!r:.80}, of type {type(shock).__name__}; give for instance ct.PriceShock({{'BTC': -0.15}})"
        )
    if isinstance(policies, Policy):
        policies = [policies]
    ready, seed = check_model(model), check_seed(seed)
    return ready.prepare(net, tuple(policies)).run(shock, seed, 0)
