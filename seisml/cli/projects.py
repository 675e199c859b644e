"""Verbs of whole projects: demo, init, run, report, status."""

from pathlib import Path
from typing import Annotated

import typer

from seisml import steps, terminal
from seisml.cli.options import AsJson, Jobs, Scheduler
from seisml.errors import ConfigError

app = typer.Typer()


@app.command(epilog="Example: `seisml demo my-demo -j 2`")
def demo(
    folder: Annotated[Path, typer.Argument(help="Made if needed.")] = Path("seisml-demo"),
    seed: Annotated[int, typer.Option(help="Another seed, other records.")] = 0,
    jobs: Jobs = 2,
) -> None:
    """Run the whole chain on generated archives with known truth, ending in a report."""
    from seisml.demo import make_projects, true_events
    from seisml.run import report_of

    with terminal.bars() as progress:
        task = progress.add_task("generating records", total=None)

        def generated(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        projects = make_projects(folder, seed=seed, jobs=jobs, on_progress=generated)
    results = [steps.run_project(project, jobs=jobs, report=False) for project in projects]
    extra = []
    for result in results:
        n_true, n_unmatched = true_events(result)
        what = "unmatched that are planted events the expert left out"
        extra.append([(what, f"{n_true} of {n_unmatched}")])
        steps.headline(result, extra[-1])
    page = folder / "report.html"
    report_of(results, page, title="seisml demo", extra=extra, progress=steps.messages())
    terminal.line(str(page.resolve()))


@app.command(epilog="Example: `seisml init volcano -o project/seisml.toml`")
def init(
    profile: Annotated[str, typer.Argument(help="earth-local, volcano, ...")] = "earth-local",
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("seisml.toml"),
) -> None:
    """Write a commented seisml.toml from a profile."""
    from seisml.settings import template

    text = template(profile)
    if output.exists():
        raise ConfigError(f"{output} exists already.", "Name another file with -o.")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    terminal.line(str(output))


@app.command(epilog="Example: `seisml run seisml.toml -j 4`")
def run(
    config: Annotated[Path, typer.Argument(help="The project.")] = Path("seisml.toml"),
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
) -> None:
    """Bring all products of a project up to date; only what is missing or stale is made."""
    from seisml.project import open_project

    result = steps.run_project(open_project(config), jobs=jobs, scheduler=scheduler)
    steps.headline(result)
    made = ", ".join(result.made) or "nothing: everything is up to date"
    terminal.say(f"made: {made}")
    terminal.line(str((result.project.results / "report.html").resolve()))
    raise typer.Exit(1 if result.failed else 0)


@app.command(epilog="Example: `seisml report seisml.toml`")
def report(
    config: Annotated[Path, typer.Argument(help="The project.")] = Path("seisml.toml"),
) -> None:
    """Write the report of a project anew."""
    from seisml.project import open_project
    from seisml.run import report_of

    result = steps.run_project(open_project(config), jobs=1, report=False)
    page = report_of([result], result.project.results / "report.html", progress=steps.messages())
    terminal.line(str(page.resolve()))


@app.command(epilog="Example: `seisml status seisml.toml --json`")
def status(
    config: Annotated[Path, typer.Argument(help="The project.")] = Path("seisml.toml"),
    as_json: AsJson = False,
) -> None:
    """Say what of a project is present, stale or missing, and why."""
    import dataclasses

    from seisml.project import open_project
    from seisml.project import status as stages

    states = stages(open_project(config))
    if as_json:
        terminal.as_json([dataclasses.asdict(state) for state in states])
    else:
        rows = [(s.stage, s.state, f"{s.n_todo} of {s.n_all}", s.why) for s in states]
        terminal.table("", ["stage", "state", "to do", "why"], rows)
    if all(state.state == "present" for state in states):
        terminal.say("Everything is up to date.")
