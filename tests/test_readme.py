import contextlib
import inspect
import io
import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in FENCE.findall(README) if found == language]


def lines_of(text: str) -> list[str]:
    """Lines without blanks at their end, in which pandas and editors differ."""
    return [line.rstrip() for line in text.strip().splitlines()]


def test_the_first_two_shell_blocks_are_one_line_each_and_make_their_own_environment() -> None:
    for block in blocks("sh")[:2]:
        assert len(block.strip().splitlines()) == 1
        assert "-m venv" in block


def test_the_code_prints_what_the_readme_says() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks("python"):
            exec(compile(block, "README.md", "exec"), {})
    assert lines_of(printed.getvalue()) == lines_of("".join(blocks("text")))


def test_the_code_has_five_lines_each_time() -> None:
    for block in blocks("python"):
        assert len([line for line in block.splitlines() if line.strip()]) == 5


def test_every_picture_and_file_the_readme_points_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    local = [target for target in targets if "://" not in target]
    assert any(target.endswith(".png") for target in local)
    for target in local:
        assert (Path(__file__).parents[1] / target).exists(), target


def test_the_band_over_leverage_is_as_large_as_the_readme_says() -> None:
    from contagion import cli
    from contagion.reporting import leverage_band
    from contagion.reporting.band import MEDIANS

    rows = inspect.signature(leverage_band).parameters["n_accounts"].default
    medians = ", ".join(f"{median:g}" for median in MEDIANS[:-1]) + f" and {MEDIANS[-1]:g}"
    text = " ".join(README.split())
    assert f"n = {cli.BAND_SCENARIOS} scenarios at each of the medians {medians}" in text
    assert f"on a network of {rows:,} account rows" in text


def test_asks_end_where_the_readme_says() -> None:
    from contagion.propagation.cascade.liquidate import LARGEST_RISE

    assert LARGEST_RISE == 2.0
    assert "No ask rests above twice the outside price" in " ".join(README.split())
