"""The SQLite file that remembers the headers of an archive's files.

It is a cache: where it cannot be read or kept, everything works without it.
"""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from seisml.errors import ConfigError
from seisml.remote import is_remote

SCHEMA = 2
APPLICATION = 0x5E15_0001
"""Marks a SQLite file as ours."""
TIMEOUT_S = 10.0
"""How long another process is waited for."""
FILE_COLUMNS = ["path", "size", "mtime_ns", "format", "reason", "note"]
PIECE_COLUMNS = ["path", "order", "station", "channel", "start_ns", "end_ns", "rate_hz", "n"]
_TABLES = """
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS pieces;
CREATE TABLE files(
  path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, format TEXT, reason TEXT, note TEXT);
CREATE TABLE pieces(
  path TEXT, "order" INTEGER, station TEXT, channel TEXT, start_ns INTEGER, end_ns INTEGER,
  rate_hz REAL, n INTEGER);
CREATE INDEX pieces_path ON pieces(path);
"""


def cache_folder() -> Path:
    """Return the folder of caches: $SEISML_CACHE, else seisml in the user's cache folder."""
    if os.environ.get("SEISML_CACHE"):
        return Path(os.environ["SEISML_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.cache"
    return Path(base).expanduser() / "seisml"


def _path(index, root) -> Path | None:
    if index is False:
        return None
    if index is not None:
        return Path(index)
    name = "\n".join(sorted(map(str, root))) if isinstance(root, (list, tuple)) else str(root)
    name = name if is_remote(name) else os.path.abspath(name)  # noqa: PTH100
    key = hashlib.sha256(name.encode("utf-8", "surrogateescape"))
    return cache_folder() / f"index-{key.hexdigest()[:16]}.sqlite"


@contextlib.contextmanager
def _opened(index, root) -> Iterator[sqlite3.Connection | None]:
    """Yield an open database, or None where there can be none."""
    path = _path(index, root)
    if path is None:
        yield None
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=TIMEOUT_S)
    except (OSError, sqlite3.Error):
        yield None
        return
    with contextlib.closing(connection):
        yield connection


def _prepare(connection: sqlite3.Connection, path) -> None:
    """Make the tables; never touch a database that is not ours."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) == (APPLICATION, SCHEMA):
        return
    if application != APPLICATION and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise ConfigError(
            f"{path} is a database of another program.", "Name another file for the index."
        )
    connection.executescript(
        f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {APPLICATION}; "
        f"PRAGMA user_version = {SCHEMA}; COMMIT;"
    )


def _empty() -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.DataFrame(columns=FILE_COLUMNS), pd.DataFrame(columns=PIECE_COLUMNS)


def load(index, root) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is remembered of an archive: files and their pieces; empty if nothing is.

    Parameters
    ----------
    index, root
        As given to `seisml.archive.open_archive`.

    Raises
    ------
    ConfigError
        If the file is a database of another program.
    """
    with _opened(index, root) as connection:
        if connection is None:
            return _empty()
        try:
            _prepare(connection, _path(index, root))
            with connection:
                connection.execute("BEGIN")  # both tables as they are at one instant
                return (
                    pd.DataFrame(
                        connection.execute(f"SELECT {_names(FILE_COLUMNS)} FROM files").fetchall(),
                        columns=FILE_COLUMNS,
                    ),
                    pd.DataFrame(
                        connection.execute(
                            f"SELECT {_names(PIECE_COLUMNS)} FROM pieces"
                        ).fetchall(),
                        columns=PIECE_COLUMNS,
                    ),
                )
        except sqlite3.DatabaseError as error:
            broken = not isinstance(error, sqlite3.OperationalError)
    if broken and index is None:  # a broken cache of our own: make a new one
        with contextlib.suppress(OSError):
            _path(index, root).unlink()
    return _empty()


def _names(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def save(index, root, files: list[tuple], pieces: list[tuple], gone: list[str]) -> None:
    """Remember files that were scanned, and forget those that are gone, as far as possible.

    Parameters
    ----------
    index, root
        As given to `seisml.archive.open_archive`.
    files, pieces : list of tuple
        Rows of `FILE_COLUMNS` and `PIECE_COLUMNS`; they replace all rows of these files.
    gone : list of str
        Paths to forget.
    """
    with _opened(index, root) as connection:
        if connection is None:
            return
        paths = [(path,) for path in {*gone, *(row[0] for row in files)}]
        marks = {n: ", ".join("?" * n) for n in (len(FILE_COLUMNS), len(PIECE_COLUMNS))}
        with contextlib.suppress(sqlite3.Error):
            _prepare(connection, _path(index, root))
            with connection:
                connection.executemany("DELETE FROM files WHERE path = ?", paths)
                connection.executemany("DELETE FROM pieces WHERE path = ?", paths)
                connection.executemany(f"INSERT INTO files VALUES ({marks[6]})", files)
                connection.executemany(f"INSERT INTO pieces VALUES ({marks[8]})", pieces)
