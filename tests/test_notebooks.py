import json
import re
from pathlib import Path
from typing import Any

import pytest

from contagion.cli import main
from contagion.facts import number
from contagion.lending import leverage_loop
from contagion.margin.rulebooks import RULEBOOKS

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
STUDY = re.compile(r"```toml\n(.*?)```", re.DOTALL)


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


def printed(notebook: Path) -> list[str]:
    outputs = [output for cell in cells(notebook, "code") for output in cell["outputs"]]
    return ["".join(output["text"]) for output in outputs if output["output_type"] == "stream"]


def study_of(notebook: Path, folder: Path) -> Path:
    text = "\n".join("".join(cell["source"]) for cell in cells(notebook, "markdown"))
    found = STUDY.findall(text)
    assert len(found) == 1
    file = folder / "study.toml"
    file.write_text(found[0], encoding="utf-8")
    return file


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_executed_from_top_to_bottom_without_errors(notebook: Path) -> None:
    code = cells(notebook, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert outputs
    assert not [
        output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_a_question_and_ends_with_what_to_try_next(notebook: Path) -> None:
    text = cells(notebook, "markdown")
    assert "?" in "".join(text[0]["source"]).splitlines()[0]
    assert "What to try next" in "".join(text[-1]["source"])


def test_the_command_line_prints_the_card_of_the_first_notebook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = FOLDER / "01_first_cascade.ipynb"
    assert main(["run", str(study_of(notebook, tmp_path))]) == 0
    assert capsys.readouterr().out.strip() == printed(notebook)[0].strip()


def test_the_command_line_prints_the_policy_table_of_the_second_notebook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = FOLDER / "02_compare_policies.ipynb"
    report = tmp_path / "report.html"
    words = ["compare", str(study_of(notebook, tmp_path)), "--no-band", "--out", str(report)]
    assert main(words) == 0
    table = capsys.readouterr().out.rsplit("report:", 1)[0]
    assert table.strip() == printed(notebook)[-1].strip()
    assert report.stat().st_size > 0


def test_the_notebook_on_lending_prints_the_ratio_of_the_pure_rule_and_a_day_without_bad_debt() -> None:
    text = "\n".join(printed(FOLDER / "04_lending_markets.ipynb"))
    loop = leverage_loop(0.90, 0.93)
    assert f"liquidated at a ratio of {loop.ratio_at_liquidation:.4f}" in text
    assert "bad debt   USD 0.00" in text


def test_the_notebook_on_june_2022_prints_the_ratio_of_the_pure_rule_above_the_lowest_of_the_market() -> None:
    text = "\n".join(printed(FOLDER / "12_composability.ipynb"))
    ratio, low = leverage_loop(0.90, 0.93).ratio_at_liquidation, number("events", "steth_eth_hourly_minimum")
    assert f"liquidated at {ratio:.4f}" in text
    assert f"lowest hourly ratio in the market: {low}" in text
    assert low == 0.9306 < ratio


def test_the_third_notebook_shows_every_rulebook_and_how_much_of_it_is_assumed() -> None:
    notebook = FOLDER / "03_venue_rules.ipynb"
    code = ["".join(cell["source"]) for cell in cells(notebook, "code")]
    assert all(f'"{name}"' in code[0] for name in RULEBOOKS)
    tables = [
        "".join(output["data"]["text/plain"])
        for cell in cells(notebook, "code")
        for output in cell["outputs"]
        if output["output_type"] == "execute_result"
    ]
    shown = {name: sum(f"{name} " in table for table in tables) for name in RULEBOOKS}
    assert all(shown.values())
    for name, book in RULEBOOKS.items():
        statuses = [rule.status for rule in book.rules.values()]
        row = rf"{name} +{statuses.count('assumption')} +{statuses.count('fact')}\n"
        assert any(re.search(row, f"{table}\n") for table in tables)


def test_the_notebook_on_fire_sales_meets_every_printed_number_that_it_runs() -> None:
    first = cells(FOLDER / "08_fire_sales.ipynb", "code")[0]
    (output,) = [output for output in first["outputs"] if output["output_type"] == "execute_result"]
    table = "".join(output["data"]["text/html"])
    assert table.count("<td>equal</td>") == 13
    assert "differs" not in table
