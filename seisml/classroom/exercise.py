"""The detection exercise: records and a partial catalogue for students, an answer key for teachers.

The first half of the records has an expert's catalogue, incomplete and with errors as such
catalogues have; the second half is the exam. What was planted there is in the key only.
"""

import dataclasses
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from seisml import __version__
from seisml.atomic import write_atomic
from seisml.catalog import Catalog, make_catalog
from seisml.errors import CatalogError, ConfigError
from seisml.synthetics import Truth, make_earth_archive
from seisml.times import DAY_NS, NAT, iso, to_ns

CLASSES = ("earthquake", "blast")
STATION = "XX.DEMA"
TOLERANCE_S = 10.0
WEAK = "weak"
FORMAT = "seisml answer key 1"
_WEAKEST_SNR = 1.7
_LABEL = {"earthquake": "earthquake", "quarry blast": "blast"}


@dataclasses.dataclass(frozen=True)
class AnswerKey:
    """What was planted in the exam of an exercise.

    Attributes
    ----------
    catalog : Catalog
        P onsets at the station, with ends and labels; those below a signal-to-noise ratio of 1.7
        are labelled ``weak``: nobody has to find them, and who does is not wrong.
    start_ns, end_ns : int
        The exam: detections outside are not scored.
    classes : tuple of str
    tolerance_s : float
        Largest difference of a detection from the onset.
    seed : int
    """

    catalog: Catalog
    start_ns: int
    end_ns: int
    classes: tuple[str, ...]
    tolerance_s: float
    seed: int

    @property
    def scored(self) -> pd.DataFrame:
        """The events that have to be found."""
        events = self.catalog.events
        return events[events["label"].isin(self.classes)].reset_index(drop=True)


def make_exercise(
    folder,
    *,
    seed: int,
    n_days: int = 4,
    start="2024-03-04",
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, Path]:
    """Write the students' package and the teacher's answer key.

    Parameters
    ----------
    folder : path-like
        Must be empty or new. Students get ``student/``, never ``teacher/``.
    seed : int
        Of everything. Who knows it can generate the answers: take a large number and keep it.
    n_days : int
        Length of the records, an even number; the second half is the exam.
    start : time
        Midnight UTC at which the records begin.
    jobs : int
        Processes.
    on_progress : callable, optional
        Called with (done, total).

    Returns
    -------
    student, key : pathlib.Path
        The folder for students and the file for the teacher.

    Raises
    ------
    ConfigError
        If the folder is not empty, or `n_days` is no even number.
    """
    folder = Path(folder)
    if n_days < 2 or n_days % 2:
        raise ConfigError(
            f"n_days is {n_days}.", "Use an even number: half is taught, half is asked."
        )
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty.", "Name a new folder: seisml class make -o DIR.")
    student, path = folder / "student", folder / "teacher" / "truth.json"
    truth = make_earth_archive(
        student / "waveforms",
        seed=seed,
        start=start,
        n_days=n_days,
        stations=1,
        sampling_rate_hz=20.0,
        events_per_day=44.0,
        blasts_per_day=16.0,
        bursts_per_day=150.0,
        magnitudes=(0.5, 3.0),
        faults=("minutes_gap", "short_gap"),
        missing_share=0.2,
        jobs=jobs,
        on_progress=on_progress,
    )
    start_ns = to_ns(start)
    half_ns, end_ns = start_ns + n_days // 2 * DAY_NS, start_ns + n_days * DAY_NS
    expert = onsets(truth, truth.expert)
    taught = expert[expert["time_ns"] < half_ns]
    write_atomic(student / "expert.csv", submission_text(taught))
    truth.stations.to_csv(student / "stations.csv", index=False)
    words = {
        "taught_start": _minute(start_ns),
        "exam_start": _minute(half_ns),
        "exam_end": _minute(end_ns),
        "exam_day": iso(half_ns)[:10],
        "tolerance_s": f"{TOLERANCE_S:g}",
        "n_taught": len(taught),
    }
    text = files("seisml.classroom").joinpath("exercise.md").read_text(encoding="utf-8")
    write_atomic(student / "README.md", text.format(**words))
    planted = onsets(truth, truth.catalog)
    write_key(path, planted[planted["time_ns"] >= half_ns], (half_ns, end_ns), seed)
    return student, path


def _minute(time_ns: int) -> str:
    return iso(time_ns)[:16] + "Z"


def onsets(truth: Truth, catalog: Catalog) -> pd.DataFrame:
    """Return the events of a catalogue as the exercise's station sees them.

    Returns
    -------
    pandas.DataFrame
        time_ns (of P), end_ns, label, snr (planted), magnitude; in the order of time.
    """
    picks = catalog.picks
    p = picks[(picks["phase"] == "P") & (picks["station"] == STATION)]
    snr = truth.catalog.events.set_index("event_id")["snr"]
    events = catalog.events[["event_id", "end_ns", "label", "magnitude"]]
    table = p[["event_id", "time_ns"]].merge(events, on="event_id")
    table["snr"] = table["event_id"].map(snr)
    table["label"] = table["label"].map(_LABEL)
    return table.sort_values("time_ns", ignore_index=True)


def submission_text(events: pd.DataFrame) -> str:
    """Return events in the form in which students hand in: ``time,end_time,label``."""
    rows = [
        f"{iso(int(t))},{'' if e == NAT else iso(int(e))},{label}"
        for t, e, label in zip(events["time_ns"], events["end_ns"], events["label"], strict=True)
    ]
    return "\n".join(["time,end_time,label", *rows]) + "\n"


def write_key(path, planted: pd.DataFrame, span: tuple[int, int], seed: int) -> None:
    """Write the answer key of planted events (`onsets`) in a span of time."""
    rows = [
        {
            "time": iso(int(row.time_ns)),
            "end_time": iso(int(row.end_ns)),
            "label": row.label,
            "snr": round(float(row.snr), 3),
            "magnitude": float(row.magnitude),
            "scored": bool(row.snr >= _WEAKEST_SNR),
        }
        for row in planted.itertuples()
    ]
    content = {
        "format": FORMAT,
        "seisml": __version__,
        "seed": seed,
        "start": iso(span[0]),
        "end": iso(span[1]),
        "classes": list(CLASSES),
        "tolerance_s": TOLERANCE_S,
        "events": rows,
    }
    write_atomic(path, json.dumps(content, indent=1) + "\n")


def read_key(path) -> AnswerKey:
    """Read an answer key.

    Raises
    ------
    CatalogError
        If the file is none.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CatalogError(
            f"{path} is no answer key: {error}.", "It is the teacher/truth.json of the exercise."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CatalogError(
            f"{path} is no answer key of this version: format {FORMAT!r} is missing.",
            "It is the teacher/truth.json that seisml class make has written.",
        )
    rows = content["events"]
    events = pd.DataFrame(
        {
            "time_ns": np.array([to_ns(row["time"]) for row in rows], dtype=np.int64),
            "end_ns": np.array([to_ns(row["end_time"]) for row in rows], dtype=np.int64),
            "label": [row["label"] if row["scored"] else WEAK for row in rows],
            "magnitude": [row["magnitude"] for row in rows],
            "snr": [row["snr"] for row in rows],
        }
    )
    return AnswerKey(
        make_catalog(events, name="truth", source=str(path), time_basis="first_pick"),
        to_ns(content["start"]),
        to_ns(content["end"]),
        tuple(content["classes"]),
        float(content["tolerance_s"]),
        int(content["seed"]),
    )
