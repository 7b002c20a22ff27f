"""Do venues that share a chain agree about it? Blocks and the base fee of gas belong to the chain, not to a venue."""

from __future__ import annotations

from typing import Final

import numpy as np

from contagion.errors import NetworkError, shown
from contagion.network.build import Draft

__all__ = ["chains_agree"]

OF_CHAINS: Final = ("block_time", "block_capacity", "gas_price")


def chains_agree(draft: Draft) -> None:
    """Note venues whose blocks or gas differ from those of the first venue on their chain.

    The price of gas is compared among venues that pay for gas.
    """
    venues = draft.tables["venues"]
    chain, pays = venues["chain"], venues["gas_used"] > 0.0
    for name in sorted(set(chain.tolist()) - {""}):
        on = chain == name
        for column in OF_CHAINS:
            rows = np.flatnonzero(on & pays if column == "gas_price" else on).tolist()
            values = venues[column].astype(np.float64)
            for row in rows[1:]:
                same = values[row] == values[rows[0]] or bool(np.isnan(values[[row, rows[0]]]).all())
                if not same:
                    first = shown(str(venues["name"][rows[0]]))
                    draft.add(
                        NetworkError,
                        "chain-differs",
                        "venues",
                        f"is not that of {first}, which is on the same chain {shown(name)}",
                        row=row,
                        column=column,
                        value=float(values[row]),
                        allowed=f"{values[rows[0]]:g}",
                        remedy=f"give both the same {column}, or chains of their own",
                    )
