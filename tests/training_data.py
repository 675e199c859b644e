"""Feature stores with planted events, made without waveforms: training in a second."""

import numpy as np
import pandas as pd

from seisml.catalog import make_catalog
from seisml.labels import LabelRule, signals
from seisml.shards import Shard, write_shard
from seisml.thresholds import MatchRule
from seisml.times import DAY_NS, NS_PER_S
from seisml.trainingset import TrainingSet
from seisml.windows import WindowGrid

GRID = WindowGrid(6.0, 2.0)
DAY0 = 16_000
DETECTION = {
    "off_ratio": 0.5,
    "merge_gap_s": 2.0,
    "min_duration_s": 0.0,
    "max_duration_s": 300.0,
    "refine_onset": False,
    "onset_search_s": 6.0,
}
MATCHING = MatchRule(6.0)
RULE = LabelRule(rule="intervals")
COLUMNS = ("stalta_short_max.Z", "kurtosis.Z", "useless.Z")
SETTINGS = {"settings": {"min_coverage": 0.8}, "band": {"f_min_hz": 1.0, "f_max_hz": 20.0}}


def event_times(n_days: int, per_day: int, seed: int, *, day0: int = DAY0) -> pd.DataFrame:
    """Intervals of events (ns) in the first hours of each day, a quarter of an hour apart."""
    rng = np.random.default_rng(seed)
    start = [
        (day0 + day) * DAY_NS + round((900 * k + rng.uniform(60, 600)) * NS_PER_S)
        for day in range(n_days)
        for k in range(per_day)
    ]
    end = np.array(start) + np.round(rng.uniform(8, 20, len(start)) * NS_PER_S).astype(np.int64)
    return pd.DataFrame({"time_ns": start, "end_ns": end})


def make_store(
    folder,
    events: pd.DataFrame,
    *,
    stations=("XX.A.00.HH",),
    n_days: int = 4,
    per_day: int = 8,
    seed: int = 0,
    columns=COLUMNS,
    day0: int = DAY0,
    fingerprint: str = "f",
    settings=None,
    strength: float = 8.0,
    classes=(),
):
    """Write shards in which two columns rise in events; return the folder.

    With classes the n-th column rises in events of the n-th class only.
    """
    rng = np.random.default_rng(seed)
    length_s = per_day * 900
    for station in stations:
        for day in range(day0, day0 + n_days):
            blocks = GRID.blocks(day * DAY_NS, day * DAY_NS + length_s * NS_PER_S)
            time_ns = GRID.times(blocks)
            overlap = np.zeros((len(time_ns), max(len(classes), 1)))
            labels = events["label"] if classes else [""] * len(events)
            for label, (start, end) in zip(
                labels, events[["time_ns", "end_ns"]].to_numpy(), strict=True
            ):
                inside = np.minimum(time_ns + GRID.length_ns, end) - np.maximum(time_ns, start)
                k = list(classes).index(label) if classes else 0
                overlap[:, k] += np.clip(inside, 0, None) / GRID.length_ns
            X = rng.standard_normal((len(time_ns), len(columns)))
            X[:, : len(columns) - 1] += strength * overlap
            X[:, 0] = np.exp(0.5 * X[:, 0])
            write_shard(folder, _shard(station, day, time_ns, X, columns, fingerprint, settings))
    return folder


def _shard(station, day, time_ns, X, columns, fingerprint, settings) -> Shard:
    return Shard(
        station=station,
        day=day,
        time_ns=time_ns,
        X=X.astype(np.float32),
        coverage=np.ones(len(X), np.float32),
        flags=np.zeros(len(X), np.uint8),
        columns=tuple(columns),
        units=("1",) * len(columns),
        grid=GRID,
        fingerprint=fingerprint,
        settings=settings or SETTINGS,
        sources=(),
        counts={},
        versions={},
    )


def catalog_of(events: pd.DataFrame, **options):
    """An expert's catalogue with intervals."""
    options = {"name": "expert", "time_basis": "label_start", **options}
    return make_catalog(events, **options)


def training_set(folder, events, *, stations=("XX.A",), rule=RULE, expert=None, **options):
    """A training set of a store that `make_store` has written."""
    expert = catalog_of(events) if expert is None else expert
    return TrainingSet((folder,), signals(expert, stations, rule), expert, rule, **options)
