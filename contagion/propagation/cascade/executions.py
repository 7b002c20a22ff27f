"""From the events of a run to one row per forced fill."""

from __future__ import annotations

import numpy as np
import pandas as pd

from contagion.propagation.cascade import codes
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.layout import State


def liquidations_table(opening: Opening, state: State) -> pd.DataFrame:
    """One row per forced fill, in order; columns as `contagion.results.Run.liquidations` says."""
    raw = state.events[: int(state.clock["n_events"][0])]
    number = np.flatnonzero(raw["weight"] > 0.0)
    rows, names = raw[number], opening.names
    market = rows["traded"]
    asset = state.markets["asset"][market]
    lot = state.markets["lot"][market]
    closing = rows["time"] == state.closed_at[rows["account"]]
    return pd.DataFrame(
        {
            "event": number,
            "round": rows["round"],
            "time": rows["time"],
            "kind": np.asarray(codes.EVENTS, dtype=object)[rows["kind"]],
            "account": np.asarray((*names.accounts, ""), dtype=object)[rows["account"]],
            "venue": np.asarray((*names.venues, ""), dtype=object)[rows["venue"]],
            "market": np.asarray(names.markets, dtype=object)[market],
            "asset": np.asarray(names.assets, dtype=object)[asset],
            "side": np.where(rows["side"] > 0.0, "long", "short"),
            "lots": rows["filled"],
            "quantity": rows["filled"] * lot,
            "trigger_mark": rows["trigger"],
            "mark": rows["mark"],
            "outside": rows["outside"],
            "execution": rows["execution"],
            "bankruptcy_price": np.where(rows["bankruptcy"] >= 0.0, rows["bankruptcy"], np.nan),
            "notional": rows["weight"],
            "delay": rows["delay"],
            "fill_rate": rows["filled"] / np.where(rows["asked"] > 0.0, rows["asked"], 1.0),
            "liquidation_basis": rows["basis"],
            "coverage": np.where(rows["closed"] > 0, rows["coverage"], np.nan),
            "time_to_close": np.where(closing, state.closing_time[rows["account"]], np.nan),
        }
    ).rename_axis("fill")
