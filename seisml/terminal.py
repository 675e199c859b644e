"""The terminal: tables to stdout, progress and messages to stderr, errors in two lines."""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Write a message to stderr, unless quiet."""
    if not err.quiet:
        err.print(escape(text))


def table(title: str, header: Sequence[str], rows: Sequence[Sequence]) -> None:
    """Write a table to stdout: aligned on a terminal, tab-separated in a pipe."""
    if not out.is_terminal:
        for row in (header, *rows):
            sys.stdout.write("\t".join(str(cell) for cell in row) + "\n")  # rich would widen tabs
        return
    shown = Table(title=title or None, title_justify="left", header_style="bold", box=None)
    for i, name in enumerate(header):
        numeric = bool(rows) and all(str(row[i])[:1] in "+-0123456789" for row in rows)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(escape(str(cell)) for cell in row))
    out.print(shown)


def as_json(value) -> None:
    """Write a value to stdout as JSON."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def line(text: str) -> None:
    """Write one line to stdout."""
    out.print(text, markup=False)


@contextlib.contextmanager
def bars() -> Iterator[Progress]:
    """Yield a progress display on stderr; nothing is drawn where stderr is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    live = err.is_terminal and not err.quiet
    with Progress(*columns, console=err, disable=not live, transient=True) as progress:
        yield progress


def failure(problem: str, hint: str = "") -> None:
    """Write an error to stderr: what is wrong, then what to do."""
    err.quiet = False
    err.print(f"[bold red]error:[/] {escape(problem)}")
    if hint:
        err.print(f"[bold]help:[/]  {escape(hint)}")
