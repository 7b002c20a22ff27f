"""Can the issuers of a network stand behind their tokens before anything has happened?"""

from __future__ import annotations

import numpy as np

from contagion.errors import NetworkError, raise_faults
from contagion.network import Network
from contagion.network.issuers import issuers_are_backed
from contagion.propagation.cascade.build_pools import check_pools


def check_issuers(net: Network) -> None:
    """Refuse shares of equity, issuers that are short before any shock, and loops of issuers that nothing backs.

    Raises
    ------
    NetworkError
        Names the asset, or the node with what is missing, and a remedy.
    """
    check_pools(net)
    issuer = net.codes("assets", "issuer")
    if (issuer < 0).all():
        return
    _refuse_shares(net)
    raise_faults(issuers_are_backed(net, pools=True))


def _refuse_shares(net: Network) -> None:
    """Shares of a node's equity are worth what is left, not what is owed."""
    shares = np.flatnonzero((net.column("assets", "kind") == "claim") & (net.codes("assets", "issuer") >= 0))
    if len(shares):
        name = str(net.column("assets", "name")[shares[0]])
        raise NetworkError(
            "has the kind 'claim' and an issuer: a share of his equity, whose worth a Cascade does not follow",
            where="assets issuer",
            value=name,
            remedy="set kind to 'token' for what is owed at its reference price, or use ct.CrossHoldings()",
        )
