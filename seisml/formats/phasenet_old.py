"""PhaseNet's picks before 2021: a row a window, with lists of samples and probabilities.

Columns fname, t0 (start of the window), p_idx, p_prob, s_idx, s_prob; samples are at 100 Hz, to
which PhaseNet resamples. Windows without t0 have their start in the name of the file only: their
picks are counted as dropped.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import CatalogError
from seisml.formats.columns import delimiter, header_line, read_rows
from seisml.formats.registry import Format
from seisml.formats.rows import counted
from seisml.times import NAT, NS_PER_S, parse_times

_COLUMNS = {"fname", "t0", "p_idx", "p_prob", "s_idx", "s_prob"}
_RATE_HZ = 100
_LIST = re.compile(r"\[([\s\d.,eE+-]*)\]")


def sniff(head: str, path: Path) -> bool:
    """Tell whether the first line names the columns of old PhaseNet."""
    first = header_line(head)[1]
    return {name.strip() for name in first.split(delimiter(first))} >= _COLUMNS


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read picks of old PhaseNet.

    Parameters
    ----------
    path : path-like
    zone : str, optional
        Zone of the starts of windows; UTC without it.
    body : str, optional
        earth, unless said otherwise.
    columns
        Not used: the format states them.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of picks only; the station is NET.STA from a file name that begins so, ``fname`` is kept.

    Raises
    ------
    CatalogError
        If a column is missing, or a list or time is unreadable.
    """
    path = Path(path)
    table, lines = read_rows(path)
    missing = sorted(_COLUMNS - set(table))
    if missing:
        raise CatalogError(f"{path}: PhaseNet's column {missing[0]!r} is not there.")
    table = table.apply(lambda column: column.str.strip())
    starts = parse_times(table["t0"], zone=zone or "UTC", where=f"{path}, column t0", lines=lines)
    picks, lost = [], []
    for k, start in enumerate(starts):
        for phase in "PS":
            samples = _numbers(table[f"{phase.lower()}_idx"].iloc[k], path, lines[k])
            scores = _numbers(table[f"{phase.lower()}_prob"].iloc[k], path, lines[k])
            if len(samples) != len(scores):
                raise CatalogError(
                    f"{path}, line {lines[k]}: {len(samples)} samples of {phase} and "
                    f"{len(scores)} probabilities.",
                )
            if start == NAT:
                lost += [lines[k]] * len(samples)
                continue
            picks += [
                {
                    "station": _station(table["fname"].iloc[k]),
                    "phase": phase,
                    "time_ns": int(start + round(sample * NS_PER_S / _RATE_HZ)),
                    "score": score,
                    "fname": table["fname"].iloc[k],
                }
                for sample, score in zip(samples, scores, strict=True)
            ]
    dropped, where = counted({"pick without time": np.array(lost)} if lost else {})
    return make_catalog(
        picks=pd.DataFrame(picks) if picks else None,
        name=name,
        body=body or "earth",
        source=str(path),
        time_basis="first_pick",
        dropped=dropped,
        dropped_lines=where,
    )


def _numbers(text: str, path: Path, line: int) -> list[float]:
    """Return the numbers of a list in brackets, which NumPy writes without commas."""
    found = _LIST.fullmatch(text)
    try:
        return [float(word) for word in found[1].replace(",", " ").split()] if text else []
    except (TypeError, ValueError) as error:
        raise CatalogError(f"{path}, line {line}: {text!r} is no list of numbers.") from error


def _station(file_name: str) -> str:
    parts = re.split(r"[._]", Path(file_name).name)
    return ".".join(parts[:2]) if len(parts) > 2 else ""


FORMATS = (
    Format("phasenet-old", sniff, read, None, (), "PhaseNet picks before 2021, a row a window"),
)
