"""The SQLite file that remembers the headers of an archive's files."""

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

import pandas as pd

SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS files(
  path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, format TEXT, reason TEXT, note TEXT);
CREATE TABLE IF NOT EXISTS pieces(
  path TEXT, "order" INTEGER, station TEXT, channel TEXT, start_ns INTEGER, end_ns INTEGER,
  rate_hz REAL, n INTEGER);
CREATE INDEX IF NOT EXISTS pieces_path ON pieces(path);
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
    key = hashlib.sha256(os.path.abspath(name).encode()).hexdigest()[:16]  # noqa: PTH100
    return cache_folder() / f"index-{key}.sqlite"


@contextlib.contextmanager
def _connection(index, root):
    """Yield an open database, in memory where the file cannot be kept."""
    path = _path(index, root)
    connection = None
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = _open(path)
        except (OSError, sqlite3.Error):  # a cache that cannot be kept is no reason to stop
            connection = None
    if connection is None:
        connection = _open(":memory:")
    try:
        yield connection
    finally:
        connection.close()


def _open(path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA):
        connection.executescript("DROP TABLE IF EXISTS files; DROP TABLE IF EXISTS pieces;")
    connection.executescript(_TABLES)
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    return connection


def load(index, root) -> dict[str, tuple[int, int]]:
    """Return {path: (size, mtime_ns)} of the files that the index knows."""
    with _connection(index, root) as connection:
        rows = connection.execute("SELECT path, size, mtime_ns FROM files")
        return {path: (size, mtime_ns) for path, size, mtime_ns in rows}


def update(
    index, root, files: pd.DataFrame, pieces: pd.DataFrame, paths: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Replace the rows of changed files, forget files that are gone, return all rows.

    Parameters
    ----------
    index, root
        As given to `seisml.archive.open_archive`.
    files, pieces : pandas.DataFrame
        Rows of the files that were scanned now.
    paths : list of str
        All files that the archive has now.

    Returns
    -------
    files, pieces : pandas.DataFrame
        Rows of all files in `paths`.
    """
    with _connection(index, root) as connection, connection:
        known = {row[0] for row in connection.execute("SELECT path FROM files")}
        gone = [(path,) for path in (known - set(paths)) | set(files["path"])]
        connection.executemany("DELETE FROM files WHERE path = ?", gone)
        connection.executemany("DELETE FROM pieces WHERE path = ?", gone)
        files.to_sql("files", connection, if_exists="append", index=False)
        pieces.to_sql("pieces", connection, if_exists="append", index=False)
        return (
            pd.read_sql("SELECT * FROM files ORDER BY path", connection),
            pd.read_sql("SELECT * FROM pieces", connection),
        )
