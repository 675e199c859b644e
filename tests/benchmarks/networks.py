"""Network events of generated networks: ``python tests/benchmarks/networks.py --work FOLDER``.

Generated networks (`seisml.synthetics.networks`, seeds that no model was trained on) are gone
through as a user would: `seisml detect` with the shipped model, `seisml associate` with and without
coordinates. Known events are those whose P stands out at three stations; others are neither right
nor wrong. An unmatched event of the network within another one's time (its S wave, half of its
stations) is counted as a duplicate.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.archive import open_archive
from seisml.associate import coincidences
from seisml.catalog import make_catalog
from seisml.detect import detect
from seisml.extract import extract
from seisml.matching import match
from seisml.model import load_detector
from seisml.settings import plan_from
from seisml.store import iter_tables
from seisml.synthetics.networks import HARD, Network, Setting, network_record
from seisml.times import NS_PER_S, to_ns

START_NS = to_ns("2010-01-01")
EVERY_NS = 3600 * NS_PER_S
TOLERANCE_S = 1.5
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def made(work: Path, n: int, seed: int, setting: Setting) -> list[Network]:
    """Return the networks; their records are written where they are missing."""
    found, missing = [], not (work / "records").exists()
    for k in range(n):
        code, start_ns = LETTERS[k // 26] + LETTERS[k % 26], START_NS + k * EVERY_NS
        file = work / f"network{k:03d}"
        if missing:
            rng = np.random.default_rng([seed, k])
            one = network_record(work / "records", code, start_ns, rng, setting=setting)
            one.stations.to_csv(f"{file}.stations.csv", index=False)
            one.arrivals.to_csv(f"{file}.arrivals.csv", index=False)
        tables = (pd.read_csv(f"{file}.{name}.csv") for name in ("stations", "arrivals"))
        found.append(Network(*tables, start_ns, start_ns + 300 * NS_PER_S))
    return found


def counted(found: pd.DataFrame, truth: pd.DataFrame) -> np.ndarray:
    """Return how many are matched, missed, false and duplicates."""
    known = truth[truth["known"]]
    tolerance_ns = round(TOLERANCE_S * NS_PER_S)
    times = found["time_ns"].to_numpy(np.int64)
    i, j = match(known["time_ns"].to_numpy(np.int64), times, tolerance_ns=tolerance_ns)
    rest = np.delete(times, j)
    first, last = (truth[name].to_numpy(np.int64) for name in ("time_ns", "end_ns"))
    inside = (rest[:, None] >= first - tolerance_ns) & (rest[:, None] <= last + tolerance_ns)
    n_inside = int(inside.any(axis=1).sum())
    return np.array([len(i), len(known) - len(i), len(rest) - n_inside, n_inside])


def told(name: str, counts: list[np.ndarray]) -> None:
    """Print a line of the table."""
    hit, missed, false, twice = np.sum(counts, axis=0)
    f1 = 2 * hit / max(2 * hit + missed + false, 1)
    strict = 2 * hit / max(2 * hit + missed + false + twice, 1)
    print(
        f"{name:44} F1 {f1:.3f}  recall {hit / max(hit + missed, 1):.3f}  false {false}  "
        f"duplicates {twice}  F1 with them {strict:.3f}",
        flush=True,
    )


def of_network(found, network: Network):
    """Return the detections in the time of a network."""
    times = found.events["time_ns"]
    mine = (times >= network.start_ns) & (times < network.end_ns)
    return make_catalog(found.events[mine], time_basis=found.time_basis)


def station_counts(found, network: Network) -> np.ndarray:
    """Return how many arrivals that stand out are found, missed; false and in codas."""
    total = np.zeros(4, int)
    for name, mine in network.arrivals.groupby("station"):
        truth = mine.rename(columns={"p_ns": "time_ns"})
        truth = truth.assign(end_ns=truth["s_ns"] + 5 * NS_PER_S, known=truth["seen_db"] >= 3.0)
        its = found.events[found.events["station"] == name]
        total += counted(its, truth)
    return total


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=20_000)
    parser.add_argument("--model", default="earth-local")
    text = "Dense swarms, weak events, false picks, wrong clocks; a folder of its own."
    parser.add_argument("--hard", action="store_true", help=text)
    args = parser.parse_args()
    networks = made(args.work, args.networks, args.seed, HARD if args.hard else Setting())
    detector = load_detector(args.model)
    archive = open_archive([str(args.work / "records")], index=False)
    extract(archive, args.work / "features", plan_from(detector.plan))
    tables = list(iter_tables(args.work / "features"))
    for support_s in (detector.detection.get("support_window_s", 0.0), 0.0):
        rule = {**detector.detection, "support_window_s": support_s}
        one = dataclasses.replace(detector, detection=rule)
        found = detect(tables, one, archive=archive)
        told(f"support {support_s:g} s: stations", [station_counts(found, n) for n in networks])
        for name, options in (("window 3 s", {"window_s": 3.0}), ("coordinates", {})):
            counts = []
            for network in networks:
                if not options:
                    places = {"stations": network.stations}
                joined = coincidences(of_network(found, network), **(options or places))
                counts.append(counted(joined.events, network.events()))
            told(f"support {support_s:g} s: network, {name}", counts)


if __name__ == "__main__":
    main()
