"""F1 on real records: ``python tests/benchmarks/real_sets.py SHARED --work FOLDER``.

SHARED holds ``data`` and ``scoring`` (default: the environment's SEISML_SHARED). Three columns,
none with a threshold that was chosen on the records it is scored on:

shipped   the model that comes with seisml, as ``seisml detect --model earth-local`` has it;
A         trained on all other sets, without this network (split "set"), with the trees and the
          stated threshold of earth-local, without a second look, as it has none; earth_pfo and
          earth_mixed hold the same earthquakes and are left out together;
B         cross-fitted blocks of this network (split "blocks"), and nothing else. Blocks of
          earth_mixed share earthquakes, at other sizes and in other noise.

Behind each F1 stand its 95 % limits: time blocks drawn with replacement by the scorer.

With --generated, A and B learn generated records as well.

Everything else is the profile earth-onsets; of the sets in PROFILES another one, and the model of
that name: volcano learns generated records (--generated-volcano) and those of OTHERS in A. Features
are kept in FOLDER and made once.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.archive import open_archive
from seisml.associate import coincidences
from seisml.catalog import Catalog, make_catalog
from seisml.config import load_profile
from seisml.detect import detect
from seisml.extract import extract
from seisml.formats import write_catalog
from seisml.labels import SIGNAL_COLUMNS
from seisml.model import load_detector
from seisml.pretraining import generated_set
from seisml.recipes import get_recipe
from seisml.settings import label_rule_of, plan_from, plan_of, training_rule_of
from seisml.store import iter_tables
from seisml.thresholds import MatchRule
from seisml.times import NS_PER_S
from seisml.training import Training, train
from seisml.trainingset import TrainingSet

SETS = {
    "earth_pfo": "waveforms",
    "earth_nc_windows": "waveforms",
    "earth_bradys": "sds",
    "earth_iceland": "sds",
    "earth_ipoc_pb01": "*.mseed",
    "earth_mixed": "*.mseed",
    "earth_chile_volcano": "waveforms",
}
PROFILES = {"earth_chile_volcano": "volcano"}
"""Whole events of volcanoes are another task than onsets of earthquakes."""
OTHERS = {"volcano": ("earth_nc_windows", "earth_ipoc_pb01")}
"""What A learns besides generated records, which no fold may lack: sets that judge all windows."""
NETWORKS = {"earth_bradys": (1.5, 3), "earth_iceland": (3.0, 3)}
"""Longest moveout over the network, s, and the least number of stations."""
BLOCKS_S = {"earth_iceland": 60.0, "earth_mixed": 14_400.0, "earth_chile_volcano": 1800.0}
"""Length of cross-fitted blocks, where it is not a day."""
ONE_NETWORK = [("earth_pfo", "earth_mixed")]
"""Sets that hold the same earthquakes, and so stand in one fold."""
MAX_WINDOWS = 60_000
"""For training: more of them take longer, and change little."""
GENERATED_UNTIL = {"earth-local": "2002-01-01", "volcano": "1991-09-01"}
"""What of the generated records is learnt together with networks."""
OWN_WEIGHT = {"volcano": 10.0}
"""Of a network's own windows beside generated ones, where it has minutes of record only."""
GOALS = {
    "earth_pfo": (0.985, 0.993),
    "earth_nc_windows": (0.965, 0.975),
    "earth_bradys": (0.90, 0.96),
    "earth_bradys_network": (0.96, 1.00),
    "earth_iceland": (0.84, 0.89),
    "earth_iceland_network": (0.90, 0.94),
    "earth_ipoc_pb01": (1.0, 1.0),
    "earth_mixed": (0.93, 0.95),
    "earth_chile_volcano": (0.85, 0.87),
}


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where the sets are, and where what is made of them is kept."""

    shared: Path
    work: Path

    def records(self, *keys: str):
        """Open the records of sets; those of earth_mixed are made first."""
        folders = {key: self.shared / "data" / key for key in keys}
        if "earth_mixed" in folders:
            folders["earth_mixed"] = folder = self.work / "earth_mixed"
            if not folder.exists():
                make = self.shared / "scoring" / "make_mixed.py"
                words = ["--data", self.shared / "data", "--out", self.work]
                subprocess.run([sys.executable, make, *words], check=True)
        return open_archive([str(folders[key] / SETS[key]) for key in keys], index=False)

    def store(self, key: str, plan) -> Path:
        """Return the features of a set, made where they are missing."""
        store = self.work / "features" / plan.fingerprint / key
        extract(self.records(key), store, plan)
        return store

    def truth(self, key: str) -> tuple[Path, Path, dict]:
        """Return truth, coverage and options of the scorer."""
        folder = self.shared / "scoring" / "truth"
        options = json.loads((folder / "sets.json").read_text())[key]
        if key == "earth_mixed":
            folder = self.work
        return folder / options["truth"], folder / options["coverage"], options

    def score(self, key: str, found: Catalog, mode: str) -> dict:
        """Score detections with the shared scorer."""
        truth, coverage, options = self.truth(key)
        path = self.work / "detections" / mode / f"{key}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_catalog(found, path)
        out = path.with_suffix(".json")
        words = ["--truth", truth, "--coverage", coverage, "--detections", path]
        words += ["--match", options["match"], "--block-s", str(options["block_s"])]
        words += ["--out-json", out, "--bootstrap", "200"]
        words += ["--out-pairs", path.with_suffix(".pairs.csv")]
        scorer = self.shared / "scoring" / "score.py"
        subprocess.run([sys.executable, scorer, *map(str, words)], check=True, capture_output=True)
        return json.loads(out.read_text())


def training_set(bench: Bench, keys: tuple[str, ...], config) -> TrainingSet:
    """Return sets as one to train on: events with onsets, and spans nobody judged."""
    parts = [pd.read_csv(bench.truth(key)[0], dtype=str, keep_default_na=False) for key in keys]
    truth, name = pd.concat(parts, ignore_index=True), "+".join(keys)
    time_ns, end_ns = (_ns(truth[name]) for name in ("time", "end_time"))
    end_ns = np.where(end_ns > time_ns, end_ns, time_ns + 5 * NS_PER_S)
    if config.labels.onset_s == 0:  # whole events: an end within a window is that of an onset
        window_ns = round(config.windows.length_s * NS_PER_S)
        end_ns = np.where(end_ns - time_ns < window_ns, time_ns + 2 * window_ns, end_ns)
    station = np.array([".".join(name.split(".")[:2]) for name in truth["station"]])
    ids = [f"{name}-{n}" for n in range(len(truth))]
    rows = {"event_id": ids, "time_ns": time_ns, "end_ns": end_ns, "station": station}
    events = pd.DataFrame({**rows, "label": "earthquake"})
    seen = events[(truth["neutral"] != "1").to_numpy()].rename(columns={"time_ns": "start_ns"})
    seen = seen.assign(uncertainty_s=0.1, weight=1.0, rule="intervals")[list(SIGNAL_COLUMNS)]
    return TrainingSet(
        tuple(bench.store(key, plan_of(config)) for key in keys),
        seen.sort_values(["station", "start_ns"], ignore_index=True),
        make_catalog(events, name=name, time_basis="label_start"),
        label_rule_of(config),
        archive=bench.records(*keys),
        name=name,
    )


def _ns(column: pd.Series) -> np.ndarray:
    times = pd.to_datetime(column.where(column != "", None), format="ISO8601", utc=True)
    values = times.dt.tz_localize(None).to_numpy().astype("datetime64[ns]")
    return values.astype(np.int64)


def shipped(bench: Bench, keys, model: str) -> Iterator[tuple[str, Catalog]]:
    """Yield what the model that comes with seisml finds, with all its defaults."""
    detector = load_detector(model)
    for key in keys:
        store = bench.store(key, plan_from(detector.plan))
        yield key, detect(iter_tables(store), detector, archive=bench.records(key), name=key)


def trained(sets, config, **changes) -> Training:
    """Train by the rules of a profile, with changes."""
    rule = dataclasses.replace(training_rule_of(config), **changes)
    done = train(
        sets,
        rule=rule,
        detection=dataclasses.asdict(config.detection),
        matching=MatchRule(config.comparison.tolerance_s, config.comparison.mode),
        on_progress=lambda text: print(f"  {text}", file=sys.stderr, flush=True),
    )
    print(f"  {done.detector.card['threshold']}", file=sys.stderr)
    return done


def cross_fitted(sets, config, *, sta_lta: bool = False, **changes) -> Catalog:
    """Return the detections by models, or STA/LTA, that were trained without the fold of each."""
    done = trained(sets, config, **changes)
    return done.baseline_machine if sta_lta else done.machine


def part_of(found: Catalog, bench: Bench, key: str) -> Catalog:
    """Return the detections at the stations of a set."""
    names = set(pd.read_csv(bench.truth(key)[1])["station"])
    mine = found.events["station"].str.split(".").str[:2].str.join(".").isin(names)
    return make_catalog(found.events[mine], time_basis=found.time_basis)


def networks(key: str, found: Catalog) -> Catalog:
    """Join the detections of a network."""
    window_s, n = NETWORKS[key]
    return coincidences(found, window_s=window_s, min_stations=n)


def results(bench: Bench, mode: str, key: str, found: Catalog) -> dict[str, dict]:
    """Score one set, and its network where it has one."""
    out = {key: bench.score(key, found, mode)}
    if key in NETWORKS:
        name = f"{key}_network"
        out[name] = bench.score(name, networks(key, found), mode)
    for name, one in out.items():
        near, (low, high) = one["residual_s"].get("within", {}), one["bootstrap95"]["f1"]
        print(
            f"{mode:8} {name:24} F1 {one['f1']:.3f} ({low:.3f} to {high:.3f})  recall "
            f"{one['recall']:.3f}  precision {one['precision']:.3f}  within 0.1/0.2/0.5 s "
            + "/".join(f"{near.get(step, float('nan')):.2f}" for step in ("0.1", "0.2", "0.5")),
            flush=True,
        )
    return out


def cell(one: dict) -> str:
    """Return F1 and its limits, as they stand in the table."""
    low, high = one["bootstrap95"]["f1"]
    return f"{one['f1']:.3f} ({low:.2f}-{high:.2f})"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", nargs="?", default=os.environ.get("SEISML_SHARED"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--modes", nargs="+", default=["shipped", "A", "B"])
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--model", default="earth-local")
    text = "In A and B STA/LTA, with thresholds from the same folds, in place of the model."
    parser.add_argument("--sta-lta", action="store_true", help=text)
    for name, recipe in (("--generated", "earth-local"), ("--generated-volcano", "volcano")):
        text = f"Folder of 'seisml pretrain {recipe} --keep'."
        parser.add_argument(name, type=Path, help=text)
    args = parser.parse_args()
    if not args.shared:
        parser.error("say where the shared sets are: an argument, or SEISML_SHARED")
    args.work.mkdir(parents=True, exist_ok=True)
    return args


def generated_records(args, profile: str) -> list[TrainingSet]:
    """Return the generated records that are learnt with all sets, where there are some."""
    name = "volcano" if profile == "volcano" else "earth-local"
    folder = args.generated_volcano if name == "volcano" else args.generated
    if not folder:
        return []
    recipe, truth = get_recipe(name), pd.read_csv(folder / "truth.csv")
    return [generated_set(recipe, truth, folder / "features", until=GENERATED_UNTIL[name])]


def trained_on_others(bench: Bench, wanted, profile: str, config, more):
    """Yield what a model finds that learnt other sets and generated records, blocks of 60 days."""
    sets = [training_set(bench, (key,), config) for key in OTHERS[profile]]
    options = {"n_folds": 2, "block_s": 60 * 86_400.0, "max_windows": MAX_WINDOWS // 2}
    detector = trained([*sets, *more], config, **options).detector
    for key in wanted:
        store = bench.store(key, plan_from(detector.plan))
        yield key, detect(iter_tables(store), detector, archive=bench.records(key), name=key)


def found_by(mode: str, bench: Bench, args, profile: str) -> Iterator[tuple[str, Catalog]]:
    """Yield the detections of each set of a profile in one mode."""
    wanted = [key for key in args.sets if PROFILES.get(key, "earth-onsets") == profile]
    if not wanted:
        return
    if mode == "shipped":
        yield from shipped(bench, wanted, args.model if profile == "earth-onsets" else profile)
        return
    config, more = load_profile(profile), generated_records(args, profile)
    if mode == "A":
        if profile in OTHERS:
            yield from trained_on_others(bench, wanted, profile, config, more)
            return
        alone = [(key,) for key in SETS if not any(key in keys for keys in ONE_NETWORK)]
        sets = [training_set(bench, keys, config) for keys in (*alone, *ONE_NETWORK)]
        options = {"split": "set", "max_windows": MAX_WINDOWS, "sta_lta": args.sta_lta}
        like_shipped = get_recipe("earth-local").training
        options |= {
            name: like_shipped[name] for name in ("settings", "n_models", "threshold", "verify")
        }
        found = cross_fitted([*sets, *more], config, **options)
        yield from ((key, part_of(found, bench, key)) for key in wanted)
        return
    for key in wanted:
        own = training_set(bench, (key,), config)
        weight = OWN_WEIGHT.get(profile, 1.0) if more else 1.0
        sets = [dataclasses.replace(own, weight=weight), *more]
        block_s = BLOCKS_S.get(key, 86_400.0)
        options = {"n_folds": 3, "block_s": block_s, "purge_s": 10.0, "max_windows": MAX_WINDOWS}
        options["sta_lta"] = args.sta_lta
        yield key, part_of(cross_fitted(sets, config, **options), bench, key)


def main() -> None:
    """Print the table."""
    args = arguments()
    bench = Bench(Path(args.shared), args.work)
    table: dict[str, dict[str, dict]] = {}
    for mode in args.modes:
        table[mode] = {}
        for profile in ("earth-onsets", "volcano"):
            for key, found in found_by(mode, bench, args, profile):
                table[mode] |= results(bench, mode, key, found)
    print("\n| set | " + " | ".join(table) + " | goal A | goal B |")
    print("|---" * (len(table) + 3) + "|")
    for name, goals in GOALS.items():
        cells = [cell(one[name]) if name in one else "-" for one in table.values()]
        if set(cells) != {"-"}:
            print(f"| {name} | " + " | ".join(cells) + " | {:.3f} | {:.3f} |".format(*goals))


if __name__ == "__main__":
    main()
