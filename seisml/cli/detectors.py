"""Verbs of detectors: train, detect, associate."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps, terminal
from seisml.cli.options import End, Jobs, Metadata, Profile, Scheduler, Start, Stations

app = typer.Typer()


@app.command(
    epilog="Example: `seisml train features/ --catalog expert.xml -o model.skops --archive sds/`"
)
def train(
    store: Annotated[list[Path], typer.Argument(help="Feature stores.")],
    catalog: Annotated[Path, typer.Option("--catalog", "-c", help="Expert catalogue.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Model (.skops).")],
    profile: Profile = "earth-local",
    archive: Annotated[
        str | None, typer.Option(help="Waveforms, to refine the onsets of tested detections.")
    ] = None,
    stations: Annotated[
        Path | None, typer.Option(help="CSV station,latitude,longitude (rule origins).")
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Label rule: auto, picks, intervals, origins, delay.")
    ] = None,
    delay: Annotated[float | None, typer.Option(help="Travel time of the rule delay, s.")] = None,
    model: Annotated[str | None, typer.Option(help="Classifier, see README.")] = None,
    start: Start = None,
    end: End = None,
) -> None:
    """Train a detector on an expert catalogue and test it on held-out blocks of time."""
    from seisml.experts import train_on

    steps.check_rule(rule, delay)
    changes = {"rule": rule, "delay_s": delay, "model": model}
    config = steps.settings_of(profile, **{k: v for k, v in changes.items() if v is not None})
    training = train_on(
        store,
        catalog,
        config,
        output,
        archive=None if archive is None else steps.open_archive(archive, 1),
        stations=stations,
        start=start,
        end=end,
        on_progress=terminal.say,
    )
    terminal.say(f"{training.detector}")
    steps.comparison_table("held-out blocks", training)
    terminal.line(str(output))


@app.command(epilog="Example: `seisml detect archive/ --model model.skops -o detections.csv`")
def detect(
    archive: Annotated[str, typer.Argument(help="SDS root, folder, pattern or file.")],
    model: Annotated[Path, typer.Option("--model", "-m", help="From 'seisml train'.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Detections (.csv or .xml).")],
    store: Annotated[
        Path | None, typer.Option(help="Where features are kept [OUTPUT's name + .features].")
    ] = None,
    station: Stations = None,
    metadata: Metadata = None,
    start: Start = None,
    end: End = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Find events in new records with a trained model."""
    from seisml.detect import detect as find
    from seisml.formats import write_catalog
    from seisml.model import load_detector
    from seisml.settings import plan_from
    from seisml.store import iter_tables

    detector = load_detector(model)
    plan = plan_from(detector.plan, metadata=steps.read_metadata(metadata or ()))
    opened = steps.open_archive(archive, jobs)
    options = {"jobs": jobs, "scheduler": scheduler, "start": start, "end": end}
    options["replace"] = store is None  # the store beside the output is its own
    store = store or output.with_suffix(".features")
    outcomes = steps.extract_days(opened, store, plan, station, **options)
    chosen = steps.chosen_stations(opened, station)
    steps.tell_failures(outcomes)
    tables = steps.FittingTables(
        iter_tables(store, stations=chosen, start=start, end=end), detector
    )
    found = find(tables, detector, archive=opened, name=output.stem)
    tables.require(store)
    write_catalog(found, output)
    terminal.say(f"{len(found)} detections; {tables}")
    terminal.line(str(output))
    failed = tables.unfit or any(outcome.error for outcome in outcomes)
    raise typer.Exit(1 if failed else 0)


@app.command(epilog="Example: `seisml associate detections.csv -o events.xml --window 3`")
def associate(
    detections: Annotated[Path, typer.Argument(help="Detections at stations.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Network events.")],
    window: Annotated[float, typer.Option(help="Longest moveout over the network, s.")],
    min_stations: Annotated[int, typer.Option(help="Stations that must take part.")] = 3,
) -> None:
    """Join detections that coincide at several stations into network events."""
    from seisml.associate import coincidences
    from seisml.formats import read_catalog, write_catalog

    found = coincidences(read_catalog(detections), window_s=window, min_stations=min_stations)
    write_catalog(found, output)
    terminal.say(f"{len(found)} network events")
    terminal.line(str(output))
