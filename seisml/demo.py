"""The demonstration: generated archives of Earth and Mars as two ordinary projects."""

from collections.abc import Callable
from pathlib import Path

from seisml.atomic import write_atomic
from seisml.compare import compare
from seisml.errors import ConfigError
from seisml.experts import signals_of
from seisml.formats import read_catalog, write_catalog
from seisml.labels import signal_catalog
from seisml.project import Project, open_project
from seisml.run import Result
from seisml.settings import label_rule_of, match_rule_of
from seisml.synthetics import Truth, make_earth_archive, make_mars_archive

_EARTH = """\
# Two Earth-like stations with local events, traffic, gaps and overlaps (generated, seed {seed}).
profile = "earth-local"

[archive]
path = "archive"

[labels]
catalog = "expert.xml"      # deliberately incomplete; the whole truth is in truth.xml
rule = "picks"

[training]
n_blocks = 3
"""
_MARS = """\
# One InSight-like station: marsquakes, glitches, wind (generated, seed {seed}).
profile = "mars-insight"

[archive]
path = "archive"

[labels]
catalog = "expert.csv"      # deliberately incomplete; the whole truth is in truth.csv
rule = "intervals"

[training]
n_blocks = 6
"""


def make_projects(
    folder,
    *,
    seed: int = 0,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Project]:
    """Generate two archives with known truth, each a project with an expert catalogue.

    Parameters
    ----------
    folder : path
        Made if needed; a demonstration of the same seed that is there already is kept.
    seed : int
    jobs : int
        Processes.
    on_progress : callable, optional
        Called with (done, total).

    Returns
    -------
    list of Project
        Earth and Mars.

    Raises
    ------
    ConfigError
        If the folder holds something else, or a demonstration with another seed.
    """
    folder = Path(folder)
    _check_folder(folder, seed)
    projects = []
    for name, text, suffix, make, options in (
        ("earth", _EARTH, "xml", make_earth_archive, {"n_days": 3, "events_per_day": 54}),
        ("mars", _MARS, "csv", make_mars_archive, {"n_days": 6}),
    ):
        path = folder / name / "seisml.toml"
        if not path.exists():
            truth: Truth = make(
                folder / name / "archive",
                seed=seed,
                **options,
                jobs=jobs,
                overwrite=True,
                on_progress=on_progress,
            )
            write_catalog(truth.catalog, folder / name / f"truth.{suffix}")
            write_catalog(truth.expert, folder / name / f"expert.{suffix}")
            truth.stations.to_csv(folder / name / "stations.csv", index=False)
            write_atomic(path, text.format(seed=seed))  # last: it says that the rest is there
        projects.append(open_project(path))
    return projects


def true_events(result: Result) -> tuple[int, int]:
    """Return how many unmatched detections are planted events that the expert left out.

    Returns
    -------
    n_true, n_unmatched : int
    """
    project, training = result.project, result.training
    path = next(project.path.parent.glob("truth.xml"), project.path.parent / "truth.csv")
    catalog = read_catalog(path, body=project.config.body)
    names = sorted(result.archive.pieces["station"].unique())
    table = signals_of(catalog, names, label_rule_of(project.config), None)
    test, matching = training.test, match_rule_of(project.config)
    truth = compare(
        training.machine,
        signal_catalog(table, catalog),
        tolerance_s=matching.tolerances,
        mode=matching.mode,
        coverage=test.coverage,
        by_station=True,
    )
    unmatched = set(test.unmatched["event_id"])
    return len(unmatched & set(truth.matched["machine_id"])), len(unmatched)


def _check_folder(folder: Path, seed: int) -> None:
    """Refuse to mix with anything that is not this demonstration."""
    mark = folder / ".seisml-demo"
    if folder.exists() and any(folder.iterdir()):
        found = mark.read_text(encoding="utf-8").strip() if mark.is_file() else ""
        if found != f"seed {seed}":
            what = f"a demonstration with {found}" if found else "other files"
            raise ConfigError(
                f"The folder {folder} holds {what}.", "Name a new folder: seisml demo DIR."
            )
    write_atomic(mark, f"seed {seed}\n")
