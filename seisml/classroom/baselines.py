"""Simulated submissions: what simple, good and dishonest teams would hand in."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import sosfilt

from seisml import archive as archives
from seisml.archive import Archive, open_archive
from seisml.atomic import write_atomic
from seisml.catalog import Catalog, make_catalog
from seisml.classroom.exercise import STATION, AnswerKey, submission_text
from seisml.classroom.features import sta_lta, triggers
from seisml.classroom.submissions import read_submission
from seisml.config import Config, load_profile
from seisml.detect import detect
from seisml.extract import extract
from seisml.filters import Band
from seisml.labels import signals
from seisml.matching import match
from seisml.settings import label_rule_of, plan_of, training_rule_of
from seisml.store import iter_tables
from seisml.thresholds import MatchRule
from seisml.times import NS_PER_S
from seisml.training import train
from seisml.trainingset import Selection, TrainingSet

NAMES = ("perfect", "forest", "sta_lta", "cheating", "empty")
_BAND = Band(2.0, 8.0)
_PIECE_S = 3 * 3600
_LEAD_S = 60


def baselines(student, key: AnswerKey, output, *, names=NAMES) -> list[Path]:
    """Write simulated submissions.

    Parameters
    ----------
    student : path-like
        The students' folder.
    key : AnswerKey
        For ``perfect`` and ``cheating``; the others look at the students' folder only.
    output : path-like
        Folder for the files ``<name>.csv`` (and the forest's features).
    names : sequence of str
        Of `NAMES`.

    Returns
    -------
    list of pathlib.Path

    Notes
    -----
    *perfect*: the answer key. *forest*: seisml with a random forest, trained on the expert's half.
    *sta_lta*: one STA/LTA (1/30 s) of the vertical, 2-8 Hz, its threshold chosen on the expert's
    half; it cannot tell classes. *cheating*: tricks against one-to-one matching, see `cheat`.
    *empty*: the header.
    """
    student, output = Path(student), Path(output)
    makers = {
        "perfect": lambda: key.scored,
        "forest": lambda: forest(student, key, output / "features"),
        "sta_lta": lambda: sta_lta_events(student, key),
        "cheating": lambda: cheat(key),
        "empty": lambda: key.scored[:0],
    }
    paths = []
    for name in names:
        paths.append(output / f"{name}.csv")
        write_atomic(paths[-1], submission_text(makers[name]()))
    return paths


def expert_of(student, key: AnswerKey) -> Catalog:
    """Return the expert's catalogue of the taught half."""
    path = Path(student) / "expert.csv"
    return read_submission(path, classes=key.classes, team="expert").catalog


def cheat(key: AnswerKey) -> pd.DataFrame:
    """Return detections that would win where detections may be used twice.

    One every five seconds with either label, and one that spans the whole exam.
    """
    times = np.arange(key.start_ns, key.end_ns, 5 * NS_PER_S)
    flood = [
        pd.DataFrame({"time_ns": times, "end_ns": times + 60 * NS_PER_S, "label": label})
        for label in key.classes
    ]
    whole = {"time_ns": [key.start_ns], "end_ns": [key.end_ns], "label": [key.classes[0]]}
    return pd.concat([*flood, pd.DataFrame(whole)], ignore_index=True)


def sta_lta_events(student, key: AnswerKey) -> pd.DataFrame:
    """Return the exam's events by STA/LTA, all named as the commonest class."""
    archive = open_archive(Path(student) / "waveforms", index=False)
    taught_ns = int(archive.pieces["start_ns"].min())
    found = _ratio_events(archive, (taught_ns, key.end_ns))
    expert = expert_of(student, key).events["time_ns"].to_numpy()
    taught = found[found["time_ns"] < key.start_ns]
    levels = np.quantile(taught["peak"], np.linspace(0, 0.98, 50))
    best = max(levels, key=lambda level: _f1(taught, level, expert, key.tolerance_s))
    keep = (found["time_ns"] >= key.start_ns) & (found["peak"] >= best)
    return found[keep].assign(label=key.classes[0]).reset_index(drop=True)


def _f1(found: pd.DataFrame, level: float, truth, tolerance_s: float) -> float:
    times = found.loc[found["peak"] >= level, "time_ns"].to_numpy()
    pairs, _ = match(truth, times, tolerance_ns=round(tolerance_s * NS_PER_S))
    return 2 * len(pairs) / (len(times) + len(truth))


def _ratio_events(archive: Archive, span: tuple[int, int]) -> pd.DataFrame:
    """Return what reaches an STA/LTA of 2: time_ns, end_ns, peak."""
    station = next(name for name in archives.stations(archive) if name.startswith(STATION))
    rows = []
    for start in range(span[0], span[1], _PIECE_S * NS_PER_S):
        stop = min(start + _PIECE_S * NS_PER_S, span[1])
        stream = archives.read(archive, station, start - _LEAD_S * NS_PER_S, stop)
        for trace in stream.select(channel="HHZ"):
            rate = trace.stats.sampling_rate
            x = sosfilt(_BAND.sections(rate), trace.data - np.mean(trace.data))
            ratio = sta_lta(x, rate, sta_s=1.0, lta_s=30.0)
            first = trace.stats.starttime.ns
            for on, off in triggers(ratio, on=2.0, off=1.0):
                at = first + round(on / rate * NS_PER_S)
                if at >= start:
                    end = first + round(off / rate * NS_PER_S)
                    rows.append((at, end, float(np.nanmax(ratio[on:off]))))
    return pd.DataFrame(rows, columns=["time_ns", "end_ns", "peak"])


def forest_config() -> Config:
    """Return the settings of the simulated forest: earth-local, classes, quarters of days."""
    config = load_profile("earth-local")
    return dataclasses.replace(
        config,
        windows=dataclasses.replace(config.windows, length_s=9.0, hop_s=3.0),
        features=dataclasses.replace(config.features, spectrum_s=6.0),
        labels=dataclasses.replace(config.labels, rule="intervals", one_class=False),
        training=dataclasses.replace(
            config.training,
            model="random_forest",
            n_blocks=3,
            block_days=0.25,
            noise_per_event=5.0,
            class_weight="balanced",
        ),
        detection=dataclasses.replace(config.detection, merge_gap_s=10.0),
    )


def forest(student, key: AnswerKey, store) -> pd.DataFrame:
    """Return the exam's events by seisml: features, a random forest, refined onsets."""
    config = forest_config()
    archive = open_archive(Path(student) / "waveforms", index=False)
    extract(archive, store, plan_of(config), jobs=1)
    expert = expert_of(student, key)
    expert = make_catalog(
        expert.events.assign(station=STATION), name="expert", time_basis="label_start"
    )
    names = archives.stations(archive)
    rule = label_rule_of(config)
    taught = TrainingSet(
        stores=(store,),
        signals=signals(expert, names, rule),
        expert=expert,
        label_rule=rule,
        selection=Selection(end=key.start_ns),
    )
    training = train(
        [taught],
        rule=training_rule_of(config),
        detection=dataclasses.asdict(config.detection),
        matching=MatchRule(key.tolerance_s, "onset"),
    )
    found = detect(
        iter_tables(store, start=key.start_ns, end=key.end_ns), training.detector, archive=archive
    )
    return found.events[["time_ns", "end_ns", "label"]]
