"""Settings: frozen dataclasses, filled from a profile and from ``seisml.toml``.

Configuration stops at the command line and at `seisml.run`: functions below take plain values.
"""

import dataclasses
import tomllib
import typing
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from seisml.errors import ConfigError, did_you_mean


@dataclasses.dataclass(frozen=True)
class ArchiveConfig:
    """Which waveforms: where they are and which stations are used."""

    path: str = "archive"
    stations: tuple[str, ...] = ("*",)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """In what units samples are taken, and where the metadata of the stations are."""

    units: str = "counts"
    metadata: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class PreparationConfig:
    """How samples become ground motion: the causal filter, and steps for records of InSight."""

    f_min_hz: float = 1.0
    f_max_hz: float = 40.0
    order: int = 4
    tick: bool = False
    glitches: str = "none"
    wind: bool = False
    pressure: str = ""


@dataclasses.dataclass(frozen=True)
class WindowsConfig:
    """The absolute grid of windows."""

    length_s: float = 6.0
    hop_s: float = 2.0


@dataclasses.dataclass(frozen=True)
class FeaturesConfig:
    """Which features, and what their values depend on."""

    names: tuple[str, ...] = ("detect-fast",)
    bands_hz: tuple[tuple[float, float], ...] = ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32))
    sub_s: float = 0.1
    spectrum_s: float = 4.0
    lengths_s: tuple[float, ...] = ()
    sta_lta_short_s: tuple[float, float] = (0.5, 10.0)
    sta_lta_mid_s: tuple[float, float] = (2.0, 60.0)
    sta_lta_long_s: tuple[float, float] = (100.0, 1000.0)
    background_s: float = 3600.0
    background_quantile: float = 0.3
    min_coverage: float = 0.8
    chunk_s: float = 10800.0


@dataclasses.dataclass(frozen=True)
class LabelsConfig:
    """How the expert catalogue becomes labels of windows."""

    catalog: str = ""
    stations: str = ""
    rule: str = "auto"
    delay_s: float = 0.0
    uncertainty_s: float = 0.5
    min_duration_s: float = 3.0
    coda_factor: float = 1.5
    event_share: float = 0.5
    ignore_after_s: float = 10.0
    onset_s: float = 0.0
    start: str = ""
    end: str = ""
    coverage: str = ""
    noise_labels: tuple[str, ...] = ()
    unsure_labels: tuple[str, ...] = ()
    taxonomy: str = ""
    level: int = 0
    grades: bool = False
    epochs: str = ""
    weight_by: str = "none"
    quality_weights: Mapping = dataclasses.field(
        default_factory=lambda: {"A": 1.0, "B": 0.75, "C": 0.5, "D": 0.25}
    )
    one_class: bool = True


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Which classifier, and how it is validated."""

    model: str = "hist_gradient_boosting"
    settings: Mapping = dataclasses.field(default_factory=dict)
    search: Mapping = dataclasses.field(default_factory=dict)
    scale: str = "none"
    split: str = "blocks"
    n_blocks: int = 5
    block_days: float = 1.0
    purge_s: float = 60.0
    embargo_s: float = -1.0
    noise_per_event: float = 20.0
    starts: float = 0.0
    max_windows: int = 200_000
    class_weight: str = "none"
    calibration: str = "auto"
    threshold: float = 0.0
    false_alarms_per_day: float = 0.0
    novelty: float = 0.0
    vertical: bool = False
    seed: int = 0
    n_models: int = 1
    verify: bool = False


@dataclasses.dataclass(frozen=True)
class DetectionConfig:
    """How probabilities become events."""

    begin: str = "rise"
    off_ratio: float = 0.5
    merge_gap_s: float = 2.0
    min_duration_s: float = 0.0
    max_duration_s: float = 600.0
    dead_time_s: float = 0.0
    split_ratio: float = 0.0
    smooth_windows: int = 1
    support_window_s: float = 0.0
    network_vote: bool = False
    classes: Mapping = dataclasses.field(default_factory=dict)
    refine_onset: bool = True
    onset_search_s: float = 6.0
    onset_late_s: float = 0.0
    onset_uncertainty_s: float = 0.0
    onset_by: str = "picker"
    onset_from: float = 0.5
    repeats: Mapping = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ComparisonConfig:
    """How machine and expert are compared."""

    tolerance_s: float = 3.0
    class_tolerance_s: Mapping = dataclasses.field(default_factory=dict)
    mode: str = "onset"


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of one project.

    Attributes
    ----------
    profile : str
        Preset the values come from.
    body : str
        earth, mars or moon.
    folder : str
        Where results go, relative to the file.
    """

    profile: str = "earth-local"
    body: str = "earth"
    folder: str = "results"
    archive: ArchiveConfig = ArchiveConfig()
    data: DataConfig = DataConfig()
    preparation: PreparationConfig = PreparationConfig()
    windows: WindowsConfig = WindowsConfig()
    features: FeaturesConfig = FeaturesConfig()
    labels: LabelsConfig = LabelsConfig()
    training: TrainingConfig = TrainingConfig()
    detection: DetectionConfig = DetectionConfig()
    comparison: ComparisonConfig = ComparisonConfig()


def profile_names() -> list[str]:
    """Return the names of the profiles that come with seisml."""
    folder = resources.files("seisml") / "profiles"
    return sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml"))


def profile_text(name: str) -> str:
    """Return the text of a profile, comments included.

    Raises
    ------
    ConfigError
        If there is no such profile.
    """
    if name not in profile_names():
        raise ConfigError(f"There is no profile {name!r}.", did_you_mean(name, profile_names()))
    return (resources.files("seisml") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")


def load_profile(name: str) -> Config:
    """Return the settings of a profile.

    Examples
    --------
    >>> load_profile("mars-insight").body
    'mars'
    """
    return fill(Config(profile=name), tomllib.loads(profile_text(name)), f"profile {name}")


def load_config(path) -> Config:
    """Read a ``seisml.toml``: its profile first, then what the file says itself.

    Parameters
    ----------
    path : path
        Relative paths inside the file are taken from its folder; the returned settings hold
        them as written, see `resolve_path`.

    Raises
    ------
    ConfigError
        If the file is missing, is no TOML, or has an unknown key or a value of the wrong type.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no file {path}.", "Write one with 'seisml init PROFILE'."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is no readable TOML: {error}.") from error
    profile = table.get("profile", Config.profile)
    if not isinstance(profile, str):
        raise ConfigError(f"{path}: profile must be a text, not {profile!r}.")
    preset = load_profile(profile)
    return without_foreign_settings(fill(preset, table, str(path)), table.get("training", {}))


def without_foreign_settings(config: Config, stated: Mapping) -> Config:
    """Return a configuration without the settings that its profile has for another classifier.

    Parameters
    ----------
    config : Config
    stated : mapping
        Keys of ``[training]`` that are stated beside the profile: these are kept.

    Examples
    --------
    >>> config = load_profile("earth-onsets")
    >>> training = dataclasses.replace(config.training, model="extra_trees")
    >>> changed = dataclasses.replace(config, training=training)
    >>> without_foreign_settings(changed, {}).training.settings
    {}
    """
    preset = load_profile(config.profile).training
    if config.training.model == preset.model:
        return config
    foreign = {key: {} for key in ("settings", "search") if key not in stated}
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **foreign))


def resolve_path(config_path, value: str) -> Path:
    """Return a path of the settings, taken from the folder of the file that states it."""
    return Path(config_path).parent / Path(value).expanduser()


def _table_of(key: str) -> str:
    """Return in which table a key stands that stands in no other; empty where there is none."""
    tables = [
        one.name
        for one in dataclasses.fields(Config)
        if dataclasses.is_dataclass(one.default) and hasattr(one.default, key)
    ]
    return f"It stands in [{tables[0]}]." if len(tables) == 1 else ""


def with_paths(labels: LabelsConfig, config_path, *, stated: Mapping | None = None) -> LabelsConfig:
    """Return labels whose files are found from anywhere, see `resolve_path`.

    Parameters
    ----------
    labels : LabelsConfig
    config_path : path
        Of the file that states them.
    stated : mapping, optional
        What that file states; default everything.
    """
    names = [name for name in ("epochs", "coverage") if getattr(labels, name)]
    names = [name for name in names if stated is None or name in stated]
    found = {name: str(resolve_path(config_path, getattr(labels, name))) for name in names}
    return dataclasses.replace(labels, **found)


def fill(base: Any, table: Mapping, where: str) -> Any:
    """Return a copy of a dataclass with the values of a table, refusing unknown keys."""
    fields = {field.name: field for field in dataclasses.fields(base)}
    kinds = typing.get_type_hints(type(base))
    changes = {}
    for key, value in table.items():
        if key not in fields:
            raise ConfigError(
                f"{where}: unknown key {key!r}.", _table_of(key) or did_you_mean(key, fields)
            )
        old = getattr(base, key)
        if dataclasses.is_dataclass(old):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{where}: {key} must be a table, [{key}], not {value!r}.")
            changes[key] = fill(old, value, f"{where}: [{key}]")
        else:
            changes[key] = _typed(old, value, f"{where}: {key}", kinds[key])
    return dataclasses.replace(base, **changes)


def _typed(old: Any, value: Any, where: str, kind: Any) -> Any:
    """Return the value in the type of the default, or refuse it; `kind` is the field's type."""
    if isinstance(old, bool) or isinstance(value, bool):
        good = isinstance(old, bool) and isinstance(value, bool)
    elif isinstance(old, float):
        good = isinstance(value, (int, float))
        value = float(value) if good else value
    elif isinstance(old, tuple):
        value = [value] if isinstance(value, str) else value
        good = isinstance(value, list) and (bool(value) or not old)
        value = tuple(tuple(v) if isinstance(v, list) else v for v in value) if good else value
        example = old[0] if old else typing.get_args(kind)[0]()
        good = good and all(isinstance(v, type(example)) or _is_number(v, example) for v in value)
    else:
        good = isinstance(value, type(old))
    if not good:
        raise ConfigError(f"{where} = {value!r} has the wrong type.", f"For example: {old!r}.")
    return value


def _is_number(value: Any, example: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and isinstance(example, (int, float))
