"""What a run may write: it holds the locks of its stations, and no shard is of other settings."""

import contextlib
import errno
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from seisml.atomic import unwritable
from seisml.errors import StaleTableError, TableError
from seisml.shards import lock_path, read_settings, remove_leftovers

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
N_TOLD = 3
"""Settings that differ which an error names."""


@contextlib.contextmanager
def hold(store, stations: Iterable[str]) -> Iterator[None]:
    """Hold the locks of some stations of a store, so that no other run makes their shards.

    The operating system frees them when this process ends, however it ends. On a file system
    without locks a warning says so once: shards are whole there too, but two runs at once may do
    the same work. What killed runs have left of half-written shards is removed.

    Parameters
    ----------
    store : path
    stations : iterable of str

    Raises
    ------
    TableError
        If another run holds one of them, or the store cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> store = tempfile.mkdtemp()
    >>> with hold(store, ["XX.A..HH"]):
    ...     lock_path(store, "XX.A..HH").exists()
    True
    """
    with contextlib.ExitStack() as stack:
        locked = {station: _hold_one(stack, store, station) for station in sorted(set(stations))}
        if not all(locked.values()):
            warnings.warn(
                f"{store} is on a file system without locks: start no two runs on it at once.",
                stacklevel=4,
            )
        _remove_leftovers(store, locked)
        yield
        _remove_leftovers(store, locked)  # of workers that were killed


def _remove_leftovers(store, locked: Mapping[str, bool]) -> None:
    """Remove half-written shards; without a lock they may be another run's, unless they are old."""
    for station, alone in locked.items():
        remove_leftovers(store, station, older_than_s=0.0 if alone else 86_400.0)


def _hold_one(stack: contextlib.ExitStack, store, station: str) -> bool:
    """Lock a station until the stack is closed; return whether the file system has locks."""
    path = lock_path(store, station)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(FileLock(path, blocking=False, fallback_to_soft=False))
    except Timeout:
        raise TableError(
            f"Another run is making shards of {station} in {store}.",
            "Wait for it, or stop it; or choose other stations (--station) or another store.",
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise unwritable(path, error) from error
        return False
    return True


def require_same_settings(
    store, settings: Mapping, fingerprint: str, shards: Iterable[Path]
) -> None:
    """Raise where one of some shards was made with other settings.

    Parameters
    ----------
    store : path
        As the message names it.
    settings : mapping
        Of now; what else a shard tells is not compared.
    fingerprint : str
        Of the settings of now.
    shards : iterable of pathlib.Path
        Those that cannot be read are passed over.

    Raises
    ------
    StaleTableError
        With the first settings that differ, old and new.
    """
    now = _flat(json.loads(json.dumps(settings)))
    for path in shards:
        try:
            found, known = read_settings(path)
        except TableError:
            continue
        if found != fingerprint:
            old = _flat({name: known[name] for name in settings if name in known})
            names = [name for name in dict.fromkeys([*now, *old]) if now.get(name) != old.get(name)]
            told = [f"{n} {_shown(old.get(n))} there, {_shown(now.get(n))} now" for n in names]
            told = told or [f"fingerprint {found} there, {fingerprint} now"]
            more = f"; and {len(names) - N_TOLD} more" if len(names) > N_TOLD else ""
            raise StaleTableError(
                f"{store} was made with other settings: {'; '.join(told[:N_TOLD])}{more}.",
                "Choose another store, or make its shards anew: 'seisml extract --replace' "
                "(replace=True in Python).",
            )


def _flat(settings: Mapping, prefix: str = "") -> dict:
    """Return nested settings by dotted names."""
    out = {}
    for name, value in settings.items():
        inner = isinstance(value, Mapping)
        out |= _flat(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
    return out


def _shown(value) -> str:
    return "absent" if value is None else json.dumps(value)
