"""Command line: one short function a verb. ``seisml --help`` lists them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seisml import __version__, steps, terminal
from seisml.errors import CatalogError, ConfigError, FeatureError, SeismlError

INTERRUPTED = 130
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


def _instant(text: str | None) -> str | None:
    """Refuse what is no time before any work is done."""
    from seisml.times import to_ns

    try:
        if text is not None:
            to_ns(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time, as 2014-04-07T12:00") from error
    return text


def _region(text: str | None) -> str | None:
    """Refuse what are not four numbers."""
    try:
        good = text is None or len([float(word) for word in text.split(",")]) == 4
    except ValueError:
        good = False
    if not good:
        raise typer.BadParameter(f"{text!r} is not west,south,east,north, as -25,63,-13,67")
    return text


Start = Annotated[
    str | None, typer.Option(help="From this time on (ISO 8601, UTC).", callback=_instant)
]
End = Annotated[str | None, typer.Option(help="Before this time.", callback=_instant)]
Metadata = Annotated[
    list[Path] | None,
    typer.Option("--metadata", help="StationXML, dataless SEED, RESP, or a folder (repeatable)."),
]
Zone = Annotated[str | None, typer.Option(help="Time zone of times without one.")]
LocalOffset = Annotated[float, typer.Option(help="Hours that local time is ahead of UTC.")]
Profile = Annotated[
    str, typer.Option("--profile", "-p", help="Preset, or a seisml.toml whose settings to use.")
]


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


@app.command(epilog="Example: `seisml demo my-demo -j 2`")
def demo(
    folder: Annotated[Path, typer.Argument(help="Made if needed.")] = Path("seisml-demo"),
    seed: Annotated[int, typer.Option(help="Another seed, other records.")] = 0,
    jobs: Jobs = 2,
) -> None:
    """Run the whole chain on generated archives with known truth, ending in a report."""
    from seisml.demo import make_projects, true_events
    from seisml.run import report_of

    with terminal.bars() as progress:
        task = progress.add_task("generating records", total=None)

        def generated(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        projects = make_projects(folder, seed=seed, jobs=jobs, on_progress=generated)
    results = [steps.run_project(project, jobs=jobs, report=False) for project in projects]
    extra = []
    for result in results:
        n_true, n_unmatched = true_events(result)
        what = "unmatched that are planted events the expert left out"
        extra.append([(what, f"{n_true} of {n_unmatched}")])
        steps.headline(result, extra[-1])
    page = folder / "report.html"
    report_of(results, page, title="seisml demo", extra=extra, progress=steps.messages())
    terminal.line(str(page.resolve()))


@app.command(epilog="Example: `seisml init volcano -o project/seisml.toml`")
def init(
    profile: Annotated[str, typer.Argument(help="earth-local, volcano, ...")] = "earth-local",
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("seisml.toml"),
) -> None:
    """Write a commented seisml.toml from a profile."""
    from seisml.settings import template

    text = template(profile)
    if output.exists():
        raise ConfigError(f"{output} exists already.", "Name another file with -o.")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    terminal.line(str(output))


@app.command(epilog="Example: `seisml scan archive/` or `seisml scan 'days/*.mseed' --json`")
def scan(
    archive: Annotated[str, typer.Argument(help="SDS root, folder, pattern or file.")],
    as_json: AsJson = False,
    jobs: Jobs = 1,
) -> None:
    """Say what is in an archive: channels, spans, rates, coverage, gaps, rejected files."""
    from seisml.coverage import summary

    opened = steps.open_archive(archive, jobs)
    channels = summary(opened)
    bad = opened.files[opened.files["reason"] != ""]
    odd = opened.files[(opened.files["reason"] == "") & (opened.files["note"] != "")]
    if as_json:
        terminal.as_json(
            {
                "root": opened.root,
                "layout": opened.layout,
                "n_files": len(opened.files),
                "channels": channels.to_dict("records"),
                "rejected": bad[["path", "reason"]].to_dict("records"),
                "notes": odd[["path", "note"]].to_dict("records"),
            }
        )
    else:
        rows = [[steps.cell(value) for value in row] for row in channels.to_numpy(dtype=object)]
        terminal.table(f"{opened.root} ({opened.layout})", list(channels), rows)
        rejected = bad[["path", "reason"]].to_numpy().tolist()
        if rejected:
            terminal.table("rejected files", ["rejected", "reason"], rejected)
        if len(odd):
            terminal.table("odd files", ["used", "note"], odd[["path", "note"]].to_numpy().tolist())
    raise typer.Exit(0 if len(channels) else 1)


@app.command(epilog="Example: `seisml extract archive/ -o features/ -p earth-local -j 4`")
def extract(
    archive: Annotated[str, typer.Argument(help="SDS root, folder, pattern or file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Feature store (folder).")],
    profile: Profile = "earth-local",
    station: Stations = None,
    units: Annotated[
        str | None, typer.Option(help="counts, sensitivity, or motion (response removed).")
    ] = None,
    metadata: Metadata = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Make shards of other settings anew.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compute features of all windows; only what is missing or stale is made."""
    from seisml.extract import require_windows
    from seisml.settings import plan_of

    config = steps.settings_of(profile, units=units, metadata=metadata)
    plan = plan_of(config, metadata=steps.read_metadata(config.data.metadata))
    opened = steps.open_archive(archive, jobs)
    options = {"jobs": jobs, "scheduler": scheduler, "replace": replace}
    outcomes = steps.extract_days(opened, output, plan, station, **options)
    require_windows(outcomes, output)
    failed = steps.tell_outcomes(outcomes, output, as_json)
    if not outcomes:
        terminal.say("Everything is up to date.")
    raise typer.Exit(1 if failed else 0)


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


@app.command(epilog="Example: `seisml compare machine.csv expert.xml --tolerance 2 --html c.html`")
def compare(
    machine: Annotated[Path, typer.Argument(help="Catalogue of the machine.")],
    expert: Annotated[Path, typer.Argument(help="Catalogue of the expert.")],
    tolerance: Annotated[float, typer.Option(help="Largest onset difference, s.")] = 5.0,
    mode: Annotated[
        str, typer.Option(help="onset, interval (onset in it, or iou), overlap (share), iou.")
    ] = "onset",
    overlap: Annotated[float | None, typer.Option(help="Smallest overlap of these modes.")] = None,
    coverage: Annotated[
        Path | None,
        typer.Option(help="Compare only in this: CSV start,end[,station], feature store, archive."),
    ] = None,
    archive: Annotated[
        str | None,
        typer.Option(help="Waveforms: figures of errors; coverage if none is given."),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Bring the expert to the stations first, as in train.")
    ] = None,
    delay: Annotated[float | None, typer.Option(help="Travel time of the rule delay, s.")] = None,
    stations: Annotated[Path | None, typer.Option(help="CSV station,latitude,longitude.")] = None,
    taxonomy: Annotated[
        str | None, typer.Option(help="Classes of labels: mars, moon, regional, volcano, a .toml.")
    ] = None,
    level: Annotated[int | None, typer.Option(help="Of the taxonomy; 1 is its roots.")] = None,
    labels: Annotated[str | None, typer.Option(help="Expert classes that count, as LF,BB.")] = None,
    by: Annotated[
        str | None, typer.Option(help="Also by class,quality,magnitude,station,hour.")
    ] = None,
    zone: Zone = None,
    local_offset: LocalOffset = 0.0,
    start: Start = None,
    end: End = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write numbers here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page here.")] = None,
) -> None:
    """Compare two catalogues: matched, missed, unmatched, with intervals."""
    from seisml.metrics import metrics
    from seisml.summaries import summary_table

    steps.check_rule(rule, delay)
    opened = None if archive is None else steps.open_archive(archive, 1)
    result = steps.comparison_of(
        machine,
        expert,
        opened,
        coverage=coverage,
        taxonomy=taxonomy,
        tolerance_s=tolerance,
        mode=mode,
        min_overlap=overlap,
        level=level,
        labels=None if labels is None else [name.strip() for name in labels.split(",")],
        rule=rule,
        delay_s=delay or 0.0,
        stations=stations,
        zone=zone,
        start=start,
        end=end,
    )
    numbers = metrics(result)
    terminal.table("", ["", "value"], summary_table(result, numbers=numbers))
    options = {"json_file": json_file, "html": html, "archive": opened}
    steps.write_comparison(result, numbers, by=by, offset_h=local_offset, **options)


@app.command(epilog="Example: `seisml run seisml.toml -j 4`")
def run(
    config: Annotated[Path, typer.Argument(help="The project.")] = Path("seisml.toml"),
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Bring all products of a project up to date; only what is missing or stale is made."""
    from seisml.project import open_project

    result = steps.run_project(open_project(config), jobs=jobs, scheduler=scheduler)
    steps.headline(result)
    made = ", ".join(result.made) or "nothing: everything is up to date"
    terminal.say(f"made: {made}")
    terminal.line(str((result.project.results / "report.html").resolve()))
    raise typer.Exit(1 if result.failed else 0)


@app.command(epilog="Example: `seisml report seisml.toml`")
def report(
    config: Annotated[Path, typer.Argument(help="The project.")] = Path("seisml.toml"),
) -> None:
    """Write the report of a project anew."""
    from seisml.project import open_project
    from seisml.run import report_of

    result = steps.run_project(open_project(config), jobs=1, report=False)
    page = report_of([result], result.project.results / "report.html", progress=steps.messages())
    terminal.line(str(page.resolve()))


@app.command(epilog="Example: `seisml status seisml.toml --json`")
def status(
    config: Annotated[Path, typer.Argument(help="The project.")] = Path("seisml.toml"),
    as_json: AsJson = False,
) -> None:
    """Say what of a project is present, stale or missing, and why."""
    import dataclasses

    from seisml.project import open_project
    from seisml.project import status as stages

    states = stages(open_project(config))
    if as_json:
        terminal.as_json([dataclasses.asdict(state) for state in states])
    else:
        rows = [(s.stage, s.state, f"{s.n_todo} of {s.n_all}", s.why) for s in states]
        terminal.table("", ["stage", "state", "to do", "why"], rows)
    if all(state.state == "present" for state in states):
        terminal.say("Everything is up to date.")


@app.command(epilog="Example: `seisml catalog mqs.xml -o marsquakes.csv` or `... --stats`")
def catalog(
    file: Annotated[Path, typer.Argument(help="Any catalogue that seisml reads.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Convert to .csv, .xml, .geojson, .markers, .txt (FDSN)."
        ),
    ] = None,
    output_format: Annotated[
        str | None, typer.Option("--format", help="Of the output, where the suffix leaves it open.")
    ] = None,
    input_format: Annotated[
        str | None, typer.Option("--from", help="Of the file, where its content leaves it open.")
    ] = None,
    zone: Zone = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="Rates, waiting times, magnitudes, duplicates.")
    ] = False,
    coverage: Annotated[
        Path | None,
        typer.Option(help="Live time: CSV start,end[,station], store or archive."),
    ] = None,
    local_offset: LocalOffset = 0.0,
    bin_width: Annotated[float, typer.Option(help="Of magnitudes.")] = 0.1,
    html: Annotated[Path | None, typer.Option(help="Write the statistics as a page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Summarise a catalogue, or convert it; FILE may be a folder with a catalog.toml."""
    from seisml.experts import describe_catalog
    from seisml.formats import output_format_of, read_catalog, write_catalog

    if output is not None:
        output_format = output_format_of(output, output_format)
    found = read_catalog(file, zone=zone, format=input_format)
    rows = describe_catalog(found)
    if stats or html is not None:
        options = {"offset_h": local_offset, "dm": bin_width, "html": html, "as_json": as_json}
        steps.tell_statistics(found, rows, coverage=coverage, **options)
    elif as_json:
        terminal.as_json(dict(rows))
    else:
        terminal.table(str(file), ["", "value"], rows)
    if output is not None:
        write_catalog(found, output, format=output_format)
        terminal.line(str(output))


@app.command(
    epilog="Example: `seisml fetch USGS -o noto.xml --start 2024-01-01 --end 2024-01-03 "
    "--region 136,36,138,38 --min-magnitude 3`"
)
def fetch(
    service: Annotated[str, typer.Argument(help="USGS, ISC, EMSC, ... or https://host.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Catalogue (.xml, .csv, .geojson, ...).")
    ],
    start: Annotated[str, typer.Option(help="From (ISO 8601, UTC).", callback=_instant)],
    end: Annotated[str, typer.Option(help="To.", callback=_instant)],
    min_magnitude: Annotated[float | None, typer.Option()] = None,
    max_magnitude: Annotated[float | None, typer.Option()] = None,
    region: Annotated[
        str | None, typer.Option(help="West,south,east,north in degrees.", callback=_region)
    ] = None,
    picks: Annotated[bool, typer.Option(help="Ask for arrivals, too.")] = False,
) -> None:
    """Fetch a catalogue from an FDSN event service, in parts where it is large."""
    from seisml.fetch import fetch_events
    from seisml.formats import output_format_of, write_catalog

    output_format = output_format_of(output)
    found = fetch_events(
        service,
        start=start,
        end=end,
        min_magnitude=min_magnitude,
        max_magnitude=max_magnitude,
        region=None if region is None else tuple(map(float, region.split(","))),
        picks=picks,
        on_page=terminal.say,
    )
    write_catalog(found, output, format=output_format)
    dropped = "".join(f", {n} x {reason} dropped" for reason, n in found.dropped.items())
    terminal.say(f"{len(found)} events, {len(found.picks)} picks{dropped}")
    terminal.line(str(output))


@app.command(
    epilog="Example: `seisml features f_centroid`, `seisml features hibert-compat`, "
    "`seisml features --markdown`"
)
def features(
    name: Annotated[
        str | None, typer.Argument(help="Explain this feature, or this set of features.")
    ] = None,
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option(help="Print the table of the documentation.")] = False,
) -> None:
    """List the features and their sets, or explain one."""
    from seisml.features import SETS, explain, get_feature, resolve

    if markdown:
        terminal.line(explain.markdown())
        return
    one = None if name is None or name in SETS else get_feature(name)
    chosen = [one] if one else resolve(name or "all")
    if as_json:
        terminal.as_json([dict(explain.explain(one)) for one in chosen])
    elif one:
        terminal.table("", ["", "value"], explain.explain(one))
        if rows := explain.example(one):
            terminal.table("the last 20 s of", ["signal", "value"], rows)
    else:
        rows = [(f.group, f.name, f.unit, f.invariances, f.cost, f.summary) for f in chosen]
        columns = ["group", "name", "unit", "invariant to", "cost", "what it is"]
        terminal.table(name or "", columns, rows)
        steps.explain_sets([SETS[name]] if name else list(SETS.values()))


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
            terminal.failure("interrupted.", "What is finished is kept; run it again to go on.")
        raise


if __name__ == "__main__":
    main()
