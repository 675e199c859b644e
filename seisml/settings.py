"""From a configuration to the plain values that each step takes."""

import dataclasses

from seisml.config import Config, profile_text
from seisml.extract import Plan
from seisml.features import Settings
from seisml.labels import LabelRule
from seisml.metadata import Metadata
from seisml.planets import get_body
from seisml.preparation import Preparation, preparation_of
from seisml.segments import Band
from seisml.thresholds import MatchRule
from seisml.times import NS_PER_S
from seisml.trainingrule import TrainingRule
from seisml.windows import WindowGrid


def plan_of(config: Config, *, metadata: Metadata | None = None) -> Plan:
    """Return the extraction plan of a configuration.

    Parameters
    ----------
    config : Config
    metadata : Metadata, optional
        Of the stations; needed where the units are not counts.
    """
    f, p = config.features, config.preparation
    settings = Settings(
        grid=WindowGrid(config.windows.length_s, config.windows.hop_s),
        band_hz=(p.f_min_hz, p.f_max_hz),
        bands_hz=f.bands_hz,
        sub_s=f.sub_s,
        spectrum_s=f.spectrum_s,
        sta_lta_s=(
            ("short", *f.sta_lta_short_s),
            ("mid", *f.sta_lta_mid_s),
            ("long", *f.sta_lta_long_s),
        ),
        background_s=f.background_s,
        background_quantile=f.background_quantile,
        min_coverage=f.min_coverage,
        lengths_s=tuple(f.lengths_s),
    )
    band = Band(p.f_min_hz, p.f_max_hz, p.order)
    preparation = Preparation(p.tick, p.glitches, p.wind, p.pressure)
    return Plan(band, settings, f.names, f.chunk_s, config.data.units, metadata, preparation)


def plan_from(
    detector_plan: dict, *, metadata: Metadata | None = None, chunk_s: float = 10800.0
) -> Plan:
    """Return the plan that a detector's features were made with, for stations of one's own."""
    detector_plan = {key: value for key, value in detector_plan.items() if key != "unit"}
    s = dict(detector_plan["settings"])
    s["grid"] = WindowGrid(**s["grid"])
    for key in ("band_hz", "bands_hz", "sta_lta_s", "lengths_s"):
        s[key] = tuple(tuple(v) if isinstance(v, list) else v for v in s[key])
    band = Band(**detector_plan["band"])
    units = detector_plan.get("units", "counts")
    names = tuple(detector_plan["features"])
    steps = preparation_of(detector_plan)
    return Plan(band, Settings(**s), names, chunk_s, units, metadata, steps)


def label_rule_of(config: Config) -> LabelRule:
    """Return the label rule of a configuration."""
    names = {field.name for field in dataclasses.fields(LabelRule)}
    values = dataclasses.asdict(config.labels)
    return LabelRule(**{name: value for name, value in values.items() if name in names})


def match_rule_of(config: Config) -> MatchRule:
    """Return how detections are held against the expert's signals."""
    c = config.comparison
    return MatchRule(c.tolerance_s, c.mode, c.class_tolerance_s)


def training_rule_of(config: Config) -> TrainingRule:
    """Return the training rule of a configuration."""
    t, body = config.training, get_body(config.body)
    return TrainingRule(
        n_folds=t.n_blocks,
        block_s=t.block_days * body.day_ns / NS_PER_S,
        zero_ns=body.day_zero_ns,
        one_class=config.labels.one_class,
        **{name: getattr(t, name) for name in _SAME},
    )


_SAME = (
    *("model", "settings", "search", "scale", "split", "purge_s", "embargo_s", "noise_per_event"),
    *(
        "starts",
        "max_windows",
        "class_weight",
        "calibration",
        "threshold",
        "false_alarms_per_day",
        "novelty",
        "seed",
        "n_models",
        "vertical",
        "verify",
    ),
)


def template(profile: str) -> str:
    """Return the text of a ``seisml.toml`` that starts from a profile.

    Raises
    ------
    ConfigError
        If there is no such profile.
    """
    preset = profile_text(profile)
    body = "\n".join(f"# {line}" if line else "#" for line in preset.splitlines())
    return _TEMPLATE.format(profile=profile, body=body)


_TEMPLATE = """\
# A seisml project. Bring everything up to date with: seisml run seisml.toml
# Paths are relative to this file.

profile = "{profile}"
folder = "results"          # where products go

[archive]
path = "archive"            # SDS root, folder, pattern or file
stations = ["*"]            # for example ["BX.*", "XB.ELYSE.02.BH"]

[data]
units = "counts"            # or "sensitivity" (divided by it), "motion" (response removed, m/s)
# metadata = ["station.xml"] # StationXML, dataless SEED, RESP; files or folders

[labels]
catalog = "catalog.xml"     # expert catalogue: QuakeML, MQS QuakeML, CSV, ...
# stations = "stations.csv" # station,latitude,longitude: for origins without picks

# What the profile sets; copy a line above (in its table) to change it.
#
{body}
"""
