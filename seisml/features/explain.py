"""Features in words: for the command line and the documentation."""

import numpy as np

from seisml.features.compute import compute
from seisml.features.registry import COSTS, INVARIANCES, Feature, resolve
from seisml.features.sets import SETS

GROUPS = {
    "A": "amplitude and shape in time",
    "B": "envelope",
    "C": "ratios to the past",
    "D": "bands",
    "E": "spectrum of the window",
    "F": "tracks of spectra in the window",
    "G": "autocorrelation and cepstrum",
    "H": "polarisation of three components",
    "I": "event of a network of stations",
    "J": "event, on its true limits",
}
RATE_HZ, LENGTH_S, QUIET_S = 100.0, 20.0, 1200.0


_PER = {
    "channel": "each component",
    "station": "three components together, column .3C",
    "event": "an event",
    "network": "an event of a network (seisml associate --features)",
}


def explain(feature: Feature) -> list[tuple[str, str]]:
    """Return what is known of a feature as (name, text) rows.

    Examples
    --------
    >>> from seisml.features import get_feature
    >>> dict(explain(get_feature("kurtosis")))["formula"]
    'm4/m2²'
    """
    invariant = ", ".join(INVARIANCES[letter] for letter in feature.invariances)
    sets = [name for name in SETS if feature in resolve(name)]
    columns = "one for each part, as for each band" if feature.parts else "one"
    return [
        ("name", feature.name),
        ("what it is", feature.summary),
        ("formula", feature.formula),
        ("unit", feature.unit.replace("input", "unit of the samples") or "pure number"),
        ("group", f"{feature.group}: {GROUPS.get(feature.group, 'user')}"),
        ("invariant to", invariant or "nothing"),
        ("least sampling rate", f"{feature.min_rate_hz:g} Hz" if feature.min_rate_hz else "any"),
        ("cost", f"{feature.cost}: {COSTS[feature.cost]}"),
        ("reference", feature.reference),
        ("columns", f"{columns}, of {_PER[feature.per]}"),
        ("in the sets", ", ".join(sets) or "none"),
        ("version", str(feature.version)),
    ]


def example_signals() -> dict[str, np.ndarray]:
    """Return records of 100 samples/s that end with a window of 20 s worth looking at."""
    n, quiet = round(LENGTH_S * RATE_HZ), round(QUIET_S * RATE_HZ)
    noise = np.random.default_rng(0).standard_normal(quiet + n)
    t = np.arange(n) / RATE_HZ
    burst = np.where(t > 5, 20 * np.exp(-(t - 5) / 3) * np.sin(2 * np.pi * 8 * t), 0.0)
    tremor = sum(5 / k * np.sin(2 * np.pi * 1.5 * k * t) for k in (1, 2, 3, 4))
    return {
        "white noise": noise,
        "sine of 5 Hz": np.sin(2 * np.pi * 5 * np.arange(quiet + n) / RATE_HZ),
        "burst of 8 Hz in noise": np.concatenate([noise[:quiet], noise[quiet:] + burst]),
        "harmonic tremor in noise": np.concatenate([noise[:quiet], noise[quiet:] + tremor]),
    }


def example(feature: Feature) -> list[tuple[str, ...]]:
    """Return rows (signal, values of the columns) of a feature of one channel.

    Examples
    --------
    >>> from seisml.features import get_feature
    >>> example(get_feature("kurtosis"))[1]
    ('sine of 5 Hz', 'kurtosis = 1.5')
    """
    rows = []
    for name, x in example_signals().items() if feature.per == "channel" else ():
        frame = compute(x, RATE_HZ, length_s=LENGTH_S, hop_s=5.0, names=feature.name)
        last = frame.iloc[-1]
        rows.append((name, ", ".join(f"{column} = {last[column]:.4g}" for column in frame)))
    return rows


def markdown() -> str:
    """Return the table of all features for the documentation."""
    lines = [
        "| group | feature | what it is | formula | unit | invariant to | cost | reference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in resolve("all"):
        if one.group in GROUPS:
            cells = (one.group, f"`{one.name}`", one.summary.rstrip("."), one.formula, one.unit)
            cells += (one.invariances, one.cost, one.reference)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
