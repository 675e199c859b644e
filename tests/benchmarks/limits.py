"""What limits F1 on real records: ``python tests/benchmarks/limits.py SHARED --work FOLDER``.

After ``real_sets.py`` with the same FOLDER. For each set of stations: how far matched, missed and
unmatched onsets stand out from the ten seconds before, and how far instants drawn at random do.
Unmatched detections of earth_mixed are looked up in earth_piton, the record as it was before
earthquakes were added: what stands out there is nature's, and in no truth.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from real_sets import SETS, Bench

from seisml.archive import open_archive
from seisml.eventsnr import event_snr
from seisml.segments import Band
from seisml.times import NS_PER_S

AFTER_S, BEFORE_S = 3.0, 10.0
"""Length of the signal, from 0.5 s before the onset on, and of the noise before it."""
EARLY_S = 0.5
BAND = Band(1.0, 40.0)
STEPS_DB = (6, 10)
HOSTS = {"earth_mixed": "earth_piton/sds"}
"""Records of sets whose events somebody added, as they were before."""
N_RANDOM = 500


def snr_db(archive, station, onset_ns) -> np.ndarray:
    """Return the signal-to-noise ratios of onsets, see `seisml.eventsnr.event_snr`."""
    start_ns = np.asarray(onset_ns, dtype=np.int64) - round(EARLY_S * NS_PER_S)
    end_ns = start_ns + round(AFTER_S * NS_PER_S)
    table = {"station": np.asarray(station, dtype=object), "time_ns": start_ns, "end_ns": end_ns}
    return event_snr(archive, pd.DataFrame(table), band=BAND, noise_s=BEFORE_S)


def random_onsets(archive, n: int) -> pd.DataFrame:
    """Return instants that lie anywhere in the records, in proportion to their length."""
    rng = np.random.default_rng(0)
    pieces = archive.pieces
    length = (pieces["end_ns"] - pieces["start_ns"]).to_numpy(np.float64)
    row = rng.choice(len(pieces), n, p=length / length.sum())
    at = pieces["start_ns"].to_numpy()[row] + (rng.uniform(size=n) * length[row]).astype(np.int64)
    return pd.DataFrame({"station": pieces["station"].to_numpy()[row], "time_ns": at})


def show(key: str, name: str, values: np.ndarray) -> None:
    """Print how many stand out by how much."""
    values = values[np.isfinite(values)]
    if not len(values):
        return
    steps = "  ".join(f">= {db} dB {np.mean(values >= db):.2f}" for db in STEPS_DB)
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    print(
        f"{key:18} {name:28} n {len(values):4}  {steps}  10/50/90 % "
        f"{low:.0f}/{middle:.0f}/{high:.0f} dB",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", nargs="?", default=os.environ.get("SEISML_SHARED"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--mode", default="shipped")
    parser.add_argument("--sets", nargs="+", default=[k for k in SETS if "chile" not in k])
    args = parser.parse_args()
    bench = Bench(Path(args.shared), args.work)
    for key in args.sets:
        pairs = pd.read_csv(args.work / "detections" / args.mode / f"{key}.pairs.csv")
        records = bench.records(key)
        lots = [("matched", records), ("missed", records), ("false", records)]
        if key in HOSTS:
            lots.append(("false", open_archive(str(bench.shared / "data" / HOSTS[key]))))
        for kind, archive in lots:
            rows = pairs[pairs["kind"] == kind]
            column = "detection_time" if kind == "false" else "truth_time"
            times = pd.to_datetime(rows[column], format="ISO8601", utc=True).dt.tz_localize(None)
            onset_ns = times.to_numpy().astype("datetime64[ns]").astype(np.int64)
            name = kind if archive is records else f"{kind}, without what was added"
            show(key, name, snr_db(archive, rows["station"], onset_ns) if len(rows) else onset_ns)
        drawn = random_onsets(lots[-1][1], N_RANDOM)
        show(key, "drawn at random", snr_db(lots[-1][1], drawn["station"], drawn["time_ns"]))


if __name__ == "__main__":
    main()
