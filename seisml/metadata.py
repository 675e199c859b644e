"""Metadata: what an instrument is, channel by channel and epoch by epoch.

Read from StationXML, dataless SEED, RESP, SeisComP XML or FDSN station text; kept as plain values
with the responses beside them. What a channel was outside all its epochs is answered by the
nearest one, and said.
"""

import bisect
import dataclasses
import functools
import hashlib
import io
import json
import pickle
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import obspy

from seisml.errors import MetadataError

FAR_NS = 2**62
"""Start or end of an epoch that states none."""
FLAT = 0.01
"""Volume spanned by three unit vectors below which they lie in a plane."""
_PREFIXES = {"": 1.0, "N": 1e-9, "U": 1e-6, "M": 1e-3, "C": 1e-2}
_MOTIONS = {"M": "m", "M/S": "m/s", "M/S**2": "m/s²"}
_OTHER = {"PA": ("Pa", 1.0), "HPA": ("Pa", 1e2), "MBAR": ("Pa", 1e2), "PASCAL": ("Pa", 1.0)}


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What a channel was for a time.

    Attributes
    ----------
    start_ns, end_ns : int
        Half-open; far away where the file states none.
    sampling_rate_hz : float
        NaN if unknown, as are the other numbers.
    sensitivity : float
        Counts per `unit`, the overall one.
    sensitivity_hz : float
        Frequency at which it holds.
    unit : str
        SI unit of the input: "m/s", "m/s²", "m", "Pa"; another one as the file spells it; "".
    azimuth_deg, dip_deg : float
        Of a positive sample: from north over east, and down from the horizontal (SEED).
    response : str
        Key of the full response in `Metadata.responses`; "" if there is none.
    """

    start_ns: int
    end_ns: int
    sampling_rate_hz: float
    sensitivity: float
    sensitivity_hz: float
    unit: str
    azimuth_deg: float
    dip_deg: float
    response: str

    @property
    def scalable(self) -> bool:
        """Whether the sensitivity can be divided by, and is that of a known unit."""
        return bool(self.unit) and np.isfinite(self.sensitivity) and self.sensitivity != 0


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
        return _digest(sorted(self.epochs.items()))

    @functools.cached_property
    def _packed(self) -> bytes:
        return zlib.compress(pickle.dumps((self.epochs, self.responses, self.notes)), 3)

    def __reduce__(self):
        # It goes to a worker with every station-day: packed once here, unpacked once there.
        return _unpacked, (self.fingerprint, self._packed)

    def station_fingerprint(self, station: str) -> str:
        """Return a short hash of what there is of the channels of one station."""
        return _digest([(one, self.epochs[one]) for one in self.channels(station)])

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it doubts is caught by the check of its values
            try:
                values = self.responses[response].get_evalresp_response_for_frequencies(
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


def si_unit(text: str | None) -> tuple[str, float]:
    """Return the SI unit that a file means, and how many of it one of the file's is.

    Examples
    --------
    >>> si_unit("NM/S"), si_unit("M/S**2"), si_unit("hPa"), si_unit("V")
    (('m/s', 1e-09), ('m/s²', 1.0), ('Pa', 100.0), ('V', 1.0))
    """
    spelt = (text or "").strip()
    key = re.sub(r"SEC(OND)?", "S", spelt.upper().replace(" ", "")).replace("(S**2)", "S**2")
    key = key.replace("/S/S", "/S**2").replace("/S^2", "/S**2").replace("/S2", "/S**2")
    if key in _OTHER:
        return _OTHER[key]
    for prefix, factor in _PREFIXES.items():
        rest = key[len(prefix) :]
        if key.startswith(prefix) and rest in _MOTIONS:
            return _MOTIONS[rest], factor
    return spelt, 1.0


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
    for path in _files(paths):
        inventory, said = _read_file(path)
        notes += [f"{path}: {text}" for text in said]
        n_channels = 0
        for channel, epoch, response in _channels(inventory):
            n_channels += 1
            found.setdefault(channel, {}).setdefault(repr(epoch), epoch)
            if epoch.response:
                responses.setdefault(epoch.response, response)
        if not n_channels:
            raise MetadataError(
                f"{path} describes no channel.", "Ask for the level 'response' or 'channel'."
            )
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


def _files(paths: list) -> list[Path]:
    """Return the files, and those in folders that are metadata."""
    out = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.is_file() and p.name[0] != "."]
            some = [p for p in inside if _format(p.read_bytes())]
            if not some:
                raise MetadataError(f"None of the {len(inside)} files of {path} is {_KNOWN}.")
            out += some
        elif not path.exists():
            raise MetadataError(f"There is no metadata file {path}.", "Check the path.")
        else:
            out.append(path)
    if not out:
        raise MetadataError("No metadata file is named.", f"Name {_KNOWN}.")
    return out


_KNOWN = "StationXML, dataless SEED, RESP, SeisComP XML or FDSN station text"
_ROOTS = {
    "FDSNStationXML": "STATIONXML",
    "xseed": "XSEED",
    "seiscomp": "SCML",
    "inventory": "INVENTORYXML",
}


def _format(content: bytes) -> str:
    """Return ObsPy's name of the format of some content, "" if it is no metadata."""
    if re.match(rb"\d{6}V[ *]", content):
        return "SEED"
    if re.search(rb"^B050F03 ", content[:65536], re.MULTILINE):
        return "RESP"
    if re.match(rb"#\s*Network\s*\|", content, re.IGNORECASE):
        return "STATIONTXT"
    root = _root(content) if content.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1] == b"<" else ""
    return _ROOTS.get(root, "")


def _root(content: bytes) -> str:
    """Return the name of the root element of an XML document, "" if there is none.

    Raises
    ------
    MetadataError
        If it declares a document type: entities can read files and fill the memory.
    """
    from lxml import etree

    options = {"resolve_entities": False, "no_network": True, "load_dtd": False}
    try:
        for _, element in etree.iterparse(io.BytesIO(content), events=("start",), **options):
            if element.getroottree().docinfo.doctype:
                raise MetadataError(
                    "the XML declares a document type, which station metadata never need",
                )
            return etree.QName(element).localname
    except etree.XMLSyntaxError:
        return ""
    return ""


def _read_file(path: Path) -> tuple[obspy.Inventory, list[str]]:
    """Return the inventory of one file, and what ObsPy warned of."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MetadataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not content.strip():
        raise MetadataError(f"{path} is empty.", "Fetch the metadata again.")
    kind = _format(content)
    if not kind:
        raise MetadataError(f"{path} is not {_KNOWN}.", "Unpack it if it is compressed.")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            inventory = obspy.read_inventory(io.BytesIO(content), format=kind)
        except Exception as error:  # a parser raises anything on a broken file
            text = " ".join(str(error).split())[:200] or type(error).__name__
            raise MetadataError(
                f"{path} ({kind}) cannot be read: {text}.", "Is it complete? Fetch it again."
            ) from error
    said = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    return inventory, list(dict.fromkeys(said))


def _channels(inventory: obspy.Inventory) -> Iterator[tuple[str, Epoch, object]]:
    """Yield the channels of an inventory with their epochs and full responses."""
    for network in inventory:
        for station in network:
            for one in station:
                location = (one.location_code or "").strip().strip("-")
                name = ".".join((network.code, station.code, location, one.code))
                response = one.response if one.response and one.response.response_stages else None
                whole = one.response.instrument_sensitivity if one.response else None
                unit, factor = si_unit(_input_unit(whole, response))
                epoch = Epoch(
                    start_ns=_instant(one.start_date, -FAR_NS),
                    end_ns=_instant(one.end_date, FAR_NS),
                    sampling_rate_hz=_number(one.sample_rate) or np.nan,
                    sensitivity=_number(whole.value if whole else None) / factor,
                    sensitivity_hz=_number(whole.frequency if whole else None),
                    unit=unit,
                    azimuth_deg=_number(one.azimuth),
                    dip_deg=_number(one.dip),
                    response=_digest(response) if response else "",
                )
                yield name, epoch, response


def _input_unit(whole, response) -> str | None:
    """Return the input unit of the sensitivity, or else of the first stage."""
    return (whole.input_units if whole else None) or (
        response.response_stages[0].input_units if response else None
    )


def _number(value) -> float:
    return np.nan if value is None else float(value)


def _instant(time, otherwise: int) -> int:
    return otherwise if time is None else max(-FAR_NS, min(FAR_NS, int(time.ns)))


_WORDS = re.compile(r"name|resource_id.*|.*description|.*uncertainty|measurement_method|.*_unit")


def _digest(value) -> str:
    """Return a short hash of plain values and ObsPy's response objects, without their prose."""
    return hashlib.sha256(json.dumps(_plain(value)).encode()).hexdigest()[:16]


def _plain(value):
    """Return the numbers and codes of a value as lists and texts."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (float, complex, np.number)):
        return repr(complex(value))
    names = sorted(name for name in vars(value) if not _WORDS.fullmatch(name.lstrip("_")))
    return [type(value).__name__, *([name, _plain(vars(value)[name])] for name in names)]
