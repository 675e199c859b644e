"""Metadata: what an instrument is, channel by channel and epoch by epoch.

Read from StationXML, dataless SEED, RESP, SeisComP XML or FDSN station text; kept as plain values
with the responses beside them. What a channel was outside all its epochs is answered by the
nearest one, and said.
"""

import bisect
import dataclasses
import functools
import pickle
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from seisml.inventory import FAR_NS, Epoch, digest, metadata_files, read_channels

FLAT = 0.01
"""Volume spanned by three unit vectors below which they lie in a plane."""


@dataclasses.dataclass(frozen=True, eq=False)
class Metadata:
    """Epochs of channels; two of the same fingerprint are equal.

    Attributes
    ----------
    epochs : dict of str to tuple of Epoch
        By channel "NET.STA.LOC.CHA", in order of start.
    responses : dict of str to obspy.core.inventory.Response
        The different full responses.
    notes : tuple of str
        What ObsPy found odd in the files.
    """

    epochs: Mapping[str, tuple[Epoch, ...]]
    responses: Mapping[str, object]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        stations = {channel.rsplit(".", 2)[0] for channel in self.epochs}
        return (
            f"Metadata({len(stations)} stations, {len(self.epochs)} channels, "
            f"{sum(map(len, self.epochs.values()))} epochs, {len(self.responses)} responses)"
        )

    def __eq__(self, other) -> bool:
        return isinstance(other, Metadata) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Short hash of all epochs and responses."""
        return digest(sorted(self.epochs.items()))

    @functools.cached_property
    def _packed(self) -> bytes:
        return zlib.compress(pickle.dumps((self.epochs, self.responses, self.notes)), 3)

    def __reduce__(self):
        # It goes to a worker with every station-day: packed once here, unpacked once there.
        return _unpacked, (self.fingerprint, self._packed)

    def station_fingerprint(self, station: str) -> str:
        """Return a short hash of what there is of the channels of one station."""
        return digest([(one, self.epochs[one]) for one in self.channels(station)])

    def channels(self, station: str) -> list[str]:
        """Return the known channels "NET.STA.LOC.CHA" of a station "NET.STA.LOC.BI"."""
        return sorted(c for c in self.epochs if c[:-1] == station or c == station)

    def knows(self, station: str, channel: str) -> bool:
        """Return whether there is an epoch of a channel, for example "BHU", of a station."""
        return ".".join([*station.split(".")[:3], channel]) in self.epochs

    def epoch(self, channel: str, time_ns: int) -> tuple[Epoch | None, bool]:
        """Return the epoch of a channel at an instant, and whether the instant lies in it.

        Parameters
        ----------
        channel : str
            "NET.STA.LOC.CHA".
        time_ns : int

        Returns
        -------
        Epoch or None
            Of those that hold the instant the last that began; where none does, the one whose
            start or end is nearest (the earlier of two); None for an unknown channel.
        inside : bool
        """
        epochs = self.epochs.get(channel, ())
        inside = [one for one in epochs if one.start_ns <= time_ns < one.end_ns]
        if inside:
            return inside[-1], True
        away = [max(one.start_ns - time_ns, time_ns - one.end_ns) for one in epochs]
        return (epochs[away.index(min(away))] if epochs else None), False

    def timeline(self, channel: str) -> list[tuple[int, Epoch | None, bool]]:
        """Return from when on which epoch counts: (start_ns, epoch, inside), in order of time.

        As `epoch` says; before the first start what counts there counts too.
        """
        epochs = self.epochs.get(channel, ())
        edges = {edge for one in epochs for edge in (one.start_ns, one.end_ns)}
        ends = sorted({one.end_ns for one in epochs})
        for one in epochs:  # half of a hole belongs to either side
            before = bisect.bisect_left(ends, one.start_ns)
            if before:
                edges.add((ends[before - 1] + one.start_ns) // 2 + 1)
        starts = [-2 * FAR_NS, *sorted(edges)]
        return [(start_ns, *self.epoch(channel, start_ns)) for start_ns in starts]

    def unit(self, station: str) -> str:
        """Return the input unit of a station's channels, the most frequent one; "" if unknown."""
        units = [e.unit for c in self.channels(station) for e in self.epochs[c] if e.scalable]
        return min(Counter(units).items(), key=lambda item: (-item[1], item[0]))[0] if units else ""

    def rotation(
        self, station: str, channels: Iterable[str], time_ns: int
    ) -> tuple[np.ndarray | None, str]:
        """Return the matrix that turns three channels to vertical, north and east.

        Parameters
        ----------
        station : str
            "NET.STA.LOC.BI".
        channels : iterable of str
            Three channel codes in the order of the data, for example ("BHU", "BHV", "BHW").
        time_ns : int
            Instant at which the orientation is asked for; outside all epochs the nearest counts.

        Returns
        -------
        matrix : numpy.ndarray, shape (3, 3), or None
            ``matrix @ data`` are Z (up), N and E, for data of shape (3, n_samples) in one unit
            of motion (counts only where the gains are equal).
        reason : str
            Why there is none, "" if there is.

        Notes
        -----
        A channel with azimuth a and dip d records the part of the motion along
        ``(-sin d, cos d cos a, cos d sin a)`` in Z, N, E; the matrix is the inverse of the three
        rows, so they need not be at right angles (SEED Reference Manual 2.4, blockette 52).
        """
        channels = list(channels)
        if len(channels) != 3 or len(set(channels)) != 3:
            return None, f"three channels are needed, not {', '.join(channels) or 'none'}"
        rows = []
        for code in channels:
            name = ".".join([*station.split(".")[:3], code])
            epoch, _ = self.epoch(name, time_ns)
            if epoch is None:
                return None, f"no metadata of {name}"
            if not (np.isfinite(epoch.azimuth_deg) and np.isfinite(epoch.dip_deg)):
                return None, f"no azimuth or dip of {name}"
            rows.append(direction(epoch.azimuth_deg, epoch.dip_deg))
        if abs(np.linalg.det(rows)) < FLAT:
            return None, f"the directions of {', '.join(channels)} lie in a plane"
        return np.linalg.inv(rows), ""

    def evaluate(self, response: str, frequencies_hz: np.ndarray) -> np.ndarray | None:
        """Return a full response in counts per m/s, None where evalresp cannot evaluate it.

        Parameters
        ----------
        response : str
            Key in `responses`.
        frequencies_hz : numpy.ndarray of float, shape (n,)
            Above 0.

        Returns
        -------
        numpy.ndarray of complex128, shape (n,), or None
        """
        whole = self.responses[response]
        if any(stage.stage_gain == 0 for stage in whole.response_stages):
            return None  # evalresp would say so on stderr, each time
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it doubts is caught by the check of its values
            try:
                values = whole.get_evalresp_response_for_frequencies(
                    frequencies_hz, output="VEL", hide_sensitivity_mismatch_warning=True
                )
            except Exception:  # noqa: BLE001 - evalresp raises the bare class itself
                return None
        good = np.isfinite(values).all() and (values != 0).all()
        return np.asarray(values, dtype=np.complex128) if good else None


@functools.lru_cache(maxsize=2)
def _unpacked(fingerprint: str, packed: bytes) -> Metadata:
    return Metadata(*pickle.loads(zlib.decompress(packed)))


def direction(azimuth_deg: float, dip_deg: float) -> np.ndarray:
    """Return the unit vector (up, north, east) along which a channel records.

    Examples
    --------
    >>> direction(0.0, -90.0).round(3) + 0.0  # a vertical channel
    array([1., 0., 0.])
    """
    azimuth, dip = np.radians(azimuth_deg), np.radians(dip_deg)
    horizontal = np.cos(dip)
    return np.array([-np.sin(dip), horizontal * np.cos(azimuth), horizontal * np.sin(azimuth)])


def read_metadata(paths) -> Metadata:
    """Read station metadata from files and folders.

    Parameters
    ----------
    paths : path or iterable of paths
        StationXML, dataless SEED, RESP, SeisComP XML or FDSN station text; of a folder all files
        that are one of these.

    Returns
    -------
    Metadata
        Where epochs overlap, the one that began later counts, and of those that began together
        the one that was read first.

    Raises
    ------
    MetadataError
        If a file is missing, empty, truncated, of no known kind or has no channel.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    found: dict[str, dict[str, Epoch]] = {}
    responses, notes = {}, []
    for path in metadata_files(paths):
        channels, said = read_channels(path)
        notes += said
        for channel, epoch, response in channels:
            found.setdefault(channel, {}).setdefault(repr(epoch), epoch)
            if epoch.response:
                responses.setdefault(epoch.response, response)
    return Metadata(
        {channel: _in_order(found[channel].values()) for channel in sorted(found)},
        responses,
        tuple(notes),
    )


def _in_order(epochs: Iterable[Epoch]) -> tuple[Epoch, ...]:
    """Sort epochs by start; of equal starts the first comes last, as the last one counts."""
    out = list(epochs)[::-1]
    out.sort(key=lambda one: one.start_ns)
    return tuple(out)
