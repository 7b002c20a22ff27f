"""Made worlds for the pictures: tables, runs and comparisons of any size, without an engine."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pandas as pd
import pytest

VENUES = ("Aster", "Bourse", "Crux", "Delphi")
ASSETS = {"USD": 1.0, "BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0}
POLICY_NAMES = ("none", "placebo", "halt", "tiered margin", "larger fund", "throttle", "all of them")


@pytest.fixture(autouse=True)
def closed_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


class Tables(SimpleNamespace):
    """Tables as attributes, read by column and by key as a network's are."""

    def column(self, table, column):
        frame = getattr(self, table)
        return self.index(table).to_numpy() if column == frame.index.name else frame[column].to_numpy()

    def codes(self, table, column):
        kept = {"account": "accounts", "market": "markets", "venue": "venues"}
        kept |= dict.fromkeys(("asset", "settle", "quote"), "assets")
        return self.index(kept[column]).get_indexer(self.column(table, column))

    def index(self, table):
        return getattr(self, table).index


def made_network(n_traders=300, seed=1, venues=VENUES, names=None, leverage=5.0):
    """Return the tables of a market with cross accounts, as attributes."""
    rng = np.random.default_rng(seed)
    traders = [f"t{i:06d}" for i in range(n_traders)] if names is None else list(names)
    lenders = ["Lender A", "Lender B"]
    node_names = sorted([*traders, *venues, *lenders])
    kinds = ["exchange" if n in venues else "institution" if n in lenders else "trader" for n in node_names]
    nodes = pd.DataFrame(
        {
            "kind": kinds,
            "cash": rng.lognormal(10, 1.5, len(node_names)),
            "external_assets": 0.0,
            "external_liabilities": 0.0,
            "owner": "",
        },
        index=pd.Index(node_names, name="name"),
    )
    assets = pd.DataFrame(
        {"kind": ["currency", "coin", "coin", "coin"], "price": list(ASSETS.values()), "volatility": 0.04},
        index=pd.Index(list(ASSETS), name="name"),
    ).assign(issuer="")
    coins = list(ASSETS)[1:]
    markets = pd.DataFrame(
        [
            {
                "name": f"{coin} perp {venue}",
                "venue": venue,
                "asset": coin,
                "kind": "perp",
                "schedule": "tiers",
            }
            for venue in venues
            for coin in coins
        ]
    ).set_index("name")
    markets = markets.assign(
        settle="USD", impact="exponential", impact_coefficient=1.0, volume=np.nan, volatility=np.nan
    )
    markets = markets.assign(quote="USD", contract="linear", expiry=np.nan, strike=np.nan, option_side="")
    markets = markets.assign(carry=0.0, implied_volatility=np.nan, volatility_beta=1.0)
    which = rng.choice(len(venues), len(traders), p=_shares(len(venues)))
    accounts = pd.DataFrame(
        {
            "owner": traders,
            "venue": np.array(venues, dtype=object)[which],
            "mode": "cross",
            "count": 1,
            "reaction": "top_up",
            "response": 0.5,
        },
        index=pd.Index([f"a{i:06d}" for i in range(len(traders))], name="name"),
    )
    coin = rng.choice(3, len(traders), p=[0.6, 0.3, 0.1])
    side = np.where(rng.random(len(traders)) < 0.55, 1.0, -1.0)
    notional = rng.lognormal(11, 1.8, len(traders))
    price = np.array([ASSETS[coins[c]] for c in coin])
    lever = np.minimum(leverage * rng.lognormal(0, 0.8, len(traders)), 40.0)
    positions = pd.DataFrame(
        {
            "account": accounts.index,
            "market": [f"{coins[c]} perp {v}" for c, v in zip(coin, accounts["venue"], strict=True)],
            "quantity": side * notional / price,
            "entry_price": price * (1.0 + side * rng.normal(0, 0.02, len(traders))),
        }
    )
    balances = pd.DataFrame({"account": accounts.index, "asset": "USD", "quantity": notional / lever})
    depth_rows = [
        {"market": m, "side": s, "band": 0.01, "amount": 0.012 * notional.sum() / len(venues)}
        for m in markets.index
        for s in ("ask", "bid")
    ]
    rules = {"insurance_fund": 1e7, "mark": "weighted", "mark_weight": 0.5, "portfolio_offset": 0.0}
    rules["margin"] = "tiers"
    debtors = [*traders[:5], *venues[:1]]
    return Tables(
        unit="USD",
        nodes=nodes,
        obligations=pd.DataFrame(
            {"debtor": debtors, "creditor": "Lender A", "seniority": 1, "amount": 1e6, "callable": False}
        ),
        assets=assets,
        holdings=pd.DataFrame({"node": [], "asset": [], "quantity": []}),
        markets=markets,
        depth=pd.DataFrame(depth_rows),
        accounts=accounts,
        balances=balances,
        positions=positions,
        venues=pd.DataFrame(rules, index=pd.Index(list(venues), name="name")),
        schedules=pd.DataFrame(
            {"form": "tiers", "maintenance_slope": 0.0}, index=pd.Index(["tiers"], name="name")
        ),
        tiers=pd.DataFrame(
            {
                "schedule": "tiers",
                "floor": [0.0, 1e5, 1e6],
                "initial_rate": [0.01, 0.02, 0.05],
                "maintenance_rate": [0.005, 0.01, 0.025],
                "cap": np.nan,
            }
        ),
    )


def _shares(n):
    weight = 0.6 ** np.arange(n)
    return weight / weight.sum()


def made_run(n_rounds=120, markets=4, quiet=False, hostile=""):
    """Return the records of a run, as attributes."""
    rng = np.random.default_rng(3)
    time = 60.0 * np.arange(n_rounds + 1)
    push = np.exp(-(((time - 1500) / 700) ** 2)) * (0.0 if quiet else 1.0)
    rounds = pd.DataFrame(
        {
            "time": time,
            "liquidated_notional": 3.1e8 * push * rng.uniform(0.6, 1.2, len(time)),
            "adl_notional": 6e7 * push**4,
            "asked_notional": 3.5e8 * push,
            "deferred_notional": 1e7 * push,
            "bad_debt": 1e6 * push,
            "fund_total": 1e9 - np.cumsum(1e6 * push),
            "margin_called": 5e7 * push,
            "margin_posted": 2e7 * push,
            "halted_markets": ((time > 1200) & (time < 1500)).astype(int) * (0 if quiet else 1),
            "liquidations": (500 * push).astype(int),
        },
        index=pd.RangeIndex(len(time), name="round"),
    )
    table = {}
    frames = []
    for i in range(markets):
        asset = ("BTC", "ETH", "SOL", "XRP", "DOGE", "AAVE")[i % 6]
        name = f"{asset} perp {VENUES[i // 6 % 4]}{hostile}"
        opening = 60_000.0 / 10**i
        outside = opening * (1.0 - (0.15 + 0.03 * i) * np.minimum(time / 1800, 1.0))
        last = outside * (1.0 - 0.08 * push)
        shut = rounds["halted_markets"].to_numpy() > 0
        frames.append(
            pd.DataFrame(
                {
                    "round": rounds.index,
                    "time": time,
                    "market": name,
                    "outside": outside,
                    "last": last,
                    "mark": last,
                    "index": outside,
                    "displacement": 0.0,
                    "depth": 1.0,
                    "halted": shut,
                }
            )
        )
        table[name] = {
            "venue": VENUES[i // 6 % 4],
            "asset": asset,
            "kind": "perp",
            "opening_price": opening,
            "closing_price": last[-1],
            "liquidated_notional": 1e9 / (1 + i),
        }
    return SimpleNamespace(
        rounds=rounds,
        paths=pd.concat(frames, ignore_index=True),
        markets=pd.DataFrame.from_dict(table, orient="index").rename_axis("market"),
        metrics=pd.Series({"liquidated_notional": float(rounds["liquidated_notional"].sum())}),
        network=SimpleNamespace(unit="USD"),
        contagion_graph=lambda: made_graph(0 if quiet else 400, hostile),
    )


def made_graph(n_edges=400, suffix=""):
    """Return who hit whom."""
    rng = np.random.default_rng(5)
    graph = nx.DiGraph()
    graph.add_node("outside", kind="outside")
    for i in range(200):
        graph.add_node(f"trader {i:03d}{suffix}", kind="trader")
    for venue in VENUES:
        graph.add_node(f"{venue}{suffix}", kind="exchange")
    names = list(graph.nodes)
    for _ in range(n_edges):
        a, b = rng.choice(len(names), 2, replace=False)
        channel = ("price", "obligation", "deleveraging", "waterfall")[rng.choice(4, p=[0.6, 0.1, 0.2, 0.1])]
        graph.add_edge(names[a], names[b], weight=float(rng.lognormal(14, 2)), channel=channel)
    return graph


def made_comparison(n=400, policies=POLICY_NAMES, seed=11, metric="system_loss"):
    """Return paired outcomes of policy sets, as attributes and methods."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(20.5, 1.2, n)
    rows, effects, tails = [], {}, {}
    for i, name in enumerate(policies):
        factor = 1.0 if name in ("none", "placebo") else 1.0 + rng.normal(-0.12 * (i % 4), 0.25, n)
        loss = base * np.maximum(factor, 0.0)
        cost = np.zeros(n) if name in ("none", "placebo") else rng.lognormal(17.5 + 0.3 * i, 0.4, n)
        rows.append(
            pd.DataFrame(
                {
                    "policy": name,
                    "scenario": np.arange(n),
                    "network": 0,
                    "status": "ok",
                    metric: loss,
                    "policy_cost": cost,
                    "adl_notional": loss * 0.1,
                    "deferred_notional": loss * 0.02,
                }
            )
        )
        tail = np.sort(loss)[-max(n // 20, 1) :]
        es = float(tail.mean())
        tails[name] = {
            "var": float(tail[0]),
            "es": es,
            "es_low": 0.8 * es,
            "es_high": 1.3 * es,
            "k": len(tail),
            "note": "",
        }
        effects[name] = loss, cost
    frame = pd.concat(rows, ignore_index=True)

    def table(column, against="none"):
        wide = frame.pivot(index="scenario", columns="policy", values=column)
        result = {}
        for name in policies:
            if name == against:
                continue
            gap = (wide[name] - wide[against]).to_numpy()
            error = 1.96 * gap.std() / np.sqrt(n)
            mean = float(gap.mean())
            result[name] = {
                "difference": mean,
                "low": mean - error,
                "high": mean + error,
                "p_value": 0.001 if abs(mean) > error else 0.4,
                "p_adjusted": 0.005 if abs(mean) > error else 1.0,
                "helped": float((gap < 0).mean()),
                "unchanged": float((gap == 0).mean()),
                "harmed": float((gap > 0).mean()),
                "n": n,
                "note": "",
            }
        return pd.DataFrame.from_dict(result, orient="index").rename_axis("policy")

    return SimpleNamespace(
        policies={name: [] for name in policies},
        networks=[SimpleNamespace(unit="USD")],
        to_frame=lambda: frame,
        effects=table,
        tail=lambda metric, level=0.95: pd.DataFrame.from_dict(tails, orient="index").rename_axis("policy"),
        costs=lambda rates=None: frame.groupby("policy")["policy_cost"].mean().reindex(list(policies)),
    )


@pytest.fixture
def make():
    """Return the makers of networks, runs, graphs and comparisons."""
    return SimpleNamespace(network=made_network, run=made_run, graph=made_graph, comparison=made_comparison)
