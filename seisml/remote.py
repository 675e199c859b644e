"""Files that are named by URLs: listed, told apart by version, and read in blocks, by fsspec.

``s3://bucket/sds``, ``https://host/file.mseed``, ``zip://*::s3://bucket/year.zip``: whatever fsspec
knows. Credentials and endpoints are where fsspec and the services look for them (environment,
``~/.config/fsspec``, ``~/.aws``), so that worker processes find them too.
"""

import contextlib
import datetime
import functools
import hashlib
import re
from collections.abc import Iterator

from seisml.errors import ConfigError, NoDataError

BLOCK = 1 << 22
"""Bytes that are fetched at once."""
N_BLOCKS = 32
"""Blocks that a process keeps: headers and samples of a day are then fetched once."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
_HASHES = ("etag", "md5hash", "contentmd5", "digest", "crc")
_TIMES = ("lastmodified", "mtime", "updated", "modified", "created", "datetime")
_HINT = "Check the address, and the credentials that its service wants (see fsspec)."


def is_remote(path) -> bool:
    """Whether a name is a URL.

    Examples
    --------
    >>> is_remote("s3://bucket/sds"), is_remote("/data/sds"), is_remote("C:/data")
    (True, False, False)
    """
    return isinstance(path, str) and _URL.match(path) is not None


def find(url: str) -> tuple[dict[str, tuple[int, int]], bool]:
    """Find the files that a URL names: a file, a pattern, or all below a folder.

    Parameters
    ----------
    url : str

    Returns
    -------
    stats : dict of str to (int, int)
        Size and version of each file by its URL, see `key`; nothing hidden.
    is_folder : bool

    Raises
    ------
    NoDataError
        If nothing is there, or it cannot be listed.
    ConfigError
        If no installed package knows the protocol.
    """
    fs, path = _opened(url)
    try:
        with _plain_errors():
            fs.invalidate_cache()
            found, is_folder = _listed(fs, path)
            sizes = {n: i if i.get("size") is not None else fs.info(n) for n, i in found.items()}
            fs.invalidate_cache()  # what is read later is looked up later
    except FileNotFoundError:
        raise NoDataError(f"There is no archive at {url}.", _HINT) from None
    except OSError as error:
        raise NoDataError(f"{url} cannot be listed: {error}.", _HINT) from error
    if not sizes:
        raise NoDataError(f"There are no files in {url}.", "Check the address or the pattern.")
    return {_url_of(url, name): _version(info) for name, info in sizes.items()}, is_folder


def _listed(fs, path: str) -> tuple[dict[str, dict], bool]:
    if "*" in path or "[" in path:
        found, root = fs.glob(path, detail=True), ""
        folders = [name for name, info in found.items() if info["type"] == "directory"]
        for name in folders:
            found |= fs.find(name, detail=True)
        is_folder = bool(folders)
    else:
        is_folder = not path or path.endswith("/") or fs.info(path)["type"] == "directory"
        found = fs.find(path, detail=True) if is_folder else {path: fs.info(path)}
        root = path
    files = {name: info for name, info in found.items() if info["type"] == "file"}
    return {n: i for n, i in files.items() if "/." not in n.removeprefix(root)}, is_folder


def _url_of(url: str, name: str) -> str:
    """Return the URL of a file that was found below another one."""
    head, colons, rest = url.partition("::")
    if "://" not in head:  # a cache before another file system
        return f"{head}::{_url_of(rest, name)}"
    full = name if "://" in name else f"{head.partition('://')[0]}://{name}"
    return f"{full}{colons}{rest}"


def key(url: str) -> tuple[str, int, int]:
    """Return URL, size, and version: a number that changes with the content.

    It is the hash of the server's own checksum if there is one, else the time of modification, ns.

    Raises
    ------
    OSError
        If the file is gone or cannot be reached.
    """
    fs, path = _opened(url)
    with _plain_errors():
        return url, *_version(fs.info(path))


def _version(info: dict) -> tuple[int, int]:
    fields = {re.sub("[-_]", "", name.lower()): value for name, value in info.items()}
    value = next((fields[name] for name in (*_HASHES, *_TIMES) if fields.get(name)), None)
    if value is None:
        return int(info["size"]), 1
    if isinstance(value, datetime.datetime):
        value = value.timestamp()
    if isinstance(value, float):
        return int(info["size"]), round(value * 1e6) * 1000
    digest = hashlib.sha256(str(value).encode()).digest()
    return int(info["size"]), int.from_bytes(digest[:7], "big")


def read(key: tuple[str, int, int], start: int, stop: int) -> bytes:
    """Return the bytes of a file from start to stop, as far as there are any.

    Raises
    ------
    OSError
        If the file cannot be reached, or is shorter than it was.
    """
    stop = min(stop, key[1])
    first = start - start % BLOCK
    blocks = [_block(key, at) for at in range(first, stop, BLOCK)]
    return b"".join(blocks)[start - first : max(stop, start) - first]


@functools.lru_cache(maxsize=N_BLOCKS)
def _block(key: tuple[str, int, int], at: int) -> bytes:
    url, size, _ = key
    stop = min(at + BLOCK, size)
    fs, path = _opened(url)
    with _plain_errors():
        data = fs.cat_file(path, start=at, end=stop)
    if len(data) == size > stop - at:  # a server that knows no ranges
        data = data[at:stop]
    if len(data) != stop - at:
        raise OSError(f"{url} has changed while it was read")
    return data


def _opened(url: str):
    """Return the file system of a URL, and the path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ConfigError(
            f"Reading {url} needs fsspec, which is not installed.",
            "Install it: pip install 'seisml[remote]'.",
        ) from error
    try:
        with _plain_errors():
            return url_to_fs(url)
    except ImportError as error:
        raise ConfigError(
            f"Reading {url} needs another package: {error}.",
            "Install it with pip; for S3: pip install 'seisml[remote]'.",
        ) from error
    except FileNotFoundError:
        raise NoDataError(f"There is no archive at {url}.", _HINT) from None


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what the packages of services raise into OSError."""
    try:
        yield
    except (OSError, ImportError):
        raise
    except ValueError as error:
        if "Protocol not known" in str(error):
            raise ConfigError(f"{error}.", "Write s3://, https://, or as fsspec has it.") from error
        raise OSError(f"{type(error).__name__}: {error}") from error
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
