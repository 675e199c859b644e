"""Generated archives as folders to work with: records, metadata, truth and expert."""

from collections.abc import Callable
from pathlib import Path

from seisml.archive import open_archive
from seisml.errors import ConfigError, did_you_mean
from seisml.formats import write_catalog
from seisml.synthetics import make_earth_archive, make_mars_archive, make_moon_archive
from seisml.synthetics.stationxml import write_stationxml

WORLDS = {"earth": make_earth_archive, "mars": make_mars_archive, "moon": make_moon_archive}


def generate(
    world: str,
    folder,
    *,
    n_days: int = 4,
    seed: int = 0,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write an archive with all that belongs to it.

    Parameters
    ----------
    world : str
        earth, mars or moon.
    folder : path-like
        Gets ``archive/`` (SDS), ``stations.xml``, ``truth.csv``, ``expert.csv`` and
        ``transients.csv``.
    n_days : int
        Length; on Mars in sols, rounded up to whole days UTC.
    seed : int
        The same seed, the same bytes.
    jobs : int
        Processes.
    on_progress : callable, optional
        Called as ``on_progress(done, total)``.

    Returns
    -------
    list of pathlib.Path
        What was written.

    Raises
    ------
    ConfigError
        If there is no such world, or the archive exists.
    """
    if world not in WORLDS:
        raise ConfigError(f"There is no generator {world!r}.", did_you_mean(world, WORLDS))
    if world == "mars":
        n_days = -(-n_days * 88_775_244 // 86_400_000)
    folder = Path(folder)
    options = {"n_days": n_days, "seed": seed, "jobs": jobs, "on_progress": on_progress}
    truth = WORLDS[world](folder / "archive", **options)
    pieces = open_archive(str(folder / "archive")).pieces
    seen = pieces.drop_duplicates(["station", "channel"])
    channels = [
        (f"{station.rsplit('.', 1)[0]}.{channel}", rate)
        for station, channel, rate in zip(
            seen["station"], seen["channel"], seen["rate_hz"], strict=True
        )
    ]
    made = [folder / "archive", folder / "stations.xml", folder / "truth.csv"]
    write_stationxml(made[1], world, truth.stations, channels)
    write_catalog(truth.catalog, made[2])
    made.append(folder / "expert.csv")
    write_catalog(truth.expert, made[-1])
    made.append(folder / "transients.csv")
    truth.noise_bursts.to_csv(made[-1], index=False)
    return made
