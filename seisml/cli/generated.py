"""Verbs of generated records: pretrain, synth."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps, terminal
from seisml.cli.options import Jobs

app = typer.Typer()


@app.command(epilog="Example: `seisml pretrain mars-insight -o mars.skops`")
def pretrain(
    name: Annotated[str, typer.Argument(help="Recipe: mars-insight, moon-apollo, ...")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Model (.skops).")],
    seed: Annotated[int, typer.Option(min=0, help="Other records, another model.")] = 0,
    records: Annotated[
        int | None, typer.Option(min=20, help="How many records are generated.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Folder in which records and features are kept.")
    ] = None,
    jobs: Jobs = 1,
) -> None:
    """Train a detector on generated records only: no labels are needed."""
    from seisml.model import save_detector
    from seisml.pretraining import get_recipe
    from seisml.pretraining import pretrain as make

    get_recipe(name)
    with terminal.bars() as bars:
        drawn = bars.add_task("generating records", total=None)
        made = bars.add_task("extracting features", total=None)
        training = make(
            name,
            seed=seed,
            n_records=records,
            folder=keep,
            jobs=jobs,
            on_generated=lambda n, total: bars.update(drawn, completed=n, total=total),
            on_extracted=lambda n, total, _: bars.update(made, completed=n, total=total),
            on_progress=terminal.say,
        )
    save_detector(training.detector, output)
    terminal.say(f"{training.detector}")
    steps.comparison_table("held-out records", training)
    terminal.line(str(output))
