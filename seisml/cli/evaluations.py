"""Verbs that judge and look: evaluate, discover."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps, terminal
from seisml.cli.options import (
    Body,
    Coordinates,
    Delay,
    End,
    Looked,
    Metadata,
    Profile,
    Rule,
    Start,
    Stations,
    catalog_target,
    station_time,
)

app = typer.Typer()


def _renaming(texts: list[str] | None) -> list[str] | None:
    """Refuse a renaming without both sides."""
    for text in texts or ():
        if not all(part.strip() for part in text.partition("=")[::2]):
            raise typer.BadParameter(f"{text!r} is not PATTERN=CLASS, as 'TELESEISM*=teleseism'")
    return texts


@app.command(
    epilog="Examples:\n\n"
    "`seisml evaluate features.csv --label type --time origin_time -o evaluation/`\n\n"
    "`seisml evaluate features/ --catalog expert.xml --archive sds/ -o evaluation/`\n\n"
    "`seisml evaluate features/ --catalog expert.xml --model model.skops -o evaluation/`"
)
def evaluate(
    table: Annotated[
        Path, typer.Argument(help="CSV, a row an event or window; or a feature store.")
    ],
    label: Annotated[str, typer.Option(help="Column of the class (CSV).")] = "",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder [TABLE's name + .evaluation].")
    ] = None,
    time: Annotated[
        str, typer.Option(help="Column of times, or of numbers in order of time: blocks.")
    ] = "",
    group: Annotated[
        str, typer.Option(help="Column of what belongs together (event, station): blocks.")
    ] = "",
    drop: Annotated[
        list[str] | None, typer.Option(help="Column or pattern that is no feature (repeatable).")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Feature, though it looks like a serial number.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(help="PATTERN=CLASS for labels (repeatable).", callback=_renaming),
    ] = None,
    rest: Annotated[str, typer.Option(help="Class of the rows without a label.")] = "",
    beside: Annotated[
        list[Path] | None, typer.Option(help="CSV with more columns of the same rows.")
    ] = None,
    models: Annotated[
        str, typer.Option(help="Classifiers, with commas.")
    ] = "dummy,logistic,random_forest,hist_gradient_boosting",
    folds: Annotated[int, typer.Option(min=2, help="Folds that the blocks are dealt to.")] = 5,
    block_days: Annotated[
        float, typer.Option(help="Length of a block, where times are known.")
    ] = 1,
    purge: Annotated[float, typer.Option(help="Gap between training and test, s.")] = 60.0,
    repeats: Annotated[int, typer.Option(min=0, help="Permutations of a feature; 0: none.")] = 5,
    groups: Annotated[
        Path | None, typer.Option(help="CSV feature,group: permuted together [kin].")
    ] = None,
    review: Annotated[
        Path | None, typer.Option(help="A review.csv with some of 'decision' filled in.")
    ] = None,
    seed: Annotated[int, typer.Option()] = 0,
    catalog: Annotated[
        Path | None, typer.Option("--catalog", "-c", help="Expert catalogue (store).")
    ] = None,
    archive: Annotated[
        str | None, typer.Option(help="Waveforms (store): onsets, galleries, injection.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Apply this model as it is to the store (a file, or a name of 'seisml models').",
        ),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(help="Type of another package that the model may hold (repeatable)."),
    ] = None,
    profile: Profile = "earth-local",
    metadata: Metadata = None,
    stations: Coordinates = None,
    rule: Rule = None,
    delay: Delay = None,
    coverage: Looked = None,
) -> None:
    """Evaluate classifiers on a table of features, or a detector on a feature store.

    Of a table, several models stand beside each other on the same held-out blocks: balanced
    accuracy, recall and precision of each class, paired differences, all with 95 % intervals from
    resampled blocks; permutation importance; and a list of doubtful labels for review. Of a
    store, the profile's detector is trained and tested on held-out blocks with STA/LTA beside it:
    windows, events, pairs, stations left out, groups of features, injected events, review.csv.
    With --model nothing is trained: the model is applied with its own threshold, and it is said
    whether its card holds records of this store's stations and times (in-sample).
    """
    if table.is_dir() or catalog is not None:
        from seisml.storeevaluation import evaluate_store

        folder = output or table.with_name(f"{table.name}.evaluation")
        options = {"archive": archive, "profile": profile, "metadata": metadata}
        options |= {"stations": stations, "model": model, "trust": trust or ()}
        looked = None if coverage is None else str(coverage)
        options |= {"labels": {"rule": rule, "delay_s": delay, "coverage": looked}}
        evaluate_store(table, catalog, folder, repeats=repeats, **options)
        return
    if model is not None:
        raise typer.BadParameter("A model is applied to a feature store.", param_hint="--model")
    from seisml.audit import read_review
    from seisml.evaluation import EvaluationRule, evaluate_table, read_groups
    from seisml.judging import tell_evaluation
    from seisml.tabular import Columns, read_frame, samples_of

    if not label:
        raise typer.BadParameter("A table needs --label COLUMN.", param_hint="--label")
    frame = read_frame(table, beside=beside or ())
    pairs = (text.partition("=")[::2] for text in rename or ())
    columns = Columns(
        label=label,
        time=time,
        group=group,
        drop=tuple(drop or ()),
        keep=tuple(keep or ()),
        rename={pattern.strip(): name.strip() for pattern, name in pairs},
        rest=rest,
    )
    samples = samples_of(
        frame,
        columns,
        name=table.stem,
        block_s=86_400 * block_days,
        n_folds=folds,
        corrections=None if review is None else read_review(review),
    )
    for note in samples.notes:
        terminal.say(f"note: {note}")
    tested = EvaluationRule(
        models=tuple(name.strip() for name in models.split(",") if name.strip()),
        n_folds=folds,
        purge_s=purge,
        n_repeats=repeats,
        seed=seed,
    )
    together = None if groups is None else read_groups(groups, samples.X.columns)
    result = evaluate_table(samples, tested, groups=together, on_progress=terminal.say)
    tell_evaluation(result, output or table.with_suffix(".evaluation"))


@app.command(
    epilog="Example: `seisml discover features/ --archive sds/ -o found/` or `... --events "
    "detections.csv --like BX.BT01,2014-03-02T12:00:10`"
)
def discover(
    store: Annotated[
        Path | None, typer.Argument(help="Feature store: its windows are the items.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder.")] = Path("discovery"),
    events: Annotated[
        Path | None, typer.Option(help="Events at stations, with ends, instead (needs --archive).")
    ] = None,
    archive: Annotated[str | None, typer.Option(help="Waveforms: galleries, correlation.")] = None,
    like: Annotated[
        str | None,
        typer.Option(help="STATION,TIME: what else is like this one?", callback=station_time),
    ] = None,
    profile: Profile = "earth-local",
    metadata: Metadata = None,
    station: Stations = None,
    start: Start = None,
    end: End = None,
    clusters: Annotated[
        int, typer.Option(min=0, max=200, help="Of k-means; 0: the best silhouette.")
    ] = 0,
    min_cluster: Annotated[
        int, typer.Option(min=0, help="Smallest of HDBSCAN; 0: a fiftieth.")
    ] = 0,
    max_rows: Annotated[int, typer.Option(min=10, help="Items that are learnt on.")] = 50_000,
    features: Annotated[str, typer.Option(help="Features of events, with commas.")] = "classify",
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Find kinds of events or windows without labels, what is unlike the rest, and more like one.

    Items are the windows of a store, or the events of a file on their true limits. Writes
    items.csv, medoids.csv, novelty.csv, similar.csv (with --like) and discovery.html. What is
    written into the column 'decision' of novelty.csv or similar.csv (a class, noise, ?) becomes
    labels by 'seisml audit'.
    """
    from seisml.discovery import DiscoveryRule
    from seisml.discovery import discover as find
    from seisml.judging import items_of, tell_discovery

    rule = DiscoveryRule(clusters, min_cluster, max_rows=max_rows, seed=seed)
    opened = None if archive is None else steps.open_archive(archive, 1)
    chosen = {"stations": station, "start": start, "end": end}
    names = tuple(name.strip() for name in features.split(","))
    options = {"profile": profile, "metadata": metadata, "names": names, "selection": chosen}
    parts, band = items_of(store, events, opened, **options)
    found = find(parts, rule, on_progress=terminal.say)
    tell_discovery(found, output, archive=opened, band=band, like=like)


@app.command(
    epilog="Examples:\n\n"
    "`seisml audit evaluation/review.csv --catalog expert.xml -o corrected.xml`\n\n"
    "`seisml audit found/novelty.csv -o first_labels.csv`"
)
def audit(
    review: Annotated[
        Path,
        typer.Argument(
            help="review.csv of 'evaluate STORE', novelty.csv or similar.csv of 'discover', with "
            "'decision' filled in: noise, a class, or ? where nobody knows."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Corrected (.csv or .xml).", callback=catalog_target),
    ],
    catalog: Annotated[
        Path | None,
        typer.Option("--catalog", "-c", help="Expert catalogue; without it a new one begins."),
    ] = None,
    body: Body = None,
) -> None:
    """Read a reviewer's decisions back: a corrected expert catalogue to train on."""
    from seisml.audit import apply_review
    from seisml.catalog import make_catalog
    from seisml.formats import read_catalog, write_catalog

    if catalog is not None:
        expert = read_catalog(catalog, body=body)
    else:
        expert = make_catalog(name="review", body=body or "earth", time_basis="label_start")
        terminal.say(
            "note: whatever nobody decided on will count as noise where this catalogue is learnt: "
            "say what time was looked at ([labels] start, end)"
        )
    corrected, counts = apply_review(expert, review)
    write_catalog(corrected, output)
    terminal.table("", ["", "events"], list(counts.items()))
    if not any(counts.values()):
        terminal.say(f"nothing changed: no decision in {review} that was not made before")
    terminal.line(str(output))
