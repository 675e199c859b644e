"""Verbs of detectors: train, detect, associate."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import detecting, steps, telling, terminal
from seisml.cli.options import (
    AsJson,
    Coordinates,
    Delay,
    End,
    Epochs,
    Grades,
    Jobs,
    Level,
    Looked,
    Metadata,
    Profile,
    Rule,
    Scheduler,
    Start,
    Stations,
    catalog_target,
    target,
)

app = typer.Typer()
PICK_FORMATS = ("gamma-picks", "pyocto-input")
"""Of associators, that are written."""


@app.command(
    epilog="Examples:\n\n"
    "`seisml train features/ --catalog expert.xml -o model.skops --archive sds/`\n\n"
    "`seisml train a.features/ -c a.csv --also b.features/=b.xml -o model.skops`\n\n"
    "`seisml train --sets networks.toml --split set -o model.skops`"
)
def train(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Model (.skops).", callback=target)
    ],
    store: Annotated[list[Path] | None, typer.Argument(help="Feature stores.")] = None,
    catalog: Annotated[
        Path | None, typer.Option("--catalog", "-c", help="Expert catalogue of the stores.")
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(help="STORE=CATALOG of a further network (repeatable)."),
    ] = None,
    sets: Annotated[
        Path | None, typer.Option(help="TOML of networks, a [[set]] each, see README.")
    ] = None,
    generated: Annotated[
        Path | None,
        typer.Option(help="Folder of 'seisml pretrain NAME --keep': its records are learnt, too."),
    ] = None,
    profile: Profile = "earth-local",
    archive: Annotated[
        str | None, typer.Option(help="Waveforms, to refine the onsets of tested detections.")
    ] = None,
    stations: Coordinates = None,
    rule: Rule = None,
    delay: Delay = None,
    epochs: Epochs = None,
    coverage: Looked = None,
    level: Level = None,
    grades: Grades = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="hist_gradient_boosting, random_forest, extra_trees, logistic, sta_lta, dummy, or "
            "the import path of a scikit-learn classifier: MODULE:CLASS."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="What a fold leaves out: blocks (of time), even_odd, even-odd-sols, set, station."
        ),
    ] = None,
    false_alarms: Annotated[
        float | None,
        typer.Option(help="Unmatched detections allowed in a station-day [best F1]."),
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(help="auto, isotonic, sigmoid, prior, none.")
    ] = None,
    novelty: Annotated[
        float | None,
        typer.Option(help="Call events unknown that are further off than all but this share."),
    ] = None,
    start: Start = None,
    end: End = None,
) -> None:
    """Train a detector on expert catalogues and test it on what was held out.

    A catalogue belongs to its own stores only: several networks can be learnt at once. What is
    done is kept in MODEL.partial/ until the model is written: after a stop the same command goes
    on from there.
    """
    from seisml.pretraining import kept_set
    from seisml.setfiles import train_on

    steps.check_rule(rule, delay)
    changes = {"rule": rule, "delay_s": delay, "model": model, "split": split}
    changes |= {"false_alarms_per_day": false_alarms, "calibration": calibration}
    changes |= {"novelty": novelty, "level": level, "grades": grades or None}
    changes["epochs"] = None if epochs is None else str(epochs)
    changes["coverage"] = None if coverage is None else str(coverage)
    config = steps.settings_of(profile, **{k: v for k, v in changes.items() if v is not None})
    options = {"stations": stations, "archive": archive, "start": start, "end": end}
    training = train_on(
        steps.training_sets(store or (), catalog, also or (), sets, config, **options),
        config,
        output,
        archives=() if archive is None else [steps.open_archive(archive, 1)],
        more=() if generated is None else [kept_set(generated, config.profile)],
        on_progress=terminal.say,
    )
    terminal.say(f"{training.detector}")
    steps.comparison_table("held out", training)
    terminal.line(str(output))


@app.command(
    epilog="Examples: `seisml models` lists those that come with seisml; "
    "`seisml models earth-local` and `seisml models model.skops` print a card."
)
def models(
    model: Annotated[str | None, typer.Argument(help="Name, or file of your own.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that come with seisml, or print the card of one."""
    telling.show_models(model, as_json)


@app.command(
    epilog="Examples: `seisml detect archive/ --model model.skops -o detections.csv` | "
    "`seisml detect insight/ --model mars-insight -o quakes.csv --beside wind --beside glitches`"
)
def detect(
    archive: Annotated[str, typer.Argument(help="SDS root, folder, pattern or file.")],
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="From 'seisml train', or a name of 'seisml models'."),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Detections (.csv or .xml).", callback=catalog_target),
    ],
    store: Annotated[
        Path | None, typer.Option(help="Where features are kept [OUTPUT's name + .features].")
    ] = None,
    station: Stations = None,
    metadata: Metadata = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            help="Columns for each detection: wind, glitches, pressure=CHANNEL (repeatable)."
        ),
    ] = None,
    coordinates: Annotated[
        Path | None,
        typer.Option(
            help="Which stations are one network, where several are given: CSV "
            "station,latitude,longitude, StationXML or dataless [--metadata, else network codes]."
        ),
    ] = None,
    start: Start = None,
    end: End = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(help="Type of another package that the model may hold (repeatable)."),
    ] = None,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Scale by the level of these stations, from all their windows (models with "
            "scale = station): what is found then depends on --start and --end.",
        ),
    ] = False,
    repeats: Annotated[
        bool,
        typer.Option(
            help="Look for repeats of what was found, where the model's profile says so "
            "(moon-apollo), see `seisml repeats`."
        ),
    ] = True,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Find events in new records with a trained model.

    A model of several classes gives each event the columns P(CLASS), which sum to one. What the
    events were found with (model, thresholds, --adapt, versions) stands in OUTPUT's name +
    .about.json.
    """
    from seisml.covariates import beside_events
    from seisml.detect import detect as find
    from seisml.formats import write_catalog
    from seisml.model import check_adaptable, load_detector
    from seisml.settings import plan_from
    from seisml.store import iter_tables

    detector = load_detector(model, trusted=trust or ())
    if not repeats:
        detector = detecting.without_repeats(detector)
    if adapt:
        check_adaptable(detector)
    plan = plan_from(detector.plan, metadata=steps.read_metadata(metadata or ()))
    plan = steps.with_beside(plan, beside or ())
    opened = steps.open_archive(archive, jobs)
    options = {"jobs": jobs, "scheduler": scheduler, "start": start, "end": end}
    options["replace"] = store is None  # the store beside the output is its own
    store = store or output.with_suffix(".features")
    outcomes = steps.extract_days(opened, store, plan, station, **options)
    chosen = steps.chosen_stations(opened, station, plan.preparation.pressure)
    steps.tell_failures(outcomes)
    steps.tell_missing(outcomes)
    selection = {"stations": chosen, "start": start, "end": end}
    if adapt:
        detector = detecting.adapted_to(detector, iter_tables(store, **selection))
    tables = detecting.FittingTables(iter_tables(store, **selection), detector)
    places = detecting.coordinates_of(coordinates, metadata or (), chosen)
    options = {"name": output.stem, "coordinates": places, **steps.calibration_of(plan)}
    options["jobs"] = jobs
    found = find(tables, detector, archive=opened, **options)
    tables.require(store)
    found = beside_events(found, store, tables.stations, detector.grid)
    write_catalog(found, output)
    asked = {"stations": tables.stations, "start": start, "end": end, "beside": beside}
    asked["coordinates"] = None if coordinates is None else str(coordinates)
    asked["windows_in_sample"] = tables.n_in_sample
    detecting.write_about(output, detector, model, archive=archive, **asked)
    terminal.say(f"{len(found)} detections{detecting.repeats_among(found)}; {tables}")
    tables.tell_kinship()
    terminal.line(str(output))
    failed = tables.unfit or any(outcome.error for outcome in outcomes)
    raise typer.Exit(1 if failed else 0)


@app.command(
    epilog="Examples: `seisml associate detections.csv -o events.xml --stations stations.xml` | "
    "`... --window 3 --archive sds/ --min-share 0.4 --features` | "
    "`seisml associate detections.csv -o picks.csv --picks-as gamma-picks`"
)
def associate(
    detections: Annotated[
        Path, typer.Argument(help="Detections at stations, or picks (GaMMA, PyOcto, PhaseNet).")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Network events.", callback=target)
    ],
    window: Annotated[
        float | None,
        typer.Option(help="Longest moveout over the network, s; not needed with --stations."),
    ] = None,
    stations: Annotated[
        Path | None,
        typer.Option(help="Coordinates: CSV station,latitude,longitude, StationXML or dataless."),
    ] = None,
    slowest: Annotated[float, typer.Option(help="Slowest speed across the network, km/s.")] = 3.0,
    tolerance: Annotated[float, typer.Option(help="Added to each moveout, s.")] = 0.5,
    min_stations: Annotated[int, typer.Option(help="Stations that must take part.")] = 3,
    min_share: Annotated[
        float, typer.Option(help="Share of the stations with data that must take part, 0 to 1.")
    ] = 0.0,
    coverage: Annotated[
        Path | None, typer.Option(help="When stations have data: CSV start,end,station.")
    ] = None,
    archive: Annotated[str | None, typer.Option(help="Waveforms: when stations have data.")] = None,
    artefacts: Annotated[
        str, typer.Option(help="Onsets at all stations at once: flag or drop.")
    ] = "flag",
    picks_as: Annotated[
        str | None,
        typer.Option(help="Only write the picks for an associator: gamma-picks, pyocto-input."),
    ] = None,
    features: Annotated[
        bool,
        typer.Option(
            "--features", help="Add the features of group I: see 'seisml features network'."
        ),
    ] = False,
    chance: Annotated[
        int,
        typer.Option(help="Shift the stations in time so often: how many events come by chance."),
    ] = 0,
    profile: Profile = "earth-local",
) -> None:
    """Join detections that one event can have made at several stations into network events.

    With --features each event has columns n_coincident, moveout_residual (with --stations), and
    with --archive xcorr_max and spectral_width of records that are filtered as in the profile.
    """
    from seisml.associate import coincidences
    from seisml.chance import by_chance
    from seisml.coverage import archive_coverage, read_coverage
    from seisml.errors import ConfigError, did_you_mean
    from seisml.experts import read_stations, with_networks
    from seisml.formats import output_format_of, read_catalog, write_catalog

    if picks_as not in (None, *PICK_FORMATS):
        raise ConfigError(
            f"There are no picks {picks_as!r} of an associator.",
            did_you_mean(picks_as, PICK_FORMATS),
        )
    output_format_of(output, picks_as)
    catalog = read_catalog(detections)
    if picks_as is not None:
        write_catalog(catalog, output, format=picks_as)
        detecting.tell_picks(catalog, output)
        return
    live = None if coverage is None else read_coverage(coverage)
    opened, places = None, read_stations(stations)
    if places is not None:
        places = with_networks(places, [*catalog.events["station"], *catalog.picks["station"]])
    if archive is not None:
        opened = steps.open_archive(archive, 1)
        live = archive_coverage(opened)
    options = {
        "window_s": window,
        "stations": places,
        "slowest_km_s": slowest,
        "tolerance_s": tolerance,
        "min_stations": min_stations,
        "min_share": min_share,
        "coverage": live,
        "artefacts": artefacts,
    }
    found = coincidences(catalog, **options)
    detecting.tell_too_few(catalog, min_stations)
    if features:
        limits = {"window_s": window, "slowest_km_s": slowest, "tolerance_s": tolerance}
        found = detecting.with_network_features(found, catalog, opened, profile, places, **limits)
    write_catalog(found, output)
    n_artefacts = int(found.events["artefact"].sum()) if len(found) else 0
    noted = {"simultaneous_at_all_stations": n_artefacts, **found.dropped}
    rest = "".join(f"; {n} {what.replace('_', ' ')}" for what, n in noted.items() if n)
    terminal.say(f"{len(found)} network events{rest}")
    if chance > 0:
        least, most = by_chance(catalog, n_shifts=chance, **options)
        told = f"{least:.2g} events of what is in none, {most:.2g} of all detections"
        terminal.say(f"by chance, with the stations shifted in time {chance} times: {told}")
    terminal.line(str(output))
