"""The one place where sections become HTML.

Every text is escaped by the template engine, an undefined name is an error, a content-security policy forbids
requests, and styles and pictures are part of the file: it opens offline and shows the same on every machine.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from contagion.errors import InputError
from contagion.reporting.blocks import Section

GENERATOR = "contagion report"
_TEMPLATES = Path(__file__).parent / "templates"


def render(title: str, subtitle: str, sections: Sequence[Section], footer: str) -> str:
    """Return the page as text.

    Parameters
    ----------
    title, subtitle, footer : str
        Plain text; escaped like everything else.
    sections : sequence of Section
        In reading order.

    Examples
    --------
    >>> "<b>" in render("<b>", "", [], "")
    False
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("page.html.jinja").render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        footer=footer,
        style=Markup(style),
        style_hash=Markup(digest),
        generator=GENERATOR,
    )


def is_report(path: Path) -> bool:
    """Return whether a file is a report written by this package.

    Parameters
    ----------
    path : Path
        Any path; one that is missing or not a readable file is no report.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'<meta name="generator" content="{GENERATOR}">'.encode() in file.read(2048)


def check_target(path: Path, *, overwrite: bool, remedy: str = "pass overwrite=True") -> None:
    """Refuse a place where the report cannot or must not be written, before anything is computed.

    Parameters
    ----------
    path : Path
        Where the page is to go.
    overwrite : bool
        Whether an existing file may be replaced.
    remedy : str
        What the message tells the reader to do to have it replaced.

    Raises
    ------
    InputError
        If the folder is missing, the path is a folder, or a file exists and ``overwrite`` is false.
    """
    if path.is_dir():
        raise InputError(f"{path.name!r} is a folder; name a file, for example {path.name}/report.html")
    if not path.parent.is_dir():
        raise InputError(f"the folder {str(path.parent)!r} does not exist; make it first")
    if path.exists() and not overwrite:
        raise InputError(f"{path.name!r} exists already; {remedy} to replace it, or another name")


def write(path: Path, text: str) -> None:
    """Write the page as UTF-8 with plain line ends.

    Parameters
    ----------
    path : Path
        Where the page goes.
    text : str
        The page.

    Raises
    ------
    InputError
        If the system refuses, for example because the folder is read-only.
    """
    try:
        path.write_bytes(text.encode("utf-8", errors="replace"))
    except OSError as error:
        raise InputError(f"cannot write {path.name!r}: {error.strerror}; choose another place") from error
