"""A project: a ``seisml.toml`` with its paths, and the state of each product.

Products in the results folder::

    features/            shards of the feature store
    model.skops          detector, trained on all blocks
    detections.csv .xml  events found in windows that the scoring model had not seen
    baseline.csv         the same by STA/LTA
    windows.npz          out-of-fold scores of all windows
    comparison.json      numbers of the comparison with the expert, and of the baseline
    report.html          one self-contained page
    run.json             what each product was made from
"""

import dataclasses
import hashlib
import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from seisml import archive as archives
from seisml.archive import Archive
from seisml.catalog import Catalog, select
from seisml.compare import Comparison, compare
from seisml.config import Config, load_config, profile_text, resolve_path
from seisml.crossfit import MatchRule, Selection, TrainingRule
from seisml.errors import CatalogError, ConfigError
from seisml.extract import Plan, tasks
from seisml.features import Settings
from seisml.formats import read_catalog
from seisml.intervals import union
from seisml.labels import LabelRule, signal_catalog, signals
from seisml.model import save_detector
from seisml.segments import Band
from seisml.store import covered, iter_tables, shard_paths
from seisml.times import iso
from seisml.training import Training, train
from seisml.windows import WindowGrid


def plan_of(config: Config) -> Plan:
    """Return the extraction plan of a configuration."""
    f, p = config.features, config.preparation
    settings = Settings(
        grid=WindowGrid(config.windows.length_s, config.windows.hop_s),
        band_hz=(p.f_min_hz, p.f_max_hz),
        bands_hz=f.bands_hz,
        sub_s=f.sub_s,
        spectrum_s=f.spectrum_s,
        sta_lta_s=(
            ("short", *f.sta_lta_short_s),
            ("mid", *f.sta_lta_mid_s),
            ("long", *f.sta_lta_long_s),
        ),
        background_s=f.background_s,
        background_quantile=f.background_quantile,
        min_coverage=f.min_coverage,
    )
    return Plan(Band(p.f_min_hz, p.f_max_hz, p.order), settings, f.names, f.chunk_s)


def plan_from(detector_plan: dict, *, chunk_s: float = 10800.0) -> Plan:
    """Return the plan that a detector's features were made with."""
    s = dict(detector_plan["settings"])
    s["grid"] = WindowGrid(**s["grid"])
    for key in ("band_hz", "bands_hz", "sta_lta_s"):
        s[key] = tuple(tuple(v) if isinstance(v, list) else v for v in s[key])
    band = Band(**detector_plan["band"])
    plan = Plan(band, Settings(**s), tuple(detector_plan["features"]), chunk_s)
    everything = dataclasses.replace(plan, names=("all",))
    return everything if everything.as_dict() == dict(detector_plan) else plan


def label_rule_of(config: Config) -> LabelRule:
    """Return the label rule of a configuration."""
    names = {field.name for field in dataclasses.fields(LabelRule)}
    values = dataclasses.asdict(config.labels)
    return LabelRule(**{name: value for name, value in values.items() if name in names})


def training_rule_of(config: Config) -> TrainingRule:
    """Return the training rule of a configuration."""
    t = config.training
    return TrainingRule(
        model=t.model,
        n_folds=t.n_blocks,
        block_s=t.block_days * 86_400.0,
        purge_s=t.purge_s,
        noise_per_event=t.noise_per_event,
        max_windows=t.max_windows,
        one_class=config.labels.one_class,
        class_weight=t.class_weight,
        seed=t.seed,
    )


def read_stations(path) -> pd.DataFrame | None:
    """Read a table of stations: station ("NET.STA"), latitude, longitude.

    Raises
    ------
    ConfigError
        If the file is missing or lacks a column.
    """
    if not path:
        return None
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"The table of stations {path} cannot be read: {error}.") from error
    missing = {"station", "latitude", "longitude"} - set(table.columns)
    if missing:
        raise ConfigError(
            f"{path} lacks the columns {', '.join(sorted(missing))}.",
            "It needs station (NET.STA), latitude, longitude.",
        )
    return table


def signals_of(catalog: Catalog, archive_stations, rule: LabelRule, coordinates) -> pd.DataFrame:
    """Return the expert's signals at the stations of an archive.

    Raises
    ------
    CatalogError
        If there is none.
    """
    table = signals(catalog, archive_stations, rule, coordinates=coordinates)
    if table.empty:
        names = sorted({".".join(s.split(".")[:2]) for s in archive_stations})
        raise CatalogError(
            f"No event of {catalog.name or catalog.source} is at a station of the archive "
            f"({', '.join(names)}).",
            "Check the station names of its picks, or use another label rule.",
        )
    return table


def check_overlap(catalog: Catalog, archive: Archive) -> Catalog:
    """Return the events in the archive's time.

    Raises
    ------
    CatalogError
        If there is none.
    """
    start = int(archive.pieces["start_ns"].min())
    end = int(archive.pieces["end_ns"].max())
    inside = select(catalog, start=start - 3600 * 10**9, end=end)
    if not len(inside) and len(catalog):
        times = catalog.events["time_ns"]
        raise CatalogError(
            f"{catalog.name or catalog.source} ({iso(int(times.min()))} to "
            f"{iso(int(times.max()))}) has no event in the archive's time ({iso(start)} to "
            f"{iso(end)}).",
            "Check the time zone of the catalogue, and whether it belongs to this archive.",
        )
    return inside


@dataclasses.dataclass(frozen=True)
class Project:
    """A configuration with its paths resolved.

    Attributes
    ----------
    path : pathlib.Path
        The ``seisml.toml``.
    config : Config
    """

    path: Path
    config: Config

    @property
    def results(self) -> Path:
        """Folder of the products."""
        return resolve_path(self.path, self.config.folder)

    @property
    def store(self) -> Path:
        """Folder of the feature store."""
        return self.results / "features"

    @property
    def catalog_path(self) -> Path:
        """The expert catalogue."""
        if not self.config.labels.catalog:
            raise ConfigError(
                f"{self.path}: [labels] catalog is empty.", "Name the expert catalogue's file."
            )
        return resolve_path(self.path, self.config.labels.catalog)

    def open_archive(self, **options) -> Archive:
        """Open the archive of the project."""
        value = self.config.archive.path
        return archives.open_archive(resolve_path(self.path, value), **options)


def open_project(path) -> Project:
    """Read a ``seisml.toml``."""
    return Project(Path(path), load_config(path))


@dataclasses.dataclass(frozen=True)
class StageState:
    """State of one stage: present, stale or missing, and why."""

    stage: str
    state: str
    why: str
    n_todo: int = 0
    n_all: int = 1


def status(project: Project, *, archive: Archive | None = None) -> list[StageState]:
    """Say for each stage whether its product is present, stale or missing, and why."""
    archive = archive or project.open_archive()
    plan, c = plan_of(project.config), project.config
    every = tasks(archive, project.store, plan, patterns=c.archive.stations)
    todo = [task for task in every if task.state != "present"]
    why = ""
    if todo:
        reasons = Counter(f"{task.state}: {task.why}" for task in todo)
        why = "; ".join(f"{n} x {reason}" for reason, n in reasons.most_common(3))
    state = "present" if not todo else "stale" if len(todo) < len(every) else "missing"
    out = [StageState("extract", state, why, len(todo), len(every))]
    upstream = "features" if todo else ""
    for stage, products in (
        ("train", ("model.skops", "detections.csv", "windows.npz")),
        ("report", ("report.html", "comparison.json")),
    ):
        found = _stage_state(project, archive, stage, products, upstream)
        out.append(found)
        upstream = upstream or (stage if found.state != "present" else "")
    return out


def _stage_state(project, archive, stage: str, products, upstream: str) -> StageState:
    missing = [name for name in products if not (project.results / name).exists()]
    if missing:
        return StageState(stage, "missing", f"no {', '.join(missing)}", 1)
    if upstream:
        return StageState(stage, "stale", f"{upstream} will be made anew", 1)
    known = read_stamps(project).get(stage, {})
    changed = [k for k, v in stamp_of(project, archive).items() if known.get(k) != v]
    if changed:
        return StageState(stage, "stale", f"changed: {', '.join(changed)}", 1)
    return StageState(stage, "present", "")


def stamp_of(project: Project, archive: Archive) -> dict[str, str]:
    """Return what the products depend on, hashed by kind."""
    c = project.config

    def digest(value) -> str:
        text = json.dumps(value, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    catalog = project.catalog_path
    files = [catalog.with_suffix(".picks.csv"), catalog]
    if c.labels.stations:
        files.append(resolve_path(project.path, c.labels.stations))
    return {
        "features": plan_of(c).fingerprint,
        "waveforms": digest(archive.files[["path", "size", "mtime_ns"]].to_numpy().tolist()),
        "catalogue": digest([_digest_file(path) for path in files]),
        "labels": digest(dataclasses.asdict(c.labels)),
        "training": digest(dataclasses.asdict(c.training)),
        "detection": digest(dataclasses.asdict(c.detection)),
        "comparison": digest(dataclasses.asdict(c.comparison)),
        "seisml": version("seisml"),
    }


def _digest_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def read_stamps(project: Project) -> dict:
    """Return what the products at hand were made from, by stage."""
    path = project.results / "run.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no stamp, or half a one: everything is stale
        return {}


def template(profile: str) -> str:
    """Return the text of a ``seisml.toml`` that starts from a profile.

    Raises
    ------
    ConfigError
        If there is no such profile.
    """
    preset = profile_text(profile)
    body = "\n".join(f"# {line}" if line else "#" for line in preset.splitlines())
    return _TEMPLATE.format(profile=profile, body=body)


_TEMPLATE = """\
# A seisml project. Bring everything up to date with: seisml run seisml.toml
# Paths are relative to this file.

profile = "{profile}"
folder = "results"          # where products go

[archive]
path = "archive"            # SDS root, folder, pattern or file
stations = ["*"]            # for example ["BX.*", "XB.ELYSE.02.BH"]

[labels]
catalog = "catalog.xml"     # expert catalogue: QuakeML, MQS QuakeML, CSV, ...
# stations = "stations.csv" # station,latitude,longitude: for origins without picks

# What the profile sets; copy a line above (in its table) to change it.
#
{body}
"""


def train_on(
    store,
    catalog_path,
    config: Config,
    output,
    *,
    archive: Archive | None = None,
    stations=None,
    start=None,
    end=None,
    on_progress=None,
) -> Training:
    """Train on feature stores and a catalogue file, and save the detector.

    Parameters
    ----------
    store : sequence of path
    catalog_path : path
    config : Config
        Labels, training, detection and comparison.
    output : path
        Of the model.
    archive : Archive, optional
    stations : path, optional
        Coordinates.
    start, end : time, optional
        Windows that are used.
    on_progress : callable, optional

    Returns
    -------
    Training
    """
    catalog = read_catalog(catalog_path, body=config.body)
    names = sorted({path.parent.name for one in store for path in shard_paths(one)})
    coordinates = read_stations(stations)
    table = signals_of(catalog, names, label_rule_of(config), coordinates)
    training = train(
        list(store),
        table,
        catalog,
        label_rule=label_rule_of(config),
        rule=training_rule_of(config),
        detection=dataclasses.asdict(config.detection),
        matching=MatchRule(config.comparison.tolerance_s, config.comparison.mode),
        archive=archive,
        selection=Selection(start=start, end=end),
        on_progress=on_progress,
    )
    save_detector(training.detector, output)
    return training


def compare_files(
    machine,
    expert,
    *,
    tolerance_s: float,
    mode: str = "onset",
    store=None,
    rule: str | None = None,
    delay_s: float = 0.0,
    stations=None,
    start=None,
    end=None,
) -> Comparison:
    """Compare two catalogue files, inside the coverage of a feature store if one is given.

    Parameters
    ----------
    machine, expert : path
    tolerance_s, mode
        See `seisml.compare.compare`.
    store : path, optional
        Feature store whose usable windows are the coverage.
    rule : str, optional
        Label rule by which the expert's events are brought to the stations first.
    delay_s, stations
        For the rules ``delay`` and ``origins``.
    start, end : time, optional
        Only events in this time.

    Returns
    -------
    Comparison
    """
    found = select(read_catalog(machine), start=start, end=end)
    truth = select(read_catalog(expert), start=start, end=end)
    coverage = None
    if store is not None:
        coverage = {}
        for table in iter_tables(store, start=start, end=end):
            least = float(table.settings["settings"]["min_coverage"])
            for name, spans in covered(table, min_coverage=least).items():
                name = ".".join(name.split(".")[:2])
                coverage[name] = union(coverage.get(name, union()), spans)
    if rule is not None:
        names = sorted(set(found.events["station"]) | set(coverage or ()))
        label_rule = LabelRule(rule=rule, delay_s=delay_s)
        table = signals_of(truth, names, label_rule, read_stations(stations))
        truth = signal_catalog(table, truth)
    if found.body != truth.body:
        found = dataclasses.replace(found, body=truth.body)  # a CSV does not say its body
    return compare(found, truth, tolerance_s=tolerance_s, mode=mode, coverage=coverage)


def describe_catalog(catalog: Catalog) -> list[tuple[str, str]]:
    """Return a summary of a catalogue as (name, text) rows."""
    events, picks = catalog.events, catalog.picks

    def counted(column: str, table=events) -> str:
        counts = table[column][table[column] != ""].value_counts()
        return ", ".join(f"{n} {name}" for name, n in counts.items()) or "-"

    span = "-"
    if len(events):
        span = f"{iso(int(events['time_ns'].min()))} to {iso(int(events['time_ns'].max()))}"
    magnitude = events["magnitude"].dropna()
    size = f"{magnitude.min():g} to {magnitude.max():g}" if len(magnitude) else "-"
    dropped = ", ".join(f"{n} x {reason}" for reason, n in catalog.dropped.items()) or "none"
    return [
        ("events", str(len(events))),
        ("picks", str(len(picks))),
        ("time", span),
        ("time basis", catalog.time_basis),
        ("body", catalog.body),
        ("classes", counted("label")),
        ("qualities", counted("quality")),
        ("magnitudes", size),
        ("phases", counted("phase", picks)),
        ("stations", str(picks["station"].replace("", np.nan).nunique())),
        ("rows dropped", dropped),
    ]
