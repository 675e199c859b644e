"""Numbers that the notebooks come to, for any seed: what a teacher can expect, with its spread."""

import tempfile

import numpy as np

from seisml.classroom import data, features, series
from seisml.classroom.catalogues import sequence
from seisml.classroom.sensors import colocation
from seisml.labels import LabelRule, label_windows, signals
from seisml.magnitudes import b_value
from seisml.matching import match
from seisml.model import fit_classifier
from seisml.times import NS_PER_S

_FEATURES = [
    "log_energy",
    "crest",
    "kurtosis",
    "zero_crossing_rate",
    "duration_5_95",
    "env_rise_fraction",
    "stalta_short_max",
    "stalta_mid_max",
    "stalta_mid_mean",
    "rel_energy",
    "dlog_energy",
    "band_log_energy",
    "frequency_index",
    "f_centroid",
    "f_bandwidth",
    "f_peak",
    "spec_entropy",
    "spec_flatness",
    "spec_slope",
    "spec_distance",
]
_BLOCK_NS = 3 * 3600 * NS_PER_S


def numbers(seed: int, *, splits: bool = True) -> dict[str, float]:
    """Return the main results of notebooks 0, 1, 3 and 6 for generated data of a seed.

    Parameters
    ----------
    seed : int
    splits : bool
        Whether to compare the shuffled with the blocked split (half a minute).

    Returns
    -------
    dict of str to float
        By "number of the notebook: what".
    """
    found = {**_series(seed), **_sensors(seed), **_catalogues(seed)}
    if splits:
        found |= _splits(seed)
    return dict(sorted(found.items()))


def _series(seed: int) -> dict[str, float]:
    """Classify unseen series by the nearest mean of two features."""

    def points(name: str, which: int) -> np.ndarray:
        x = series.family(name, 50, seed=1000 * seed + which)
        frequency_hz, power = features.power_spectrum(x, series.RATE_HZ)
        centroid_hz = features.centroid(frequency_hz, power)
        return np.column_stack([np.log10(features.kurtosis(x)), np.log10(centroid_hz)])

    means = np.array([points(name, 1).mean(axis=0) for name in series.FAMILIES])
    right = 0
    for k, name in enumerate(series.FAMILIES):
        distance = np.linalg.norm(points(name, 2)[:, np.newaxis] - means, axis=2)
        right += int((distance.argmin(axis=1) == k).sum())
    return {"0: unseen series named right, of 200": float(right)}


def _sensors(seed: int) -> dict[str, float]:
    """Fit the line and the physical model in summer, and use both in winter."""
    summer, winter = (colocation(period, seed=seed) for period in ("summer", "winter"))
    train = {name: values[summer["time_d"] < 26] for name, values in summer.items()}

    def dry(rows: dict, kappa: float) -> np.ndarray:
        g = 1 + kappa * rows["humidity"] / (1 - rows["humidity"])
        r = rows["reading"] / g
        columns = [r, r**2, rows["time_d"] * r, 1 / g, rows["temperature"] / g, np.ones_like(r)]
        return np.column_stack(columns)

    def line(rows: dict, _) -> np.ndarray:
        return np.column_stack([rows["reading"], np.ones_like(rows["reading"])])

    def rms(inputs, kappa: float, rows: dict) -> float:
        scale = np.abs(inputs(train, kappa)).max(axis=0)
        weights = np.linalg.lstsq(inputs(train, kappa) / scale, train["reference"], rcond=None)[0]
        error = inputs(rows, kappa) / scale @ weights - rows["reference"]
        return float(np.sqrt(np.mean(error**2)))

    kappa = min(np.arange(0, 1.01, 0.05), key=lambda k: rms(dry, k, train))
    return {
        "1: κ": float(kappa),
        "1: winter error of the line (µg/m³)": rms(line, 0.0, winter),
        "1: winter error of the physical model (µg/m³)": rms(dry, kappa, winter),
    }


def _catalogues(seed: int) -> dict[str, float]:
    """Compare the two catalogues: reuse against one-to-one, b before and in the storm."""
    found = sequence(seed)
    a, b = (found[name]["time_s"] for name in ("expert", "machine"))
    near = np.searchsorted(a, b + 1200, "right") > np.searchsorted(a, b - 1200)
    times_ns = [np.rint(x * 1e9).astype(np.int64) for x in (a, b)]
    pairs = match(*times_ns, tolerance_ns=1200 * NS_PER_S)[0]
    magnitude, late = found["expert"]["magnitude"], a >= 14 * 86_400
    out = {
        "6: 'precision' with reuse, 20 min": float(near.mean()),
        "6: precision one-to-one, 20 min": len(pairs) / len(b),
    }
    for mc in (1.2, 1.7):
        out[f"6: b before the storm, Mc {mc}"] = b_value(magnitude[~late], mc).b
        out[f"6: b in the storm, Mc {mc}"] = b_value(magnitude[late], mc).b
    return out


def _splits(seed: int) -> dict[str, float]:
    """Return the error of the classes of event windows with both splits."""
    rule = LabelRule("intervals")
    with tempfile.TemporaryDirectory() as folder:
        data.make_earth_records(folder, seed=seed)
        table = data.feature_table(
            f"{folder}/waveforms",
            channels=["HHZ"],
            length_s=12,
            hop_s=2,
            names=_FEATURES,
            spectrum_s=6.0,
            bands_hz=((1.0, 2.0), (2.0, 4.0), (4.0, 7.5)),
        )
        expert = data.read_onsets(f"{folder}/expert.csv")
    seen = signals(expert, sorted(set(table.stations)), rule)
    labels = label_windows(table.time_ns, table.stations, table.grid, seen, rule)
    is_event = (labels["state"] == 1).to_numpy()
    X, y = table.frame.to_numpy()[is_event], labels["label"].to_numpy()[is_event].astype(str)
    fold = {
        "shuffled": np.random.default_rng(seed).permutation(len(y)) % 4,
        "blocks": table.time_ns[is_event] // _BLOCK_NS % 4,
    }
    error = {name: 1 - _class_score(X, y, folds) for name, folds in fold.items()}
    return {
        "3: error of the classes, shuffled": error["shuffled"],
        "3: error of the classes, blocks": error["blocks"],
        "3: how many times larger": error["blocks"] / error["shuffled"],
    }


def _class_score(X: np.ndarray, y: np.ndarray, fold: np.ndarray) -> float:
    """Return the mean F1 of both classes from predictions of unseen folds."""
    said = np.empty_like(y)
    for k in np.unique(fold):
        model = fit_classifier("random_forest", X[fold != k], y[fold != k])
        said[fold == k] = model.predict(X[fold == k])
    f1 = []
    for name in np.unique(y):
        right = np.sum((y == name) & (said == name))
        f1.append(2 * right / (np.sum(y == name) + np.sum(said == name)))
    return float(np.mean(f1))
