"""Records for the notebooks: generated on demand, kept in the cache folder, real ones if there."""

import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from seisml import synthetics
from seisml.archive import of_channels, open_archive
from seisml.atomic import write_atomic
from seisml.catalog import Catalog, make_catalog
from seisml.classroom.exercise import CLASSES, STATION, onsets, submission_text
from seisml.classroom.submissions import read_submission
from seisml.config import load_profile
from seisml.extract import extract
from seisml.formats import read_catalog, write_catalog
from seisml.index import cache_folder
from seisml.settings import plan_of
from seisml.store import FeatureTable, read_table

REAL = "SEISML_REAL_DATA"


def earth_records() -> Path:
    """Return the folder of three days of an Earth-like station: about 14 MB, made once.

    Returns
    -------
    pathlib.Path
        With ``waveforms/`` (SDS, 20 Hz, three components), ``expert.csv`` and ``truth.csv``
        (P onsets at the station: ``time,end_time,label``).
    """
    return _made("earth", make_earth_records)


def make_earth_records(folder, *, seed: int = 2012) -> None:
    """Write the records of `earth_records`, of any seed, to a folder."""
    folder = Path(folder)
    truth = synthetics.make_earth_archive(
        folder / "waveforms",
        seed=seed,
        n_days=3,
        stations=1,
        sampling_rate_hz=20.0,
        events_per_day=50.0,
        blasts_per_day=16.0,
        bursts_per_day=150.0,
        magnitudes=(0.5, 3.0),
        faults=("minutes_gap", "short_gap"),
        missing_share=0.2,
    )
    for name, catalog in (("expert", truth.expert), ("truth", truth.catalog)):
        write_atomic(folder / f"{name}.csv", submission_text(onsets(truth, catalog)))


def mars_records() -> Path:
    """Return the folder of three InSight-like days: about 11 MB, made once.

    Returns
    -------
    pathlib.Path
        With ``waveforms/`` (SDS, 10 Hz, U V W in counts), ``expert.csv`` and ``truth.csv``.
    """

    def make(folder: Path) -> None:
        truth = synthetics.make_mars_archive(
            folder / "waveforms", seed=173, n_days=3, sampling_rate_hz=10.0, faults=()
        )
        for name, catalog in (("expert", truth.expert), ("truth", truth.catalog)):
            write_catalog(catalog, folder / f"{name}.csv")

    return _made("mars", make)


def read_onsets(path, *, station: str = STATION) -> Catalog:
    """Read ``time,end_time,label`` as a catalogue of one station.

    Returns
    -------
    seisml.catalog.Catalog
    """
    submission = read_submission(path, classes=CLASSES)
    events: pd.DataFrame = submission.catalog.events.assign(station=station)
    return make_catalog(events, name=submission.team, time_basis="first_pick")


def read_mars(path) -> Catalog:
    """Read a catalogue of marsquakes."""
    return read_catalog(path, body="mars")


def real_folder() -> Path | None:
    """Return the folder of real records, or None where there is none.

    It is what the environment variable ``SEISML_REAL_DATA`` names, else ``shared/data`` beside
    this folder or one above it.
    """
    named = os.environ.get(REAL)
    if named:
        return Path(named) if Path(named).is_dir() else None
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "shared" / "data").is_dir():
            return folder / "shared" / "data"
    return None


def _generator() -> str:
    """Return a name of the generator: records of another one are other records."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(Path(synthetics.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def _made(name: str, make) -> Path:
    """Return a folder of the cache, made whole or not at all."""
    home = cache_folder() / "classroom"
    folder = home / f"{name}-{_generator()}"
    if folder.is_dir():
        return folder
    home.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=home))
    try:
        make(scratch)
        if not folder.is_dir():
            scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def feature_table(
    archive: Path | str,
    *,
    channels: Iterable[str],
    profile: str = "earth-local",
    length_s: float,
    hop_s: float,
    names: Iterable[str],
    band_hz: tuple[float, float] | None = None,
    **features,
) -> FeatureTable:
    """Return the features of the windows of some channels, made anew in a few seconds.

    Parameters
    ----------
    archive : path-like
    channels : iterable of str
        For example ``["HHZ"]``.
    profile : str
        Preset for what is not given here.
    length_s, hop_s : float, s
    names : iterable of str
        Features and sets of features.
    band_hz : (float, float), optional, Hz
        Corners of the filter; by default those of the profile.
    **features
        Other settings of ``[features]``, as ``spectrum_s``.

    Returns
    -------
    seisml.store.FeatureTable
    """
    config = load_profile(profile)
    config = dataclasses.replace(
        config,
        windows=dataclasses.replace(config.windows, length_s=length_s, hop_s=hop_s),
        features=dataclasses.replace(config.features, names=tuple(names), **features),
    )
    if band_hz is not None:
        corners = dict(zip(("f_min_hz", "f_max_hz"), band_hz, strict=True))
        preparation = dataclasses.replace(config.preparation, **corners)
        config = dataclasses.replace(config, preparation=preparation)
    opened = of_channels(open_archive(archive, index=False), channels)
    with tempfile.TemporaryDirectory() as store:
        extract(opened, store, plan_of(config), jobs=1)
        return read_table(store)
