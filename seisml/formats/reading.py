"""Texts of catalogues: decoded, not too large, in lines or rows with their place in the file."""

import codecs
import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pandas as pd

from seisml.errors import CatalogError
from seisml.formats.rows import Rows, split_rows

HEAD_BYTES = 65_536
_LONGEST_LINE = 1_000_000
_TEXTS = "Catalogues are texts in UTF-8; README.md lists the formats."
MAX_BYTES = 500_000_000
"""Largest text that is read as a whole; tables become some five times as large in memory."""


def read_text(path: Path, *, encoding: str = "utf-8") -> str:
    """Return a whole text without byte-order mark.

    Raises
    ------
    CatalogError
        If the file is larger than `MAX_BYTES`, or not in this encoding.
    """
    check_size(path)
    content = Path(path).read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CatalogError(
            f"{path}, line {line}: byte {error.start} is not UTF-8.", "Save the text as UTF-8."
        ) from error


def read_head(path: Path, *, binary: bool = False) -> str:
    """Return the first 64 kB as text, refusing what no reader could use.

    Raises
    ------
    CatalogError
        If the file is missing, empty, compressed, or (unless that is allowed) binary.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise CatalogError(
            f"{path}: the catalogue cannot be opened ({error.strerror}).",
            f"Check the path; it is taken from {Path.cwd()}.",
        ) from error
    if not head.strip():
        raise CatalogError(f"{path}: the catalogue is empty.", _TEXTS)
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"BZh")):
        raise CatalogError(f"{path}: the file is compressed.", "Unpack it first.")
    if not binary and b"\0" in head:
        raise CatalogError(f"{path}: the file is binary (or UTF-16), not text.", _TEXTS)
    return head.decode("utf-8-sig", errors="replace")


def check_size(path: Path, *, limit: int = MAX_BYTES) -> None:
    """Refuse a file that would not fit into memory with all that is made of it.

    Raises
    ------
    CatalogError
        If the file is larger than `limit`, in bytes.
    """
    size = Path(path).stat().st_size
    if size > limit:
        raise CatalogError(
            f"{path}: the catalogue has {size / 1e6:.0f} MB; this format is read up to "
            f"{limit / 1e6:.0f} MB.",
            "Split it, for example by years; a catalogue of this size as ComCat CSV can be read.",
        )


def read_lines(path: Path, *, keep_blank: bool = False, encoding: str = "utf-8-sig") -> pd.Series:
    """Return the lines of a text by their number from 1, blank ones only where wanted.

    Raises
    ------
    CatalogError
        If the file is too large, or not in this encoding.
    """
    text = read_text(path, encoding=encoding)
    lines = pd.Series(text.replace("\r\n", "\n").split("\n"), dtype=object)
    lines.index = pd.RangeIndex(1, len(lines) + 1)
    return lines if keep_blank else lines[lines.str.strip() != ""]


def read_csv(path: Path, *, piece: int = 100_000) -> Iterator[Rows]:
    """Read a table with a header line and commas, piece by piece.

    Parameters
    ----------
    path : path-like
    piece : int
        Rows of one piece.

    Yields
    ------
    Rows
        Columns of stripped texts as in the header; a row whose number of fields is another is
        rejected. The line is the one in which a row begins.

    Raises
    ------
    CatalogError
        If the text is not UTF-8 or has no header, a name stands there twice, or a quotation does
        not end.
    """
    start = 1
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(_bounded(file, path), strict=True)
            header = [name.strip() for name in next(filter(None, reader), [])]
            if len(set(header)) < max(len(header), 2):
                raise CatalogError(
                    f"{path}, line {reader.line_num}: this is no header: {','.join(header)!r}.",
                    "Names must be there, each once.",
                )
            start = reader.line_num + 1
            yield split_rows([], [], header)
            while batch := list(itertools.islice(_numbered(reader), piece)):
                start = batch[-1][0] + 1
                cells = [[text.strip() for text in fields] for _, fields in batch]
                yield split_rows(cells, [line for line, _ in batch], header)
    except UnicodeDecodeError as error:
        raise CatalogError(
            f"{path}: the text from line {start} on is not UTF-8.", "Save the list as UTF-8."
        ) from error
    except csv.Error as error:
        raise CatalogError(
            f"{path}, line {reader.line_num}: {error}.", "Check the quotation marks."
        ) from error


def _bounded(file: TextIO, path: Path) -> Iterator[str]:
    """Yield lines, refusing one that no list has: of what is no text it may be a gigabyte."""
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE:
            raise CatalogError(
                f"{path}, line {number}: it is longer than {_LONGEST_LINE} characters.",
                "Check that the file is a list and whole.",
            )
        yield line


def _numbered(reader) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV reader with the lines in which they begin."""
    line = reader.line_num + 1
    for fields in reader:
        if fields:
            yield line, fields
        line = reader.line_num + 1
