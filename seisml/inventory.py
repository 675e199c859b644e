"""Inventory: files of station metadata, read into plain epochs of channels.

The only home of ObsPy's inventories. What ObsPy would read in part is refused with a reason.
"""

import dataclasses
import hashlib
import io
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import obspy

from seisml.errors import MetadataError

FAR_NS = 2**62
"""Start or end of an epoch that states none."""
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


def metadata_files(paths: list) -> list[Path]:
    """Return the files, and those in folders that are metadata."""
    out = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.is_file() and p.name[0] != "."]
            some = [path for path in inside if _format(_head(path))]
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


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 16)


def _format(content: bytes) -> str:
    """Return ObsPy's name of the format of some content, "" if it is no metadata."""
    if re.match(rb"\d{6}V[ *]", content):
        return "SEED"
    if re.search(rb"^B050F03 ", content[:65536], re.MULTILINE):
        return "RESP"
    if re.match(rb"#\s*Network\s*\|", content, re.IGNORECASE):
        return "STATIONTXT"
    return _ROOTS.get(_root(content)[0], "")


def _root(content: bytes) -> tuple[str, bool]:
    """Return the name of the root of an XML document and whether it declares a document type."""
    from lxml import etree

    if content.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] != b"<":
        return "", False
    options = {"resolve_entities": False, "no_network": True, "load_dtd": False}
    try:
        for _, element in etree.iterparse(io.BytesIO(content), events=("start",), **options):
            declared = bool(element.getroottree().docinfo.doctype)
            return etree.QName(element).localname, declared
    except etree.XMLSyntaxError:
        pass
    return "", False


def _why_refused(content: bytes, kind: str) -> tuple[str, str]:
    """Return what is wrong with some content that ObsPy would take, and what to do."""
    if kind == "SEED" and (reason := _cut_off(content)):
        return f"is truncated: {reason}", "Fetch it again."
    if _root(content)[1]:  # entities can read files and fill the memory
        return (
            "declares a document type, which station metadata never need",
            "Remove the <!DOCTYPE ...> if the file can be trusted.",
        )
    return "", ""


def _cut_off(content: bytes) -> str:
    """Return what a SEED volume lacks of what its own index lists, "" if nothing."""
    volume = re.match(rb"\d{6}V[ *]010\d{4}.{4}(\d\d)", content)
    if not volume or not 8 <= int(volume[1]) <= 20:
        return ""
    length = 1 << int(volume[1])
    if content[len(content) // length * length :].strip():
        return f"{len(content)} bytes are no multiple of its records of {length}"
    records = [content[at : at + length] for at in range(0, len(content), length)]
    there = {record[:6] for record in records}
    index = b"".join(record[8:] for record in records if record[6:7] == b"V")
    listed = re.search(rb"011\d{4}(\d{3})((?:[ -~]{5}\d{6})+)", index)
    entries = re.findall(rb"(.{5})(\d{6})", listed[2])[: int(listed[1])] if listed else []
    lost = [name.decode().strip() for name, number in entries if number not in there]
    return f"the stations {', '.join(lost[:6])} of its index are missing" if lost else ""


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
    problem, hint = _why_refused(content, kind)
    if problem:
        raise MetadataError(f"{path} {problem}.", hint)
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


def read_coordinates(path: Path) -> list[tuple[str, float, float]]:
    """Read where the stations of one file are.

    Returns
    -------
    list of (str, float, float)
        "NET.STA", latitude and longitude in degrees, each station once.

    Raises
    ------
    MetadataError
        If the file is empty, truncated or of no known kind.
    """
    inventory, _ = _read_file(path)
    found = {}
    for network in inventory:
        for station in network:
            name = f"{network.code}.{station.code}"
            found.setdefault(name, (name, float(station.latitude), float(station.longitude)))
    return [found[name] for name in sorted(found)]


def read_channels(path: Path) -> tuple[list[tuple[str, Epoch, object]], list[str]]:
    """Read the channels of one file.

    Returns
    -------
    channels : list of (channel, Epoch, response)
        "NET.STA.LOC.CHA", and ObsPy's full response or None.
    notes : list of str
        What ObsPy warned of.

    Raises
    ------
    MetadataError
        If the file is empty, truncated, of no known kind or has no channel.
    """
    inventory, notes = _read_file(path)
    channels = list(_channels(inventory))
    if not channels:
        raise MetadataError(
            f"{path} describes no channel.", "Ask for the level 'response' or 'channel'."
        )
    return channels, [f"{path}: {note}" for note in notes]


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
                    response=digest(response) if response else "",
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


def digest(value) -> str:
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
