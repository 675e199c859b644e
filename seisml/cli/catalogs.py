"""Verbs of catalogues: compare, catalog, fetch."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import comparing, steps, terminal
from seisml.cli.options import (
    AsJson,
    Body,
    Delay,
    End,
    LocalOffset,
    Start,
    Tolerance,
    Zone,
    instant,
    region,
    tolerances,
)

app = typer.Typer()


@app.command(epilog="Example: `seisml compare machine.csv expert.xml --tolerance 2 --html c.html`")
def compare(
    machine: Annotated[Path, typer.Argument(help="Catalogue of the machine.")],
    expert: Annotated[Path, typer.Argument(help="Catalogue of the expert.")],
    tolerance: Tolerance = ("5",),
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
    delay: Delay = None,
    stations: Annotated[Path | None, typer.Option(help="CSV station,latitude,longitude.")] = None,
    taxonomy: Annotated[
        str | None, typer.Option(help="Classes of labels: mars, moon, regional, volcano, a .toml.")
    ] = None,
    level: Annotated[int | None, typer.Option(help="Of the taxonomy; 1 is its roots.")] = None,
    labels: Annotated[str | None, typer.Option(help="Expert classes that count, as LF,BB.")] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Also by class,quality,magnitude,station,hour,snr_db (--archive)."),
    ] = None,
    zone: Zone = None,
    body: Body = None,
    local_offset: LocalOffset = 0.0,
    block: Annotated[
        float | None, typer.Option(help="Blocks of the intervals, s; days (sols) without it.")
    ] = None,
    start: Start = None,
    end: End = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write numbers here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page here.")] = None,
) -> None:
    """Compare two catalogues: matched, missed, unmatched, with intervals."""
    from seisml.atomic import check_writable
    from seisml.metrics import metrics
    from seisml.summaries import summary_table

    steps.check_rule(rule, delay)
    for path in filter(None, (json_file, html)):
        check_writable(path)
    opened = None if archive is None else steps.open_archive(archive, 1)
    result = comparing.comparison_of(
        machine,
        expert,
        opened,
        coverage=coverage,
        taxonomy=taxonomy,
        tolerance_s=tolerances(tolerance),
        mode=mode,
        min_overlap=overlap,
        level=level,
        labels=None if labels is None else [name.strip() for name in labels.split(",")],
        rule=rule,
        delay_s=delay or 0.0,
        stations=stations,
        zone=zone,
        body=body,
        start=start,
        end=end,
        columns=[c for c in comparing.columns_of(by) if archive is None or c != "snr_db"],
    )
    if html is not None or "snr_db" in comparing.columns_of(by):
        result = comparing.with_ratios(result, opened)
    numbers = metrics(result, block_s=block)
    terminal.table("", ["", "value"], summary_table(result, numbers=numbers))
    options = {"json_file": json_file, "html": html, "archive": opened}
    comparing.write_comparison(result, numbers, by=by, offset_h=local_offset, **options)


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
    body: Body = None,
    picks: Annotated[
        list[Path] | None,
        typer.Option(help="Picks of these events in another file (repeatable): GaMMA, PyOcto, ..."),
    ] = None,
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
    from seisml.catalog_files import read_joined
    from seisml.described import describe_catalog
    from seisml.formats import output_format_of, write_catalog

    if output is not None:
        output_format = output_format_of(output, output_format)
    found = read_joined(file, picks or (), zone=zone, body=body, format=input_format)
    rows = describe_catalog(found)
    if stats or html is not None:
        options = {"offset_h": local_offset, "dm": bin_width, "html": html, "as_json": as_json}
        comparing.tell_statistics(found, rows, coverage=coverage, **options)
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
    start: Annotated[str, typer.Option(help="From (ISO 8601, UTC).", callback=instant)],
    end: Annotated[str, typer.Option(help="To.", callback=instant)],
    min_magnitude: Annotated[float | None, typer.Option()] = None,
    max_magnitude: Annotated[float | None, typer.Option()] = None,
    region: Annotated[
        str | None, typer.Option(help="West,south,east,north in degrees.", callback=region)
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
