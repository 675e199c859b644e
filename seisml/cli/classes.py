"""Verbs of the classroom: class build, class make, class score, class expect."""

import math
from pathlib import Path
from typing import Annotated

import typer

from seisml import terminal
from seisml.cli.options import AsJson, Jobs, Zone

app = typer.Typer()
group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The classroom: build the notebooks, make the exercise, score what is handed in.",
)
app.add_typer(group, name="class")


@group.command(epilog="Example: `seisml class make --seed 803471 -o autumn/`")
def make(
    output: Annotated[Path, typer.Option("-o", "--output", help="New folder.")],
    seed: Annotated[int, typer.Option(min=0, help="Keep it: who knows it has the answers.")],
    days: Annotated[int, typer.Option(help="Half is taught, half is the exam.")] = 4,
    jobs: Jobs = 1,
) -> None:
    """Make the detection exercise: a package for students, an answer key for the teacher."""
    from seisml.classroom.exercise import make_exercise

    with terminal.bars() as progress:
        bar = progress.add_task("channel-days", total=None)
        student, key = make_exercise(
            output,
            seed=seed,
            n_days=days,
            jobs=jobs,
            on_progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    terminal.say("Give the first to the students; the second is the answer key.")
    terminal.line(str(student))
    terminal.line(str(key))


@group.command(epilog="Example: `seisml class check team.csv`")
def check(
    submissions: Annotated[list[Path], typer.Argument(help="CSV files time,end_time,label.")],
    zone: Zone = None,
) -> None:
    """Check the form of submissions before they are handed in; no answer key is needed."""
    from seisml.classroom.exercise import CLASSES
    from seisml.classroom.submissions import read_submission
    from seisml.errors import CatalogError
    from seisml.times import iso

    wrong = 0
    for path in submissions:
        try:
            submission = read_submission(path, classes=CLASSES, zone=zone)
        except CatalogError as error:
            terminal.failure(error.problem, error.hint)
            wrong += 1
            continue
        events = submission.catalog.events
        kinds = ", ".join(f"{n} {label}" for label, n in events["label"].value_counts().items())
        limits = events["time_ns"].iloc[[0, -1]] if len(events) else []
        span = " to ".join(iso(int(time_ns))[:19] + "Z" for time_ns in limits)
        terminal.line(f"{path.name}: {len(events)} detections; {kinds or 'no label'}; {span}")
        for note in submission.notes:
            terminal.say(f"{path.name}: {note}")
    raise typer.Exit(1 if wrong else 0)


@group.command(
    epilog="Example: `seisml class score handed-in/*.csv --truth autumn/teacher/truth.json "
    "--figure leaderboard.png`"
)
def score(
    submissions: Annotated[list[Path], typer.Argument(help="CSV files time,end_time,label.")],
    truth: Annotated[Path, typer.Option(help="The answer key, teacher/truth.json.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Leaderboard with intervals and notes, CSV.")
    ] = Path("leaderboard.csv"),
    figure: Annotated[Path | None, typer.Option(help="Also draw it, PNG.")] = None,
    zone: Zone = None,
    as_json: AsJson = False,
) -> None:
    """Score submissions: recall, precision, F1, classes, onsets, with 95 % intervals."""
    from seisml.atomic import write_atomic
    from seisml.classroom.exercise import read_key
    from seisml.classroom.scoring import leaderboard, score_files
    from seisml.summaries import plain

    results = score_files(submissions, read_key(truth), zone=zone)
    board = leaderboard(results)
    write_atomic(output, board.to_csv(index=False, float_format="%.4f"))
    if figure is not None:
        from seisml.plots.classroom import plot_leaderboard
        from seisml.plots.style import png

        write_atomic(figure, png(plot_leaderboard(board)))
    if as_json:
        terminal.as_json(plain(board.to_dict("records")))
    else:
        header = ["place", "team", "score", "recall", "precision", "F1", "class score"]
        rows = [_row(place, result) for place, result in enumerate(results, 1)]
        terminal.table("", [*header, "onset error, s", "pairs", "detections"], rows)
        for result in results:
            for note in result.notes:
                terminal.say(f"{result.team}: {note}")
            if result.refused:
                terminal.failure(f"{result.team} is not scored. {result.refused}")
        terminal.say(f"Leaderboard: {output}")
    raise typer.Exit(1 if any(result.refused for result in results) else 0)


def _row(place: int, result) -> list[str]:
    if result.refused:
        return [str(place), result.team, "refused", *[""] * 7]
    names = ("score", "recall", "precision", "f1", "class_score", "onset_error_s")
    values = [_text(result.measures[name], result.intervals[name]) for name in names]
    counts = result.counts
    pairs = f"{counts['n_matched']} of {counts['n_events']}"
    return [str(place), result.team, *values, pairs, str(counts["n_detections"])]


def _text(value: float, interval: tuple[float, float]) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


@group.command(epilog="Example: `seisml class expect --seeds 5`")
def expect(
    seeds: Annotated[int, typer.Option(min=1, help="Exercises that are made and scored.")] = 3,
    first: Annotated[int, typer.Option(min=0, help="The first of the seeds.")] = 1,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Keep exercises and submissions here.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="exercise, or lessons.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what to expect on several seeds: of simulated teams, and of the notebooks."""
    from seisml.classroom.expected import lessons, spread
    from seisml.errors import ConfigError, did_you_mean
    from seisml.summaries import plain

    if only not in (None, "exercise", "lessons"):
        raise ConfigError(f"--only is {only!r}.", did_you_mean(only, ["exercise", "lessons"]))
    numbers, tables = range(first, first + seeds), {}
    if only != "lessons":
        tables["exercise"] = spread(numbers, folder=output, on_progress=terminal.say)
    if only != "exercise":
        tables["lessons"] = lessons(numbers, on_progress=terminal.say)
    if as_json:
        terminal.as_json({k: plain(table.to_dict("records")) for k, table in tables.items()})
        return
    for table in tables.values():
        terminal.table("", list(table), table.to_numpy(dtype=object).tolist())


@group.command(epilog="Example: `seisml class build -o course/` or `seisml class build 0 1 --html`")
def build(
    notebooks: Annotated[
        list[str] | None, typer.Argument(help="First letters of names; default all.")
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for student/ and solution/.")
    ] = Path("course"),
    source: Annotated[Path, typer.Option(help="Folder of the sources.")] = Path("notebooks"),
    html: Annotated[bool, typer.Option("--html", help="Solutions as pages, too.")] = False,
    student_only: Annotated[
        bool, typer.Option("--student-only", help="Do not execute the solutions.")
    ] = False,
) -> None:
    """Build the notebooks: for students, and executed with solutions; prove the checks."""
    from seisml.classroom import notebooks as books

    with terminal.bars() as progress:
        paths = books.sources(source, notebooks or ())
        bar, built = progress.add_task("notebooks", total=len(paths)), []
        for path in paths:
            progress.update(bar, description=path.stem)
            one = books.build(path, output, run=not student_only, html=html)
            built.append(one)
            progress.advance(bar)
            told = f", {one.n_checks} checks, {one.n_refused} empty or wrong answers refused"
            terminal.say(f"{one.name}: {one.seconds:.1f} s{told if one.solution else ''}")
    total = sum(one.seconds for one in built)
    terminal.say(f"{len(built)} notebooks in {total:.1f} s")
    terminal.line(str(output))
