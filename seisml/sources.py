"""The bytes of a file: as they are, or unpacked where the file is compressed."""

import bz2
import dataclasses
import functools
import gzip
import lzma
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

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
    """The bytes of a file, unpacked where it is compressed."""

    path: str
    size: int
    content: bytes | None = None
    note: str = ""

    def read(self, spans: Iterable[tuple[int, int]]) -> bytes:
        """Return the bytes of some spans, one after the other."""
        if self.content is not None:
            return b"".join(self.content[start:stop] for start, stop in spans)
        with Path(self.path).open("rb") as file:
            parts = []
            for start, stop in spans:
                file.seek(start)
                parts.append(file.read(stop - start))
        return b"".join(parts)


def open_source(key: tuple[str, int, int]) -> Source:
    """Return the bytes of a file that is known by path, size and modification time (ns).

    Raises
    ------
    UnreadableError
        If it is an archive of several files, or unpacks to too much.
    """
    path, size, _ = key
    with Path(path).open("rb") as file:
        head = file.read(512)
    kind = next((kind for magic, kind in _CONTAINERS.items() if head.startswith(magic)), "")
    kind = "tar archive" if head[257:262] == b"ustar" else kind
    if kind:
        raise UnreadableError(f"{kind}: unpack it")
    if any(head.startswith(magic) for magic in _PACKED):
        content, note = _unpacked(*key)
        return Source(path, len(content), content, note)
    return Source(path, size)


@functools.lru_cache(maxsize=4)
def _unpacked(path: str, size: int, mtime_ns: int) -> tuple[bytes, str]:
    """Return the content of a compressed file as far as it can be unpacked, and a note."""
    with Path(path).open("rb") as file:
        head = file.read(6)
    opener = next(function for magic, function in _PACKED.items() if head.startswith(magic))
    parts, total, note = [], 0, ""
    with opener(path, "rb") as file:
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
