"""Products are whole or not there: written to a temporary name, synced, renamed."""

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from seisml.errors import SeismlError, TableError


@contextlib.contextmanager
def replacing(path) -> Iterator[Path]:
    """Yield a temporary path beside a file; at the end it is synced and takes the file's name.

    Parameters
    ----------
    path : path
        Its folder is made if needed.

    Yields
    ------
    pathlib.Path
        Where to write. After an error it is removed and the file is as it was.

    Examples
    --------
    >>> import tempfile
    >>> name = Path(tempfile.mkdtemp()) / "new" / "a.txt"
    >>> with replacing(name) as part:
    ...     _ = part.write_text("whole")
    >>> name.read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            part.unlink()


def write_atomic(path, content: str | bytes | memoryview) -> None:
    """Write a text or bytes whole, or not at all."""
    with replacing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def check_writable(path) -> None:
    """Refuse a file that cannot be written, before the work that would be lost.

    Parameters
    ----------
    path : path

    Raises
    ------
    SeismlError
        If it is a folder, or it or the folder that it would be in cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> check_writable(tempfile.mkdtemp() + "/new/a.txt")
    """
    path = Path(path)
    near = next(one for one in (path, *path.absolute().parents) if one.exists())
    why = ""
    if near == path and near.is_dir():
        why = "it is a folder"
    elif near != path and not near.is_dir():
        why = f"{near} is a file"
    elif not os.access(near, os.W_OK):
        why = f"no permission to write {near}"
    if why:
        raise SeismlError(f"{path} cannot be written: {why}.", "Choose another path.")


def unwritable(path, error: OSError) -> TableError:
    """Return the error of a store that cannot be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    what = "the disk or the quota is full" if full else error.strerror or str(error)
    return TableError(
        f"{path} cannot be written: {what}.",
        "Make room or choose another store, then run the same command: it goes on from here.",
    )
