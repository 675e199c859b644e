"""Detectors that need no labels: trained on generated records, each by a recipe.

A recipe says which records are generated and which profile they are extracted with; features do
not depend on the gain, columns not on the components, and conditions vary far more than at one
place. What comes out is an ordinary Detector, tested on held-out records.
"""

import dataclasses
import functools
import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from seisml.archive import open_archive
from seisml.catalog import Catalog, make_catalog
from seisml.config import Config, load_profile
from seisml.errors import ConfigError, did_you_mean
from seisml.extract import extract
from seisml.labels import SIGNAL_COLUMNS
from seisml.model import Detector
from seisml.settings import label_rule_of, match_rule_of, plan_of, training_rule_of
from seisml.synthetics.earth_records import FAINT_DB, ONSET_S, earth_record
from seisml.synthetics.mars_records import mars_record
from seisml.synthetics.moon_records import moon_record
from seisml.synthetics.records import make_records
from seisml.synthetics.volcano_records import volcano_record
from seisml.times import DAY_NS, NS_PER_S, to_ns
from seisml.training import Training, train
from seisml.trainingset import Selection, TrainingSet

FEATURES = (
    "kurtosis crest duration_5_95 time_centroid time_spread silence_ratio rate_of_attack "
    "env_max_mean env_kurtosis stalta_short_max stalta_mid_max stalta_long_max stalta_mid_mean "
    "stalta_on_fraction zscore_max rel_energy dlog_energy band_rel_energy band_stalta_max "
    "band_kurtosis spec_distance"
)
"""Features that do not depend on the gain, and on the noise's spectrum only as a change of it."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model that comes with seisml is made.

    Attributes
    ----------
    profile : str
    body : str
    station : str
        NET.STA of the generated records.
    generate : callable
        ``generate(folder, seed=, n_records=, jobs=, on_progress=)`` writes records and returns a
        table with the columns label, onset_ns, start_ns, end_ns, last_ns, snr: see
        `seisml.synthetics.records.Sighting`.
    n_records : int
    features : str
        "" takes those of the profile, and its lengths of windows.
    pool : bool
        Learn from medians and maxima over the components; without, as the profile says.
    lengths_s : tuple of float, s
        Further windows, see `seisml.features.Settings`.
    least_snr, least_s : float
        What is fainter or visible for less time is neither event nor noise.
    training : mapping
        Changes of the profile's rule of training.
    uncertainty_s : float, s
        Of an event's limits; windows within twice that of them are left out.
    labels : mapping
        Changes of the profile's labels.
    long_s : float, s
        Events that are longer weigh as much as one of this length: tremor of an hour must not drown
        what lasts seconds.
    block_days : float
        Length of the blocks of generated time that are held out.
    about : str
        What was generated, for the card.
    """

    profile: str
    body: str
    station: str
    generate: Callable[..., pd.DataFrame]
    n_records: int
    features: str = FEATURES
    pool: bool = True
    lengths_s: tuple[float, ...] = ()
    least_snr: float = 1.6
    least_s: float = 60.0
    training: Mapping = dataclasses.field(default_factory=dict)
    uncertainty_s: float = 2.0
    labels: Mapping = dataclasses.field(default_factory=lambda: {"one_class": False})
    long_s: float = math.inf
    block_days: float = 20.0
    about: str = ""


RECIPES: dict[str, Recipe] = {
    "earth-local": Recipe(
        profile="earth-onsets",
        body="earth",
        station="SY.GEN",
        generate=functools.partial(make_records, make=earth_record, start_ns=to_ns("2000-01-01")),
        n_records=800,
        features="",
        pool=False,
        least_snr=10 ** (FAINT_DB / 20),
        least_s=0.5 * ONSET_S,
        # More likely an onset than not: generated records are far more disturbed than real ones,
        # and would choose a higher threshold.
        # Each split looks at a tenth of the columns: less of the generator's own ways is learnt;
        # an average over seeds: less of what is learnt is luck.
        training={
            "n_folds": 2,
            "max_windows": 60_000,
            "n_models": 4,
            "threshold": 0.5,
            "settings": {
                "max_iter": 200,
                "learning_rate": 0.1,
                "max_leaf_nodes": 7,
                "min_samples_leaf": 40,
                "max_features": 0.1,
            },
        },
        uncertainty_s=0.25,
        labels={"one_class": False, "ignore_after_s": 0.0},  # codas are known to be no onsets
        block_days=60.0,
        about="records of one to fifteen minutes, 20 to 500 Hz, one or three components, any gain "
        "and colour of noise: earthquakes from -6 to 75 dB, impulsive to emergent, S-P from 0.3 "
        "to 30 s, alone and in swarms; spikes, steps, knocks, feet, vehicles, wind, machines",
    ),
    "volcano": Recipe(
        profile="volcano",
        body="earth",
        station="SY.V1",
        generate=functools.partial(make_records, make=volcano_record, start_ns=to_ns("1990-01-01")),
        n_records=800,
        features="",
        pool=False,
        least_snr=1.4,
        least_s=3.0,
        training={"n_folds": 2, "max_windows": 60_000},
        uncertainty_s=0.5,
        labels={"ignore_after_s": 0.0},
        long_s=30.0,
        block_days=60.0,
        about="records of one to fifteen minutes, 40 to 200 Hz, one to seven stations, any gain "
        "and colour of noise: volcano-tectonic and long-period events, tremor in parts of the "
        "record or all of it, explosions, avalanches, icequakes, regional earthquakes from -6 to "
        "65 dB; spikes, steps, knocks, feet, vehicles, wind, machines at single stations",
    ),
    "mars-insight": Recipe(
        profile="mars-insight",
        body="mars",
        station="XB.ELYSE",
        generate=functools.partial(make_records, make=mars_record, start_ns=to_ns("2019-03-01")),
        n_records=400,
        # Scores of clear events stay apart; one seed alone has twice the false alarms.
        training={"calibration": "none", "n_models": 4},
        about="records of an InSight-like seismometer, one hour to eight, one to three of U, V, "
        "W, 2 to 20 Hz: wind, gusts, lander modes, 1 Hz tick, glitches alone and in trains, with "
        "spikes, and what their removal leaves, donks, dust devils, cracks, and marsquakes of "
        "both families from 1.2 to 60 times the noise",
    ),
    "moon-apollo": Recipe(
        profile="moon-apollo",
        body="moon",
        station="XA.S12",
        generate=functools.partial(make_records, make=moon_record, start_ns=to_ns("1970-01-02")),
        n_records=400,
        lengths_s=(1800.0,),
        # F1 hardly depends on the threshold: false alarms do. One seed alone is much of it luck.
        training={"calibration": "none", "n_models": 4, "false_alarms_per_day": 0.25},
        long_s=1800.0,
        about="records of an Apollo-like mid-period seismometer, one to twenty hours, 6.625 and "
        "13.25 Hz, in whole digital units or filtered as published: noise switched on and off by "
        "rounding, drifts, jumps, the heater, lines, holes, spikes, and deep, shallow and impact "
        "events from 1.3 to 400 times the noise, some in the coda of another",
    ),
}
"""Models that come with seisml; `seisml pretrain NAME` makes them anew."""


def get_recipe(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises
    ------
    ConfigError
        If there is none.

    Examples
    --------
    >>> get_recipe("mars-insight").body
    'mars'
    """
    if name not in RECIPES:
        raise ConfigError(f"There is no recipe {name!r}.", did_you_mean(name, RECIPES))
    return RECIPES[name]


def config_of(recipe: Recipe) -> Config:
    """Return the settings of a recipe: its profile, with its features."""
    config = load_profile(recipe.profile)
    features = config.features
    if recipe.features:
        names = tuple(recipe.features.split())
        features = dataclasses.replace(features, names=names, lengths_s=recipe.lengths_s)
    training = dataclasses.replace(config.training, block_days=recipe.block_days)
    labels = dataclasses.replace(config.labels, **recipe.labels)
    return dataclasses.replace(config, features=features, training=training, labels=labels)


def generated_signals(table: pd.DataFrame, recipe: Recipe) -> tuple[pd.DataFrame, Catalog]:
    """Turn what was generated into signals to learn, and into spans that are left out.

    Parameters
    ----------
    table : pandas.DataFrame
        See `Recipe.generate`.
    recipe : Recipe

    Returns
    -------
    signals : pandas.DataFrame
        Of the events that stand out, from where they do; see `seisml.labels.signals`.
    expert : Catalog
        These, and as events without a signal the rest: what is hidden in the noise before and
        after, and faint events as a whole. Windows there are neither event nor noise.
    """
    rows, events = [], []
    if "station" in table:
        table = table.fillna({"station": ""})

    def add(event_id: str, start_ns: int, end_ns: int, label: str) -> None:
        time = {"time_ns": int(start_ns), "end_ns": int(end_ns)}
        events.append({"event_id": event_id, **time, "station": station, "label": label})

    for n, one in enumerate(table.itertuples(index=False)):
        station = getattr(one, "station", "") or recipe.station
        stands_out = one.end_ns - one.start_ns >= recipe.least_s * NS_PER_S
        if one.snr < recipe.least_snr or not stands_out:
            add(f"{n}-faint", one.onset_ns, one.last_ns, one.label)
            continue
        add(f"{n}", one.start_ns, one.end_ns, one.label)
        span = {"start_ns": one.start_ns, "end_ns": one.end_ns}
        weight = min(1.0, recipe.long_s * NS_PER_S / max(one.end_ns - one.start_ns, 1))
        row = {"event_id": f"{n}", "station": station, **span, "label": one.label}
        row |= {"uncertainty_s": recipe.uncertainty_s, "weight": weight, "rule": "intervals"}
        rows.append(row)
        if one.start_ns - one.onset_ns > 10 * NS_PER_S:
            add(f"{n}-before", one.onset_ns, one.start_ns, one.label)
        if one.last_ns > one.end_ns:
            add(f"{n}-after", one.end_ns, one.last_ns, one.label)
    signals = pd.DataFrame(rows, columns=list(SIGNAL_COLUMNS))
    expert = make_catalog(
        events or None,
        name="generated",
        body=recipe.body,
        source="seisml.synthetics",
        time_basis="label_start",
    )
    return signals.sort_values("start_ns", ignore_index=True), expert


def pretrain(
    name: str,
    *,
    seed: int = 0,
    n_records: int | None = None,
    folder=None,
    jobs: int = 1,
    on_generated: Callable[[int, int], None] | None = None,
    on_extracted: Callable | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Training:
    """Train a detector on generated records only.

    Parameters
    ----------
    name : str
        Of a recipe, see `RECIPES`.
    seed : int
        Other records, another model.
    n_records : int, optional
        How many; default as many as the recipe says.
    folder : path-like, optional
        Where records and features are kept; default a temporary folder.
    jobs : int
        Processes that extract.
    on_generated, on_extracted, on_progress : callable, optional
        See `seisml.synthetics.records.make_records`, `seisml.extract.extract` and
        `seisml.training.train`.

    Returns
    -------
    Training
        Its detector's card says what it was trained on, by which command, and how it did on
        generated records that were held out.

    Raises
    ------
    ConfigError
        If there is no such recipe.
    """
    recipe = get_recipe(name)
    n_records = n_records or recipe.n_records
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(folder or temporary)
        table = recipe.generate(
            home / "records", seed=seed, n_records=n_records, jobs=jobs, on_progress=on_generated
        )
        table.to_csv(home / "truth.csv", index=False)
        plan = plan_of(config_of(recipe))
        archive = open_archive(str(home / "records"))
        extract(archive, home / "features", plan, jobs=jobs, on_progress=on_extracted)
        training = _trained(recipe, table, home / "features", seed, on_progress)
    card = {
        **training.detector.card,
        "recipe": name,
        "command": f"seisml pretrain {name} -o MODEL --seed {seed} --records {n_records}",
        "trained_on": f"{n_records} generated {recipe.about}",
        "measured_on_held_out_records": measured(training),
    }
    detector = dataclasses.replace(training.detector, card=card)
    return dataclasses.replace(training, detector=detector)


def generated_set(recipe: Recipe, table: pd.DataFrame, store, *, until=None) -> TrainingSet:
    """Return generated records as a training set, to be learnt alone or with networks.

    Parameters
    ----------
    recipe : Recipe
    table : pandas.DataFrame
        ``truth.csv`` of a folder that `pretrain` kept.
    store : path
        ``features`` of that folder.
    until : time, optional
        Records before it only.
    """
    signals, expert = generated_signals(table, recipe)
    label_rule = label_rule_of(config_of(recipe))
    selection = Selection(end=until)
    return TrainingSet((store,), signals, expert, label_rule, selection, name="generated")


def _trained(recipe: Recipe, table: pd.DataFrame, store: Path, seed: int, say) -> Training:
    config = config_of(recipe)
    rule = training_rule_of(config)
    rule = dataclasses.replace(rule, seed=seed, pool=recipe.pool, **recipe.training)
    return train(
        [generated_set(recipe, table, store)],
        rule=rule,
        detection=dataclasses.asdict(config.detection),
        matching=match_rule_of(config),
        on_progress=say,
    )


def measured(training: Training) -> dict[str, float]:
    """Return how a detector did on held-out records, and STA/LTA under the same rules.

    Returns
    -------
    dict
        Hours of records; recall and unmatched detections a day of both.
    """
    detector: Detector = training.detector
    days = len(training.windows) * detector.grid.hop_ns / DAY_NS
    out = {"hours": round(24 * days, 1)}
    for name, result in (("", training.test), ("sta_lta_", training.baseline)):
        n = len(result.matched) + len(result.missed)
        out[name + "recall"] = round(len(result.matched) / max(n, 1), 3)
        out[name + "unmatched_per_day"] = round(len(result.unmatched) / days, 2)
    return out
