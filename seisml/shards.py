"""Shards of a feature store: one HDF5 file a station-day, atomic, stamped, restartable.

A shard ``STORE/NET.STA.LOC.BI/NET.STA.LOC.BI_YYYY-MM-DD.h5`` holds::

    /X         float32 (n_windows, n_columns)   chunked by rows; NaN where not defined
    /time      int64   (n_windows,)             start of each window, ns since 1970 UTC
    /coverage  float32 (n_windows,)             share of valid samples, best component
    /flags     uint8   (n_windows,)             see FLAGS
    /covariates/NAME   float32 (n_windows,)     what stands beside the features, with its unit;
                                                only where the preparation asks for it
    /sources   text    (n_files, 3)             path, size, mtime_ns of the files it was made from
    attributes: schema, station, day, columns, units, length_s, hop_s, fingerprint, settings,
                counts, versions (settings, counts and versions are JSON)

Windows without any sample have no row. Opening one needs nothing of seisml::

    with h5py.File(shard) as f:
        X, columns = f["X"][:], list(f.attrs["columns"])
        table = pd.DataFrame(X, index=pd.to_datetime(f["time"][:]), columns=columns)
    # xarray: xr.DataArray(table, dims=("time", "feature"))
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

import h5py
import numpy as np

from seisml.atomic import unwritable, write_atomic
from seisml.errors import NoDataError, TableError, did_you_mean
from seisml.preparation import sample_steps
from seisml.times import day_name
from seisml.windows import WindowGrid

SCHEMA = 1
FLAGS = {
    1: "gap in the window",
    2: "coverage below the minimum",
    4: "a component is missing",
    8: "a glitch reaches into the window",
}
CHUNK_ROWS = 4096
OTHER_SETTINGS = "made with other settings"
METADATA = "station metadata"
"""Stands among the sources for what is known of the station, its fingerprint for the time."""


@dataclasses.dataclass(frozen=True)
class Shard:
    """Everything that one file of the store holds; see the module's docstring."""

    station: str
    day: int
    time_ns: np.ndarray
    X: np.ndarray
    coverage: np.ndarray
    flags: np.ndarray
    columns: tuple[str, ...]
    units: tuple[str, ...]
    grid: WindowGrid
    fingerprint: str
    settings: Mapping
    sources: tuple[tuple[str, int, int], ...]
    counts: Mapping[str, int]
    versions: Mapping[str, str]
    covariates: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    covariate_units: Mapping[str, str] = dataclasses.field(default_factory=dict)


def shard_path(store, station: str, day: int) -> Path:
    """Return the path of a shard.

    Examples
    --------
    >>> shard_path("store", "XB.ELYSE.02.BH", 0).as_posix()
    'store/XB.ELYSE.02.BH/XB.ELYSE.02.BH_1970-01-01.h5'
    """
    safe = _safe(station)
    return Path(store) / safe / f"{safe}_{day_name(day)}.h5"


def lock_path(store, station: str) -> Path:
    """Return the path of the lock that a run holds while it makes shards of a station.

    Examples
    --------
    >>> lock_path("store", "XB.ELYSE.02.BH").as_posix()
    'store/.locks/XB.ELYSE.02.BH.lock'
    """
    return Path(store) / ".locks" / f"{_safe(station)}.lock"


def _safe(station: str) -> str:
    """Return a name for files: what some file systems refuse, or hide, becomes %XX."""
    name = quote(station, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def write_shard(store, shard: Shard) -> Path:
    """Write one shard: to a temporary name, synced, renamed; never half.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    TableError
        If the disk is full or the folder cannot be written.
    """
    path = shard_path(store, shard.station, shard.day)
    # Made in memory: HDF5 may crash where a disk is full, plain writing only raises.
    content = io.BytesIO()
    with h5py.File(content, "w", libver="v110") as file:
        _write(file, shard)
    try:
        write_atomic(path, content.getbuffer())
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def remove_leftovers(store, station: str, *, older_than_s: float = 0.0) -> None:
    """Remove what killed runs have left of half-written shards of a station."""
    for part in (Path(store) / _safe(station)).glob(".*.part"):
        with contextlib.suppress(OSError):
            if not older_than_s or time.time() - part.stat().st_mtime > older_than_s:
                part.unlink()


def _write(file: h5py.File, shard: Shard) -> None:
    n, n_columns = shard.X.shape
    chunks = (min(n, CHUNK_ROWS), n_columns) if n and n_columns else None
    _add(file, "X", np.asarray(shard.X, np.float32), chunks=chunks)
    _add(file, "time", shard.time_ns.astype(np.int64))
    _add(file, "coverage", shard.coverage.astype(np.float32))
    _add(file, "flags", shard.flags.astype(np.uint8))
    for name, values in shard.covariates.items():
        _add(file, f"covariates/{name}", np.asarray(values, np.float32))
        file[f"covariates/{name}"].attrs["unit"] = shard.covariate_units[name]
    text = h5py.string_dtype()
    sources = np.array([[str(v) for v in row] for row in shard.sources], dtype=object)
    _add(file, "sources", sources.reshape(-1, 3), dtype=text)
    file.attrs["schema"] = SCHEMA
    file.attrs["station"] = shard.station
    file.attrs["day"] = day_name(shard.day)
    file.attrs.create("columns", np.array(shard.columns, dtype=object), dtype=text)
    file.attrs.create("units", np.array(shard.units, dtype=object), dtype=text)
    file.attrs["length_s"] = shard.grid.length_s
    file.attrs["hop_s"] = shard.grid.hop_s
    file.attrs["fingerprint"] = shard.fingerprint
    for name in ("settings", "counts", "versions"):
        file.attrs[name] = json.dumps(dict(getattr(shard, name)), sort_keys=True)


def _add(file: h5py.File, name: str, data: np.ndarray, **options) -> None:
    """Write an array at once: where it lies must not depend on when Python lets go of it."""
    file.create_dataset(name, data=data, track_times=False, **options).flush()


def read_shard(path) -> Shard:
    """Read one shard whole.

    Raises
    ------
    TableError
        If the file is no shard, is broken, or was written by a newer seisml.
    """
    with _opened(path) as file:
        sources = _read_sources(file)
        day = int(np.datetime64(file.attrs["day"], "D").astype(int))
        beside = dict(file.get("covariates", {}))
        return Shard(
            station=file.attrs["station"],
            day=day,
            time_ns=file["time"][:],
            X=file["X"][:],
            coverage=file["coverage"][:],
            flags=file["flags"][:],
            columns=tuple(file.attrs["columns"]),
            units=tuple(file.attrs["units"]),
            grid=WindowGrid(float(file.attrs["length_s"]), float(file.attrs["hop_s"])),
            fingerprint=file.attrs["fingerprint"],
            settings=json.loads(file.attrs["settings"]),
            sources=sources,
            counts=json.loads(file.attrs["counts"]),
            versions=json.loads(file.attrs["versions"]),
            covariates={name: one[:] for name, one in beside.items()},
            covariate_units={name: one.attrs["unit"] for name, one in beside.items()},
        )


def read_counts(path) -> dict[str, int]:
    """Return what was rejected or odd in the samples of one shard, without reading its values."""
    with _opened(path) as file:
        return json.loads(file.attrs["counts"])


def read_covariates(path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the start of each window and what stands beside its features, without these."""
    with _opened(path) as file:
        return file["time"][:], {name: one[:] for name, one in file.get("covariates", {}).items()}


def features_fingerprint(fingerprint: str, settings: Mapping) -> str:
    """Return the fingerprint of what the features depend on: not of what stands beside them.

    Parameters
    ----------
    fingerprint : str
        Of all settings, see `fingerprint_of`.
    settings : mapping
        Of a shard.
    """
    steps = settings.get("preparation", {})
    kept = sample_steps(steps)
    if kept == steps:
        return fingerprint
    rest = {name: value for name, value in settings.items() if name not in ("unit", "preparation")}
    return fingerprint_of({**rest, **({"preparation": kept} if kept else {})})


def fingerprint_of(settings: Mapping) -> str:
    """Return a short hash of settings that JSON can hold.

    Examples
    --------
    >>> fingerprint_of({"a": 1, "b": (2,)}) == fingerprint_of({"b": [2], "a": 1})
    True
    """
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_settings(path) -> tuple[str, dict]:
    """Return fingerprint and settings that a shard was made with, without reading its values."""
    with _opened(path) as file:
        return file.attrs["fingerprint"], json.loads(file.attrs["settings"])


@contextlib.contextmanager
def _opened(path) -> Iterator[h5py.File]:
    """Yield a shard that is open; whatever is wrong with it is a TableError."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            schema = file.attrs.get("schema")
            if not np.isscalar(schema) or schema != SCHEMA:
                raise TableError(
                    f"{path} is no feature shard of schema {SCHEMA} (its schema: {schema}).",
                    "Remove it and run extract again, or use the seisml that wrote it.",
                )
            yield file
    except FileNotFoundError:
        raise TableError(f"There is no shard {path}.", "Run extract again.") from None
    except TableError:
        raise
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise TableError(
            f"{path} is no readable shard: {error}.", "Remove it and run extract again."
        ) from error


def _read_sources(file: h5py.File) -> tuple[tuple[str, int, int], ...]:
    return tuple((p, int(s), int(m)) for p, s, m in file["sources"].asstr()[:])


def shard_state(
    path, *, fingerprint: str, sources: Sequence[tuple[str, int, int]]
) -> tuple[str, str]:
    """Return whether a shard is there and made with these settings from these files.

    Parameters
    ----------
    path : path
    fingerprint : str
    sources : sequence of (path, size, mtime_ns)

    Returns
    -------
    state : "present", "stale" or "missing"
    why : str
        Reason, "" for present.
    """
    if not Path(path).exists():
        return "missing", "not made yet"
    try:
        with _opened(path) as file:
            known, made_from = file.attrs["fingerprint"], set(_read_sources(file))
    except TableError as error:
        return "stale", error.problem
    if known != fingerprint:
        return "stale", OTHER_SETTINGS
    now = set(sources)
    if made_from != now:
        changed = sorted({row[0] for row in made_from ^ now})
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        what = "" if changed[0] == METADATA else "waveform file "
        return "stale", f"{what}changed: {changed[0]}{more}"
    return "present", ""


def shard_paths(store, *, stations: Iterable[str] | None = None) -> list[Path]:
    """Return the shards of a store, sorted by station and day.

    Raises
    ------
    NoDataError
        If there is no store or it has no shard, or a station is not in it.
    """
    paths = sorted(path for path in Path(store).glob("*/*.h5") if day_of(path) is not None)
    if not paths:
        raise NoDataError(
            f"There are no feature tables in {store}.", "Make them with 'seisml extract'."
        )
    if stations is None:
        return paths
    known = {unquote(path.parent.name) for path in paths}
    wanted = [stations] if isinstance(stations, str) else list(stations)
    for station in wanted:
        if station not in known:
            raise NoDataError(
                f"The store {store} has no station {station!r}.", did_you_mean(station, known)
            )
    return [path for path in paths if unquote(path.parent.name) in wanted]


def first_shards(store) -> list[Path]:
    """Return the first shard of each station of a store, none where there is no store."""
    paths = sorted(Path(store).glob("*/*.h5"), reverse=True)
    first = {path.parent: path for path in paths if day_of(path) is not None}
    return sorted(first.values())


def day_of(path: Path) -> int | None:
    """Return the day in the name of a shard; None if it is no name of a shard."""
    station, _, day = path.stem.rpartition("_")
    if station != path.parent.name or not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        return None
    try:
        return int(np.datetime64(day, "D").astype(int))
    except ValueError:
        return None
