"""A detector that was trained on the planted archive: the same for all tests of a run."""

import atexit
import dataclasses
import functools
import shutil
import tempfile
from pathlib import Path

from planted_archive import planted_archive

from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.config import load_profile
from seisml.extract import extract
from seisml.labels import signals
from seisml.settings import label_rule_of, plan_of, training_rule_of
from seisml.thresholds import MatchRule
from seisml.training import train
from seisml.trainingset import TrainingSet


@dataclasses.dataclass(frozen=True)
class Trained:
    """A detector that was trained on the planted archive, and what it was made from."""

    archive: object
    store: object
    one: TrainingSet
    rule: object
    training: object
    plan: object


@functools.cache
def planted_training() -> Trained:
    """Return a logistic detector of three classes of events in a record of three blocks."""
    folder, events = planted_archive(8, 1, 1500.0)
    config = load_profile("earth-local")
    config = dataclasses.replace(
        config, training=dataclasses.replace(config.training, model="logistic", n_blocks=3)
    )
    archive, plan = open_archive(str(folder)), plan_of(config)
    store = Path(tempfile.mkdtemp(prefix="planted")) / "features"
    atexit.register(shutil.rmtree, store.parent, ignore_errors=True)
    extract(archive, store, plan)
    expert = make_catalog(events, time_basis="label_start")
    rule = label_rule_of(config)
    table = signals(expert, events["station"].unique(), rule)
    one = TrainingSet((str(store),), table, expert, rule, archive=archive)
    training = train(
        [one],
        rule=training_rule_of(config),
        detection=dataclasses.asdict(config.detection),
        matching=MatchRule(3.0),
    )
    return Trained(archive, store, one, training_rule_of(config), training, plan)
