"""Catalogues from pandas frames: the same rules as for tables in files."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.layouts import Layout
from seisml.formats.mapped import catalog_of_rows


def catalog_from_frame(
    frame: pd.DataFrame,
    *,
    columns: Mapping[str, str | tuple[str, ...]] | None = None,
    zone: str | None = None,
    body: str | None = None,
    rows: str = "events",
    name: str = "",
) -> Catalog:
    """Build a Catalog from a pandas frame with columns of any names.

    `seisml.make_catalog` takes frames that have seisml's own columns (``time_ns`` ...); here times
    are datetimes or texts, and unusable rows are counted.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns as in a table that `seisml.read_catalog` reads: time, latitude, p_time, ...; NaN,
        NaT and None are missing values. Columns of no known meaning are kept.
    columns : mapping of str to str or tuple of str, optional
        seisml's column names to those of the frame, where these do not speak for themselves.
    zone : str, optional
        Time zone of datetimes and texts that have none; without it they are an error.
    body : str, optional
        earth, mars or moon; what a column ``body`` says without it, else earth.
    rows : str
        What a row is: events or picks (then `columns` names time, station and phase).
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        ``dropped`` counts empty rows, rows without a time, and events that stand there again.

    Raises
    ------
    CatalogError
        If a time or number cannot be, a time has no zone, ids repeat, or a column is not there.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "time": pd.to_datetime(["2020-01-01T00:00:05Z", None]),
    ...         "lat": [64.5, 64.6],
    ...         "lon": [-16.9, np.nan],
    ...         "class": ["VT", "LP"],
    ...     }
    ... )
    >>> catalog = catalog_from_frame(frame, name="mine")
    >>> catalog
    Catalog('mine', 1 events, 0 picks, earth, time basis origin)
    >>> catalog.dropped
    {'row without time': 1}
    """
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise CatalogError(
            f"The frame has the column {twice[0]!r} twice.", "Rename or drop one of them."
        )
    texts = pd.DataFrame(
        {str(column): _texts(frame[column]) for column in frame}, index=range(len(frame))
    )
    layout = Layout(columns=columns or {}, rows=rows)
    numbers = np.arange(1, len(frame) + 1)
    return catalog_of_rows(texts, numbers, layout, "the frame", zone=zone, body=body, name=name)


def _texts(values: pd.Series) -> np.ndarray:
    """Return values as a file would have them."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values, suffix = values.dt.tz_convert("UTC").dt.tz_localize(None), "Z"
    else:
        suffix = ""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind == "M":
        texts = np.char.add(np.datetime_as_string(values.to_numpy()), suffix)
    else:
        texts = values.astype(object).map(str).to_numpy()
    return np.where(values.isna(), "", texts).astype(object)
