"""Steps of the command line: each shows its progress or prints what it found."""

from seisml import terminal


def cell(value) -> str:
    """Return a value of a table as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_of(profile: str, **changes):
    """Return the settings of a profile or file, with options of the command line over them."""
    import dataclasses

    from seisml.config import load_config, load_profile, resolve_path

    config = load_config(profile) if profile.endswith(".toml") else load_profile(profile)
    data = {
        "units": changes.get("units") or config.data.units,
        # Those of the file are relative to it, those of the command line to where one is.
        "metadata": tuple(str(path) for path in changes.get("metadata") or ())
        or tuple(str(resolve_path(profile, path)) for path in config.data.metadata),
    }
    labels = {k: changes[k] for k in ("rule", "delay_s") if k in changes}
    training = {k: changes[k] for k in _TRAINING if k in changes}
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, **data),
        labels=dataclasses.replace(config.labels, **labels),
        training=dataclasses.replace(config.training, **training),
    )


def training_sets(stores, catalog, also, path, config, **options):
    """Return the training sets that the command line names: stores, further ones, a file."""
    from seisml.errors import ConfigError
    from seisml.setfiles import SetFiles, read_sets

    if bool(stores) != bool(catalog):
        raise ConfigError(
            "Feature stores and a catalogue belong together.",
            "Give both, as in: seisml train STORE --catalog CATALOG -o MODEL.",
        )
    found = []
    if stores:
        texts = {key: str(value) for key, value in options.items() if value is not None}
        names = tuple(map(str, stores))
        found.append(SetFiles(names, str(catalog), labels=config.labels, **texts))
    for text in also:
        store, _, its = text.rpartition("=")
        if not store or not its:
            raise ConfigError(f"--also {text!r} is no STORE=CATALOG.", "As --also b/=b.xml.")
        found.append(SetFiles((store,), its, labels=config.labels))
    if path is not None:
        found += read_sets(path, config)
    if not found:
        raise ConfigError(
            "There is nothing to train on.",
            "Give STORE with --catalog, --also STORE=CATALOG, or --sets FILE.",
        )
    return found


def tell_labels(counts, as_json: bool) -> None:
    """Print how many windows and events have which label, and what is ignored and why."""
    if as_json:
        terminal.as_json({name: table.to_dict("records") for name, table in counts.items()})
        return
    for name, table in counts.items():
        if len(table):
            rows = [[cell(value) for value in row] for row in table.to_numpy(dtype=object)]
            terminal.table(name, list(table), rows)


def write_labels(windows, output) -> None:
    """Write the label of every window as CSV."""
    from seisml.atomic import write_atomic
    from seisml.labels import REASONS
    from seisml.times import datetime64

    names = {-1: "ignore", 0: "noise", 1: "event"}
    columns = ["station", "state", "y", "reason", "event_id", "n_events", "share", "weight"]
    table = windows[columns].rename(columns={"y": "class"})
    table["state"] = table["state"].map(names)
    table["reason"] = [REASONS[number] for number in table["reason"]]
    table.insert(0, "time", datetime64(windows["time_ns"].to_numpy()))
    text = table.to_csv(index=False, float_format="%.4g", date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    write_atomic(output, text)


def show_models(model: str | None, as_json: bool) -> None:
    """List the models that come with seisml, or print the card of one."""
    from seisml.model import load_detector, shipped_models

    if model is not None:
        detector = load_detector(model)
        card = detector.about()
        if as_json:
            terminal.as_json(card)
        else:
            terminal.table(model, ["", "value"], [(k, cell(v)) for k, v in flat(card)])
        return
    cards = {name: load_detector(name).about() for name in shipped_models()}
    if as_json:
        terminal.as_json(cards)
        return
    if not cards:
        terminal.say("No model comes with this seisml. Train one with 'seisml train'.")
    keys = ("body", "classes", "features", "windows", "expert")
    rows = [(name, *(cell(card.get(key, "")) for key in keys)) for name, card in cards.items()]
    terminal.table("models", ["name", *keys], rows)


def flat(card, name: str = "") -> list[tuple[str, object]]:
    """Return nested mappings as rows of (names joined by a colon, value)."""
    rows: list[tuple[str, object]] = []
    items = card.items() if isinstance(card, dict) else enumerate(card, start=1)
    for key, value in items:
        nested = isinstance(value, dict) or (
            isinstance(value, (list, tuple)) and any(isinstance(v, dict) for v in value)
        )
        if nested:
            rows += flat(value, f"{name}{key}: ")
        elif isinstance(value, (list, tuple)):
            rows.append((f"{name}{key}", ", ".join(map(cell, value))))
        else:
            rows.append((f"{name}{key}", value))
    return rows


_TRAINING = ("model", "split", "false_alarms_per_day", "calibration", "novelty")


def open_archive(root: str, jobs: int):
    """Open an archive with a progress bar."""
    from seisml.archive import open_archive

    with terminal.bars() as progress:
        task = progress.add_task("scanning headers", total=None)
        opened = open_archive(
            root,
            jobs=jobs,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    tell_rejected(opened)
    return opened


def tell_rejected(opened) -> None:
    """Say how many files of an archive are not used."""
    n_bad = int((opened.files["reason"] != "").sum())
    if n_bad:
        terminal.say(f"{n_bad} of {len(opened.files)} files rejected: 'seisml scan' says why.")


def read_metadata(paths):
    """Read station metadata where files are named, and say what is odd in them."""
    from seisml.metadata import read_metadata as read

    found = read(paths) if paths else None
    for note in found.notes if found else ():
        terminal.say(note)
    return found


def calibration_of(plan) -> dict:
    """Return what `seisml.detect.detect` needs for amplitudes in the units of a plan."""
    import functools

    from seisml.deconvolution import corners_of, reach_s
    from seisml.response import to_motion

    if plan.units == "counts":
        return {}
    corners = corners_of(plan.band)
    calibrate = functools.partial(
        to_motion, metadata=plan.metadata, mode=plan.units, pre_filter=corners
    )
    return {"calibrate": calibrate, "reach_s": reach_s(corners) if plan.units == "motion" else 0.0}


def chosen_stations(opened, patterns) -> list[str]:
    """Return the stations that match the patterns."""
    from seisml.archive import stations

    return stations(opened, patterns=patterns or ("*",))


def check_scheduler(text: str | None) -> str:
    """Refuse a Dask scheduler that cannot be used, before any work is done."""
    if text is None:
        return ""
    from seisml.executors import check_scheduler

    check_scheduler(text)
    return text


def extract_days(opened, store, plan, patterns, **options):
    """Extract what is missing or stale, with a progress bar."""
    from seisml.extract import extract as make

    with terminal.bars() as progress:
        task = progress.add_task("extracting features", total=None)

        def day_done(done: int, total: int, outcome) -> None:
            progress.update(task, completed=done, total=total)

        return make(
            opened,
            store,
            plan,
            patterns=patterns or ("*",),
            on_progress=day_done,
            **options,
        )


def tell_outcomes(outcomes, store, as_json: bool) -> int:
    """Print what an extraction made; return how many station-days failed."""
    from collections import Counter

    counts: Counter = Counter()
    for outcome in outcomes:
        counts.update(outcome.counts)
    failed = [o for o in outcomes if o.error]
    total = {
        "store": str(store),
        "station_days": len(outcomes),
        "failed": len(failed),
        "windows": sum(o.n_windows for o in outcomes),
        "windows_with_features": sum(o.n_usable for o in outcomes),
        "seconds": round(sum(o.seconds for o in outcomes), 2),
        **dict(sorted(counts.items())),
    }
    if as_json:
        terminal.as_json(total)
    else:
        terminal.table("", ["", "value"], list(total.items()))
    tell_failures(outcomes)
    return len(failed)


def tell_failures(outcomes) -> None:
    """Say which station-days failed, and which have no window with features."""
    from seisml.times import day_name

    for outcome in outcomes:
        where = f"{outcome.station} {day_name(outcome.day)}"
        if outcome.error:
            terminal.say(f"failed: {where}: {outcome.error}")
        elif not outcome.n_usable:
            seen = ", ".join(f"{name} {n}" for name, n in sorted(outcome.counts.items()))
            terminal.say(f"no features: {where} ({seen or 'records shorter than a window'})")


class FittingTables:
    """Feature tables that a detector can use; the stations of the others are told and counted.

    Parameters
    ----------
    tables : iterable of FeatureTable
    detector : Detector
    """

    def __init__(self, tables, detector):
        self._tables, self._detector = tables, detector
        self.n_windows, self.stations, self.unfit = 0, set(), {}

    def __iter__(self):
        import numpy as np

        from seisml.errors import FeatureMismatchError

        detector = self._detector
        for table in self._tables:
            if not len(table):
                continue
            station = str(table.stations[0])
            try:
                detector.check(table)
            except FeatureMismatchError as error:
                if station not in self.unfit:
                    terminal.say(f"left out: {station}: {error.problem}")
                self.unfit[station] = error
                continue
            self.stations.add(station)
            self.n_windows += int(np.isfinite(table.frame.to_numpy()).any(axis=1).sum())
            yield table

    def __str__(self) -> str:
        return f"{self.n_windows} windows with features at {len(self.stations)} stations"

    def require(self, store) -> None:
        """Raise where not one window could be looked at."""
        from seisml.errors import NoDataError

        if self.unfit and not self.stations:
            raise next(iter(self.unfit.values()))
        if not self.n_windows:
            raise NoDataError(
                f"No window of {store} has features in this time: nothing was looked at.",
                "See 'seisml scan' for rates and gaps, and whether the model fits these records.",
            )


def check_rule(rule, delay) -> None:
    """Refuse the rule delay without a delay, before any work is done."""
    from seisml.errors import ConfigError

    if rule == "delay" and delay is None:
        raise ConfigError("The rule delay needs a travel time.", "Give --delay in seconds.")


def messages():
    """Return a progress that writes messages only."""
    from seisml.run import Progress

    return Progress(said=terminal.say)


def run_project(project, *, jobs: int, scheduler: str = "", report: bool = True):
    """Run a project with progress bars."""
    from seisml.run import Progress
    from seisml.run import run as run_project

    with terminal.bars() as bars:
        scan_task = bars.add_task("scanning headers", total=None, visible=False)
        days_task = bars.add_task("extracting features", total=None, visible=False)
        step_task = bars.add_task("", total=None, visible=False)

        def said(text: str) -> None:
            bars.update(step_task, description=text, visible=True)
            if not terminal.err.is_terminal:
                terminal.say(text)

        progress = Progress(
            scanned=lambda n, total: bars.update(
                scan_task, completed=n, total=total, visible=n < total
            ),
            extracted=lambda n, total, _: bars.update(
                days_task, completed=n, total=total, visible=n < total
            ),
            said=said,
        )
        result = run_project(
            project, jobs=jobs, scheduler=scheduler, report=report, progress=progress
        )
    tell_rejected(result.archive)
    tell_failures(result.failed)
    return result


def headline(result, extra=()) -> None:
    """Print the main numbers of a project."""
    comparison_table(result.project.path.parent.resolve().name, result.training, extra)


def comparison_table(title: str, training, extra=()) -> None:
    """Print the main numbers of a training."""
    from seisml.report import headline

    header, rows = headline(training)
    terminal.table(title, [title, *header[1:]], [*rows, *((*row, "") for row in extra)])


def comparison_of(machine, expert, archive, *, coverage, taxonomy, **options):
    """Compare two files, in the coverage that is named or else that of the archive."""
    from seisml.catalog_files import compare_files, coverage_of
    from seisml.coverage import archive_coverage
    from seisml.taxonomy import load_taxonomy

    known = None
    if coverage is not None:
        time = {name: options[name] for name in ("zone", "start", "end")}
        known = coverage_of(coverage, **time)
    elif archive is not None:
        known = archive_coverage(archive)
    classes = None if taxonomy is None else load_taxonomy(taxonomy)
    return compare_files(
        machine, expert, coverage=known, taxonomy=classes, on_message=terminal.say, **options
    )


def write_comparison(result, numbers, *, by, offset_h, json_file, html, archive) -> None:
    """Print and write what was asked of a comparison."""
    import json

    from seisml.atomic import write_atomic
    from seisml.summaries import by as group_by
    from seisml.summaries import to_json

    groups = {}
    for column in (name.strip() for name in (by or "").split(",") if name.strip()):
        groups[column] = shown = group_by(result, column, offset_h=offset_h)
        rows = [[cell(value) or "(none)" for value in row] for row in shown.to_numpy(dtype=object)]
        terminal.table(f"recall by {column}", list(shown), rows)
    if json_file is not None:
        out = to_json(result, numbers=numbers, groups=groups, tables=True)
        write_atomic(json_file, json.dumps(out, indent=1))
        terminal.line(str(json_file))
    if html is not None:
        write_comparison_page(html, result, numbers, archive, offset_h)
        terminal.line(str(html))


def write_comparison_page(html, result, numbers, archive, offset_h) -> None:
    """Write the page of a comparison; records are filtered as in its body's profile."""
    from seisml.config import load_profile
    from seisml.report import comparison_report
    from seisml.settings import plan_of

    profile = {"mars": "mars-insight", "moon": "moon-apollo"}.get(result.body, "earth-local")
    plan = plan_of(load_profile(profile))
    length_s = plan.settings.grid.length_s
    comparison_report(
        html,
        result,
        title=f"{result.machine_name} and {result.expert_name}",
        numbers=numbers,
        archive=archive,
        band=plan.band,
        before_s=5 * length_s,
        after_s=10 * length_s,
        offset_h=offset_h,
    )


def tell_statistics(found, rows, *, coverage, offset_h, dm, html, as_json) -> None:
    """Print the statistics of a catalogue after its summary, or write them as a page."""
    from seisml.catalog_files import coverage_of
    from seisml.report import catalog_report
    from seisml.statistics import numbers, statistics, statistics_table
    from seisml.summaries import plain

    known = None if coverage is None else coverage_of(coverage)
    result = statistics(found, coverage=known, offset_h=offset_h, dm=dm)
    if as_json:
        hours = result.by_hour.to_dict("records")
        terminal.as_json(plain({**dict(rows), "statistics": numbers(result), "by_hour": hours}))
    else:
        terminal.table("", ["", "value"], [*rows, *statistics_table(result)])
    if html is not None:
        catalog_report(html, result, title=f"Statistics of {found.name or found.source}")
        terminal.line(str(html))


def explain_sets(sets) -> None:
    """Print sets of features; of one set its published numbering."""
    if len(sets) == 1 and sets[0].numbering:
        one = sets[0]
        terminal.table(one.source, ["published", "definition", "here"], one.numbering)
        return
    rows = [(one.name, one.purpose, one.source) for one in sets]
    terminal.table("sets", ["set", "for", "numbering after"], rows)


def draw_feature(feature, path) -> None:
    """Draw a feature on example records and tell where."""
    from seisml.atomic import write_atomic
    from seisml.errors import FeatureError
    from seisml.plots import plot_feature, png

    if feature is None:
        raise FeatureError("--plot draws one feature, no set.", "Name one: seisml features NAME.")
    write_atomic(path, png(plot_feature(feature)))
    terminal.say(f"Drawn: {path}")
