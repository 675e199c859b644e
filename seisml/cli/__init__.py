"""Command line: one short function a verb. ``seisml --help`` lists them."""

import sys
from typing import Annotated

import typer

from seisml import __version__, terminal
from seisml.cli import (
    catalogs,
    classes,
    detectors,
    evaluations,
    generated,
    labelling,
    naming,
    projects,
    records,
    repeating,
)
from seisml.errors import CatalogError, ConfigError, FeatureError, SeismlError

INTERRUPTED = 130
GOES_ON = {"demo", "run", "extract", "detect", "train"}
"""Verbs whose finished station-days are kept."""
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Find, name and honestly score seismic events in continuous records.\n\n"
    "First steps: `seisml demo`, then `seisml init earth-local`, edit seisml.toml, "
    "`seisml run seisml.toml`.",
    epilog="Results go to stdout, progress and messages to stderr. Exit status: 0 done, 1 nothing "
    "or not all could be processed, 2 wrong usage.",
)
for verbs in (
    projects,
    records,
    labelling,
    detectors,
    repeating,
    naming,
    evaluations,
    generated,
    catalogs,
    classes,
):
    app.add_typer(verbs.app)


def _version(value: bool) -> None:
    if value:
        terminal.line(f"seisml {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No messages.")] = False,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option(callback=_version, is_eager=True)] = False,
) -> None:
    terminal.err.quiet = quiet


def main() -> None:
    """Run the command line; an error is two lines, a traceback only with --debug."""
    anywhere = ("--debug", "--quiet", "-q")
    moved = [word for word in sys.argv[1:] if word in anywhere]
    words = [*moved, *(word for word in sys.argv[1:] if word not in anywhere)]
    try:
        app(args=words, prog_name="seisml")
    except SeismlError as error:
        if "--debug" in words:
            raise
        terminal.failure(error.problem, error.hint)
        wrong = isinstance(error, (ConfigError, FeatureError)) and not isinstance(
            error, CatalogError
        )
        sys.exit(2 if wrong else 1)
    except OSError as error:
        if "--debug" in words:
            raise
        terminal.failure(f"{error}.", "Check the path, its folder and its permissions.")
        sys.exit(1)
    except SystemExit as stop:  # what typer makes of Ctrl-C
        if stop.code == INTERRUPTED:
            begun = next((word for word in words if not word.startswith("-")), "")
            hint = "What is finished is kept; run it again to go on."
            if begun not in GOES_ON:
                hint = "Give the command again: it begins anew. Feature stores stay as they are."
            terminal.failure("interrupted.", hint)
        raise
