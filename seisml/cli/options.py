"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps

Jobs = Annotated[int, typer.Option("-j", "--jobs", min=1, help="Processes.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Dask cluster that extracts: tcp://host:port, or its scheduler file.",
        callback=steps.check_scheduler,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Stations = Annotated[
    list[str] | None, typer.Option("--station", help="Station or pattern, as BX.* (repeatable).")
]


def instant(text: str | None) -> str | None:
    """Refuse what is no time before any work is done."""
    from seisml.times import to_ns

    try:
        if text is not None:
            to_ns(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time, as 2014-04-07T12:00") from error
    return text


def region(text: str | None) -> str | None:
    """Refuse what are not four numbers."""
    try:
        good = text is None or len([float(word) for word in text.split(",")]) == 4
    except ValueError:
        good = False
    if not good:
        raise typer.BadParameter(f"{text!r} is not west,south,east,north, as -25,63,-13,67")
    return text


Start = Annotated[
    str | None, typer.Option(help="From this time on (ISO 8601, UTC).", callback=instant)
]
End = Annotated[str | None, typer.Option(help="Before this time.", callback=instant)]
Metadata = Annotated[
    list[Path] | None,
    typer.Option("--metadata", help="StationXML, dataless SEED, RESP, or a folder (repeatable)."),
]
Zone = Annotated[str | None, typer.Option(help="Time zone of times without one.")]
LocalOffset = Annotated[float, typer.Option(help="Hours that local time is ahead of UTC.")]
Profile = Annotated[
    str, typer.Option("--profile", "-p", help="Preset, or a seisml.toml whose settings to use.")
]
