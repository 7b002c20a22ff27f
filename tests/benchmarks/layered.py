"""A market of perpetuals with all that can be put on top: dated futures, an options venue, hedgers, issued tokens.

One account in twenty holds options and is margined by scan, as many hold a dated future; what they hold is spread over
strikes, so that no two are alike.
"""

import numpy as np
import pandas as pd

import contagion as ct
from contagion.network.contracts import opening_prices

SCANNED = 20  # one account in so many
EXPIRY = 90 * 86_400.0
STRIKES = (0.8, 0.9, 1.0, 1.1, 1.2)


def layered(net: ct.Network) -> ct.Network:
    """The network with an options venue beside its own, and a token that a protocol issues against its coins."""
    coin = next(str(asset) for asset in net.assets.index if asset != net.unit)
    price, n = float(net.assets["price"][coin]), len(net.accounts) // SCANNED
    first = net.markets.reset_index().iloc[0].to_dict() | {"venue": "listed", "asset": coin, "schedule": ""}
    plain = first | {"funding_interval": np.nan, "lot": np.nan, "volume": np.nan, "impact": "exponential"}
    terms = {"expiry": EXPIRY, "carry": 0.05}
    options = [
        plain
        | terms
        | {
            "name": f"{coin}-{side}-{ratio}",
            "kind": "option",
            "option_side": side,
            "strike": ratio * price,
            "implied_volatility": 0.6 - 0.3 * (ratio - 1.0),
            "hedge_market": "listed-perp",
            "in_index": False,
        }
        for ratio in STRIKES
        for side in ("call", "put")
    ]
    perp = plain | {"name": "listed-perp", "kind": "perp"}
    future = perp | terms | {"name": "listed-future", "kind": "future"}
    token = plain | {"name": "token-spot", "kind": "spot", "asset": "token"}
    markets = [*options, perp, future, token]
    names = [row["name"] for row in markets]
    writers = [f"w{number:07d}" for number in range(n)]
    traders = [f"f{number:07d}" for number in range(n)]
    owners = [*writers, *traders, "dealer"]
    pick = np.arange(n)
    strikes = np.asarray([row["name"] for row in options], dtype=object)
    books = pd.concat(
        [
            pd.DataFrame(
                {"account": writers, "market": strikes[(pick + step) % len(strikes)], "quantity": sign}
            )
            for step, sign in ((0, 0.5), (3, -0.25), (7, -0.125))
        ]
        + [pd.DataFrame({"account": traders, "market": "listed-future", "quantity": 0.5 - (pick % 2)})]
        + [pd.DataFrame({"account": ["dealer"], "market": [strikes[4]], "quantity": [-0.01 * n]})]
    )
    money = pd.DataFrame({"account": owners, "asset": net.unit, "quantity": 0.4 * price})
    money.loc[money["account"] == "dealer", "quantity"] = 0.02 * n * price
    sides = [(name, side, 0.01, 2e8) for name in names for side in ("ask", "bid")]
    tables = net.replace(
        nodes=[
            *net.nodes.reset_index().to_dict("records"),
            {"name": "listed", "kind": "exchange", "cash": 1e9},
            {"name": "issuer", "kind": "protocol", "external_assets": 2e6 * price},
            *({"name": name, "kind": "trader"} for name in owners),
        ],
        assets=[
            *net.assets.reset_index().to_dict("records"),
            {"name": "token", "kind": "token", "price": price, "issuer": "issuer", "reference": coin},
        ],
        venues=[
            *net.venues.reset_index().to_dict("records"),
            {"name": "listed", "margin": "scan", "procedure": "partial", "insurance_fund": 1e8},
        ],
        markets=[*net.markets.reset_index().to_dict("records"), *markets],
        depth=[
            *net.depth.to_dict("records"),
            *(dict(zip(("market", "side", "band", "amount"), row, strict=True)) for row in sides),
        ],
        accounts=[
            *net.accounts.reset_index().to_dict("records"),
            *({"name": name, "owner": name, "venue": "listed"} for name in owners),
        ],
        balances=pd.concat([net.balances, money]),
        holdings=[*net.holdings.to_dict("records"), {"node": "w0000000", "asset": "token", "quantity": 1e6}],
        rest_of_market="add",
    )
    worth = dict(zip(tables.index("markets"), opening_prices(tables), strict=True))
    books["entry_price"] = books["market"].map(worth)
    return tables.replace(
        positions=pd.concat([net.positions, books]).reset_index(drop=True),
        strategies=[
            *net.strategies.reset_index().to_dict("records"),
            {
                "name": "hedge",
                "kind": "hedge",
                "long_account": "dealer",
                "short_account": "dealer",
                "asset": coin,
            },
        ],
        rest_of_market="add",
    )
