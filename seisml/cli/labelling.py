"""Verbs of labels: how a catalogue labels the windows of feature stores."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps, telling, terminal
from seisml.cli.options import (
    AsJson,
    Coordinates,
    Delay,
    End,
    Epochs,
    Grades,
    Level,
    Looked,
    Profile,
    Rule,
    Start,
)

app = typer.Typer()


@app.command(
    epilog="Examples, before `seisml train`: `seisml labels features/ --catalog expert.xml`, "
    "`seisml labels features/ -c mqs.xml --epochs epochs.csv -p mars-insight --level 1 --grades`"
)
def labels(
    store: Annotated[list[Path], typer.Argument(help="Feature stores.")],
    catalog: Annotated[Path, typer.Option("--catalog", "-c", help="Expert catalogue.")],
    profile: Profile = "earth-local",
    stations: Coordinates = None,
    rule: Rule = None,
    delay: Delay = None,
    epochs: Epochs = None,
    coverage: Looked = None,
    level: Level = None,
    grades: Grades = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="All windows as a table (.csv).")
    ] = None,
    as_json: AsJson = False,
    start: Start = None,
    end: End = None,
) -> None:
    """Say how a catalogue labels windows: by state and class, what is ignored and why.

    Ignored are windows in the margin of an event (by the uncertainty of its times) or in its coda;
    outside the time that the expert looked at; unplaced, where an event of the catalogue has no
    time at this station; of an unsure class, which may be anything; of low coverage, and without
    features.
    """
    from seisml.crossfit import check_times
    from seisml.errors import ModelError
    from seisml.labelcounts import label_counts
    from seisml.setfiles import SetFiles, training_set
    from seisml.trainingset import label_sets

    steps.check_rule(rule, delay)
    changes = {"rule": rule, "delay_s": delay, "level": level, "grades": grades or None}
    changes["epochs"] = None if epochs is None else str(epochs)
    changes["coverage"] = None if coverage is None else str(coverage)
    config = steps.settings_of(profile, **{k: v for k, v in changes.items() if v is not None})
    texts = {"stations": stations, "start": start, "end": end}
    texts = {key: str(value) for key, value in texts.items() if value is not None}
    files = SetFiles(tuple(map(str, store)), str(catalog), labels=config.labels, **texts)
    one = training_set(files, config)
    windows, about = label_sets([one])
    try:
        check_times(windows, [one])
    except ModelError as error:
        terminal.say(f"note: {error.problem} {error.hint}")
    telling.tell_labels(label_counts(windows, one, about.grid), as_json)
    if output is not None:
        telling.write_labels(windows, output)
        terminal.line(str(output))
