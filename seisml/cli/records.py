"""Verbs of records and their features: scan, extract, features."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import preparing, steps, telling, terminal
from seisml.cli.options import AsJson, End, Jobs, Metadata, Profile, Scheduler, Start, Stations

app = typer.Typer()


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
    start: Start = None,
    end: End = None,
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
    options = {"jobs": jobs, "scheduler": scheduler, "replace": replace, "start": start, "end": end}
    outcomes = steps.extract_days(opened, output, plan, station, **options)
    require_windows(outcomes, output)
    failed = steps.tell_outcomes(outcomes, output, as_json)
    if not outcomes:
        terminal.say("Everything is up to date.")
    raise typer.Exit(1 if failed else 0)


@app.command(
    epilog="Examples: `seisml prepare XB.ELYSE.mseed -o before_after.png` | "
    "`seisml prepare insight/ --start 2019-05-23T02 --end 2019-05-23T03 -o glitches.csv "
    "-o prepared.mseed`"
)
def prepare(
    archive: Annotated[str, typer.Argument(help="SDS root, folder, pattern or file.")],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "-o", "--output", help="Figure (.png), glitches (.csv), records (.mseed); repeatable."
        ),
    ] = None,
    tick: Annotated[bool, typer.Option(help="Take off what repeats every second.")] = True,
    glitches: Annotated[str, typer.Option(help="remove, flag, none.")] = "remove",
    channel: Annotated[
        str | None, typer.Option(help="Of the figure, as BHV [the longest record].")
    ] = None,
    station: Stations = None,
    start: Start = None,
    end: End = None,
    as_json: AsJson = False,
) -> None:
    """Show what the preparation for InSight does to records: tick and glitches, before and after.

    The same steps work inside extraction: [preparation] tick and glitches in seisml.toml.
    """
    from seisml.beforeafter import prepared_runs
    from seisml.preparation import Preparation

    preparing.check_outputs(output or ())
    wanted = Preparation(tick=tick, glitches=glitches)
    opened = steps.open_archive(archive, 1)
    options = {"patterns": station or ("*",), "start": start, "end": end}
    runs = prepared_runs(opened, wanted, **options)
    preparing.tell_runs(runs, as_json)
    for path in output or ():
        preparing.write_runs(runs, path, channel)


@app.command(
    epilog="Example: `seisml features f_centroid`, `seisml features kurtosis --plot k.png`, "
    "`seisml features hibert-compat`, `seisml features --markdown`"
)
def features(
    name: Annotated[
        str | None, typer.Argument(help="Explain this feature, or this set of features.")
    ] = None,
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option(help="Print the table of the documentation.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the feature on four example records (PNG).")
    ] = None,
) -> None:
    """List the features and their sets, or explain one."""
    from seisml.features import SETS, explain, get_feature, resolve

    if markdown:
        terminal.line(explain.markdown())
        return
    one = None if name is None or name in SETS else get_feature(name)
    if plot is not None:
        telling.draw_feature(one, plot)
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
        telling.explain_sets([SETS[name]] if name else list(SETS.values()))
