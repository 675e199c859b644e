"""Finding the files of an archive: folders, patterns, lists; links, and what is no file."""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from seisml import remote
from seisml.errors import NoDataError

_SDS_NAME = re.compile(r"^[^.]*\.[^.]+\.[^.]*\.[^.]+\.[A-Z]\.\d{4}\.\d{3}$")


def find_files(root) -> tuple[dict[str, tuple[int, int]], str, list[tuple]]:
    """Find all files that a root names.

    Parameters
    ----------
    root : path, URL, glob pattern, or list of them

    Returns
    -------
    stats : dict of str to (int, int)
        Size and modification time (ns) of each regular file, by absolute path, each file once;
        of remote ones the version (`seisml.remote.key`), by URL.
    layout : str
        "SDS", "folder" or "files".
    rejected : list of tuple
        Rows of `seisml.index.FILE_COLUMNS` for what is there but is no readable file.

    Raises
    ------
    NoDataError
        If there is nothing at all.
    """
    several = isinstance(root, (list, tuple))
    stats: dict[str, tuple[int, int]] = {}
    rejected: list[tuple] = []
    folders = False
    for item in root if several else [root]:
        if remote.is_remote(item):
            found, is_folder = remote.find(item)
            stats |= found
            folders = folders or is_folder
            continue
        for path in _named(item):
            if path.is_dir():
                folders = True
                for inner in _walk(path, rejected):
                    _add_file(inner, stats, rejected)
            else:
                _add_file(path, stats, rejected)
    if not stats and not rejected:
        raise NoDataError(f"There are no files in {root}.", "Check the path or the pattern.")
    n_sds = sum(bool(_SDS_NAME.match(Path(path).name)) for path in stats)
    sds = folders and n_sds and n_sds >= 0.5 * len(stats)
    layout = "SDS" if sds else "folder" if folders else "files"
    return dict(sorted(stats.items())), layout, rejected


def _named(item) -> list[Path]:
    """Return what a path or pattern names."""
    if Path(item).exists():
        return [Path(item)]
    if glob.has_magic(str(item)):
        found = sorted(glob.glob(str(item), recursive=True))  # noqa: PTH207
        if found:
            return [Path(path) for path in found]
        raise NoDataError(f"There are no files in {item}.", "Check the path or the pattern.")
    raise NoDataError(
        f"There is no archive at {item}.",
        "Name an SDS root, a folder or pattern of waveform files, or a file.",
    )


def _walk(root: Path, rejected: list[tuple]) -> Iterator[Path]:
    """Yield the files below a folder, also through links, each folder once, nothing hidden."""

    def failed(error: OSError) -> None:
        rejected.append(_rejection(error.filename, f"unreadable folder: {error.strerror}"))

    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True, onerror=failed):
        stat = Path(folder).stat()
        here = (stat.st_dev, stat.st_ino)
        folders[:] = [] if here in seen else sorted(f for f in folders if not f.startswith("."))
        if here not in seen:
            yield from (Path(folder) / name for name in names if not name.startswith("."))
        seen.add(here)


def _add_file(path: Path, stats: dict, rejected: list[tuple]) -> None:
    try:
        path = path.resolve(strict=True)
        stat = path.stat()
    except (OSError, RuntimeError) as error:  # a link to nowhere, or to itself
        why = getattr(error, "strerror", None) or "link to itself"
        rejected.append(_rejection(path, f"unreadable: {why}"))
        return
    if not path.is_file():
        rejected.append(_rejection(path, "no regular file"))
    elif not _is_text(str(path)):
        rejected.append(_rejection(path, "file name is not UTF-8: rename it"))
    else:
        stats[str(path)] = stat.st_size, stat.st_mtime_ns


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rejection(path, reason: str) -> tuple:
    return (os.fsencode(path).decode("utf-8", "backslashreplace"), 0, 0, "", reason, "")
