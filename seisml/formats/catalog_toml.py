"""``catalog.toml``: what a catalogue's file does not say itself, written beside it.

All keys may be left out; ``catalogs/README.md`` explains them with examples::

    file = "catalog.csv"          # beside this one
    format = "csv"                # one of `seisml.formats.format_names`; else by content
    name = "VolcanoX"
    body = "earth"                # earth, mars, moon
    time_basis = "label_start"    # see `seisml.catalog.TIME_BASES`
    zone = "America/Santiago"     # of times that state none
    time_format = "%d/%m/%Y %H:%M:%S"
    rows = "events"               # or picks
    header = ["time", "class"]    # for a table whose first line does not name its columns
    source, licence, url, doi, description = texts

    [columns]                     # what seisml calls it = what the file calls it
    time = ["Fecha", "Hora"]      # several are joined by a blank
    label = "Tipo"

    [missing]                     # texts that mean "nothing", by column of the file
    Mag = ["-9", "999"]

    [classes]                     # the file's words = the words to use
    TR = "tremor"
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path

from seisml.catalog import BODIES, TIME_BASES, Catalog
from seisml.errors import CatalogError, did_you_mean
from seisml.formats.layouts import Layout

FILE_NAME = "catalog.toml"
_TEXTS = (
    *("file", "format", "name", "body", "time_basis", "zone", "time_format", "rows"),
    *("source", "licence", "url", "doi", "description"),
)
_TABLES = ("columns", "missing", "classes")
_OPTIONS = {"body": BODIES, "time_basis": TIME_BASES, "rows": ("events", "picks")}


@dataclasses.dataclass(frozen=True)
class CatalogToml:
    """What a ``catalog.toml`` says.

    Attributes
    ----------
    path : pathlib.Path
        The file itself.
    file : pathlib.Path
        The catalogue.
    texts : mapping of str to str
        The keys that hold a text.
    layout : Layout
        What columns, header, zone and time format say.
    is_mapped : bool
        Whether the file is a table that only the layout explains.
    classes : mapping of str to str
        From the words of the file to those to use.
    """

    path: Path
    file: Path
    texts: Mapping[str, str]
    layout: Layout
    is_mapped: bool
    classes: Mapping[str, str]


def is_catalog_toml(path: Path) -> bool:
    """Tell whether a path is a folder or a ``.toml`` file."""
    return path.is_dir() or path.suffix == ".toml"


def read_catalog_toml(path: Path) -> CatalogToml:
    """Read a ``catalog.toml``.

    Parameters
    ----------
    path : path-like
        The file, or its folder.

    Returns
    -------
    CatalogToml

    Raises
    ------
    CatalogError
        If it is missing or no TOML, a key is unknown, or a value cannot be.
    """
    path = Path(path)
    path = path / FILE_NAME if path.is_dir() else path
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CatalogError(
            f"{path}: the catalogue cannot be opened ({error.strerror}).",
            f"A folder is a catalogue by a {FILE_NAME} in it; or name the file.",
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogError(f"{path} is no readable TOML: {error}.") from error
    for key, value in content.items():
        _check(key, value, path)
    return CatalogToml(
        path=path,
        file=path.parent / content.get("file", "catalog.csv"),
        texts={key: content[key] for key in _TEXTS if key in content},
        layout=_layout(content),
        is_mapped=any(
            key in content for key in ("columns", "header", "missing", "rows", "time_format")
        ),
        classes=content.get("classes", {}),
    )


def _check(key: str, value, path: Path) -> None:
    """Refuse a key or value that cannot be."""
    if key not in (*_TEXTS, *_TABLES, "header"):
        hint = did_you_mean(key, (*_TEXTS, *_TABLES, "header"))
        raise CatalogError(f"{path}: unknown key {key!r}.", hint)
    if key in _TEXTS:
        good, kind = isinstance(value, str), "a text"
    elif key == "header":
        good, kind = _are_texts(value), "a list of texts"
    elif key == "classes":
        good, kind = (
            isinstance(value, Mapping) and _are_texts([*value.values()]),
            "a table of texts",
        )
    else:
        good = isinstance(value, Mapping) and all(
            isinstance(each, str) or _are_texts(each) for each in value.values()
        )
        kind = "a table of texts or lists of texts"
    if not good:
        raise CatalogError(f"{path}: {key} = {value!r} must be {kind}.")
    if key in _OPTIONS and value not in _OPTIONS[key]:
        raise CatalogError(f"{path}: {key} is {value!r}.", did_you_mean(value, _OPTIONS[key]))


def _are_texts(value) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _layout(content: Mapping) -> Layout:
    def listed(value) -> tuple[str, ...]:
        return (value,) if isinstance(value, str) else tuple(value)

    columns = content.get("columns", {})
    return Layout(
        columns={key: v if isinstance(v, str) else tuple(v) for key, v in columns.items()},
        rows=content.get("rows", "events"),
        zone=content.get("zone"),
        time_format=content.get("time_format", ""),
        header=tuple(content.get("header", ())),
        missing={key: listed(value) for key, value in content.get("missing", {}).items()},
    )


def apply(catalog: Catalog, stated: CatalogToml) -> Catalog:
    """Return a catalogue with the time basis and the classes that its ``catalog.toml`` states.

    Parameters
    ----------
    catalog : Catalog
        As the file says it.
    stated : CatalogToml

    Returns
    -------
    Catalog
        Labels are those of ``[classes]``; the file's own are kept in ``source_label`` then.
    """
    basis = stated.texts.get("time_basis", catalog.time_basis)
    events = catalog.events
    if stated.classes:
        own = events["label"]
        events = events.assign(label=own.map(lambda word: stated.classes.get(word, word)))
        events["source_label"] = own
    return dataclasses.replace(catalog, events=events, time_basis=basis)
