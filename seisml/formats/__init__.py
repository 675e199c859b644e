"""Catalogue files: every format is a short module with a row in this registry.

A format is found by content, never by suffix. To add one, write a module with ``sniff(head,
path)``, ``read(path, *, zone, body, columns, name)`` and, where it can be written,
``write(catalog, path)``, and rows of `seisml.formats.registry.Format` in a tuple ``FORMATS`` that
is added to `seisml.formats.families` (or call `register_format` elsewhere).
Modules import ObsPy and lxml inside their functions, so that this package stays light.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from seisml.atomic import write_atomic
from seisml.catalog import Catalog
from seisml.errors import CatalogError, did_you_mean
from seisml.formats import (
    catalog_toml,
    mapped,
    mqs,
    picks_table,
    quakemigrate,
    quakeml,
    quakeml_write,
    table,
    table_write,
)
from seisml.formats.families import FAMILIES
from seisml.formats.frame import catalog_from_frame
from seisml.formats.reading import read_head
from seisml.formats.registry import Format

__all__ = [
    "Format",
    "catalog_files",
    "catalog_from_frame",
    "format_names",
    "get_format",
    "output_format_of",
    "read_catalog",
    "register_format",
    "sniff_format",
    "write_catalog",
]


_GENERAL = ("csv", "picks")


def _unless_known(sniff) -> Callable[[str, Path], bool]:
    """Return a sniffer of general tables: those that no other format knows better."""

    def sniff_general(head: str, path: Path) -> bool:
        others = (known for known in _FORMATS.values() if known.name not in _GENERAL)
        return sniff(head, path) and not any(other.sniff(head, path) for other in others)

    return sniff_general


_BUILT_IN = (
    Format(
        "csv",
        _unless_known(table.sniff),
        table.read,
        table_write.write,
        (".csv",),
        "table with a header line, seisml's own or any with known column names",
    ),
    Format(
        "quakeml",
        quakeml.sniff,
        quakeml.read,
        quakeml_write.write,
        (".xml", ".qml", ".quakeml"),
        "QuakeML 1.2",
    ),
    Format(
        "picks",
        _unless_known(picks_table.sniff),
        picks_table.read,
        None,
        (),
        "table of picks with a header line: station, phase, time",
    ),
    Format("mqs", mqs.sniff, mqs.read, None, (), "QuakeML of the Marsquake Service"),
    *FAMILIES,
)
_FORMATS: dict[str, Format] = {known.name: known for known in _BUILT_IN}


def register_format(new: Format) -> None:
    """Add a format; it is asked before the ones that are there already.

    Raises
    ------
    CatalogError
        If the name is taken.
    """
    if new.name in _FORMATS:
        raise CatalogError(
            f"There is a format {new.name!r} already ({_FORMATS[new.name].description}).",
            "Choose another name.",
        )
    _FORMATS[new.name] = new


def format_names() -> list[str]:
    """Return the names of all formats, sorted.

    Examples
    --------
    >>> [name for name in format_names() if name.startswith("quake")]
    ['quakemigrate', 'quakemigrate-picks', 'quakemigrate-trigger', 'quakeml']
    """
    return sorted(_FORMATS)


def get_format(name: str) -> Format:
    """Return the format of that name.

    Raises
    ------
    CatalogError
        If there is none.

    Examples
    --------
    >>> get_format("quakeml").description
    'QuakeML 1.2'
    """
    if name not in _FORMATS:
        raise CatalogError(f"There is no catalogue format {name!r}.", did_you_mean(name, _FORMATS))
    return _FORMATS[name]


def sniff_format(path) -> Format | None:
    """Return the format of a file by its content, or None.

    Raises
    ------
    CatalogError
        If the file is missing, empty or binary.
    """
    path = Path(path)
    head = read_head(path)
    return next((known for known in reversed(_FORMATS.values()) if known.sniff(head, path)), None)


def read_catalog(
    path,
    *,
    format: str | None = None,  # noqa: A002
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a catalogue of any known format.

    Parameters
    ----------
    path : path-like
        The file; a ``catalog.toml`` (or its folder) that names and explains it, see
        `seisml.formats.catalog_toml`: what is given here goes before what stands there; or the
        folder of a run of QuakeMigrate, with a file an event.
    format : str, optional
        One of `format_names`; found by content without it.
    zone : str, optional
        Time zone of a table's times that state none, for example "UTC" or "Asia/Shanghai".
    body : str, optional
        earth, mars or moon; what the file says without it, else earth.
    columns : mapping of str to str, optional
        seisml's column names to those of a table, see `seisml.formats.table`, for example
        ``{"time": "Eventzeit"}``.
    name : str
        Name of the catalogue; the file's without it.

    Returns
    -------
    Catalog
        ``dropped`` counts the rows that could not be used, by reason.

    Raises
    ------
    CatalogError
        If the file is missing, empty, binary, of no known format, or contradicts its format.

    Examples
    --------
    >>> read_catalog("expert.csv", zone="UTC")  # doctest: +SKIP
    Catalog('expert', 39 events, 0 picks, earth, time basis origin)
    >>> read_catalog("catalogs/apollo_impacts")  # doctest: +SKIP
    Catalog('apollo_impacts', 9 events, 0 picks, moon, time basis origin)
    """
    path = Path(path)
    if not (path / catalog_toml.FILE_NAME).exists() and quakemigrate.is_run(path):
        return quakemigrate.read(path, zone=zone, body=body, name=name or path.resolve().name)
    if catalog_toml.is_catalog_toml(path):
        return _read_described(
            path, format=format, zone=zone, body=body, columns=columns, name=name
        )
    if format is not None:
        chosen = get_format(format)
        read_head(path, binary=True)
    else:
        chosen = sniff_format(path) or (get_format("csv") if columns else None)
    if chosen is None:
        first = read_head(path).strip().splitlines()[0].strip()
        raise CatalogError(
            f"{path}: the content is of no known catalogue format; it begins {first[:60]!r}.",
            f"Known are {', '.join(format_names())}. For another table give "
            "columns={'time': ...}, or a catalog.toml beside it.",
        )
    return chosen.read(path, zone=zone, body=body, columns=columns, name=name or path.stem)


def _read_described(path: Path, *, format, zone, body, columns, name) -> Catalog:  # noqa: A002
    """Read the file that a ``catalog.toml`` names, as it says."""
    stated = catalog_toml.read_catalog_toml(path)
    texts = stated.texts
    if not stated.file.exists():
        raise CatalogError(
            f"{stated.file}: the catalogue that {stated.path.name} names is not there.",
            f"Fetch it from {texts['url']}, see README.md." if "url" in texts else "",
        )
    name = name or texts.get("name", stated.path.resolve().parent.name)
    zone, body = zone or texts.get("zone"), body or texts.get("body")
    format = format or texts.get("format")  # noqa: A001
    if stated.is_mapped and columns is None:
        if format not in (None, "csv"):
            raise CatalogError(
                f"{stated.path}: format is {format!r}, but columns, header, missing, rows and "
                "time_format explain a table.",
                'Leave them away, or say format = "csv".',
            )
        read_head(stated.file)
        found = mapped.read_mapped(stated.file, stated.layout, zone=zone, body=body, name=name)
    else:
        found = read_catalog(
            stated.file, format=format, zone=zone, body=body, columns=columns, name=name
        )
    return catalog_toml.apply(found, stated)


def catalog_files(path) -> list[Path]:
    """Return the files that a catalogue is made of, those that there may be included.

    Parameters
    ----------
    path : path-like
        As of `read_catalog`.

    Returns
    -------
    list of pathlib.Path
        The ``catalog.toml`` if there is one, the file, and where a CSV has its picks.
    """
    path = Path(path)
    if not catalog_toml.is_catalog_toml(path):
        return [path, table_write.picks_path(path)]
    stated = catalog_toml.read_catalog_toml(path)
    return [stated.path, *catalog_files(stated.file)]


def write_catalog(catalog: Catalog, path, *, format: str | None = None) -> None:  # noqa: A002
    """Write a catalogue, whole or not at all.

    Parameters
    ----------
    catalog : Catalog
    path : path-like
        The file; one that is there is replaced. A CSV with picks has a second file beside it,
        ``<stem>.picks.csv``.
    format : str, optional
        One that can be written: csv, quakeml, fdsn, geojson, snuffler, phasenet; by the suffix
        (.csv, .xml, .txt, .geojson, .markers) without it. FDSN text has no place for picks,
        scores and other columns, GeoJSON none for picks, markers none for scores.

    Raises
    ------
    CatalogError
        If the format is unknown or cannot be written, or the file cannot be.

    Examples
    --------
    >>> write_catalog(detections, "detections.csv")  # doctest: +SKIP
    """
    path = Path(path)
    chosen = get_format(output_format_of(path, format))
    for target, content in chosen.write(catalog, path).items():
        _write_atomically(target, content)


def output_format_of(path, format: str | None = None) -> str:  # noqa: A002
    """Return the name of the format in which `write_catalog` would write a file.

    Parameters
    ----------
    path : path-like
    format : str, optional
        By the suffix without it.

    Raises
    ------
    CatalogError
        If there is none, or it can only be read: told before the work rather than after it.

    Examples
    --------
    >>> output_format_of("detections.xml")
    'quakeml'
    """
    suffix = Path(path).suffix.lower()
    if format is not None:
        if get_format(format).write is None:
            raise CatalogError(f"The format {format!r} can only be read.", _writable_hint())
        return format
    for known in reversed(_FORMATS.values()):
        if known.write is not None and suffix in known.suffixes:
            return known.name
    raise CatalogError(f"{path}: the suffix {suffix!r} names no format.", _writable_hint())


def _writable_hint() -> str:
    suffixes = [s for f in _FORMATS.values() if f.write for s in f.suffixes]
    names = sorted(name for name, known in _FORMATS.items() if known.write)
    return f"Catalogues are written as {', '.join(suffixes)}; or by format=: {', '.join(names)}."


def _write_atomically(path: Path, content: bytes) -> None:
    """Write whole or not at all."""
    try:
        write_atomic(path, content)
    except OSError as error:
        raise CatalogError(
            f"{path}: the catalogue cannot be written ({error.strerror}).",
            "Check that the folder exists, may be written and has room.",
        ) from error
