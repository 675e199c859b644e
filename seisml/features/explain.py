"""Features in words: for the command line and the documentation."""

from seisml.features.registry import INVARIANCES, Feature

GROUPS = {
    "A": "amplitude and shape in time",
    "B": "envelope",
    "C": "ratios to the past",
    "D": "bands",
    "E": "spectrum of the window",
    "F": "tracks of spectra in the window",
    "G": "autocorrelation and cepstrum",
    "H": "polarisation of three components",
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
    return [
        ("name", feature.name),
        ("what it is", feature.summary),
        ("formula", feature.formula),
        ("unit", feature.unit.replace("input", "unit of the samples") or "pure number"),
        ("group", f"{feature.group}: {GROUPS.get(feature.group, 'user')}"),
        ("invariant to", invariant or "nothing"),
        ("reference", feature.reference),
        ("columns", "one for each band" if feature.parts else "one"),
        ("version", str(feature.version)),
    ]
