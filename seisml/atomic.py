"""Products are whole or not there: written to a temporary name, synced, renamed."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from seisml.errors import ConfigError


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


def check_target(path) -> None:
    """Refuse a file that cannot be written, before the work rather than after it.

    Parameters
    ----------
    path : path
        Nothing is made, not even its folder.

    Raises
    ------
    ConfigError
        If it is a folder, or neither it nor its folder can be made.

    Examples
    --------
    >>> check_target(tempfile.gettempdir())
    Traceback (most recent call last):
    seisml.errors.ConfigError: ... is a folder, and a file is to be written.
    Add the name of a file.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigError(
            f"{path} is a folder, and a file is to be written.", "Add the name of a file."
        )
    there = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {there}: {error.strerror}.", "Choose another path."
        ) from error


def write_atomic(path, content: str | bytes | memoryview) -> None:
    """Write a text or bytes whole, or not at all."""
    with replacing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
