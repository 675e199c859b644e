"""Steps of the command line: each shows its progress or prints what it found."""

from seisml import terminal

_MISSING = {
    "bands_above_nyquist": "bands of features, a channel and day each, lie above 0.8 of Nyquist "
    "and are unknown: what is only there is not seen",
    "samples_of_too_low_rate": "samples are left out: their rate is too low for these features",
    "days_without_three_components": "station-days lack one of three components at one rate: "
    "features of three are unknown",
    "days_without_orientation": "station-days have components of unknown direction: features of "
    "three are unknown; --metadata FILE tells it",
    "samples_of_nearest_epoch": "samples are in holes of the metadata: the nearest epoch counts",
    "samples_without_metadata": "samples are left out: the metadata do not know them",
    "windows_without_pressure": "windows have no pressure beside them",
    "samples_tick_not_removed": "samples keep the tick: too short, or seconds of no whole number",
}
"""What a run says of counts that mean that something is missing; all of them are in the store."""
_LABELS = ("rule", "delay_s", "epochs", "coverage", "level", "grades")
_TRAINING = ("model", "split", "false_alarms_per_day", "calibration", "novelty")


def cell(value) -> str:
    """Return a value of a table as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_of(profile: str, **changes):
    """Return the settings of a profile or file, with options of the command line over them."""
    import dataclasses

    from seisml.config import load_config, load_profile, resolve_path, with_paths

    config = load_config(profile) if profile.endswith(".toml") else load_profile(profile)
    data = {
        "units": changes.get("units") or config.data.units,
        # Those of the file are relative to it, those of the command line to where one is.
        "metadata": tuple(str(path) for path in changes.get("metadata") or ())
        or tuple(str(resolve_path(profile, path)) for path in config.data.metadata),
    }
    labels = config.labels
    if profile.endswith(".toml"):
        labels = with_paths(labels, profile)
    labels = dataclasses.replace(labels, **{k: changes[k] for k in _LABELS if k in changes})
    training = {k: changes[k] for k in _TRAINING if k in changes}
    if training.get("model", config.training.model) != config.training.model:
        preset = load_profile(config.profile).training  # its settings are of its own classifier
        for key in ("settings", "search"):
            if getattr(config.training, key) == getattr(preset, key):
                training[key] = {}
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, **data),
        labels=labels,
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


def at_stations(events, opened, config, stations):
    """Return the events of an expert as seen at the stations of an archive, with ``event``."""
    from seisml.experts import read_stations, signals_of
    from seisml.labels import signal_catalog
    from seisml.settings import label_rule_of
    from seisml.times import NAT

    table = events.events
    if (table["station"] != "").all() and (table["end_ns"] != NAT).any():
        return events
    names = chosen_stations(opened, None)
    found = signals_of(events, names, label_rule_of(config), read_stations(stations))
    return signal_catalog(found, events)


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
    """Say how many files of an archive are not used, or not all of them."""
    rejected = opened.files["reason"] != ""
    odd = (opened.files["note"] != "") & ~rejected
    found = {"rejected": int(rejected.sum()), "used with a note": int(odd.sum())}
    told = [f"{n} of {len(opened.files)} files {what}" for what, n in found.items() if n]
    if told:
        terminal.say(f"{', '.join(told)}: 'seisml scan' says why.")


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


def chosen_stations(opened, patterns, pressure: str = "") -> list[str]:
    """Return the stations that match the patterns, without channels of pressure."""
    from seisml.archive import stations
    from seisml.covariates import seismometers

    return stations(seismometers(opened, pressure), patterns=patterns or ("*",))


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

    tell_times(opened, patterns)
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


def with_beside(plan, words):
    """Return a plan that keeps more beside the features."""
    import dataclasses

    from seisml.preparation import with_beside as more

    return dataclasses.replace(plan, preparation=more(plan.preparation, words))


def tell_times(opened, patterns) -> None:
    """Say once where records that bear the name of InSight's station are not of its mission."""
    from seisml.archive import stations
    from seisml.marstime import INSIGHT, outside_mission

    chosen = stations(opened, patterns=patterns or ("*",))
    mine = opened.pieces[opened.pieces["station"].isin(chosen)]
    mine = mine[mine["station"].str.startswith(f"{INSIGHT}.")]
    if len(mine):
        note = outside_mission(int(mine["start_ns"].min()), int(mine["end_ns"].max()))
        if note:
            terminal.say(f"{INSIGHT}: {note}")


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


def tell_missing(outcomes) -> None:
    """Say in a line each what records or metadata lack, where that changes what can be seen."""
    from collections import Counter

    counts: Counter = Counter()
    for outcome in outcomes:
        counts.update(outcome.counts)
    for name, text in _MISSING.items():
        if counts[name]:
            terminal.say(f"{counts[name]} {text}.")


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
