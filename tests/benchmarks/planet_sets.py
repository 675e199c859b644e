"""Mars and the Moon on real records: ``python planet_sets.py SHARED --work FOLDER``.

SHARED holds ``data`` and ``scoring`` (default: the environment's SEISML_SHARED). For each set: the
shipped model with all defaults of ``seisml detect``, and STA/LTA, the best of the grid below
*chosen on the very set*, both scored by SHARED/scoring/score.py. Then, on further generated records
(--importance N of them), what the model looks at, and the probability through one real event of
each body as figures (--figure FILE: FILE-SET.png).

The grid of STA/LTA is every combination of `BANDS_HZ`, `STA_S`, `LTA_FACTOR` (the long window over
the short one), `ON`, `OFF` and `SMALLEST_S`: classic STA/LTA of the energy, the largest over the
components, an event from on to off, and events less than `MERGE_S` apart are one.
"""

import argparse
import dataclasses
import functools
import importlib.util
import itertools
import json
import os
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
from obspy.signal.trigger import classic_sta_lta, trigger_onset
from scipy.signal import butter, sosfilt

from seisml.archive import open_archive
from seisml.detect import detect, plan_band
from seisml.extract import extract
from seisml.formats import write_catalog
from seisml.importance import permutation_importance
from seisml.labels import label_windows
from seisml.model import load_detector
from seisml.planets import get_body
from seisml.plots import plot_day, png
from seisml.pooling import pooled
from seisml.pretraining import generated_signals
from seisml.recipes import config_of, get_recipe
from seisml.settings import label_rule_of, plan_from, plan_of
from seisml.store import iter_tables
from seisml.times import DAY_NS, NS_PER_S, iso, to_ns

SETS = {
    "mars_insight": ("mars-insight", "mars_insight/waveforms", 3.0, "3 h"),
    "mars_deglitched": ("mars-insight", "mars_deglitched/*/*MPS*.mseed", 3.0, "3 h"),
    "lunar_apollo": ("moon-apollo", "lunar_apollo/waveforms", 24.0, "day"),
    "lunar_deep_a01": ("moon-apollo", "lunar_deep_a01/waveforms", 24.0, "day"),
}
BANDS_HZ = {
    "mars-insight": ((0.125, 0.9), (0.2, 0.8), (0.3, 0.9), (2.2, 2.8), (0.1, 8.0)),
    "moon-apollo": ((0.2, 0.6), (0.35, 0.95), (0.5, 1.0), (0.2, 1.05)),
}
STA_S = {"mars-insight": (10.0, 30.0, 100.0), "moon-apollo": (30.0, 120.0, 300.0)}
LTA_FACTOR = (5.0, 10.0, 30.0)
ON = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
OFF = (0.5, 0.8)  # of on
SMALLEST_S = {"mars-insight": (0.0, 120.0), "moon-apollo": (0.0, 600.0)}
MERGE_S = {"mars-insight": 300.0, "moon-apollo": 900.0}
FIGURES = {
    "mars_insight": ("mars", "2019-07-26T12:00", "2019-07-26T13:00"),
    "lunar_apollo": ("moon", "1971-04-08T05:00", "1971-04-08T12:00"),
}


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where the sets are, and where what is made of them is kept."""

    shared: Path
    work: Path

    @functools.cached_property
    def scorer(self):
        """The module score.py."""
        spec = importlib.util.spec_from_file_location("score", self.shared / "scoring/score.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @functools.cache  # noqa: B019  one bench lives as long as the program
    def options(self, key: str) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
        """Return truth, coverage and options of a set."""
        folder = self.shared / "scoring" / "truth"
        given = json.loads((folder / "sets.json").read_text())[key]
        read = self.scorer.read_csv
        kept = {k: v for k, v in given.items() if k in self.scorer.DEFAULTS}
        return read(folder / given["truth"]), read(folder / given["coverage"]), kept

    def archive(self, key: str):
        """Open the records of a set."""
        return open_archive(f"{self.shared}/data/{SETS[key][1]}", index=False)


def shipped(bench: Bench, key: str, model: str):
    """Return the catalogue of the shipped model and its feature store."""
    detector, archive = load_detector(model), bench.archive(key)
    store = bench.work / "features" / f"{key}-{detector.fingerprint}"
    extract(archive, store, plan_from(detector.plan))
    found = detect(iter_tables(store), detector, archive=archive, name=key)
    return found, store, detector


def sta_lta_events(bench: Bench, key: str, kind: str):
    """Yield (setting, detections) of the grid."""
    streams = [obspy.read(path) for path in bench.archive(key).pieces["path"].unique()]
    for band, sta_s, factor in itertools.product(BANDS_HZ[kind], STA_S[kind], LTA_FACTOR):
        curves = [one for stream in streams for one in _curves(stream, band, sta_s, sta_s * factor)]
        for on, off, least_s in itertools.product(ON, OFF, SMALLEST_S[kind]):
            rows = [
                span
                for start_ns, rate_hz, ratio in curves
                for span in _spans(start_ns, rate_hz, ratio, (on, on * off), MERGE_S[kind], least_s)
            ]
            yield (band, sta_s, sta_s * factor, on, off, least_s), _frame(rows)


def _curves(stream, band, sta_s: float, lta_s: float):
    """Return (start_ns, rate_hz, STA/LTA) of each record, the largest over its components."""
    out: dict = {}
    for trace in stream:
        rate_hz = trace.stats.sampling_rate
        if trace.stats.npts < lta_s * rate_hz or 0.45 * rate_hz < band[1]:
            continue
        sos = butter(3, band, "bandpass", fs=rate_hz, output="sos")
        x = trace.data.astype(float)
        step = max(1, int(rate_hz))  # energy of seconds is enough for windows of minutes
        power = sosfilt(sos, x - x[0])[: len(x) // step * step] ** 2
        level = np.sqrt(power.reshape(-1, step).mean(axis=1))
        rate = rate_hz / step
        ratio = classic_sta_lta(level, round(sta_s * rate), round(lta_s * rate))
        start_ns = trace.stats.starttime.ns
        key = (start_ns // (60 * NS_PER_S), trace.stats.npts // step // 60)
        known = out.get(key)
        if known is not None:
            n = min(len(known[2]), len(ratio))
            ratio = np.maximum(known[2][:n], ratio[:n])
        out[key] = (start_ns, rate, ratio)
    return list(out.values())


def _spans(start_ns: int, rate_hz: float, ratio, thresholds, merge_s: float, least_s: float):
    """Return (start_ns, end_ns, largest ratio) of events."""
    merged: list[list[int]] = []
    for a, b in trigger_onset(ratio, *thresholds):
        if merged and (a - merged[-1][1]) / rate_hz <= merge_s:
            merged[-1][1] = b
        else:
            merged.append([a, b])
    return [
        (*(start_ns + round(i / rate_hz * NS_PER_S) for i in (a, b)), float(ratio[a : b + 1].max()))
        for a, b in merged
        if (b - a) / rate_hz >= least_s
    ]


def _frame(rows) -> pd.DataFrame:
    """Return detections as the scorer takes them."""
    columns = {
        "time": [iso(int(row[0])) for row in rows],
        "end_time": [iso(int(row[1])) for row in rows],
        "score": [f"{row[2]:.6g}" for row in rows],
        "station": "",
    }
    return pd.DataFrame(columns, dtype=str)


def told(bench: Bench, key: str, detections: pd.DataFrame, match: str | None = None):
    """Return the result of the scorer and its pairs."""
    truth, coverage, options = bench.options(key)
    options = options | {"bootstrap": 0} | ({"match": match} if match else {})
    named = detections.assign(station=coverage["station"].iloc[0])
    result, scene, pairs = bench.scorer.score_frames(named, truth, coverage, **options)
    return result, bench.scorer.pair_table(scene, pairs)


def f1_of(bench: Bench, key: str, detections: pd.DataFrame, match: str = "interval") -> float:
    """Return F1 alone, by the scorer's own matching, without all else that it reports."""
    truth, coverage, options = bench.options(key)
    options = options | {"match": match}
    named = detections.assign(station=coverage["station"].iloc[0])
    scene = bench.scorer.Scene(named, truth, coverage, dict(bench.scorer.DEFAULTS) | options)
    matched, _, rest = scene.run()
    false = int(np.sum(scene.fate[rest] == "false"))
    n = len(scene.truth["time"])
    return 2 * len(matched) / max(n + len(matched) + false, 1)


def line(key: str, what: str, result: dict, pairs: pd.DataFrame) -> str:
    """Return what is printed of one result."""
    _, _, hours, unit = SETS[key]
    counts = result["counts"]
    rate = counts["false"] / result["hours"]["scorable"] * hours
    residual = pairs.loc[pairs["kind"] == "matched", "residual_s"].astype(float)
    quality = pairs[pairs["kind"].isin(["matched", "missed"])].copy()
    quality["quality"] = quality["quality"].fillna("").astype(str)
    by = [
        f"{name or 'no grade'} {(part['kind'] == 'matched').sum()}/{len(part)}"
        for name, part in quality.groupby("quality")
    ]
    near = ", ".join(f"{value:+.0f}" for value in residual)
    return (
        f"| {key} | {what} | {counts['matched']} of {counts['matched'] + counts['missed']} "
        f"({'; '.join(by)}) | {counts['false']} ({rate:.2f} in {unit}) | {result['f1']:.2f} | "
        f"{near} |"
    )


def compare(bench: Bench, key: str) -> None:
    """Print the lines of one set."""
    model = SETS[key][0]
    found, _, _ = shipped(bench, key, model)
    path = bench.work / f"{key}.csv"
    write_catalog(found, path)
    mine = pd.read_csv(path, dtype=str, keep_default_na=False)
    print(line(key, model, *told(bench, key, mine)), flush=True)
    print(line(key, f"{model}, onsets", *told(bench, key, mine, "onset")), flush=True)
    tried = [
        (f1_of(bench, key, rows), setting, rows)
        for setting, rows in sta_lta_events(bench, key, model)
    ]
    most = max(one[0] for one in tried)
    # Of equal ones that with the best onsets: one long event over all others is no detection.
    best = [one for one in tried if one[0] > most - 1e-9]
    _, setting, rows = max(best, key=lambda one: f1_of(bench, key, one[2], "onset"))
    band, sta_s, lta_s, on, off, least_s = setting
    name = f"STA/LTA {sta_s:g}/{lta_s:g} s, {band[0]:g}-{band[1]:g} Hz, on {on:g}, off {off * on:g}"
    name += f", {least_s:g} s (best of {len(tried)})"
    print(line(key, name, *told(bench, key, rows)), flush=True)


def importance(bench: Bench, model: str, n_records: int) -> None:
    """Print which features a shipped model looks at, on generated records of another seed."""
    recipe, detector = get_recipe(model), load_detector(model)
    home, config = bench.work / f"importance-{model}", config_of(recipe)
    truth = recipe.generate(home / "records", seed=77, n_records=n_records)
    archive = open_archive(str(home / "records"), index=False)
    extract(archive, home / "features", plan_of(config))
    signals, _ = generated_signals(truth, recipe)
    X, y, block = [], [], []
    for table in iter_tables(home / "features"):
        rule = label_rule_of(config)
        labels = label_windows(table.time_ns, table.stations, table.grid, signals, rule)
        frame = pooled(table.frame).reindex(columns=list(detector.columns))
        keep = (labels["state"] >= 0).to_numpy() & np.isfinite(frame).any(axis=1).to_numpy()
        X.append(frame.to_numpy()[keep])
        y.append(labels["state"].to_numpy()[keep])
        block.append(table.time_ns[keep] // (2 * DAY_NS))
    groups: dict[str, list[int]] = {}
    for number, column in enumerate(detector.columns):
        groups.setdefault(column.rsplit(".", 1)[0], []).append(number)
    noise = list(detector.estimator.classes_).index("noise")

    def event(rows: np.ndarray) -> np.ndarray:
        share = 1.0 - detector.estimator.predict_proba(rows)[:, noise]
        return (share >= detector.on).astype(int)

    rows = (np.concatenate(X), np.concatenate(y).astype(int), np.concatenate(block))
    table = permutation_importance(event, *rows, groups, n_classes=2, n_repeats=2)
    print(f"\n{model}: fall of the balanced accuracy of {len(rows[1])} windows, largest first")
    for row in table.head(12).itertuples():
        print(f"  {row.importance:+.3f} ({row.low:+.3f} to {row.high:+.3f})  {row.name}")


def figure(bench: Bench, key: str, path: Path) -> None:
    """Draw the probability of the classes through one real event of a set."""
    body, start, end = FIGURES[key]
    found, store, detector = shipped(bench, key, SETS[key][0])
    start_ns, end_ns = to_ns(start), to_ns(end)
    scores = pd.concat([detector.predict(table) for table in iter_tables(store)])
    truth = bench.options(key)[0]
    expert = [(to_ns(a), to_ns(b)) for a, b in zip(truth["time"], truth["end_time"], strict=True)]
    about = get_body(body)
    drawn = plot_day(
        bench.archive(key),
        str(scores.index.get_level_values("station")[0]),
        (start_ns - about.day_zero_ns) // about.day_ns,
        band=plan_band(detector.plan),
        body=body,
        start_ns=start_ns,
        end_ns=end_ns,
        probabilities=scores,
        grid=detector.grid,
        threshold=detector.on,
        expert=expert,
        machine=found.events[["time_ns", "end_ns"]].to_numpy().tolist(),
    )
    path.write_bytes(png(drawn))
    print(f"\n{path}")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", nargs="?", default=os.environ.get("SEISML_SHARED"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--importance", type=int, default=0, metavar="N")
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    if not args.shared:
        parser.error("say where the shared sets are: an argument, or SEISML_SHARED")
    args.work.mkdir(parents=True, exist_ok=True)
    return args


def main() -> None:
    """Print the table, the importance of features, and draw the figure."""
    args = arguments()
    bench = Bench(Path(args.shared), args.work)
    print("| set | by | found | unmatched | F1 | onset residuals (s) |")
    print("|---" * 6 + "|")
    for key in args.sets:
        compare(bench, key)
    models = dict.fromkeys(SETS[key][0] for key in args.sets)
    for model in models if args.importance else ():
        importance(bench, model, args.importance)
    for key in (key for key in args.sets if args.figure and key in FIGURES):
        figure(bench, key, args.figure.with_stem(f"{args.figure.stem}-{key}"))


if __name__ == "__main__":
    main()
