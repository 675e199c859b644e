"""Before and after: gap-free records with and without the preparation, and what it found."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from seisml import archive as archives
from seisml.archive import Archive
from seisml.catalog import Catalog, make_catalog
from seisml.cleaning import FoundGlitch
from seisml.errors import NoDataError
from seisml.preparation import Preparation, prepare
from seisml.segments import Segment, joined, segments
from seisml.times import DAY_NS, NS_PER_S, to_ns

MOST_DAYS = 5.0
"""Of records that are held at once; extraction has no such limit."""
LABEL = "glitch"


@dataclasses.dataclass(frozen=True)
class PreparedRun:
    """A gap-free record of one channel before and after the preparation.

    Attributes
    ----------
    station, channel : str
        "NET.STA.LOC.BI" and the channel's code.
    start_ns : int
    rate_hz : float
    before, after : numpy.ndarray, shape (n_samples,)
        As recorded, and with what the steps take off.
    glitches : tuple of FoundGlitch
        In order of time.
    """

    station: str
    channel: str
    start_ns: int
    rate_hz: float
    before: np.ndarray
    after: np.ndarray
    glitches: tuple[FoundGlitch, ...]

    @property
    def hours(self) -> float:
        """Length, h."""
        return len(self.before) / self.rate_hz / 3600.0

    @property
    def tick_fall_db(self) -> float:
        """By how much the line at 1 Hz has fallen, dB; NaN in less than a minute."""
        if len(self.before) < 60 * self.rate_hz:
            return float("nan")
        before, after = (_line(x, self.rate_hz) for x in (self.before, self.after))
        return float(20 * np.log10(before / after)) if before > 0 and after > 0 else float("nan")


def _line(x: np.ndarray, rate_hz: float) -> float:
    """Return the amplitude at 1 Hz under a Hann taper."""
    wave = np.exp(-2j * np.pi * np.arange(len(x)) / rate_hz)
    return abs(np.mean((x - np.median(x)) * np.hanning(len(x)) * wave))


def prepared_runs(
    archive: Archive, preparation: Preparation, *, patterns=("*",), start=None, end=None
) -> list[PreparedRun]:
    """Apply the steps of a preparation to the records of an archive.

    Parameters
    ----------
    archive : Archive
    preparation : Preparation
    patterns : iterable of str
        Stations.
    start, end : time, optional

    Returns
    -------
    list of PreparedRun
        By station, channel and time.

    Raises
    ------
    NoDataError
        If there are no records in this time, or more than `MOST_DAYS` days of them.
    """
    low_ns = -(2**62) if start is None else to_ns(start)
    high_ns = 2**62 if end is None else to_ns(end)
    chosen = archives.stations(archive, patterns=patterns)
    pieces = archive.pieces[archive.pieces["station"].isin(chosen)]
    begin, stop = pieces["start_ns"].clip(low_ns, high_ns), pieces["end_ns"].clip(low_ns, high_ns)
    days = float((stop - begin).sum()) / DAY_NS / max(1, pieces["channel"].nunique())
    if not days:
        raise NoDataError(f"{archive.root} has no records in this time.", "See 'seisml scan'.")
    if days > MOST_DAYS:
        raise NoDataError(
            f"{days:.1f} days of records are too much to be held at once.",
            f"Choose at most {MOST_DAYS:g} with --start and --end; extraction has no limit.",
        )
    out = []
    for station in chosen:
        mine = pieces["station"] == station
        span = int(begin[mine].min()), int(stop[mine].max())
        read = archives.chunks(archive, station, *span, chunk_s=(span[1] - span[0]) / NS_PER_S)
        found = segments(read, station=station) if span[0] < span[1] else ()
        out += [_prepared(part, preparation) for part in joined(found)]
    return sorted(out, key=lambda run: (run.station, run.channel, run.start_ns))


def _prepared(part: Segment, preparation: Preparation) -> PreparedRun:
    rate_hz, before = part.sampling_rate_hz, part.data[0].astype(np.float64)
    after, found = prepare(before, rate_hz, preparation, start_ns=part.start_ns)
    found = tuple(dataclasses.replace(one, channel=part.channels[0]) for one in found)
    return PreparedRun(part.station, part.channels[0], part.start_ns, rate_hz, before, after, found)


def glitch_catalog(runs: Sequence[PreparedRun]) -> Catalog:
    """Return the glitches as events of the class "glitch", one for each channel.

    Extra columns are ``peak`` (in the unit of the samples), ``left`` (share of the power below
    1 Hz that the template leaves) and ``removed``.
    """
    rows = [
        {
            "time_ns": one.onset_ns,
            "end_ns": one.end_ns,
            "label": LABEL,
            "station": f"{run.station}{run.channel[-1:]}",
            "score": 1.0 - one.left,
            "peak": one.peak,
            "left": one.left,
            "removed": one.removed,
        }
        for run in runs
        for one in run.glitches
    ]
    return make_catalog(rows or None, name="glitches", body="mars", time_basis="label_start")
