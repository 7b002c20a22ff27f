"""How it was computed, what it takes to compute it again, and where it stops being true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from contagion.facts import EUROPEAN_DEBT, LENDING_MARKETS
from contagion.measures.resampling import FEW_NETWORKS
from contagion.reporting import formats
from contagion.reporting.blocks import Block, Fold, Heading, Paragraph, Points, Section, Table, table, words
from contagion.reporting.glossary import METRICS, Metric
from contagion.reporting.sections import facts, fire_sales

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.reporting.material import Material

ROUND = (
    ("Revalue.", "Outside prices, indices, depth and marks move; the health of every account is computed."),
    (
        "Call.",
        "Top-ups that are due arrive; accounts near their requirement are called and may answer later.",
    ),
    (
        "Liquidate.",
        "Accounts below maintenance margin decide anew how much they must close, by their venue's procedure.",
    ),
    (
        "Execute.",
        "Halts and speed limits cap the orders. A trial price shows which accounts the fill would leave "
        "below zero; what the fund cannot cover is deleveraged against winners. The rest trades at one "
        "price that its own size moves.",
    ),
    (
        "Settle.",
        "Profit, loss and fees are posted. Deficits go to the fund, then to the rule for the residual.",
    ),
    (
        "Default.",
        "Venues and institutions below zero fail; claims on them are cleared, and the loss hits their "
        "creditors.",
    ),
    ("Record.", "Every event and every posting is kept; money and positions are integers and sum to zero."),
)
CALIBRATED = (
    "margin tiers of the venues that publish them, the totals of open interest, the order-book depth of the "
    "largest market, and the fees and rules that venues document. Each is listed with its source under "
    "facts against assumptions."
)
ILLUSTRATIVE = (
    "who holds which position, leverage, free cash, the split of open interest, depth of the other markets, "
    "the size of funds, how many owners answer a margin call, how fast depth returns, the lenders' and "
    "makers' capital, and the distribution of the shocks. Losses in money are orders of magnitude; "
    "differences between policy sets on the same scenarios are what the study is built to show."
)
CALIBRATED_LENDING = (
    "terms of reserves, liquidation and auction rules of protocols that publish them, prices at the opening, and "
    "what a sale of known size did to on-chain prices. Each is listed with its source under facts against "
    "assumptions; how near borrowers are to their thresholds was tuned to the liquidations of 5 August 2024."
)
ILLUSTRATIVE_LENDING = (
    "who borrows how much against what, most sizes of reserves, free money of borrowers and how many answer, the "
    "depth of most markets and how fast it returns, the protocols' own means, what keepers ask for, and the "
    "distribution of the shocks. Losses in money are orders of magnitude; differences between policy sets on the "
    "same scenarios are what the study is built to show."
)
CALIBRATED_DEBT = (
    "what each country owed the banks of each other one at the end of 2011, and gross domestic products relative to "
    "Portugal's. Each is listed with its source under facts against assumptions."
)
ILLUSTRATIVE_DEBT = (
    "the level of gross domestic products in money, what part of a country its creditors hold, what a failure costs "
    "and from what value on a country fails. A country is no bank: who fails first is an illustration."
)
SUPPLIED = (
    "nothing of this network: it was supplied by the user, and its tables name no sources. Each of its numbers is "
    "taken as given, see facts against assumptions."
)
SUPPLIED_ILLUSTRATIVE = (
    "the network as long as whoever supplied it names no sources, the parameters of the model and the shocks. "
    "Losses in money are no better than these inputs; differences between policy sets on the same scenarios are "
    "what the study is built to show."
)
STORED = (("Calibrated and illustrative:", "cannot be said, since the stored results hold no network."),)
TITLE = "Method, parameters, provenance and limits"
SHEET_STEPS = (
    (
        "Open.",
        "Policies that act before the shock change the balance sheets; equity is what assets and claims leave over "
        "debts, claims at face value.",
    ),
    (
        "Shock.",
        "Prices, external assets and equity change all at once; nodes may be let fail. Who has less than nothing now "
        "fails by the shock.",
    ),
    ("Help.", "Policies that act on what they see convert debts into shares, or lend."),
    ("Spread.", "The model finds who pays what, or who loses how much, and in which round a node fails."),
    (
        "Measure.",
        "A node's loss is what its equity, never counted below zero at the end, falls by beyond the direct loss. "
        "The rest of the market is left out of the sums. A negative difference between a policy set and 'none' is "
        "less loss.",
    ),
)
SELL = (
    "Sell.",
    "Who must sell sells, prices fall with what is sold, and everybody's holdings are worth less, round by round or "
    "until sales and prices explain each other; where claims are cleared too, together with what everybody pays.",
)
"""What takes the place of the spread of losses in fire sales."""
NOT_IN_SALES = (
    "buyers who come for low prices other than those a policy names, refinancing and runs, margin accounts at the "
    "prices of the sale, the time that resolution takes, what failing nodes do to those outside the network "
    "beyond not paying, and banks that change their behaviour because a rule changed. How far a sale moves a "
    "price is known to an order of magnitude at best: vary the impact before trusting a level."
)
NOT_ON_SHEETS = (
    "fire sales and their prices (ct.FireSale has them), refinancing and runs, the time that resolution takes, "
    "what failing nodes do to those outside the network beyond not paying, and banks that change their behaviour "
    "because a rule changed. Amounts of single debts are rarely published: where a network was reconstructed or "
    "made, run the study on many such networks."
)
NOT_MODELLED = (
    "seniority among obligations, shares of equity, interest within a run, stability pools and liquidation in bands, "
    "volatilities that answer to prices, options exercised early, and traders who change their strategy because "
    "a rule changed."
)


def write(material: Material) -> Section:
    """Return the section on method, parameters, provenance and limits.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    if material.on_sheets:
        return _sheets(material)
    blocks: list[Block] = [
        Paragraph(
            "Every trader, venue and institution is a node, every exposure an edge. Time runs in rounds; in "
            "each round the same steps happen in the same order:"
        ),
        Points(ROUND),
        Paragraph(
            "Loss is measured against the outside prices: what a node lost beyond what the outside move "
            "alone would have cost it. Liquidity providers, arbitrageurs and the rest of the market are "
            "left out of the sum. A negative difference between a policy set and 'none' is less loss."
        ),
        *_statistics(material),
        _meanings(METRICS),
        _provenance(material),
        Heading("Limits"),
        Points(
            (*(origin(material.network) if material.stories else STORED), ("Not modelled:", NOT_MODELLED))
        ),
        Points(_warnings(material)),
    ]
    return Section("method", TITLE, tuple(blocks))


def _sheets(material: Material) -> Section:
    """Return the section for a study of balance sheets."""
    comparison = material.comparison
    names = comparison.metric_names if comparison is not None else list(material.stories[0].run.metrics.index)
    note = comparison.note if comparison is not None else ""
    blocks: list[Block] = [
        Paragraph(
            "Every node is a balance sheet, every debt inside the network an edge from debtor to creditor. A run has "
            "these steps:"
        ),
        Points(_steps(material)),
        *_statistics(material),
        _meanings({name: METRICS[name] for name in names if name in METRICS}),
        _provenance(material),
        Heading("Limits"),
        Points(
            (
                *(origin(material.network) if material.stories else STORED),
                ("Not modelled:", NOT_IN_SALES if fire_sales.sells(material) else NOT_ON_SHEETS),
                *((("This study:", f"{note}."),) if note else ()),
            )
        ),
    ]
    return Section("method", TITLE, tuple(blocks))


def _steps(material: Material) -> tuple[tuple[str, str], ...]:
    """Return the steps of a run of balance sheets; in a fire sale losses spread through sales."""
    sells = fire_sales.sells(material)
    return tuple(SELL if sells and step[0] == "Spread." else step for step in SHEET_STEPS)


def _meanings(metrics: dict[str, Metric]) -> Block:
    lines = tuple((f"{entry.label}:", entry.meaning + ".") for entry in metrics.values())
    return Fold("What each metric means", (Points(lines),))


def origin(net: Network) -> tuple[tuple[str, str], ...]:
    """Return what is calibrated and what is illustrative, which depends on where the network comes from.

    Parameters
    ----------
    net : Network
        The network; nothing is calibrated where the facts do not describe it.
    """
    from contagion import datasets

    if facts.targets(net) is None:
        return ("Calibrated:", SUPPLIED), ("Illustrative:", SUPPLIED_ILLUSTRATIVE)
    if datasets.tables_behind(net) == EUROPEAN_DEBT:
        return ("Calibrated:", CALIBRATED_DEBT), ("Illustrative:", ILLUSTRATIVE_DEBT)
    if datasets.tables_behind(net) == LENDING_MARKETS:
        return ("Calibrated:", CALIBRATED_LENDING), ("Illustrative:", ILLUSTRATIVE_LENDING)
    return ("Calibrated:", CALIBRATED), ("Illustrative:", ILLUSTRATIVE)


def _statistics(material: Material) -> Iterator[Block]:
    comparison = material.comparison
    if comparison is None:
        return
    level = formats.percent(comparison.level, decimals=0)
    text = (
        f"Mean changes carry {level} bootstrap intervals over paired scenarios and their weights, and p-values "
        "adjusted for the number of policy sets (Holm). So do value at risk and expected shortfall; where the "
        "effective sample size of the whole or of the tail is too small, none is given. "
        if comparison.weighted
        else f"Mean changes carry {level} intervals over paired scenarios and p-values adjusted for the number of "
        "policy sets (Holm). Value at risk has an order-statistic interval, expected shortfall a bootstrap "
        "interval on the logarithm; with too few scenarios in the tail none is given. "
    )
    several = len(comparison.networks)
    if several > 1:
        text += f"Scenario i ran on network i mod {several}. "
        text += (
            f"The intervals resample scenarios within each network and speak for these {several} networks only."
            if several < FEW_NETWORKS
            else "The intervals resample whole networks."
        )
    yield Paragraph(text)


def _provenance(material: Material) -> Table:
    source = material.comparison or material.stories[0].run
    rows = [[words(key), words(value)] for key, value in flat(source.provenance)]
    return table(
        "Parameters and provenance: what it takes to compute the same numbers again",
        ["What", "Value"],
        rows,
        identifier="provenance",
    )


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested dictionaries and lists as pairs of a dotted name and a text.

    Parameters
    ----------
    value : object
        Dictionary, list or leaf.
    path : str
        Name so far.

    Examples
    --------
    >>> list(flat({"a": {"b": 1, "c": [2, 3]}}))
    [('a.b', '1'), ('a.c', '2, 3')]
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        yield path, ", ".join(str(part) for part in value) or "–"
    else:
        yield path, str(value)


def _warnings(material: Material) -> tuple[tuple[str, str], ...]:
    from contagion.propagation.cascade.liquidate import LARGEST_RISE

    lines = [
        (
            "Where asks end (assumption):",
            f"no ask rests above {LARGEST_RISE:g} times the outside price. Shorts that cannot be bought back below "
            "it wait and are counted as deferred; without the limit a thin book would sell at any price. Under "
            "Cascade.static() there is none.",
        ),
        (
            "Time profile:",
            "the same move over another time gives other numbers; each number belongs to the profile "
            "printed above.",
        ),
        (
            "Liquidated and deleveraged money",
            "must be read together: a rule that lowers one often raises the other.",
        ),
        (
            "A larger fund",
            "can raise system loss, because more positions go through the book and fewer to winners.",
        ),
        (
            "Bigger is not always worse:",
            "a larger shock can leave less bad debt, since accounts close earlier; the model does not "
            "force monotonicity.",
        ),
    ]
    comparison = material.comparison
    if comparison is not None and comparison.note:
        lines.insert(0, ("This study:", f"{comparison.note}."))
    return tuple(lines)
