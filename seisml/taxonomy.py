"""Taxonomies: which class the labels of different catalogues mean, and the parents of classes.

A taxonomy is a TOML file with a table a class::

    [classes."high-frequency family"]
    [classes.HF]
    parent = "high-frequency family"
    names = ["HIGH_FREQUENCY", "DL-HF"]

Case, blanks and punctuation of labels do not matter. Labels joined by ``;`` mean the class that all
of their parts are of: two kinds of weather are weather.
"""

import dataclasses
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

from seisml.catalog import Catalog
from seisml.errors import ConfigError, did_you_mean

PRESETS = ("mars", "moon", "regional", "volcano")
_KEYS = ("parent", "names")


@dataclasses.dataclass(frozen=True)
class Taxonomy:
    """Classes with their parents, and the labels that mean them.

    Attributes
    ----------
    name : str
    parents : dict of str to str
        Parent of each class; "" for a root.
    labels : dict of str to str
        Class of each label; letters and digits only, in small letters.
    """

    name: str
    parents: Mapping[str, str]
    labels: Mapping[str, str]


def load_taxonomy(source) -> Taxonomy:
    """Return a preset, or the taxonomy in a TOML file.

    Parameters
    ----------
    source : str or path
        mars, moon, regional, volcano, or a path that ends in ``.toml``.

    Returns
    -------
    Taxonomy

    Raises
    ------
    ConfigError
        If there is no such preset or file, or the file is no taxonomy.

    Examples
    --------
    >>> taxonomy = load_taxonomy("mars")
    >>> class_of(taxonomy, "HIGH_FREQUENCY"), taxonomy.parents["HF"]
    ('HF', 'high-frequency family')
    """
    name = str(source)
    if not name.endswith(".toml"):
        if name not in PRESETS:
            hint = did_you_mean(name, PRESETS)
            raise ConfigError(f"There is no taxonomy {name!r}.", f"{hint} Or name a .toml file.")
        text = resources.files("seisml").joinpath(f"taxonomies/{name}.toml").read_text("utf-8")
        return _checked(name, text)
    try:
        text = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The taxonomy {name} cannot be read: {error}.") from error
    return _checked(name, text)


def _checked(name: str, text: str) -> Taxonomy:
    try:
        classes = tomllib.loads(text).get("classes")
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is no TOML: {error}.") from error
    if not isinstance(classes, dict) or not classes:
        raise ConfigError(f"{name} has no classes.", "It needs tables [classes.NAME].")
    parents, labels = {}, {}
    for one, about in classes.items():
        for key in about:
            if key not in _KEYS:
                raise ConfigError(f"{name}: {one} has {key!r}.", did_you_mean(key, _KEYS))
        parents[one] = str(about.get("parent", ""))
        for label in (one, *about.get("names", ())):
            key = _plain(label)
            if labels.setdefault(key, one) != one:
                raise ConfigError(f"{name}: {label!r} means both {labels[key]!r} and {one!r}.")
    _check_parents(name, parents)
    return Taxonomy(name, parents, labels)


def _check_parents(name: str, parents: Mapping[str, str]) -> None:
    for one, parent in parents.items():
        if parent and parent not in parents:
            raise ConfigError(
                f"{name}: {one} has the parent {parent!r}.", did_you_mean(parent, parents)
            )
        seen = [one]
        while parent:
            if parent in seen:
                raise ConfigError(f"{name}: {parent!r} is a parent of itself.")
            seen.append(parent)
            parent = parents.get(parent, "")


def _plain(label: str) -> str:
    return "".join(letter for letter in str(label).casefold() if letter.isalnum())


def class_of(taxonomy: Taxonomy, label: str) -> str:
    """Return the class that a label means; "" for one that the taxonomy does not have.

    Examples
    --------
    >>> class_of(load_taxonomy("volcano"), "Long-Period"), class_of(load_taxonomy("moon"), "?")
    ('LP', '')
    >>> class_of(load_taxonomy("mars"), "PRESSURE_DROP_DUST_DEVIL;PRESSURE_SPIKE")
    'weather'
    """
    whole = taxonomy.labels.get(_plain(label), "")
    parts = _parts(taxonomy, label)
    if whole or not all(parts):
        return whole
    shared = [lineage(taxonomy, part) for part in parts]
    common = [names[0] for names in zip(*shared, strict=False) if len(set(names)) == 1]
    return common[-1] if common else ""


def _parts(taxonomy: Taxonomy, label: str) -> list[str]:
    """Return the classes of the parts of a joined label; "" for one that is not known."""
    return [taxonomy.labels.get(_plain(part), "") for part in str(label).split(";")]


def lineage(taxonomy: Taxonomy, name: str) -> tuple[str, ...]:
    """Return a class with its parents, the root first.

    Parameters
    ----------
    taxonomy : Taxonomy
    name : str
        A class.

    Returns
    -------
    tuple of str

    Raises
    ------
    ConfigError
        If there is no such class.

    Examples
    --------
    >>> lineage(load_taxonomy("moon"), "LM")
    ('impact', 'artificial impact', 'LM')
    """
    if name not in taxonomy.parents:
        raise ConfigError(
            f"The taxonomy {taxonomy.name} has no class {name!r}.",
            did_you_mean(name, taxonomy.parents),
        )
    line = [name]
    while parent := taxonomy.parents[line[-1]]:
        line.append(parent)
    return tuple(reversed(line))


def below(taxonomy: Taxonomy, label: str) -> list[str]:
    """Return the class that a label means and all classes of which it is a parent.

    Raises
    ------
    ConfigError
        If the taxonomy does not have the label.

    Examples
    --------
    >>> below(load_taxonomy("moon"), "moonquake")
    ['deep', 'moonquake', 'shallow']
    """
    name = class_of(taxonomy, label) or label
    lineage(taxonomy, name)
    return sorted(one for one in taxonomy.parents if name in lineage(taxonomy, one))


def classify(
    catalog: Catalog,
    taxonomy: Taxonomy,
    *,
    level: int | None = None,
    grades: bool = False,
    whole: Iterable[str] = (),
) -> tuple[Catalog, dict[str, int]]:
    """Return the catalogue with classes for labels; a column ``source_label`` keeps the labels.

    Parameters
    ----------
    catalog : Catalog
    taxonomy : Taxonomy
    level : int, optional
        1 makes every class its root, 2 its ancestor below the root, and so on; without it every
        label becomes the class that it means.
    grades : bool
        Add the event's quality as a second level: "low-frequency family: A".
    whole : iterable of str
        Classes that `level` and `grades` do not touch, nor those below them.

    Returns
    -------
    catalog : Catalog
        Labels that the taxonomy does not have are kept as they are; joined ones whose parts have
        nothing in common become their classes, joined.
    unknown : dict of str to int
        Those labels, and how often they stand.

    Raises
    ------
    ConfigError
        If `level` is less than 1, or the taxonomy does not have a class of `whole`.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> events = [{"time_ns": 0, "label": "BROADBAND"}, {"time_ns": 1, "label": "odd"}]
    >>> found, unknown = classify(make_catalog(events), load_taxonomy("mars"), level=1)
    >>> found.events["label"].tolist(), unknown
    (['low-frequency family', 'odd'], {'odd': 1})
    >>> graded = make_catalog([{"time_ns": 0, "label": "BROADBAND", "quality": "B"}])
    >>> classify(graded, load_taxonomy("mars"), level=1, grades=True)[0].events["label"].tolist()
    ['low-frequency family: B']
    """
    if level is not None and level < 1:
        raise ConfigError(f"level is {level}.", "1 is the roots of the taxonomy.")
    kept = {name for label in whole for name in below(taxonomy, label)}
    meaning, unknown = {}, Counter()
    for label, n in catalog.events["label"].value_counts().items():
        name, parts = class_of(taxonomy, label), _parts(taxonomy, label)
        if not name:
            meaning[label] = ";".join(parts) if all(parts) else label
            if label and not all(parts):
                unknown[label] = int(n)
        else:
            deep = level is None or name in kept
            meaning[label] = name if deep else lineage(taxonomy, name)[:level][-1]
    source = catalog.events["label"]
    labels = source.map(meaning).astype(str)
    if grades:
        grade = catalog.events["quality"].astype(str)
        named = (grade != "") & ~source.isin(list(unknown)) & (labels != "") & ~labels.isin(kept)
        labels = labels.mask(named, labels + ": " + grade)
    events = catalog.events.assign(label=labels, source_label=source)
    return dataclasses.replace(catalog, events=events), dict(unknown)
