"""Training sets as files: stores and catalogues named on the command line or in a TOML."""

import dataclasses
import tomllib
from collections.abc import Sequence
from pathlib import Path

from seisml.archive import Archive, open_archive
from seisml.config import Config, LabelsConfig, fill, resolve_path, with_paths
from seisml.errors import ConfigError
from seisml.experts import expert_of, looked_at, read_stations, signals_of
from seisml.model import make_classifier, save_detector
from seisml.resuming import folder_of, forget
from seisml.settings import label_rule_of, match_rule_of, training_rule_of
from seisml.shards import shard_paths
from seisml.training import Training, train
from seisml.trainingset import Selection, TrainingSet


@dataclasses.dataclass(frozen=True)
class SetFiles:
    """Where one training set is, as text.

    Attributes
    ----------
    stores : tuple of str
        Feature stores.
    catalog : str
        Expert catalogue.
    stations : str
        CSV with the columns station, latitude, longitude, for the rule origins.
    archive : str
        Waveforms, to refine the onsets of tested detections; "" for none.
    start, end : str
        Windows that are used (ISO 8601).
    weight : float
    name : str
        For the model's card.
    labels : LabelsConfig
        How the catalogue becomes labels.
    """

    stores: tuple[str, ...] = ()
    catalog: str = ""
    stations: str = ""
    archive: str = ""
    start: str = ""
    end: str = ""
    weight: float = 1.0
    name: str = ""
    labels: LabelsConfig = dataclasses.field(default_factory=LabelsConfig)


def read_sets(path, config: Config) -> list[SetFiles]:
    """Read training sets from a TOML file with one ``[[set]]`` each.

    Parameters
    ----------
    path : path
        Keys of a set are the attributes of `SetFiles`; paths are relative to the file. What
        ``[set.labels]`` does not say is taken from the configuration.
    config : Config

    Returns
    -------
    list of SetFiles

    Raises
    ------
    ConfigError
        If the file is missing or no TOML, or a key is unknown, missing or of the wrong type.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"{path} is no readable TOML: {error}.",
            'It holds one [[set]] a network, with stores = ["a/"] and catalog = "a.xml".',
        ) from error
    tables = content.get("set")
    if set(content) != {"set"} or not isinstance(tables, list) or not tables:
        raise ConfigError(
            f"{path} holds {', '.join(sorted(content)) or 'nothing'}; it must hold [[set]] tables "
            "and nothing else.",
            'For example: [[set]], then stores = ["a/"] and catalog = "a.xml".',
        )
    found = []
    for number, table in enumerate(tables, start=1):
        where = f"{path}: set {number}"
        one = fill(SetFiles(stores=("",), labels=config.labels), table, where)
        for key in ("stores", "catalog"):
            if not any(getattr(one, key)):
                raise ConfigError(f"{where} has no {key}.", f'Add {key} = "...".')
        near = {key: str(resolve_path(path, getattr(one, key))) for key in ("catalog",)}
        for key in ("stations", "archive"):
            if getattr(one, key):
                near[key] = str(resolve_path(path, getattr(one, key)))
        if "labels" in table:  # the others are those of the configuration, and near it
            near["labels"] = with_paths(one.labels, path, stated=table["labels"])
        stores = tuple(str(resolve_path(path, store)) for store in one.stores)
        found.append(dataclasses.replace(one, stores=stores, **near))
    return found


def _check_same_stations(archive: Archive, names) -> None:
    """Refuse an archive from which no onset of these stations can be refined."""
    known = set(archive.pieces["station"])
    if names and not known.intersection(names):
        raise ConfigError(
            f"{archive.root} has none of the stations of the features ({', '.join(names[:5])}"
            f"{', ...' if len(names) > 5 else ''}).",
            "Name the archive that the features were extracted from, or none.",
        )


def training_set(files: SetFiles, config: Config, *, archive: Archive | None = None) -> TrainingSet:
    """Read the catalogue of a training set and bring it to the stations of its stores.

    Parameters
    ----------
    files : SetFiles
    config : Config
        For the body.
    archive : Archive, optional
        Opened already; else the archive that the files name.

    Raises
    ------
    CatalogError
        If the catalogue is of another body, or none of its events is at a station.
    ConfigError
        If the archive has none of the stations.
    """
    options = {"body": config.body, "epochs": files.labels.epochs or None}
    catalog, labels = expert_of(files.labels, files.catalog, **options)
    rule = label_rule_of(dataclasses.replace(config, labels=labels))
    names = sorted({path.parent.name for one in files.stores for path in shard_paths(one)})
    signals = signals_of(catalog, names, rule, read_stations(files.stations))
    if archive is None and files.archive:
        archive = open_archive(files.archive)
    if archive is not None:
        _check_same_stations(archive, names)
    return TrainingSet(
        stores=files.stores,
        signals=signals,
        expert=catalog,
        label_rule=rule,
        selection=Selection(start=files.start or None, end=files.end or None),
        archive=archive,
        weight=files.weight,
        name=files.name,
        looked_at=looked_at(files.labels.coverage, names),
    )


def train_on(
    sets: Sequence[SetFiles],
    config: Config,
    output,
    *,
    archives: Sequence[Archive | None] = (),
    more: Sequence[TrainingSet] = (),
    on_progress=None,
) -> Training:
    """Train on files, and save the detector; after a stop the same call goes on where it was.

    Parameters
    ----------
    sets : sequence of SetFiles
    config : Config
        Training, detection and comparison.
    output : path
        Of the model.
    archives : sequence of Archive, optional
        Of the sets, where they are open already.
    more : sequence of TrainingSet
        Learnt with them, as `seisml.pretraining.kept_set`.
    on_progress : callable, optional

    Returns
    -------
    Training
    """
    make_classifier(config.training.model, settings=config.training.settings)  # before any work
    opened = [*archives, *[None] * (len(sets) - len(archives))]
    pairs = zip(sets, opened, strict=True)
    training = train(
        [*(training_set(one, config, archive=archive) for one, archive in pairs), *more],
        rule=training_rule_of(config),
        detection=dataclasses.asdict(config.detection),
        matching=match_rule_of(config),
        keep=folder_of(output),
        on_progress=on_progress,
    )
    save_detector(training.detector, output)
    forget(folder_of(output))
    return training
