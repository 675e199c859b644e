"""Resuming: what a long training keeps beside its model, so that the same command goes on there.

Models of folds, scores and thresholds are kept under a digest of all that they depend on: labels,
folds, features, settings, versions. What does not fit is not used; a training that goes on makes
what one without a stop makes, bit for bit.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.atomic import write_atomic
from seisml.errors import ModelError
from seisml.model.files import PACKAGES, read_skops, write_skops
from seisml.shards import shard_paths
from seisml.trainingset import TrainingSet

PATTERNS = ("model-*.skops", "arrays-*.npz")


@dataclasses.dataclass(frozen=True)
class Kept:
    """A folder of finished parts of a training.

    Attributes
    ----------
    folder : pathlib.Path or None
        None: nothing is kept.
    digest : str
        Of the windows, their labels, folds and features.
    """

    folder: Path | None = None
    digest: str = ""

    @property
    def found(self) -> bool:
        """Whether parts of this very training are there."""
        return self.folder is not None and any(self.folder.glob(f"*-{self.digest[:12]}-*"))

    def _path(self, kind: str, parts: Sequence, suffix: str) -> Path:
        return self.folder / f"{kind}-{self.digest[:12]}-{digest_of(self.digest, *parts)}{suffix}"

    def model(self, parts: Sequence, make: Callable[[], object]):
        """Return a fitted estimator that was kept, or make and keep it.

        Parameters
        ----------
        parts : sequence
            What it depends on besides the windows, see `digest_of`.
        make : callable
        """
        if self.folder is None:
            return make()
        path = self._path("model", parts, ".skops")
        if path.exists():
            # Of another package, or no whole file: it is made again.
            with contextlib.suppress(ModelError):
                return read_skops(path, hint="")["model"]
        model = make()
        write_skops({"model": model}, path)
        return model

    def arrays(
        self, parts: Sequence, make: Callable[[], Mapping[str, np.ndarray]]
    ) -> Mapping[str, np.ndarray]:
        """Return arrays of numbers that were kept, or make and keep them; as for `model`."""
        if self.folder is None:
            return make()
        path = self._path("arrays", parts, ".npz")
        if path.exists():
            with np.load(path, allow_pickle=False) as found:
                return {name: found[name] for name in found.files}
        made = make()
        buffer = io.BytesIO()
        np.savez(buffer, **made)
        write_atomic(path, buffer.getbuffer())
        return made


def digest_of(*parts) -> str:
    """Return a digest of arrays, tables, and what JSON can hold.

    Examples
    --------
    >>> digest_of(np.arange(3), {"a": 1}) == digest_of(np.arange(3), {"a": 1})
    True
    """
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, pd.DataFrame):
            for name in part:
                found.update(digest_of(str(name), part[name]).encode())
        elif isinstance(part, pd.Series) and part.dtype.kind not in "iufb":
            codes, names = pd.factorize(part, use_na_sentinel=False)
            found.update(digest_of(codes, [str(name) for name in names]).encode())
        elif isinstance(part, (np.ndarray, pd.Series)):
            values = np.ascontiguousarray(part)
            found.update(f"{values.dtype.str}{values.shape}".encode())
            found.update(values.data)
        else:
            found.update(json.dumps(part, sort_keys=True, default=str).encode())
        found.update(b"\0")
    return found.hexdigest()[:24]


def kept_in(folder, sets: Sequence[TrainingSet], *parts) -> Kept:
    """Return what is kept in a folder of a training on these sets; nothing where there is none.

    Parameters
    ----------
    folder : path or None
    sets : sequence of TrainingSet
        Their signals and the sizes and times of their shards are in the digest.
    *parts
        What else it depends on, see `digest_of`.
    """
    if folder is None:
        return Kept()
    shards = [
        (str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for one in sets
        for store in one.stores
        for path in shard_paths(store)
    ]
    versions = {name: version(name) for name in PACKAGES}
    signals = [one.signals for one in sets]
    weights = [one.weight for one in sets]
    return Kept(Path(folder), digest_of(shards, versions, weights, *signals, *parts))


def folder_of(output) -> Path:
    """Return where the parts of a training are kept until its model is written.

    Examples
    --------
    >>> folder_of("models/a.skops").name
    'a.skops.partial'
    """
    output = Path(output)
    return output.with_name(f"{output.name}.partial")


def forget(folder) -> None:
    """Remove the parts of a training that is done, and their folder where nothing else is in it."""
    folder = Path(folder)
    for pattern in PATTERNS:
        for path in folder.glob(pattern):
            path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
