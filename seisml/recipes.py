"""Recipes of the models that come with seisml: what is generated, and how it is learnt.

A recipe says which records are generated and which profile they are extracted with; features do
not depend on the gain, columns not on the components, and conditions vary far more than at one
place.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping

import pandas as pd

from seisml.config import Config, load_profile
from seisml.errors import ConfigError, did_you_mean
from seisml.synthetics.earth_records import FAINT_DB, ONSET_S, earth_record
from seisml.synthetics.mars_records import mars_record
from seisml.synthetics.moon_records import moon_record
from seisml.synthetics.records import make_records
from seisml.synthetics.volcano_records import volcano_record
from seisml.times import to_ns

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
