"""From tables as given to the checked content of a network: every fault is in one error."""

from __future__ import annotations

from collections.abc import Mapping

from contagion.network.build import Draft, build
from contagion.network.consistency import NETTING, apply_rules
from contagion.network.faults import Faults
from contagion.network.frames import TableInput
from contagion.network.options import check_options, check_payers
from contagion.network.rest import add_rest_of_market
from contagion.network.schema import TABLES


def make(
    given: Mapping[str, TableInput | None],
    unit: str,
    rest_of_market: str,
    repair: str | None,
    payers: Mapping[str, float],
    faults: Faults,
    before: Draft | None,
) -> tuple[Draft, dict[str, float]]:
    """Build a draft and apply every rule; return it with the money of outside payers.

    Parameters
    ----------
    given
        Tables by name; None empties one.
    unit, rest_of_market, repair, payers
        As for `Network`.
    faults
        Receives every fault.
    before
        The draft whose other tables are kept, if there is one.

    Raises
    ------
    InputError
        A subclass that lists every fault.
    """
    check_options(given, unit, rest_of_market, repair, faults)
    money = check_payers(payers, faults)
    if not isinstance(unit, str):
        faults.stop()
    kept = {name: [] if table is None else table for name, table in given.items() if name in TABLES}
    if before is None:
        kept = {name: table for name, table in kept.items() if given[name] is not None}
    draft = build(kept, unit, faults, repair=repair is not None, before=before)
    apply_rules(draft)
    if not faults.found and rest_of_market == "add":
        add_rest_of_market(draft)
    if draft.clean(*NETTING[0]):
        NETTING[1](draft)
    faults.stop()
    draft.origins.clear()
    draft.faults = Faults()
    return draft, money
