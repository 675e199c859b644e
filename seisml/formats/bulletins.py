"""Kinds of bulletins: how each is cut into events, wrapped for ObsPy, and counted."""

import dataclasses
import re
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

NORDIC_CLASSES = {
    "E": "explosion",
    "P": "probable explosion",
    "Q": "earthquake",
    "V": "volcanic",
    "X": "landslide",
    "S": "acoustic signal",
}
"""Classes by the letter in column 23 of a Nordic hypocentre line; a blank is an earthquake."""

NORDIC_CARD = re.compile(
    r" [12]\d{3} [ \d]\d[ \d]\d[ F][ \d]{2}[ \d]{2} [ \d.]{4}.[LRD ][A-Z* ].{34}.{22}1"
)
HYPODD_CARD = re.compile(r"#\s+\d{4}(\s+[-+\d.nNaA]+){13}\s*")
_IMS_EVENT = re.compile(r"event\s+(\S+)", re.IGNORECASE)
_GSE_EVENT = re.compile(r"EVENT\s+(\S+)")


@dataclasses.dataclass(frozen=True)
class Bulletin:
    """How a bulletin is cut into events and handed to ObsPy.

    Attributes
    ----------
    format : str
        ObsPy's name of the format.
    starts : callable
        From lines to a mask: where an event begins.
    wrap : callable
        From the text of one event to that of a whole file.
    find_id : callable
        From the text of one event to its id, or the empty string.
    count_arrivals : callable
        From the lines of one event to the number of arrivals in them.
    options : dict
        For ObsPy.
    encoding : str
        Of the text.
    ids_repeat : bool
        Ids are made of times, so that two events may have one: the later gets a number.
    """

    format: str
    starts: Callable[[pd.Series], np.ndarray]
    wrap: Callable[[str], str]
    find_id: Callable[[str], str]
    count_arrivals: Callable[[list[str]], int]
    options: Mapping = dataclasses.field(default_factory=dict)
    encoding: str = "utf-8"
    ids_repeat: bool = False


def _matches(pattern: re.Pattern) -> Callable[[pd.Series], np.ndarray]:
    return lambda lines: lines.str.match(pattern).to_numpy(dtype=bool)


def _nordic_starts(lines: pd.Series) -> np.ndarray:
    """Events begin behind blank lines; in a list of bare hypocentres with every line."""
    blank = (lines.str.strip() == "").to_numpy()
    card = lines.str.fullmatch(NORDIC_CARD).to_numpy(dtype=bool)
    bare = card[~blank].all()
    return card if bare else ~blank & np.concatenate([[True], blank[:-1]])


def _first_group(pattern: re.Pattern) -> Callable[[str], str]:
    def find(text: str) -> str:
        found = pattern.search(text)
        return found[1] if found else ""

    return find


def _count_table(lines: list[str]) -> int:
    """Return the number of lines in tables of phases (IMS1.0, GSE2.0) that are no comments."""
    count, inside = 0, False
    for line in lines:
        if line.startswith("Sta "):
            inside = True
        elif not line.strip() or line.startswith(("STOP", "DATA_TYPE")):
            inside = False
        elif inside and not line.lstrip().startswith(("(", ".")):
            count += 1
    return count


def _count_nordic(lines: list[str]) -> int:
    heads = [n for n, line in enumerate(lines) if line.startswith(" STAT") and line[79:80] == "7"]
    if not heads:
        return 0
    clock = slice(26, 36) if "COM NTLO" in lines[heads[0]] else slice(18, 28)
    below = lines[heads[0] + 1 :]
    arrivals = [line for line in below if line[79:80] in ("", " ", "4") and line[clock].strip()]
    return sum("BAZ" not in line[8:24] for line in arrivals)  # back azimuths join their arrival


def _count_nlloc(lines: list[str]) -> int:
    begin = [n for n, line in enumerate(lines) if line.startswith("PHASE ")]
    end = [n for n, line in enumerate(lines) if line.startswith("END_PHASE")]
    return end[0] - begin[0] - 1 if begin and end else 0


IMS = Bulletin(
    "IMS10BULLETIN",
    _matches(_IMS_EVENT),
    lambda text: f"DATA_TYPE BULLETIN IMS1.0:short\nBulletin\n{text}\nSTOP\n",
    _first_group(_IMS_EVENT),
    _count_table,
    {"skip_orphan": False},
)
GSE = Bulletin(
    "GSE2",
    _matches(_GSE_EVENT),
    lambda text: (
        f"BEGIN GSE2.0\nMSG_TYPE DATA\nMSG_ID 1 seisml\nDATA_TYPE BULLETIN GSE2.0\n{text}\n\nSTOP\n"
    ),
    _first_group(_GSE_EVENT),
    _count_table,
    {"default_network_code": ""},
)
SEISAN = Bulletin(
    "NORDIC",
    _nordic_starts,
    lambda text: f"{text}\n\n",
    _first_group(re.compile(r"\bID:[dSLRD]*(\d+)")),
    _count_nordic,
    encoding="latin-1",
    ids_repeat=True,
)
PHASES = Bulletin(
    "HYPODDPHA",
    _matches(re.compile("#")),
    lambda text: text,
    lambda text: text.split("\n")[0].split()[-1],
    lambda lines: len([line for line in lines[1:] if line.strip()]),
)


NLLOC = Bulletin(
    "NLLOC_HYP",
    _matches(re.compile("NLLOC ")),
    lambda text: f"{text}\n\n",
    lambda text: "",
    _count_nlloc,
)
