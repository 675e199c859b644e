"""Options that several verbs share."""

from collections.abc import Iterable
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


def station_time(text: str | None) -> str | None:
    """Refuse what is not a station and a time."""
    if text is not None:
        station, _, time = text.partition(",")
        if not station.strip() or not time:
            raise typer.BadParameter(f"{text!r} is not STATION,TIME, as BX.BT01,2014-03-02T12:00")
        instant(time.strip())
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


def tolerances(texts: Iterable[str]) -> float | dict[str, float]:
    """Return the tolerance of all, or by class with "" for every other class (5 s if not said)."""
    found = {"": 5.0}
    for text in texts:
        label, _, number = text.rpartition("=")
        try:
            found[label.strip()] = float(number)
        except ValueError as error:
            raise typer.BadParameter(
                f"{text!r} is neither seconds nor CLASS=seconds, as 5 or LF=30"
            ) from error
    return found if len(found) > 1 else found[""]


def target(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written before any work is done."""
    from seisml.atomic import check_writable

    if path is not None:
        check_writable(path)
    return path


def catalog_target(path: Path) -> Path:
    """Refuse a catalogue that cannot be written, or by its suffix has no format, before work."""
    from seisml.formats import output_format_of

    output_format_of(path)
    return target(path)


Start = Annotated[
    str | None, typer.Option(help="From this time on (ISO 8601, UTC).", callback=instant)
]
End = Annotated[str | None, typer.Option(help="Before this time.", callback=instant)]
Metadata = Annotated[
    list[Path] | None,
    typer.Option("--metadata", help="StationXML, dataless SEED, RESP, or a folder (repeatable)."),
]
Body = Annotated[
    str | None, typer.Option(help="earth, mars or moon, where the file does not say it.")
]
Tolerance = Annotated[
    list[str],
    typer.Option(help="Largest onset difference, s; CLASS=s for a class of the expert (repeat)."),
]
Rule = Annotated[
    str | None, typer.Option(help="Label rule: auto, picks, intervals, origins, delay.")
]
Epochs = Annotated[
    Path | None,
    typer.Option(help="Second catalogue: what else the expert noted (glitches, weather, ...)."),
]
Looked = Annotated[
    Path | None,
    typer.Option(
        "--coverage",
        help="CSV start,end[,station]: when the expert looked; the rest is no noise.",
    ),
]
Level = Annotated[
    int | None, typer.Option(help="Of the profile's taxonomy, for labels; 1 is its families.")
]
Grades = Annotated[
    bool, typer.Option("--grades", help="Classes with the expert's quality: 'family: A'.")
]
Delay = Annotated[float | None, typer.Option(help="Travel time of the rule delay, s.")]
Coordinates = Annotated[
    Path | None, typer.Option(help="CSV station,latitude,longitude (rule origins).")
]
Zone = Annotated[str | None, typer.Option(help="Time zone of times without one.")]
LocalOffset = Annotated[float, typer.Option(help="Hours that local time is ahead of UTC.")]
Profile = Annotated[
    str, typer.Option("--profile", "-p", help="Preset, or a seisml.toml whose settings to use.")
]
