"""Verbs of generated records: pretrain, synth."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps, terminal
from seisml.cli.options import Jobs, target

app = typer.Typer()


@app.command(epilog="Example: `seisml pretrain mars-insight -o mars.skops`")
def pretrain(
    name: Annotated[str, typer.Argument(help="Recipe: mars-insight, moon-apollo, ...")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Model (.skops).", callback=target)
    ],
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
    from seisml.pretraining import pretrain as make
    from seisml.recipes import get_recipe

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


@app.command(epilog="Example: `seisml synth mars -o mars/ --sols 10 --seed 3`")
def synth(
    world: Annotated[str, typer.Argument(help="earth, mars or moon.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder, made if needed.")],
    sols: Annotated[int, typer.Option("--sols", "--days", min=1, help="Length, days.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other records.")] = 0,
    jobs: Jobs = 1,
) -> None:
    """Generate an archive with known truth: SDS, StationXML, truth and expert catalogues.

    Classes of mars: LOW_FREQUENCY (LF, 0.2-0.6 Hz), BROADBAND (BB, to 0.9 Hz and an echo at
    2.4 Hz) and WIDEBAND (WB, to 4 Hz) with P and S through the mantle; 2.4_HZ (the resonance of
    the ground), HIGH_FREQUENCY (HF, 0.5-8 Hz) and VERY_HIGH_FREQUENCY (VF, to the end of the band,
    strongest on the horizontals) with Pg and Sg through the crust; SUPER_HIGH_FREQUENCY (SF, above
    5 Hz, seconds long, after sunset: cracks in the ground). Besides: glitches, donks, dust devils,
    gusts, the 1 Hz tick, lander modes, a gap and a restart.

    Classes of moon: deep, shallow, impact. Classes of earth: earthquake, quarry blast.
    """
    from seisml.generation import generate

    with terminal.bars() as bars:
        task = bars.add_task("generating records", total=None)
        made = generate(
            world,
            output,
            n_days=sols,
            seed=seed,
            jobs=jobs,
            on_progress=lambda n, total: bars.update(task, completed=n, total=total),
        )
    for path in made:
        terminal.line(str(path))


@app.command(epilog="Examples: `seisml sol 2019-05-23T02:22:59`, `seisml sol 173M02:58:36`")
def sol(
    times: Annotated[list[str], typer.Argument(help="Times UTC, or sols with local time.")],
) -> None:
    """Convert between UTC and the sols and local times of InSight."""
    from seisml.marstime import described, instant_of, outside_mission

    header = ["UTC", "sol and LMST", "LTST", "Ls (degrees)"]
    terminal.table("", header, [described(text) for text in times])
    for text in times:
        if note := outside_mission(instant_of(text), instant_of(text) + 1):
            terminal.say(note)
