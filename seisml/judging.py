"""Steps of the verbs that judge tables and discover: what they read, print and write."""

from seisml import steps, terminal


def tell_evaluation(result, folder, more=()) -> None:
    """Print the scores of an evaluation; write its page, numbers, predictions and audit list."""
    from pathlib import Path

    from seisml.atomic import write_atomic
    from seisml.audit import disagreements, write_review
    from seisml.evaluation import numbers, predictions
    from seisml.report import evaluation_report

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for note in result.notes[len(result.samples.notes) :]:
        terminal.say(f"note: {note}")
    heads = ("balanced_accuracy", "accuracy", "macro_f1")
    rows = [
        [
            row["model"],
            *(f"{row[h]:.3f} ({row[f'{h}_low']:.3f} to {row[f'{h}_high']:.3f})" for h in heads),
            f"{row['brier']:.3f}",
        ]
        for row in result.scores.to_dict("records")
    ]
    terminal.table(result.samples.name, ["model", *heads, "brier"], rows)
    write_atomic(folder / "evaluation.json", as_json(numbers(result)))
    write_atomic(folder / "predictions.csv", predictions(result).to_csv(index=False))
    write_review(folder / "review.csv", disagreements(result))
    terminal.line(str(evaluation_report(folder / "evaluation.html", result, more=more)))


def as_json(value) -> str:
    """Return a value as the text of a JSON file."""
    import json

    from seisml.summaries import plain

    return json.dumps(plain(value), indent=1) + "\n"


def items_of(store, events, opened, *, profile, metadata, names, selection):
    """Return the parts that `seisml.discovery.discover` takes, and the filter of the records."""
    from seisml.discovery import window_parts
    from seisml.errors import ConfigError
    from seisml.settings import plan_of
    from seisml.store import iter_tables

    if (store is None) == (events is None):
        raise ConfigError("Nothing says what the items are.", "Give a STORE, or --events FILE.")
    if store is not None:
        about = next(iter(iter_tables(store)))
        chosen = selection
        patterns = selection["stations"]
        if patterns is not None:
            chosen = {**selection, "stations": _stations_of(store, patterns)}
        from seisml.detect import plan_band

        return window_parts(lambda: iter_tables(store, **chosen)), plan_band(about.settings)
    if opened is None:
        raise ConfigError("Events need their waveforms.", "Give --archive.")
    plan = plan_of(steps.settings_of(profile), metadata=steps.read_metadata(metadata or ()))
    return _event_parts(events, opened, plan, names), plan.band


def _stations_of(store, patterns) -> list[str]:
    """Return the stations of a store that match patterns."""
    import fnmatch

    from seisml.errors import NoDataError
    from seisml.store import iter_tables

    every = {str(table.stations[0]) for table in iter_tables(store) if len(table)}
    names = sorted(n for n in every if any(fnmatch.fnmatchcase(n, p) for p in patterns))
    if not names:
        raise NoDataError(
            f"{store} has no station {', '.join(patterns)}.", f"It has {', '.join(sorted(every))}."
        )
    return names


def _event_parts(events, opened, plan, names):
    from seisml.eventfeatures import event_features
    from seisml.formats import read_catalog

    table = read_catalog(events).events
    terminal.say(f"features of {len(table)} events")
    X = event_features(opened, table, plan, names=names).reset_index(drop=True)
    items = table[["station", "time_ns", "end_ns", "event_id", "label"]].reset_index(drop=True)
    return lambda: [(items, X)]


def tell_discovery(found, folder, *, archive, band, like) -> None:
    """Print the groups of a discovery; write its lists and its page."""
    from pathlib import Path

    from seisml.atomic import write_atomic
    from seisml.report import discovery_report
    from seisml.similarity import novelties

    folder = Path(folder)
    rows = [(r.kind, r.group, r.n, f"{r.share:.1%}", r.traits) for r in found.medoids.itertuples()]
    terminal.table("groups", ["kind", "group", "items", "share", "in robust units"], rows)
    lists = {"items": found.items, "novelty": novelties(found).assign(decision="")}
    medoid_items = found.items.iloc[found.medoids["row"]].reset_index(drop=True)
    lists["medoids"] = found.medoids.join(medoid_items[["station", "time_ns", "end_ns"]])
    row, similar = None, None
    if like is not None:
        row, similar = _like(found, like, archive, band)
        lists["similar"] = similar.assign(decision="")
    for name, table in lists.items():
        write_atomic(folder / f"{name}.csv", _with_times(table).to_csv(index=False))
    page = discovery_report(
        folder / "discovery.html",
        found,
        title="Discovery",
        archive=archive,
        band=band,
        similar=similar,
        like=row,
    )
    terminal.line(str(page))


def _like(found, like: str, archive, band):
    from seisml.errors import ConfigError
    from seisml.similarity import item_at, more_like
    from seisml.times import to_ns

    station, _, instant = like.partition(",")
    if not instant:
        raise ConfigError(f"--like {like} is not STATION,TIME.", "As BX.BT01,2014-03-02T12:00:10.")
    row = item_at(found, station.strip(), to_ns(instant.strip()))
    return row, more_like(found, row, archive=archive, band=band)


def _with_times(table):
    """Return a table with times in ISO 8601 for the instants, first."""
    from seisml.times import iso

    for old, new in (("end_ns", "end_time"), ("time_ns", "time")):
        if old in table:
            times = [iso(int(t)) for t in table[old]]
            table = table.drop(columns=old)
            table.insert(0, new, times)
    return table.round(6)
