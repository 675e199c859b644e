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
import functools
import hashlib
import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from seisml import archive as archives
from seisml.archive import Archive
from seisml.config import Config, load_config, resolve_path
from seisml.errors import ConfigError
from seisml.extract import Plan, tasks
from seisml.formats import catalog_files
from seisml.metadata import read_metadata
from seisml.remote import is_remote
from seisml.settings import plan_of

PRODUCTS = "2"
"""Form of what the stages write; another one is made anew."""


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

    @functools.cached_property
    def plan(self) -> Plan:
        """What is extracted, with the metadata of the stations."""
        files = [resolve_path(self.path, path) for path in self.config.data.metadata]
        return plan_of(self.config, metadata=read_metadata(files) if files else None)

    def open_archive(self, **options) -> Archive:
        """Open the archive of the project."""
        root = self.config.archive.path
        root = root if is_remote(root) else resolve_path(self.path, root)
        return archives.open_archive(root, **options)


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
    plan, c = project.plan, project.config
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

    files = catalog_files(project.catalog_path)
    beside = (c.labels.stations, c.labels.epochs, c.labels.coverage)
    files += [resolve_path(project.path, p) for p in beside if p]
    return {
        "features": project.plan.fingerprint,
        "metadata": project.plan.metadata.fingerprint if project.plan.metadata else "",
        "waveforms": digest(archive.files[["path", "size", "mtime_ns"]].to_numpy().tolist()),
        "catalogue": digest([_digest_file(path) for path in files]),
        "stations": digest(list(c.archive.stations)),
        "labels": digest(dataclasses.asdict(c.labels)),
        "training": digest(dataclasses.asdict(c.training)),
        "detection": digest(dataclasses.asdict(c.detection)),
        "comparison": digest(dataclasses.asdict(c.comparison)),
        "seisml": version("seisml"),
        "products": PRODUCTS,
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
