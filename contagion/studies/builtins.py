"""Which classes may a study name? Fixed lists of shocks, models, policies and generators, no others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contagion import facts
from contagion.errors import InputError, PolicyError, SchemaError, UnsafeInputError, nearest
from contagion.studies.parameters import call, read, typed

if TYPE_CHECKING:
    from contagion.policies import Policy

__all__ = ["DEFAULT_SHOCK", "generator", "generator_parameters", "model", "policy_sets", "shock"]

DEFAULT_SHOCK: Final = {"kind": "student_t", "df": 4.0, "scale": 0.06}
POLICIES: Final = (
    "AdaptiveHaircuts",
    "AssetPurchases",
    "Auction",
    "AutoDeleveraging",
    "BackstopLiquidity",
    "CapitalInjection",
    "CentralClearing",
    "CloseFactor",
    "ConcentrationAddOn",
    "CrossOrIsolated",
    "DebtEquityConversion",
    "DynamicMargin",
    "ExposureLimit",
    "FeeSplit",
    "FundReplenishment",
    "Halt",
    "IndexDesign",
    "InsuranceFund",
    "LenderOfLastResort",
    "LeverageCap",
    "LeverageLimit",
    "LiquidationThrottle",
    "LiquidityBuffer",
    "MarginMultiplier",
    "MarketWideHalt",
    "Merger",
    "OpenInterestMargin",
    "PartialLiquidation",
    "Policy",
    "PositionLimit",
    "PriceBand",
    "Procedure",
    "RingFence",
    "Rulebook",
    "SaleThrottle",
    "SlicedLiquidation",
    "SocialisedLoss",
    "Split",
    "TieredMargin",
)
OF_NODES: Final = "AssetShocks."
"""Prefix of families over nodes: their law is the family of price shocks of the same name."""
ON_SHEETS: Final = (
    "Clearing",
    "CrossHoldings",
    "DebtRank",
    "FireSale",
    "Furfine",
    "NEVA",
    "ThresholdCascade",
)
"""Models of balance sheets."""
FIRE_SALES: Final = (
    "breuer_summer_urosevic",
    "caccioli",
    "cifuentes_ferrucci_shin",
    "cont_schaanning",
    "greenwood_iterated",
    "greenwood_landier_thesmar",
    "leverage_bands",
)
"""Published fire sales: constructors of `FireSale`."""
PARTS_OF_SALES: Final = {
    "response": ("LeverageThreshold", "LeverageTarget", "LeverageBands", "CapitalRatio", "AllOnDefault"),
    "impact": ("FloorRule", "LinearRule", "ShareRule", "SquareRootRule", "UnitRule"),
}
"""Tables inside ``[model]`` of a fire sale, and the classes they may name, the default first."""
LAWS: Final = (
    "PriceShocks.normal",
    "PriceShocks.student_t",
    "PriceShocks.historical",
    "PriceShocks.filtered",
    "PriceShocks.jump",
    "PriceShocks.quasi",
)
HOOKS: Final = (
    "cash",
    "convert",
    "haircuts",
    "heirs",
    "limits",
    "marks",
    "opening",
    "orders",
    "purchases",
    "requirement",
    "status",
    "support",
    "waterfall",
)
PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ -]*")


def shock(tables: Any, folder: Path) -> Any:
    """Return the shock or family of a study: one table, or several whose effects add.

    Parameters
    ----------
    tables : dict or list of dict
        ``[shock]`` or every ``[[shock]]``.
    folder : Path
        Where files are looked for.

    Raises
    ------
    SchemaError, UnsafeInputError
        If a kind or parameter is unknown, or names something else than a built-in class.
    """
    parts = tables if isinstance(tables, list) else [tables]
    made = [_shock(part, folder) for part in parts]
    if not made:
        raise SchemaError("is empty", where="shock", value=tables, allowed="[shock] with a kind")
    total = made[0]
    for part in made[1:]:
        total = total + part
    return total


def model(table: dict[str, Any], folder: Path) -> Any:
    """Return the model of a study, the cascade by default.

    Parameters
    ----------
    table : dict
        ``[model]``; a fire sale has ``[model.response]``, ``[model.impact]`` and ``[model.clearing]``.
    folder : Path
        Where files are looked for.
    """
    import contagion as ct

    known: dict[str, Callable[..., Any]] = {"Cascade": ct.Cascade, "Cascade.static": ct.Cascade.static}
    known |= {name: getattr(ct, name) for name in ON_SHEETS}
    known |= {f"FireSale.{name}": getattr(ct.FireSale, name) for name in FIRE_SALES}
    parts, plain = _parts(table, folder) if str(table.get("kind", "")).startswith("FireSale") else ({}, table)
    made = _made({"kind": "Cascade", **plain}, known, "[model]", folder, SchemaError)
    return replace(made, **parts) if parts else made


def _parts(table: dict[str, Any], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parts of a fire sale that are tables of their own, made; and what is left of ``[model]``."""
    import contagion as ct

    home, parts = ct.propagation.firesales, {}
    for key, names in PARTS_OF_SALES.items():
        if isinstance(table.get(key), dict):
            known = {name: getattr(home, name) for name in names}
            parts[key] = _made({"kind": names[0], **table[key]}, known, f"[model.{key}]", folder, SchemaError)
    if isinstance(table.get("clearing"), dict):
        asked = {"kind": "Clearing", **table["clearing"]}
        parts["clearing"] = _made(asked, {"Clearing": ct.Clearing}, "[model.clearing]", folder, SchemaError)
    return parts, {key: value for key, value in table.items() if key not in parts}


def policy_sets(tables: Any, folder: Path) -> dict[str, list[Policy]]:
    """Return the policy sets of a study by name.

    Parameters
    ----------
    tables : list of dict
        Every ``[[policy_set]]``.
    folder : Path
        Where files are looked for.

    Raises
    ------
    SchemaError
        If a set has no name, or two have the same.
    PolicyError, UnsafeInputError
        If a policy or parameter is unknown, or names something else than a built-in class.
    """
    if not isinstance(tables, list):
        raise SchemaError(
            "is one table", where="policy_set", remedy="write [[policy_set]] in double brackets"
        )
    sets: dict[str, list[Policy]] = {}
    for place, table in enumerate(tables, 1):
        name, policies = _named(table, place)
        if name in sets:
            raise SchemaError(
                "is given twice", where="policy_set name", value=name, remedy="rename one of them"
            )
        where = f"policy_set {name!r}"
        sets[name] = [
            _policy(policy, f"{where} policy {number}", folder) for number, policy in enumerate(policies, 1)
        ]
    return sets


def generator(name: str) -> str:
    """Return the name of a generator, or refuse one that does not exist.

    Parameters
    ----------
    name : str
        As the study has it.
    """
    return _known(name, _generators(), "[network] generate", SchemaError)


def generator_parameters(name: str, table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the parameters of a generator, each read by its declared type.

    Parameters
    ----------
    name : str
        The generator.
    table : dict
        What is left of ``[network]``.
    folder : Path
        Where files are looked for.
    """
    table_of = {
        "interbank": "interbank",
        "lending_market": "lending",
        "overlapping_portfolios": "portfolios",
        "perp_market": "population",
    }[generator(name)]
    assumptions = [str(row) for row in facts.load(table_of)["name"]]
    return read(_generators()[generator(name)], table, "[network]", folder, more=assumptions)


def _named(table: Any, place: int) -> tuple[str, list[Any]]:
    where = f"policy_set {place}"
    if not isinstance(table, dict) or not isinstance(table.get("name"), str) or not table["name"]:
        raise SchemaError("has no name", where=where, value=table, remedy='add name = "..."')
    unknown = [key for key in table if key not in ("name", "policies")]
    if unknown:
        hint = nearest(unknown[0], ("name", "policies"))
        raise SchemaError(f"is no known key{hint}", where=where, value=unknown[0], allowed="name, policies")
    policies = table.get("policies", [])
    if not isinstance(policies, list):
        raise SchemaError(
            "is no list", where=f"{where} policies", value=policies, allowed="[{kind = ...}, ...]"
        )
    return table["name"], policies


def _shock(table: Any, folder: Path) -> Any:
    """Return one shock or family; a key ``tilt`` is a table of parameters of ``tilted``."""
    from contagion.experiments.asset_families import AssetShocks

    tilt = table.get("tilt") if isinstance(table, dict) else None
    if isinstance(table, dict) and (law := _law(table.get("kind"))):
        return _over_nodes(table, law, folder)
    if tilt is None:
        return _made(table, _shocks() | dict.fromkeys(_laws(), AssetShocks), "[shock]", folder, SchemaError)
    where = "[shock] tilt"
    if not isinstance(tilt, dict):
        raise SchemaError("is no table", where=where, value=tilt, allowed="{factor = -3.0}")
    rest = {key: value for key, value in table.items() if key != "tilt"}
    family = _made(rest, _shocks(), "[shock]", folder, SchemaError)
    if not hasattr(family, "tilted"):
        raise SchemaError("is for families of price shocks", where=where, value=table.get("kind"))
    return call(family.tilted, tilt, where, folder)


def _law(kind: Any) -> str:
    """Return the family of price shocks behind a family over nodes, empty if the kind is no such family."""
    if not isinstance(kind, str) or not _plain(kind).startswith(_plain(OF_NODES)):
        return ""
    return _laws()[_known(kind, _laws(), "[shock] kind", SchemaError)]


def _laws() -> dict[str, str]:
    """Return the family of price shocks behind each family over nodes."""
    return {f"{OF_NODES}{name.removeprefix('PriceShocks.')}": name for name in LAWS}


def _over_nodes(table: dict[str, Any], law: str, folder: Path) -> Any:
    """Return a family of changes of external assets: `nodes`, and the parameters of its law."""
    from contagion.experiments.asset_families import AssetShocks

    rest = {key: value for key, value in table.items() if key != "nodes"}
    nodes = None
    if "nodes" in table:
        nodes = tuple(typed(table["nodes"], list[str], "[shock] nodes", folder))
        if not nodes:
            raise SchemaError(
                "is empty", where="[shock] nodes", remedy="name nodes, or leave it out for all of them"
            )
        if law == "PriceShocks.quasi":
            rest.setdefault("assets", list(nodes))
    return AssetShocks(_shock({**rest, "kind": law}, folder), nodes)


def _policy(table: Any, where: str, folder: Path) -> Policy:
    from contagion import policies

    if isinstance(table, dict):
        hooks = [key for key in table if key in HOOKS]
        if hooks:
            raise UnsafeInputError(
                "is a hook, that is code",
                where=where,
                value=hooks[0],
                allowed="parameters of built-in policies",
                remedy="write the policy in Python and pass it to contagion.compare",
            )
    known = {name: getattr(policies, name) for name in POLICIES}
    policy: Policy = _made(table, known, where, folder, PolicyError)
    return policy


def _shocks() -> dict[str, Callable[..., Any]]:
    from contagion import shocks
    from contagion.experiments.episodes import episode
    from contagion.experiments.families import PriceShocks

    return {
        "PriceShock": shocks.PriceShock,
        "PricePath": shocks.PricePath,
        "Default": shocks.Default,
        "DepthShock": shocks.DepthShock,
        "Withdrawal": shocks.Withdrawal,
        "Outage": shocks.Outage,
        "GasShock": shocks.GasShock,
        "OracleShock": shocks.OracleShock,
        "Mint": shocks.Mint,
        "Attack": shocks.Attack,
        "VolatilityShock": shocks.VolatilityShock,
        "AssetShock": shocks.AssetShock,
        "EquityShock": shocks.EquityShock,
        "PriceShocks.normal": PriceShocks.normal,
        "PriceShocks.student_t": PriceShocks.student_t,
        "PriceShocks.historical": PriceShocks.historical,
        "PriceShocks.filtered": PriceShocks.filtered,
        "PriceShocks.jump": PriceShocks.jump,
        "PriceShocks.quasi": PriceShocks.quasi,
        "PriceShocks.episodes": PriceShocks.episodes,
        "episode": episode,
    }


def _generators() -> dict[str, Callable[..., Any]]:
    from contagion.generate import interbank, lending_market, overlapping_portfolios, perp_market

    return {
        "interbank": interbank,
        "lending_market": lending_market,
        "overlapping_portfolios": overlapping_portfolios,
        "perp_market": perp_market,
    }


def _made(
    table: Any, known: Mapping[str, Callable[..., Any]], where: str, folder: Path, error: type[InputError]
) -> Any:
    """Return the object that a table with a ``kind`` describes."""
    if not isinstance(table, dict) or "kind" not in table:
        kinds = ", ".join(known)
        raise error("has no kind", where=where, value=table, allowed=kinds, remedy='add kind = "..."')
    values = {key: value for key, value in table.items() if key != "kind"}
    kind = _known(table["kind"], known, f"{where} kind", error)
    return call(known[kind], values, f"{where} {kind}", folder, error=error)


def _known(kind: Any, known: Mapping[str, Any], where: str, error: type[InputError]) -> str:
    """Return the built-in name that a kind means; case, underscores and the family's prefix do not matter."""
    short = {_plain(name): name for name in known}
    if isinstance(kind, str) and _plain(kind) in short:
        return short[_plain(kind)]
    if isinstance(kind, str) and not PLAIN.fullmatch(kind):
        raise UnsafeInputError(
            "names code",
            where=where,
            value=kind,
            allowed=f"built-in classes only: {', '.join(known)}",
            remedy="pass Python objects through the Python interface",
        )
    near = get_close_matches(_plain(str(kind)), short, n=1)
    hint = f" (did you mean {short[near[0]]!r}?)" if near else ""
    raise error(f"is unknown{hint}", where=where, value=kind, allowed=", ".join(known))


def _plain(kind: str) -> str:
    return (
        re.sub(r"[\s_-]", "", kind).lower().removeprefix("priceshocks.").replace("cascade.static", "static")
    )
