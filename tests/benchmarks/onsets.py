"""Onsets on real records against reference onsets: ``python tests/benchmarks/onsets.py SHARED``.

SHARED is a folder with ``data`` and ``scoring/truth`` (sets of records and their true onsets; not
part of this repository). Each reference is hidden behind a random error of +-1.5 s (fixed seed),
as a detector leaves it, and found again by `seisml.onset.refine_onsets`. `--late` moves all first
guesses: 2.5 is a detector that woke up at S only.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.archive import open_archive
from seisml.onset import refine_onsets
from seisml.segments import Band
from seisml.times import NS_PER_S, to_ns

SETS = {
    "earth_pfo": "earth_pfo/waveforms",
    "earth_nc_windows": "earth_nc_windows/waveforms",
    "earth_bradys": "earth_bradys/sds",
    "earth_iceland": "earth_iceland/sds",
}
BAND, SEARCH_S = Band(1.0, 40.0), 6.0
LIMITS_S = (0.05, 0.1, 0.2, 0.5)


def references(shared: Path, name: str) -> pd.DataFrame:
    """Return station, p_ns and s_ns (NaN where there is none) of the reference onsets."""
    truth = pd.read_csv(shared / "scoring" / "truth" / f"{name}_truth.csv", dtype=str)
    truth = truth[truth["neutral"] == "0"]
    # Times that were computed, not seen, tell nothing about a picker.
    truth = truth[~truth["quality"].isin(["predicted"])].reset_index(drop=True)
    truth["p_ns"] = truth["time"].map(to_ns)
    file = shared / "scoring" / "truth" / f"{name.replace('_windows', '')}_phases_truth.csv"
    truth["s_ns"] = np.nan
    if file.exists():
        phases = pd.read_csv(file, dtype=str)
        phases = phases[(phases["label"] == "S") & (phases["neutral"] == "0")]
        s_ns = {(e, s): to_ns(t) for e, s, t in phases[["event_id", "station", "time"]].to_numpy()}
        keys = zip(truth["event_id"], truth["station"], strict=True)
        truth["s_ns"] = [s_ns.get(key, np.nan) for key in keys]
    return truth


def found(shared: Path, name: str, truth: pd.DataFrame, late_s: float) -> pd.DataFrame:
    """Return the differences from the references: columns p_s, s_s and uncertainty_s."""
    archive = open_archive(shared / "data" / SETS[name], index=False)
    channels = sorted(archive.pieces["station"].unique())
    rng = np.random.default_rng(0)
    truth = truth.assign(error_s=rng.uniform(-1.5, 1.5, len(truth)) + late_s)
    rows = []
    for station in channels:
        there = truth[truth["station"] == ".".join(station.split(".")[:2])]
        pieces = archive.pieces[archive.pieces["station"] == station]
        inside = [
            ((pieces["start_ns"] <= p - 3e9) & (pieces["end_ns"] >= p + 3e9)).any()
            for p in there["p_ns"]
        ]
        there = there[np.array(inside, dtype=bool)]
        guesses = [
            p + round(e * NS_PER_S) for p, e in zip(there["p_ns"], there["error_s"], strict=True)
        ]
        onsets = refine_onsets(archive, station, guesses, band=BAND, search_s=SEARCH_S)
        for row, guess, onset in zip(there.itertuples(), guesses, onsets, strict=True):
            time_ns = guess if onset is None else onset.time_ns
            s_s = np.nan
            if onset is not None and onset.s_time_ns is not None:
                s_s = (onset.s_time_ns - row.s_ns) / NS_PER_S
            rows.append(
                {
                    "p_s": (time_ns - row.p_ns) / NS_PER_S,
                    "s_s": s_s,
                    "known_s": np.isfinite(row.s_ns),
                    "uncertainty_s": np.nan if onset is None else onset.uncertainty_s,
                }
            )
    return pd.DataFrame(rows)


def shares(difference_s: pd.Series) -> str:
    """Return the median and the shares within the limits as text."""
    size = difference_s.abs()
    parts = [f"{(size <= limit + 1e-9).mean():6.3f}" for limit in LIMITS_S]
    return f"{len(size):5d} {difference_s.median():+7.3f} {size.median():7.3f} " + " ".join(parts)


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(line + "\n")


def main() -> None:
    """Print a line a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--late", type=float, default=0.0, help="Moves all first guesses, s.")
    options = parser.parse_args()
    limits = " ".join(f"<{limit:4.2f}s" for limit in LIMITS_S)
    say(f"{'':22}{'n':>5} {'bias':>7} {'median':>7} {limits}  1 sigma  kept  ms each")
    for name in SETS:
        truth = references(options.shared, name)
        start = time.process_time()
        table = found(options.shared, name, truth, options.late)
        each_ms = 1e3 * (time.process_time() - start) / len(table)
        sure = table["uncertainty_s"].notna()
        inside = (table["p_s"].abs() <= table["uncertainty_s"])[sure].mean()
        rest = f"{inside:7.2f} {1 - sure.mean():6.3f} {each_ms:7.1f}"
        say(f"{name + ' P':22}{shares(table['p_s'])} {rest}")
        known = table[table["known_s"]]
        if len(known):
            say(f"{name + ' S':22}{shares(known['s_s'].dropna())}   of {len(known)} references")


if __name__ == "__main__":
    main()
