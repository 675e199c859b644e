"""Pages: the parts of an HTML report (cells, tables, pictures, blocks) and how they are written."""

import base64
import dataclasses
import hashlib
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.stats import binom

from seisml.atomic import write_atomic
from seisml.errors import SeismlError
from seisml.times import NAT, iso

MAX_ROWS = 500
"""Longest table of events in a page."""
PACKAGES = ("seisml", "numpy", "scipy", "pandas", "obspy", "scikit-learn", "matplotlib", "jinja2")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, small print, and what it is sorted by."""

    text: str
    small: str = ""
    key: object = None  # what a table is sorted by, where it is not the text


@dataclasses.dataclass(frozen=True)
class Table:
    """A table with its head, caption and which columns are numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: Sequence[bool]
    caption: str = ""
    sortable: bool = False
    filterable: bool = False


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure as a data URI with its caption and size."""

    source: str
    caption: str
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Block:
    """Texts, tables and pictures under one heading."""

    title: str
    texts: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    code: str = ""
    fold: bool = False
    anchor: str = ""


@dataclasses.dataclass(frozen=True)
class Chapter:
    """Blocks of one section of the page."""

    title: str
    anchor: str
    texts: Sequence[str]
    blocks: Sequence[Block]


def write_page(path, *, title, lead, chapters, folds, overview=None) -> Path:
    """Fill the template and write the page whole."""
    import jinja2

    path = Path(path)
    source = resources.files("seisml").joinpath("templates/report.html")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["script_hash"] = _script_hash
    versions = [("Python", platform.python_version()), *((n, version(n)) for n in PACKAGES)]
    text = environment.from_string(source.read_text(encoding="utf-8")).render(
        title=title,
        lead=lead,
        chapters=chapters,
        overview=overview,
        folds=[*folds, Block("Versions", tables=[pairs_table(versions)])],
    )
    try:
        write_atomic(path, (text + "\n").encode("utf-8", errors="replace"))
    except OSError as error:
        raise SeismlError(f"{path} cannot be written: {error}.", "Choose another path.") from error
    return path


def _script_hash(script: str) -> str:
    """Return what the page's own policy asks of the one script that may run in it."""
    digest = hashlib.sha256(str(script).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def chapter_of(title: str, number: int, texts, blocks: Iterable[Block]) -> Chapter:
    """Return a chapter whose open blocks can be linked to."""
    name = f"part-{number + 1}"
    linked = [
        block if block.fold else dataclasses.replace(block, anchor=f"{name}-{k + 1}")
        for k, block in enumerate(blocks)
    ]
    return Chapter(title, name, texts, linked)


def fixed(value: float) -> Cell:
    """Return a number of three decimals as a cell."""
    return Cell("–" if math.isnan(value) else f"{value:.3f}")


def cell_of(kind: str, value) -> Cell:
    """Return a value of an event's table as a cell."""
    if kind == "time":
        text = "" if value == NAT else iso(int(value))[:22].replace("T", " ")
        return Cell(text, key=int(value) // 1_000_000 if text else "")
    if kind == "iso":
        return Cell(str(value)[:19].replace("T", " "), key=str(value))
    if not kind:
        return Cell(str(value))
    number = float(value)
    if not math.isfinite(number):
        return Cell("")
    return Cell(format(number, kind), key=number)


def columns_table(columns: Mapping[str, tuple[str, Iterable]], caption: str = "") -> Table:
    """Return a table of the columns that say anything; kind: time, iso, "" (text), or a format."""
    cells = {}
    for name, (kind, values) in columns.items():
        made = [cell_of(kind, value) for value in list(values)[:MAX_ROWS]]
        if any(cell.text for cell in made):
            cells[name] = made
    numeric = [columns[name][0] not in ("", "time", "iso") for name in cells]
    rows = list(zip(*cells.values(), strict=True))
    return Table(list(cells), rows, numeric, caption, sortable=True, filterable=len(rows) > 5)


def pairs_table(pairs: Iterable[tuple[str, object]]) -> Table:
    """Return a table of names and values."""
    rows = [[Cell(str(name)), Cell(str(value))] for name, value in pairs]
    return Table(["name", "value"], rows, [False, False])


def range_cell(numbers: dict) -> Cell:
    """Return a range as a cell."""
    low, high = numbers["residual_p05_s"], numbers["residual_p95_s"]
    return Cell("–" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}")


def median_cell(residual: np.ndarray) -> Cell:
    """Return the median with the 95 % interval that the ranks of a binomial give."""
    if not len(residual):
        return Cell("–")
    rank = int(binom.ppf(0.025, len(residual), 0.5))
    interval = ""
    if rank >= 1:
        low, high = np.sort(residual)[[rank - 1, len(residual) - rank]]
        interval = f"{low:+.3f} to {high:+.3f}"
    return Cell(f"{np.median(residual):+.3f}", interval)


def rate_cell(numbers: dict, name: str) -> Cell:
    """Return a rate with its interval as a cell."""
    low, high = numbers["intervals"][name]
    interval = "" if math.isnan(low) else f"{low:.3f} to {high:.3f}"
    return dataclasses.replace(fixed(numbers[name]), small=interval)


def picture(caption: str, plot: str, *args, **options) -> Picture:
    """Return what a function of `seisml.plots` draws; numbers alone need no Matplotlib."""
    from seisml import plots

    content = plots.png(getattr(plots, plot)(*args, **options))
    width, height = (int.from_bytes(content[k : k + 4]) for k in (16, 20))
    text = base64.b64encode(content).decode()
    return Picture(f"data:image/png;base64,{text}", caption, width, height)
