"""Steps of the command line that show what the preparation does to records."""

from pathlib import Path

from seisml import terminal

KINDS = {".png": "figure", ".csv": "glitches", ".mseed": "records"}


def check_outputs(paths) -> None:
    """Refuse outputs of unknown kinds before any work is done."""
    from seisml.errors import ConfigError, did_you_mean

    for path in paths:
        if Path(path).suffix not in KINDS:
            raise ConfigError(
                f"{path}: there is no output {Path(path).suffix or 'without suffix'!r}.",
                did_you_mean(Path(path).suffix, KINDS),
            )


def tell_runs(runs, as_json: bool) -> None:
    """Print what was found in each record and taken off it."""
    from seisml.times import iso

    header = ["channel", "start", "hours", "tick_fall_db", "glitches", "glitches_removed"]
    rows = [
        (
            f"{run.station}{run.channel[-1:]}",
            iso(run.start_ns),
            round(run.hours, 3),
            round(run.tick_fall_db, 1),
            len(run.glitches),
            sum(one.removed for one in run.glitches),
        )
        for run in runs
    ]
    if as_json:
        terminal.as_json([dict(zip(header, row, strict=True)) for row in rows])
    else:
        terminal.table("", header, rows)


def write_runs(runs, path, channel: str | None) -> None:
    """Write a figure, the glitches, or the records, as the suffix says."""
    from seisml.atomic import write_atomic

    kind = KINDS[Path(path).suffix]
    if kind == "figure":
        write_atomic(path, figure_of(runs, channel))
    elif kind == "glitches":
        from seisml.beforeafter import glitch_catalog
        from seisml.formats import write_catalog

        write_catalog(glitch_catalog(runs), path)
    else:
        write_atomic(path, records_of(runs))
    terminal.line(str(path))


def figure_of(runs, channel: str | None) -> bytes:
    """Return the figure of the longest record, of one channel if it is named."""
    from seisml.errors import NoDataError, did_you_mean
    from seisml.plots import plot_before_after, png
    from seisml.times import iso

    names = sorted({run.channel for run in runs})
    mine = [run for run in runs if channel in (None, run.channel)]
    if not mine:
        raise NoDataError(f"There is no channel {channel!r}.", did_you_mean(channel, names))
    run = max(mine, key=lambda one: len(one.before))
    marks: dict[str, list[float]] = {}
    for one in run.glitches:
        name = "glitch removed" if one.removed else "glitch left"
        marks.setdefault(name, []).append((one.onset_ns - run.start_ns) / 1e9)
    what = f"{run.station}{run.channel[-1:]} from {iso(run.start_ns)[:19]}"
    return png(plot_before_after(run.before, run.after, run.rate_hz, what=what, marks_s=marks))


def records_of(runs) -> bytes:
    """Return the prepared records as miniSEED."""
    from seisml.joining import Record
    from seisml.waveforms import miniseed

    stations = dict.fromkeys(run.station for run in runs)
    return b"".join(
        miniseed(
            [
                Record(run.channel, run.start_ns, 0, run.rate_hz, run.after)
                for run in runs
                if run.station == station
            ],
            station=station,
        )
        for station in stations
    )
