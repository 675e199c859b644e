"""Detectors that need no labels: trained on generated records, each by a recipe.

What comes out is an ordinary Detector, tested on held-out records.
"""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from seisml.archive import open_archive
from seisml.catalog import Catalog, make_catalog
from seisml.errors import ConfigError
from seisml.extract import extract
from seisml.labels import SIGNAL_COLUMNS
from seisml.model import Detector
from seisml.recipes import RECIPES, Recipe, config_of, get_recipe
from seisml.settings import label_rule_of, match_rule_of, plan_of, training_rule_of
from seisml.times import DAY_NS, NS_PER_S
from seisml.training import Training, train
from seisml.trainingset import Selection, TrainingSet


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
        Of a recipe, see `seisml.recipes.RECIPES`.
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


def kept_set(folder, profile: str) -> TrainingSet:
    """Return the records that `pretrain` kept, to be learnt with networks but not judged.

    Parameters
    ----------
    folder : path
        ``--keep`` of `seisml pretrain`.
    profile : str
        Whose features the networks have: that of the recipe.

    Raises
    ------
    ConfigError
        If there is no such folder, or no recipe of this profile.
    """
    names = [name for name, recipe in RECIPES.items() if recipe.profile == profile]
    if not names:
        known = sorted({recipe.profile for recipe in RECIPES.values()})
        raise ConfigError(
            f"No records are generated for the profile {profile!r}.",
            f"Profiles with generated records: {', '.join(known)}.",
        )
    truth, store = Path(folder) / "truth.csv", Path(folder) / "features"
    for path in (truth, store):
        if not path.exists():
            raise ConfigError(
                f"{folder} holds no generated records: there is no {path.name}.",
                f"Make them: seisml pretrain {names[0]} -o MODEL --keep {folder}",
            )
    table = pd.read_csv(truth, dtype={"station": object})
    one = generated_set(get_recipe(names[0]), table, store)
    return dataclasses.replace(one, judged=False)


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
