"""What a catalogue format is to the registry in `seisml.formats`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from seisml.catalog import Catalog


@dataclasses.dataclass(frozen=True)
class Format:
    """How one kind of catalogue file is recognised, read and written.

    Attributes
    ----------
    name : str
        The word of ``format=``.
    sniff : callable
        ``sniff(head, path) -> bool`` says from the first 64 kB as text whether a file is of this
        format. The formats exclude each other.
    read : callable
        ``read(path, *, zone, body, columns, name) -> Catalog``; a format that states zone or
        columns itself ignores these two.
    write : callable or None
        ``write(catalog, path) -> dict of Path to bytes``: the files that make up the catalogue,
        in the order in which they are to appear.
    suffixes : tuple of str
        File name endings that mean this format to `write_catalog`.
    description : str
        One line for lists and messages.
    """

    name: str
    sniff: Callable[[str, Path], bool]
    read: Callable[..., Catalog]
    write: Callable[[Catalog, Path], dict[Path, bytes]] | None
    suffixes: tuple[str, ...]
    description: str
