"""The section on how stress left its market: what it tells, and that it is there only where a network has it."""

import numpy as np
import pytest

import contagion as ct
from contagion.measures import book_hedges
from contagion.reporting.blocks import Paragraph, Table
from contagion.reporting.formats import plural
from contagion.reporting.material import Material, Story
from contagion.reporting.sections import beyond
from tests.propagation.cascade.small import Holder, play, small_net
from tests.worlds import random_world


def material(run):
    return Material((run.network,), None, (Story("run", "The only one.", run),))


@pytest.fixture(scope="module")
def run():
    """Basis traders, lenders and claims; a protocol and a trader fail."""
    world = random_world(14)
    return ct.run(world.net, world.shock, world.model, list(world.policies))


def tables(section):
    return {block.caption: block for block in section.blocks if isinstance(block, Table)}


def test_a_market_on_its_own_has_no_such_section():
    assert not beyond.spreads(material(play(small_net({"a": Holder({"M": 16.0}, 1900.0)}))))


def test_the_widest_basis_is_named_with_market_and_value(run):
    section = beyond.write(material(run))
    found = run.basis if hasattr(run, "basis") else None
    text = next(block.text for block in section.blocks if isinstance(block, Paragraph))
    assert text.startswith("Basis: the price furthest from fair was that of ")
    table = tables(section)["Basis in the run"]
    assert table.rows[0][0].parts[0].text in text
    widest = [abs(float(row[2].parts[0].value)) for row in table.rows]
    assert widest == sorted(widest, reverse=True)
    if found is not None:
        dated = found[found["kind"].isin(["perp", "future"])]
        assert widest[0] == pytest.approx(float(dated["basis"].abs().max()))


def test_losses_by_channel_and_layer_add_up_to_the_system_loss(run):
    table = tables(beyond.write(material(run)))["Losses by channel and layer in the run"]
    last = [float(cell.parts[0].value) for cell in table.rows[-1][1:]]
    assert sum(last) == pytest.approx(run.metrics["system_loss"], rel=1e-9)
    columns = zip(*([float(cell.parts[0].value) for cell in row[1:]] for row in table.rows[:-1]), strict=True)
    for total, column in zip(last, columns, strict=True):
        assert sum(column) == pytest.approx(total, rel=1e-9, abs=1e-9)


def test_what_was_passed_on_from_node_to_node_is_told_by_channel(run):
    texts = [block.text for block in beyond.write(material(run)).blocks if isinstance(block, Paragraph)]
    assert any(text.startswith("Passed on from node to node: ") and "by default" in text for text in texts)


def test_hedged_books_are_told_with_what_their_margin_covers(run):
    section = beyond.write(material(run))
    table = tables(section)["Hedged books in the run, before the shock"]
    found = book_hedges(run.network).sort_values("unhedged_loss", ascending=False, kind="stable")
    assert [row[0].parts[0].text for row in table.rows] == found.index[:20].tolist()
    columns = ["unhedged_loss", "hedged_loss", "variance_reduction", "margin", "hedged", "held", "isolated"]
    for row, (_, wanted) in zip(table.rows, found[columns].head(20).iterrows(), strict=True):
        values = [
            np.nan
            if not hasattr(cell.parts[0], "value") or cell.parts[0].value is None
            else float(cell.parts[0].value)
            for cell in row[2:]
        ]
        assert values == pytest.approx(
            wanted.where(np.isfinite(wanted.astype(float)), np.nan).tolist(), nan_ok=True
        )
    texts = [block.text for block in section.blocks if isinstance(block, Paragraph)]
    assert any(text.startswith(f"Hedges: {plural(len(found), 'hedged book')}") for text in texts)
