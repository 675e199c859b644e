"""Verbs of event classes: train-classes, classify."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps, terminal
from seisml.cli.options import Coordinates, Metadata, Profile, catalog_target, target

app = typer.Typer()
Taxonomy = Annotated[
    str | None, typer.Option(help="Classes of labels: mars, moon, regional, volcano, a .toml.")
]


@app.command(
    name="train-classes",
    epilog="Example: `seisml train-classes detections.csv --catalog expert.xml --archive sds/ "
    "--taxonomy volcano -o classes.skops`",
)
def train_classes(
    events: Annotated[Path, typer.Argument(help="Detections, or an expert's events with labels.")],
    archive: Annotated[str, typer.Option(help="Waveforms.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Event classifier (.skops).", callback=target)
    ],
    catalog: Annotated[
        Path | None,
        typer.Option("--catalog", "-c", help="Expert whose labels the detections get."),
    ] = None,
    taxonomy: Taxonomy = None,
    level: Annotated[int | None, typer.Option(help="Of the taxonomy; 1 is its families.")] = None,
    profile: Profile = "earth-local",
    metadata: Metadata = None,
    stations: Coordinates = None,
    tolerance: Annotated[float, typer.Option(help="Of detections and expert events, s.")] = 5.0,
    models: Annotated[
        str, typer.Option(help="Classifiers to compare, with commas; the best is kept.")
    ] = "dummy,logistic,random_forest,hist_gradient_boosting",
    features: Annotated[str, typer.Option(help="Features or sets, with commas.")] = "classify",
    folds: Annotated[int, typer.Option(min=2)] = 5,
    repeats: Annotated[int, typer.Option(min=0, help="Permutations of a feature.")] = 2,
    report: Annotated[
        Path | None, typer.Option(help="Folder of the evaluation [OUTPUT's name + .evaluation].")
    ] = None,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Train the second stage: a classifier of events, on the limits that the detector found.

    Without --catalog the events' own labels and limits are learnt; an event at several stations
    has the ids "event@NET.STA". The evaluation is blocked by event: one at several stations is
    never in training and test.
    """
    from seisml.classfiles import save_classifier
    from seisml.compare import compare
    from seisml.evaluation import EvaluationRule
    from seisml.eventclasses import labelled_detections
    from seisml.eventclasses import train_classes as train
    from seisml.formats import read_catalog
    from seisml.judging import tell_evaluation
    from seisml.report import levels_block
    from seisml.settings import plan_of
    from seisml.taxonomy import load_taxonomy

    config = steps.settings_of(profile)
    known = None if taxonomy is None else load_taxonomy(taxonomy)
    opened = steps.open_archive(archive, 1)
    plan = plan_of(config, metadata=steps.read_metadata(metadata or ()))
    if catalog is None:
        found = steps.at_stations(read_catalog(events), opened, config, stations).events
        own = found["event_id"].str.rsplit("@", n=1).str[0]
        table = found.assign(event=own)[lambda rows: rows["label"] != ""]
    else:
        expert = steps.at_stations(read_catalog(catalog), opened, config, stations)
        test = compare(read_catalog(events), expert, tolerance_s=tolerance, by_station=True)
        table = labelled_detections(test)[lambda rows: rows["label"] != ""]
        terminal.say(f"{len(table)} of {len(test.machine)} detections have an expert's label")
    rule = EvaluationRule(
        models=tuple(name.strip() for name in models.split(",") if name.strip()),
        n_folds=folds,
        n_repeats=repeats,
        seed=seed,
    )
    training = train(
        opened,
        table,
        plan,
        taxonomy=known,
        level=level,
        names=tuple(name.strip() for name in features.split(",")),
        rule=rule,
        on_progress=terminal.say,
    )
    for note in training.evaluation.samples.notes:
        terminal.say(f"note: {note}")
    save_classifier(training.classifier, output)
    block = levels_block(training.levels, training.evaluation.best)
    tell_evaluation(training.evaluation, report or output.with_suffix(".evaluation"), more=[block])
    terminal.line(str(output))


@app.command(
    epilog="Example: `seisml classify detections.csv --archive sds/ -m classes.skops -o named.csv`"
)
def classify(
    detections: Annotated[Path, typer.Argument(help="Events at stations, with ends.")],
    archive: Annotated[str, typer.Option(help="Waveforms.")],
    model: Annotated[Path, typer.Option("--model", "-m", help="From 'seisml train-classes'.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Named events (.csv or .xml).", callback=catalog_target
        ),
    ],
    min_probability: Annotated[
        float, typer.Option(help="A type with less gives way to its family, this to 'unknown'.")
    ] = 0.5,
    priors: Annotated[
        str,
        typer.Option(help="Classes are as frequent as: balanced (alike), training, estimate."),
    ] = "balanced",
    metadata: Metadata = None,
) -> None:
    """Name detections: type, else family, else unknown, with the probability of each class."""
    from seisml.classfiles import load_classifier
    from seisml.eventclasses import classify_events
    from seisml.formats import read_catalog, write_catalog
    from seisml.settings import plan_from

    classifier = load_classifier(model)
    plan = plan_from(classifier.plan, metadata=steps.read_metadata(metadata or ()))
    opened = steps.open_archive(archive, 1)
    with terminal.bars() as progress:
        task = progress.add_task("classifying", total=None)
        named = classify_events(
            read_catalog(detections),
            opened,
            classifier,
            plan,
            min_probability=min_probability,
            priors=priors,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            on_message=lambda text: terminal.say(f"note: {text}"),
        )
    write_catalog(named, output)
    counts = named.events["label"].value_counts()
    terminal.table("", ["label", "events"], [(name, int(n)) for name, n in counts.items()])
    terminal.line(str(output))
