"""Verb of repeats: what has the waveform of an event that was found."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps, terminal
from seisml.cli.options import End, Jobs, Profile, Start, Stations, catalog_target, target

app = typer.Typer()


def band_of(text: str) -> tuple[float, float]:
    """Return two frequencies."""
    try:
        low_hz, high_hz = (float(word) for word in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"--band {text!r} is not LOW,HIGH in Hz, as 2,20") from error
    return low_hz, high_hz


@app.command(
    epilog="Examples:\n\n"
    "`seisml repeats sds/ detections.csv -o more.csv -j 4`\n\n"
    "`seisml repeats sds/ swarm.xml -o more.csv --band 2,20 --plot repeats.png`\n\n"
    "`seisml repeats apollo/ nest.csv -o more.csv -p moon-apollo`"
)
def repeats(
    archive: Annotated[str, typer.Argument(help="SDS root, folder, glob or file.")],
    detections: Annotated[
        Path, typer.Argument(help="Events at stations: detections, or a catalogue with picks.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="All events (.csv, .xml).", callback=catalog_target),
    ],
    profile: Profile = "earth-local",
    false_alarms: Annotated[
        float | None,
        typer.Option(help="Repeats by chance allowed in a station-day [the profile's]."),
    ] = None,
    band: Annotated[
        str | None, typer.Option(help="LOW,HIGH in Hz of the waveforms, as 2,20 [the profile's].")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Figure (.png) of the template with the most repeats.", callback=target),
    ] = None,
    of: Annotated[str | None, typer.Option(help="Event id of the template in the figure.")] = None,
    station: Stations = None,
    start: Start = None,
    end: End = None,
    jobs: Jobs = 1,
) -> None:
    """Find weak events that have the waveform of one that was found: swarms, nests, icequakes.

    Each clear event is a template (matched filter). What chance reaches is learnt from the records
    themselves, with the templates reversed in time. Detections stay, with what they repeat;
    columns: repeat (new, known), template (event id), correlation (negative: upside down),
    significance (standard deviations of chance). Settings: [detection.repeats] of the profile.
    """
    import dataclasses

    from seisml.archive import require_waveforms
    from seisml.formats import read_catalog, write_catalog
    from seisml.repeats import find_repeats
    from seisml.settings import plan_of
    from seisml.templates import repeat_rule
    from seisml.times import to_ns

    config = steps.settings_of(profile)
    rule = repeat_rule(config.detection.repeats)
    if false_alarms is not None:
        rule = dataclasses.replace(rule, false_alarms_per_day=false_alarms)
    if band is not None:
        rule = dataclasses.replace(rule, band_hz=band_of(band))
    plan = plan_of(config)
    opened = require_waveforms(steps.open_archive(archive, jobs))
    known = read_catalog(detections)
    if (known.events["station"] == "").any():
        known = steps.at_stations(known, opened, config, None)
    options = {"rule": rule, "preparation": plan.preparation, "jobs": jobs}
    options["stations"] = steps.chosen_stations(opened, station)
    options["start_ns"] = None if start is None else to_ns(start)
    options["end_ns"] = None if end is None else to_ns(end)
    with terminal.bars() as bars:
        task = bars.add_task("looking for repeats", total=None)
        options["on_progress"] = lambda n, total: bars.update(task, completed=n, total=total)
        found = find_repeats(known, opened, plan.band, **options)
    write_catalog(found.catalog, output)
    terminal.say(found.text)
    for reason, n in found.about["without_template"].items():
        terminal.say(f"{n} events are no template: {reason}")
    terminal.line(str(output))
    if plot is not None:
        from seisml.plots import plot_repeats, png

        plot.write_bytes(png(plot_repeats(found, of)))
        terminal.line(str(plot))
