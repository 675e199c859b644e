"""The bytes of a file: as they are, or unpacked where the file is compressed."""

import bz2
import dataclasses
import functools
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from seisml import remote

MAX_UNPACKED = 2 << 30
"""Compressed files that hold more bytes are rejected."""
_PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_CONTAINERS = {b"PK\x03\x04": "zip archive", b"7z\xbc\xaf\x27\x1c": "7z archive"}


class UnreadableError(OSError):
    """A file that is no waveform file, or a broken one; the message is the reason."""


def one_line(error) -> str:
    """Return a message on one line, not too long."""
    return re.sub(r"\s+", " ", str(error) or type(error).__name__).strip()[:200]


@dataclasses.dataclass
class Source:
    """The bytes of a file, unpacked where it is compressed.

    Attributes
    ----------
    key : tuple of (str, int, int)
        See `file_key`.
    size : int
        Bytes, unpacked.
    content : bytes, optional
        Of a compressed file.
    note : str
        What is wrong with it, "" if nothing is.
    """

    key: tuple[str, int, int]
    size: int
    content: bytes | None = None
    note: str = ""

    def read(self, spans: Iterable[tuple[int, int]]) -> bytes:
        """Return the bytes of some spans, one after the other."""
        if self.content is not None:
            return b"".join(self.content[start:stop] for start, stop in spans)
        if remote.is_remote(self.key[0]):
            return b"".join(remote.read(self.key, start, stop) for start, stop in spans)
        with Path(self.key[0]).open("rb") as file:
            parts = []
            for start, stop in spans:
                file.seek(start)
                parts.append(file.read(stop - start))
        return b"".join(parts)


def file_key(path: str) -> tuple[str, int, int]:
    """Return path, size and modification time (ns) of a file; see `seisml.remote.key` for URLs."""
    if remote.is_remote(path):
        return remote.key(path)
    stat = Path(path).stat()
    return path, stat.st_size, stat.st_mtime_ns


def open_source(key: tuple[str, int, int]) -> Source:
    """Return the bytes of a file that is known by `file_key`.

    Raises
    ------
    UnreadableError
        If it is an archive of several files, or unpacks to too much.
    """
    source = Source(key, key[1])
    head = source.read([(0, 512)])
    kind = next((kind for magic, kind in _CONTAINERS.items() if head.startswith(magic)), "")
    kind = "tar archive" if head[257:262] == b"ustar" else kind
    if kind:
        raise UnreadableError(f"{kind}: unpack it")
    if any(head.startswith(magic) for magic in _PACKED):
        content, note = _unpacked(key)
        return Source(key, len(content), content, note)
    return source


def whole(source: Source) -> bytes:
    """Return all bytes of a file.

    Raises
    ------
    UnreadableError
        If there are too many for the memory.
    """
    if source.size > MAX_UNPACKED:
        raise UnreadableError("remote file of more than 2 GiB that is no miniSEED: fetch it")
    return source.read([(0, source.size)])


@functools.lru_cache(maxsize=4)
def _unpacked(key: tuple[str, int, int]) -> tuple[bytes, str]:
    """Return the content of a compressed file as far as it can be unpacked, and a note."""
    packed = Source(key, key[1])
    head = packed.read([(0, 6)])
    opener = next(function for magic, function in _PACKED.items() if head.startswith(magic))
    parts, total, note = [], 0, ""
    is_remote = remote.is_remote(key[0])
    with opener(io.BytesIO(whole(packed)) if is_remote else key[0], "rb") as file:
        try:
            while part := file.read1(1 << 18):
                parts.append(part)
                total += len(part)
                if parts[0][257:262] == b"ustar":
                    raise UnreadableError("tar archive: unpack it")
                if total > MAX_UNPACKED:
                    raise UnreadableError("compressed file of more than 2 GiB: unpack it")
        except UnreadableError:
            raise
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            note = f"truncated: the compressed file is broken ({one_line(error)})"
    return b"".join(parts), note
