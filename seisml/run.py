"""Running a project: every stage in order, making only what is missing or stale."""

import dataclasses
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.archive import Archive, stations
from seisml.atomic import write_atomic
from seisml.config import resolve_path, with_paths
from seisml.covariates import seismometers
from seisml.eventsnr import measured
from seisml.experts import check_overlap, expert_of, looked_at, read_stations, signals_of
from seisml.extract import Outcome, extract, require_windows
from seisml.formats import read_catalog, write_catalog
from seisml.metrics import metrics
from seisml.model import load_detector, save_detector
from seisml.project import Project, read_stamps, stamp_of, status
from seisml.report import Section, write_report
from seisml.resuming import folder_of, forget
from seisml.settings import label_rule_of, match_rule_of, training_rule_of
from seisml.shards import read_counts, shard_paths
from seisml.summaries import to_json
from seisml.training import Training, against, train
from seisml.trainingset import Selection, TrainingSet


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a run calls while it works; every one may be left as it is.

    Attributes
    ----------
    scanned : callable
        (files done, files in all).
    extracted : callable
        (days done, days in all, outcome).
    said : callable
        (text).
    """

    scanned: Callable[[int, int], None] = lambda done, total: None
    extracted: Callable[[int, int, Outcome], None] = lambda done, total, outcome: None
    said: Callable[[str], None] = lambda text: None


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run made, and what it found.

    Attributes
    ----------
    project : Project
    training : Training
    made : tuple of str
        Stages that were made anew; the others were present.
    failed : tuple of Outcome
        Station-days that could not be made.
    """

    project: Project
    archive: Archive
    training: Training
    made: tuple[str, ...]
    failed: tuple[Outcome, ...]


def run(
    project: Project,
    *,
    jobs: int = 1,
    scheduler: str = "",
    report: bool = True,
    progress: Progress | None = None,
) -> Result:
    """Bring all products of a project up to date.

    Parameters
    ----------
    project : Project
    jobs : int
        Processes of the extraction.
    scheduler : str
        A Dask cluster that extracts instead, see `seisml.extract.extract`.
    report : bool
        Whether to write the report (several projects can share one, see `report_of`).
    progress : Progress, optional

    Returns
    -------
    Result

    Raises
    ------
    SeismlError
        One for each thing that can be wrong: archive, catalogue, settings, disk, model.
    """
    progress = progress or Progress()
    archive = project.open_archive(jobs=jobs, on_progress=progress.scanned)
    config, made = project.config, []
    outcomes = extract(
        archive,
        project.store,
        project.plan,
        patterns=config.archive.stations,
        jobs=jobs,
        scheduler=scheduler,
        replace=True,  # the store is the project's own
        on_progress=progress.extracted,
    )
    if not any(outcome.n_usable for outcome in outcomes) and not made_before(project):
        require_windows(outcomes, project.store)
    if outcomes:
        made.append("extract")
    failed = tuple(outcome for outcome in outcomes if outcome.error)
    states = {state.stage: state for state in status(project, archive=archive)}
    if states["train"].state == "present":
        training = _reload(project, archive)
    else:
        training = _train(project, archive, progress)
        made.append("train")
    result = Result(project, archive, training, tuple(made), failed)
    if report and (states["report"].state != "present" or "train" in made):
        report_of([result], project.results / "report.html", progress=progress)
        result = dataclasses.replace(result, made=(*made, "report"))
    return result


def made_before(project: Project) -> bool:
    """Return whether the project was trained before: then a bad new day is no reason to stop."""
    return (project.results / "model.skops").exists()


def _training_set(project: Project, archive: Archive) -> TrainingSet:
    """Return the project's records with the expert's signals at the stations."""
    config = project.config
    labels = with_paths(config.labels, project.path)
    options = {"body": config.body, "epochs": labels.epochs or None}
    catalog, labels = expert_of(labels, project.catalog_path, **options)
    catalog = check_overlap(catalog, archive)
    coordinates = None
    if config.labels.stations:
        coordinates = read_stations(resolve_path(project.path, config.labels.stations))
    sensors = seismometers(archive, config.preparation.pressure)
    used = stations(sensors, patterns=config.archive.stations)
    rule = label_rule_of(dataclasses.replace(config, labels=labels))
    signals = signals_of(catalog, used, rule, coordinates)
    selection = Selection(stations=used)
    return TrainingSet(
        (project.store,),
        signals,
        catalog,
        rule,
        selection,
        archive,
        looked_at=looked_at(labels.coverage, used),
    )


def _train(project: Project, archive: Archive, progress: Progress) -> Training:
    config, folder = project.config, project.results
    training = train(
        [_training_set(project, archive)],
        rule=training_rule_of(config),
        detection=dataclasses.asdict(config.detection),
        matching=match_rule_of(config),
        keep=folder_of(folder / "model.skops"),
        on_progress=progress.said,
    )
    save_detector(training.detector, folder / "model.skops")
    write_catalog(training.machine, folder / "detections.csv")
    write_catalog(training.machine, folder / "detections.xml")
    write_catalog(training.baseline_machine, folder / "baseline.csv")
    buffer = io.BytesIO()
    columns = {name: _plain(training.windows[name]) for name in training.windows}
    np.savez_compressed(buffer, **columns)
    write_atomic(folder / "windows.npz", buffer.getvalue())
    _stamp(project, archive, "train")
    forget(folder_of(folder / "model.skops"))
    return training


def _plain(column: pd.Series) -> np.ndarray:
    return column.to_numpy().astype(str) if column.dtype.kind not in "iuf" else column.to_numpy()


def _reload(project: Project, archive: Archive) -> Training:
    """Return the training that the products hold."""
    folder, config = project.results, project.config
    detector = load_detector(folder / "model.skops")
    with np.load(folder / "windows.npz", allow_pickle=False) as columns:
        windows = pd.DataFrame({name: columns[name] for name in columns.files})
    sets = [_training_set(project, archive)]
    machine = read_catalog(folder / "detections.csv", body=config.body, name="seisml")
    name = detector.card["baseline"]
    base = read_catalog(folder / "baseline.csv", body=config.body, name=name)
    rule = match_rule_of(config)
    tests = [against(found, sets, detector.grid, windows, rule) for found in (machine, base)]
    return Training(detector, machine, base, *tests, windows)


def _stamp(project: Project, archive: Archive, *stages: str) -> None:
    known = read_stamps(project)
    known.update({stage: stamp_of(project, archive) for stage in stages})
    text = json.dumps(known, indent=1, sort_keys=True)
    write_atomic(project.results / "run.json", text)


def report_of(
    results: Sequence[Result],
    path,
    *,
    title: str = "",
    extra: Sequence[Sequence[tuple[str, str]]] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write the comparison's numbers of each project, and one report page for all.

    Parameters
    ----------
    results : sequence of Result
    path : path
        Of the page.
    title : str
    extra : sequence of sequences of (name, text), optional
        Further rows of the headline of each project.
    progress : Progress, optional

    Returns
    -------
    pathlib.Path
    """
    progress = progress or Progress()
    progress.said("writing the report")
    sections = []
    for result, rows in zip(results, extra or [()] * len(results), strict=True):
        numbers = {
            name: to_json(comparison, numbers=metrics(comparison))
            for name, comparison in (
                ("seisml", result.training.test),
                ("baseline", result.training.baseline),
            )
        }
        text = json.dumps(numbers, indent=1)
        write_atomic(result.project.results / "comparison.json", text)
        section = dataclasses.replace(_section(result), extra=rows)
        progress.said(
            f"measuring signal-to-noise ratios of {len(result.training.test.expert)} events"
        )
        training = measured(section.training, section.archive, section.band)
        sections.append(dataclasses.replace(section, training=training))
    settings = "\n\n".join(r.project.path.read_text(encoding="utf-8") for r in results)
    page = write_report(
        path, sections, title=title or results[0].project.path.parent.name, settings=settings
    )
    for result in results:
        _stamp(result.project, result.archive, "report")
    return page


def _section(result: Result) -> Section:
    config = result.project.config
    counts: Counter = Counter()
    for path in shard_paths(result.project.store):
        counts.update(read_counts(path))
    length_s = config.windows.length_s
    return Section(
        title=result.project.path.parent.resolve().name,
        archive=result.archive,
        training=result.training,
        band=result.project.plan.band,
        text=f"Profile {config.profile}, expert catalogue {config.labels.catalog}.",
        counts=dict(sorted(counts.items())),
        before_s=5 * length_s,
        after_s=10 * length_s,
        n_examples=2,
        n_errors=3,
    )
