"""Picks written as the associators GaMMA and PyOcto take them; `seisml.formats.layouts` reads them.

GaMMA (Zhu et al. 2022): id, timestamp, type (p, s), prob, and amp where picks have an amplitude.
PyOcto (Muenchmeyer 2024): station, phase (P, S), time (seconds since 1970), and probability. It
numbers the picks itself: with a column pick_idx of ours its own would get another name.
"""

from pathlib import Path

import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.times import NS_PER_S, iso


def write_gamma(catalog: Catalog, path: Path) -> dict[Path, bytes]:
    """Return the P and S picks of a catalogue as GaMMA's picks.

    GaMMA weighs picks by prob and cannot do without: picks without a score, as those of an analyst,
    have 1.

    Parameters
    ----------
    catalog : Catalog
    path : path-like

    Returns
    -------
    dict of Path to bytes

    Raises
    ------
    CatalogError
        If there is no P or S pick.
    """
    picks = body_waves(catalog, path)
    table = pd.DataFrame(
        {
            "id": picks["station"],
            "timestamp": [iso(time_ns).removesuffix("Z") for time_ns in picks["time_ns"]],
            "type": picks["phase"].str[0].str.lower(),
            "prob": picks["score"].fillna(1.0),
        }
    )
    if "amplitude" in picks:
        table["amp"] = picks["amplitude"]
    return {Path(path): table.to_csv(index=False, lineterminator="\n").encode()}


def write_pyocto(catalog: Catalog, path: Path) -> dict[Path, bytes]:
    """Return the P and S picks of a catalogue as PyOcto's picks; see `write_gamma`."""
    picks = body_waves(catalog, path)
    seconds = [f"{t // NS_PER_S}.{t % NS_PER_S // 1000:06d}" for t in picks["time_ns"].tolist()]
    table = pd.DataFrame(
        {
            "station": picks["station"],
            "phase": picks["phase"].str[0],
            "time": seconds,
            "probability": picks["score"],
        }
    )
    return {Path(path): table.to_csv(index=False, lineterminator="\n").encode()}


def body_waves(catalog: Catalog, path) -> pd.DataFrame:
    """Return the picks of P and S phases (Pg, Sn, ... too): associators know no others.

    Raises
    ------
    CatalogError
        If there is none.
    """
    picks = catalog.picks
    picks = picks[picks["phase"].str.fullmatch("[PS][gnb]?")].reset_index(drop=True)
    if picks.empty:
        raise CatalogError(
            f"{path}: the catalogue has no P or S picks to write.",
            "'seisml detect' writes picks beside its detections: <stem>.picks.csv.",
        )
    return picks
